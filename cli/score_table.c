/* A table of texts, a score for each row. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "score_inputs.h"
#include "score_output.h"
#include "score_request.h"
#include "valence/scorer.h"
#include "valence/text_table.h"
#include "valence/text.h"

/* Texts that are scored together. */
#define ROWS_TOGETHER 32

struct rows {
    struct score_output *output;
    char *ids[ROWS_TOGETHER], *texts[ROWS_TOGETHER];
    int64_t n, n_unscored;
    char first_unscored[64];
};

static int receive_row(void *user, const struct valence_scored_segment *segment)
{
    struct rows *rows = user;
    const char *id = rows->ids[segment->index];
    if (isnan(segment->score) && rows->n_unscored++ == 0)
        snprintf(rows->first_unscored, sizeof rows->first_unscored, "%s", id);
    score_output_text(rows->output, id, segment);
    return ferror(stdout);
}

static int score_rows(struct valence_scorer *scorer, struct rows *rows, struct valence_error *error)
{
    int status = valence_score_texts(scorer, (const char *const *)rows->texts, rows->n, NULL,
                                     receive_row, rows, error);
    for (int64_t i = 0; i < rows->n; i++) {
        free(rows->ids[i]);
        free(rows->texts[i]);
    }
    rows->n = 0;
    return status;
}

static int read_rows(struct valence_scorer *scorer, struct valence_text_table *table,
                     struct rows *rows, struct valence_error *error)
{
    const char *id, *text;
    int status;
    while (!(status = valence_text_table_next(table, &id, &text, error)) && id) {
        rows->ids[rows->n] = strdup(id);
        rows->texts[rows->n] = strdup(text);
        rows->n++;
        if (!rows->ids[rows->n - 1] || !rows->texts[rows->n - 1])
            return valence_fail(error, VALENCE_ERROR_MEMORY, NULL, "no memory for %s", "a text");
        if (rows->n == ROWS_TOGETHER && (status = score_rows(scorer, rows, error)))
            return status;
    }
    return status;
}

int score_table(struct valence_scorer *scorer, const struct score_request *request,
                const struct score_input *input, struct score_output *output,
                struct valence_error *error)
{
    struct valence_text_table_options options;
    struct valence_text_table *table;
    struct rows rows = {.output = output};
    struct valence_error left;
    valence_text_table_options_default(&options);
    options.text_column = request->text_column;
    options.id_column = request->id_column;
    int status = valence_text_table_open(input->path, &options, &table, error);
    if (status)
        return status;
    status = read_rows(scorer, table, &rows, error);
    /* Those before the row that could not be read are scored all the same. */
    int last = score_rows(scorer, &rows, status ? &left : error);
    valence_text_table_close(table);
    if (rows.n_unscored)
        fprintf(stderr, "valence score: note: %s: %lld %s no score, the first is '%s'\n", input->id,
                (long long)rows.n_unscored,
                valence_plural(rows.n_unscored, "text has", "texts have"), rows.first_unscored);
    return status ? status : last;
}
