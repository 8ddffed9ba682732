#include "format/csv_summary.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/memory.h"
#include "base/text.h"

static void count_value(struct csv_column *column, const char *text)
{
    int at = 0;
    if (column->n_values > CSV_SUMMARY_VALUES)
        return;
    while (at < column->n_values && strcmp(column->values[at].text, text) != 0)
        at++;
    if (at == column->n_values) {
        column->n_values++;
        if (at == CSV_SUMMARY_VALUES || strlen(text) >= CSV_SUMMARY_VALUE_BYTES) {
            column->n_values = CSV_SUMMARY_VALUES + 1;
            return;
        }
        strcpy(column->values[at].text, text);
    }
    column->values[at].n++;
}

static void count_field(struct csv_column *column, const char *text)
{
    double value;
    count_value(column, text);
    if (text[0] == '\0')
        column->n_empty++;
    else if (!parse_double(text, &value))
        column->n_texts++;
    else if (!isfinite(value))
        column->n_broken++;
    else {
        column->n_numbers++;
        column->low = value < column->low ? value : column->low;
        column->high = value > column->high ? value : column->high;
    }
}

static int make_columns(const struct csv_reader *reader, struct csv_summary *summary,
                        struct valence_error *error)
{
    int n = csv_n_columns(reader);
    summary->columns = allocate(n, sizeof *summary->columns);
    if (!summary->columns)
        return fail_memory(error, (size_t)n * sizeof *summary->columns, "columns");
    for (int i = 0; i < n; i++) {
        struct csv_column *column = &summary->columns[i];
        column->low = INFINITY;
        column->high = -INFINITY;
        column->name = strdup(csv_column_name(reader, i));
        if (!column->name)
            return fail_memory(error, strlen(csv_column_name(reader, i)), "a column's name");
        summary->n_columns++;
    }
    return VALENCE_OK;
}

int csv_summarise(const char *path, char delimiter, struct csv_summary *summary,
                  struct valence_error *error)
{
    struct csv_reader *reader;
    bool more = true;
    *summary = (struct csv_summary){0};
    int status = csv_open(path, delimiter, &reader, error);
    if (!status)
        status = make_columns(reader, summary, error);
    while (!status) {
        status = csv_next(reader, &more, error);
        if (status || !more)
            break;
        summary->n_rows++;
        for (int i = 0; i < summary->n_columns; i++)
            count_field(&summary->columns[i], csv_field(reader, i));
    }
    csv_close(reader);
    return status;
}

void csv_summary_free(struct csv_summary *summary)
{
    for (int i = 0; i < summary->n_columns; i++)
        free(summary->columns[i].name);
    free(summary->columns);
    *summary = (struct csv_summary){0};
}
