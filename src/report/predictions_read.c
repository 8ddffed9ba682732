/* Predictions that were written before: `evaluate --predictions`, and all of them together. */
#include "report/predictions_read.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/memory.h"
#include "base/text.h"
#include "base/text_sort.h"
#include "format/csv.h"
#include "valence/evaluate.h"

#define MAX_CLIPS ((int64_t)1 << 22)

static int no_memory(struct valence_error *error)
{
    return fail(error, VALENCE_ERROR_MEMORY, "no memory for a report");
}

/* The columns before the flows. */
enum { MODEL, ID, LABEL, N_FIXED };

/* One model's rows of the table, in the order of the file. */
struct table {
    int n_flows;
    char *model;
    char **ids;
    float *labels, *scores; /* (n), (n, n_flows) */
    int64_t n, capacity, label_capacity, score_capacity;
    /* Of a file with names of classes: labels and scores are their numbers here. */
    int n_classes;
    char *classes[VALENCE_MAX_CLASSES];
    bool has_numbers;
};

static void clear_table(struct table *table)
{
    for (int64_t i = 0; i < table->n; i++)
        free(table->ids[i]);
    table->n = 0;
    free(table->model);
    table->model = NULL;
}

static void free_table(struct table *table)
{
    clear_table(table);
    for (int i = 0; i < table->n_classes; i++)
        free(table->classes[i]);
    free(table->ids);
    free(table->labels);
    free(table->scores);
}

static int read_class(struct table *table, const char *name, const char *path, float *value,
                      struct valence_error *error)
{
    int i = 0;
    while (i < table->n_classes && strcmp(table->classes[i], name) != 0)
        i++;
    if (i == VALENCE_MAX_CLASSES)
        return fail(error, VALENCE_ERROR_LIMIT, "%s: more than %d classes", path,
                    VALENCE_MAX_CLASSES);
    if (i == table->n_classes) {
        if (!(table->classes[i] = strdup(name)))
            return no_memory(error);
        table->n_classes++;
    }
    *value = (float)i;
    return VALENCE_OK;
}

/* A number, or the name of a class; a file has one of both. An empty field is unknown. */
static int read_value(struct csv_reader *reader, int column, const char *path, struct table *table,
                      float *value, struct valence_error *error)
{
    const char *field = csv_field(reader, column);
    double number = NAN;
    *value = NAN;
    if (!*field)
        return VALENCE_OK;
    if (table->n_classes > 0 || (!table->has_numbers && !parse_double(field, &number)))
        return read_class(table, field, path, value, error);
    table->has_numbers = true;
    int status = csv_number(reader, column, &number, error);
    *value = isfinite(number) ? (float)number : NAN;
    return status;
}

static int add_row(struct csv_reader *reader, const char *path, struct table *table,
                   struct valence_error *error)
{
    int n_flows = table->n_flows;
    int64_t n = table->n + 1;
    int status = grow_array((void **)&table->ids, &table->capacity, n, sizeof *table->ids,
                            MAX_CLIPS, "clips", error);
    if (!status)
        status = grow_array((void **)&table->labels, &table->label_capacity, n,
                            sizeof *table->labels, MAX_CLIPS, "clips", error);
    if (!status)
        status = grow_array((void **)&table->scores, &table->score_capacity, n * n_flows,
                            sizeof *table->scores, MAX_CLIPS * n_flows, "scores", error);
    if (status)
        return status;
    status = read_value(reader, LABEL, path, table, &table->labels[table->n], error);
    for (int i = 0; i < n_flows && !status; i++)
        status = read_value(reader, N_FIXED + i, path, table,
                            &table->scores[table->n * n_flows + i], error);
    if (!status && !(table->ids[table->n] = strdup(csv_field(reader, ID))))
        status = no_memory(error);
    table->n += !status;
    return status;
}

/* A label for people; a number is written to `text`. */
static const char *label_text(const struct scored_set *set, float label, char text[32])
{
    if (set->n_classes > 0)
        return set->classes[(int)label];
    snprintf(text, 32, "%g", (double)label);
    return text;
}

/* Labels that an earlier input gave stay. */
static int take_labels(struct scored_set *set, const struct table *table, const char *path,
                       struct valence_error *error)
{
    float *labels = (float *)set->clips.labels;
    char texts[2][32];
    for (int64_t i = 0; i < table->n; i++) {
        int64_t at = scored_set_find(set, table->ids[i]);
        if (isnan(labels[at]))
            labels[at] = table->labels[i];
        else if (!isnan(table->labels[i]) && fabsf(labels[at] - table->labels[i]) > 1e-5f)
            return fail(error, VALENCE_ERROR_DATA,
                        "%s: clip '%.200s' has the label %s, in another input %s: make a report of "
                        "each",
                        path, table->ids[i], label_text(set, table->labels[i], texts[0]),
                        label_text(set, labels[at], texts[1]));
    }
    if (isnan(set->clips.low))
        scored_set_find_scale(set);
    return VALENCE_OK;
}

/* The table's numbers of classes become the set's, which are new in the order of their names. */
static int take_class_names(struct report_builder *builder, const char *path, struct table *table,
                            struct scored_set *set, struct valence_error *error)
{
    const char *sorted[VALENCE_MAX_CLASSES];
    int numbers[VALENCE_MAX_CLASSES], status = VALENCE_OK, unused;
    for (int i = 0; i < table->n_classes; i++)
        sorted[i] = table->classes[i];
    sort_texts(sorted, table->n_classes);
    for (int i = 0; i < table->n_classes && !status; i++)
        status = scored_set_class(builder, set, sorted[i], path, &unused, error);
    for (int i = 0; i < table->n_classes && !status; i++)
        status = scored_set_class(builder, set, table->classes[i], path, &numbers[i], error);
    for (int64_t i = 0; i < table->n && !status && table->n_classes > 0; i++) {
        float *label = &table->labels[i];
        *label = isnan(*label) ? NAN : (float)numbers[(int)*label];
        for (int flow = 0; flow < table->n_flows; flow++) {
            float *score = &table->scores[i * table->n_flows + flow];
            *score = isnan(*score) ? NAN : (float)numbers[(int)*score];
        }
    }
    return status;
}

/* The rows of one model become a list for each flow. */
static int take_table(struct report_builder *builder, struct csv_reader *reader,
                      const struct table_source *source, struct table *table,
                      struct scored_sets *sets, struct valence_error *error)
{
    const char *const *ids = (const char *const *)table->ids;
    struct scored_set *set;
    int status = scored_check_ids(source->path, table->model, table->n, ids, error);
    if (!status)
        status = scored_set_for(builder, sets, source->name, table->n, ids, &set, error);
    if (!status && table->n_classes == 0)
        status = scored_set_check_scores(set, source->path, error);
    if (!status)
        status = take_class_names(builder, source->path, table, set, error);
    if (!status)
        status = take_labels(set, table, source->path, error);
    for (int flow = 0; flow < table->n_flows && !status; flow++) {
        struct scored_list *list;
        status = scored_list_add(builder, set, table->model, source->path,
                                 csv_column_name(reader, N_FIXED + flow), &list, error);
        for (int64_t i = 0; list && i < table->n; i++)
            list->shown.score[scored_set_find(set, table->ids[i])] =
                table->scores[i * table->n_flows + flow];
        if (!status)
            status = scored_list_measure(builder, set, list, error);
    }
    return status;
}

static int read_rows(struct report_builder *builder, struct csv_reader *reader,
                     const struct table_source *source, struct scored_sets *sets,
                     struct valence_error *error)
{
    struct table table = {.n_flows = csv_n_columns(reader) - N_FIXED};
    bool more = true;
    int status = VALENCE_OK;
    while (!status) {
        status = csv_next(reader, &more, error);
        bool ends =
            !status && table.n > 0 && (!more || strcmp(table.model, csv_field(reader, MODEL)) != 0);
        if (ends) {
            status = take_table(builder, reader, source, &table, sets, error);
            clear_table(&table);
        }
        if (status || !more)
            break;
        if (!table.model && !(table.model = strdup(csv_field(reader, MODEL))))
            status = no_memory(error);
        if (!status)
            status = add_row(reader, source->path, &table, error);
    }
    free_table(&table);
    return status;
}

/* Adds those of a table of `evaluate --predictions` to the sets. */
static int read_table(struct report_builder *builder, const struct table_source *source,
                      struct scored_sets *sets, struct valence_error *error)
{
    struct csv_reader *reader;
    int status = csv_open(source->path, ',', &reader, error);
    if (status)
        return status;
    bool fits = csv_n_columns(reader) > N_FIXED &&
                strcmp(csv_column_name(reader, MODEL), "model") == 0 &&
                strcmp(csv_column_name(reader, ID), "id") == 0 &&
                strcmp(csv_column_name(reader, LABEL), "label") == 0;
    status = fits ? read_rows(builder, reader, source, sets, error)
                  : fail(error, VALENCE_ERROR_FORMAT,
                         "%s: not a table of predictions, whose columns are model, id, label and a "
                         "flow each, as evaluate writes it",
                         source->path);
    csv_close(reader);
    return status;
}

int read_predictions(struct report_builder *builder, const struct sources *sources,
                     struct scored_sets *sets, struct valence_error *error)
{
    int status = VALENCE_OK;
    for (int64_t i = 0; i < sources->n_tables && !status; i++)
        status = read_table(builder, &sources->tables[i], sets, error);
    for (int64_t i = 0; i < sources->n_documents && !status; i++)
        if (sources->documents[i].kind == DOCUMENT_PREDICTION)
            status = read_prediction_document(builder, &sources->documents[i], sets, error);
    return status;
}
