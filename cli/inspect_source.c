#include "inspect_source.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/text.h"
#include "data_output.h"
#include "format/array_list.h"
#include "format/csv_summary.h"
#include "json_output.h"
#include "options.h"
#include "exchange/source_summary.h"
#include "table.h"
#include "terminal.h"

/* Everything is both printed and put into `json`, an array, where that is asked for. */
struct output {
    struct table table;
    json_t *json; /* NULL: print the table */
};

static void add_number(struct output *output, json_t *object, const char *key, double value)
{
    if (output->json)
        json_object_set_new(object, key, isfinite(value) ? json_real(value) : json_null());
    else if (isfinite(value))
        table_cell(&output->table, "%.5g", value);
    else
        table_cell(&output->table, "-");
}

static void add_count(struct output *output, json_t *object, const char *key, int64_t n)
{
    if (output->json)
        json_object_set_new(object, key, json_integer(n));
    else
        table_cell(&output->table, "%" PRId64, n);
}

static void add_text(struct output *output, json_t *object, const char *key, const char *text)
{
    if (output->json)
        json_object_set_new(object, key, json_string(text));
    else
        table_cell(&output->table, "%s", text);
}

static void begin_table(struct output *output, const char *const *headings, int n, int n_left)
{
    for (int i = 0; i < n; i++)
        table_column(&output->table, headings[i], i < n_left ? TABLE_LEFT : TABLE_RIGHT);
}

/* ---- Arrays ---- */

static void add_values(struct output *output, json_t *object, const struct array_values *values)
{
    add_number(output, object, "lowest", values->low);
    add_number(output, object, "highest", values->high);
    add_count(output, object, "nan", values->n_nan);
    add_count(output, object, "infinite", values->n_infinite);
    add_count(output, object, "constant_columns", values->n_constant);
}

static void add_dashes(struct output *output, int n)
{
    for (int i = 0; i < n && !output->json; i++)
        table_cell(&output->table, "-");
}

static int add_array(void *user, const struct array_entry *entry, struct valence_error *error)
{
    struct output *output = user;
    const struct npy_header *header = entry->array ? npy_header(entry->array) : NULL;
    bool numbers = header && header->kind == NPY_NUMBERS;
    json_t *object = output->json ? json_object() : NULL;
    struct array_values values;
    char shape[SHAPE_TEXT_BYTES];
    int status = numbers ? array_values_read(entry->array, &values, error) : VALENCE_OK;
    if (status == VALENCE_ERROR_UNSUPPORTED) { /* Fortran order, deflated: the rest can be told */
        numbers = false;
        status = VALENCE_OK;
    }
    if (status) {
        json_decref(object);
        return status;
    }
    add_text(output, object, "name", entry->name);
    add_text(output, object, "type",
             !header                     ? entry->what
             : header->kind == NPY_TEXTS ? "texts"
                                         : element_type_name(header->type));
    add_text(output, object, "shape",
             header ? shape_text(header->shape, header->n_dims, shape, sizeof shape) : "");
    if (numbers)
        add_values(output, object, &values);
    else
        add_dashes(output, 5);
    if (object)
        json_array_append_new(output->json, object);
    return VALENCE_OK;
}

static int list_arrays(const char *path, struct output *output, struct valence_error *error)
{
    static const char *const headings[] = {"array",   "type", "shape",    "lowest",
                                           "highest", "NaN",  "infinite", "constant columns"};
    begin_table(output, headings, sizeof headings / sizeof *headings, 3);
    return array_list_file(path, add_array, output, error);
}

/* ---- Columns of a table ---- */

/* Columns a0, a1, ... of numbers are shown as one line. */
struct column_range {
    const struct csv_column *first, *last;
    struct csv_column sum;
    int64_t n_constant;
};

/* What stands before the number that a name ends in; *number is -1 where it ends in none. */
static size_t split_name(const char *name, long long *number)
{
    size_t length = strlen(name);
    while (length > 0 && name[length - 1] >= '0' && name[length - 1] <= '9')
        length--;
    if (name[length] == '\0' || strlen(name + length) > 9 || !parse_int64(name + length, number))
        *number = -1;
    return length;
}

static bool is_next(const struct csv_column *a, const struct csv_column *b)
{
    long long x, y;
    size_t length = split_name(a->name, &x);
    return !a->n_texts && !b->n_texts && split_name(b->name, &y) == length && x >= 0 &&
           y == x + 1 && strncmp(a->name, b->name, length) == 0;
}

static void add_column(struct column_range *range, const struct csv_column *column, int64_t n_rows)
{
    if (!range->first) {
        range->first = column;
        range->sum = *column;
    } else {
        range->sum.n_empty += column->n_empty;
        range->sum.n_broken += column->n_broken;
        range->sum.low = column->low < range->sum.low ? column->low : range->sum.low;
        range->sum.high = column->high > range->sum.high ? column->high : range->sum.high;
    }
    range->last = column;
    range->n_constant += n_rows > 1 && column->n_values == 1;
}

/* "train 1284, valid 229" of a column with few different values. */
static void describe_values(const struct csv_column *column, char text[512])
{
    size_t used = 0;
    text[0] = '\0';
    for (int i = 0; i < column->n_values && column->n_values <= CSV_SUMMARY_VALUES && used < 460;
         i++)
        used += (size_t)snprintf(text + used, 512 - used, "%s%s %" PRId64, i ? ", " : "",
                                 column->values[i].text[0] ? column->values[i].text : "(empty)",
                                 column->values[i].n);
}

static void add_range(struct output *output, const struct column_range *range)
{
    const struct csv_column *sum = &range->sum;
    json_t *object = output->json ? json_object() : NULL;
    char name[256], values[512] = "";
    bool several = range->first != range->last;
    snprintf(name, sizeof name, several ? "%.120s-%.120s" : "%.250s", range->first->name,
             range->last->name);
    if (!several)
        describe_values(range->first, values);
    add_text(output, object, "name", name);
    add_count(output, object, "columns", range->last - range->first + 1);
    add_count(output, object, "empty", sum->n_empty);
    add_count(output, object, "texts", sum->n_texts);
    add_number(output, object, "lowest", sum->low);
    add_number(output, object, "highest", sum->high);
    add_count(output, object, "nan_or_infinite", sum->n_broken);
    add_count(output, object, "constant", range->n_constant);
    add_text(output, object, "values", values);
    if (object)
        json_array_append_new(output->json, object);
}

static int list_columns(const char *path, struct output *output, struct valence_error *error)
{
    static const char *const headings[] = {"column",          "columns",  "empty",
                                           "texts",           "lowest",   "highest",
                                           "NaN or infinite", "constant", "values"};
    struct csv_summary summary;
    struct column_range range = {0};
    char delimiter = path_has_ending(path, ".tsv") ? '\t' : ',';
    int status = csv_summarise(path, delimiter, &summary, error);
    begin_table(output, headings, sizeof headings / sizeof *headings, 1);
    output->table.columns[output->table.n_columns - 1].alignment = TABLE_LEFT;
    for (int i = 0; i < summary.n_columns && !status; i++) {
        if (i > 0 && !is_next(&summary.columns[i - 1], &summary.columns[i])) {
            add_range(output, &range);
            range = (struct column_range){0};
        }
        add_column(&range, &summary.columns[i], summary.n_rows);
    }
    if (range.first && !status)
        add_range(output, &range);
    if (!status && !output->json)
        table_note(&output->table, "%" PRId64 " rows", summary.n_rows);
    csv_summary_free(&summary);
    return status;
}

/* ---- Sets of clips ---- */

static void print_clips(const char *path, const struct source_summary *summary)
{
    char title[4096];
    snprintf(title, sizeof title, "%.4000s (%s)", path, summary->kind);
    print_data_summary(title, &summary->data, strcmp(summary->kind, "features") != 0);
    print_left_out(&summary->result);
}

static bool is_csv(const char *path)
{
    return path_has_ending(path, ".csv") || path_has_ending(path, ".tsv");
}

/* `summary` is NULL where it is no set of clips, and `reason` where there is nothing to say about
 * that. */
static int show(const char *path, const struct source_summary *summary, const char *reason,
                bool json, struct valence_error *error)
{
    struct output output = {.json = json ? json_array() : NULL};
    bool lists = !path_is_folder(path) && (!summary || is_csv(path));
    int status = VALENCE_OK;
    if (lists)
        status = (is_csv(path) ? list_columns : list_arrays)(path, &output, error);
    if (status) {
        json_decref(output.json);
        text_free(&output.table.cells);
        text_free(&output.table.notes);
        return status;
    }
    if (json)
        return print_json(
            json_pack("{s:s, s:s, s:s?, s:s?, s:o, s:o, s:o}", "kind", "source", "path", path,
                      "read_as", summary ? summary->kind : NULL, "reason", reason, "data",
                      summary ? data_summary_to_json(&summary->data) : json_null(), "left_out",
                      summary ? left_out_to_json(&summary->result) : json_null(),
                      is_csv(path) ? "columns" : "arrays", output.json),
            error);
    if (summary)
        print_clips(path, summary);
    if (summary && lists)
        putchar('\n');
    if (reason)
        table_note(&output.table, "Not read as a set of clips: %s", reason);
    if (lists)
        table_print(&output.table, stdout);
    return VALENCE_OK;
}

int inspect_source(const char *path, bool json, const struct valence_progress *progress,
                   struct valence_error *error)
{
    struct source_summary summary;
    struct valence_error reason;
    int status = source_summarise(path, progress, &summary, &reason);
    terminal_progress_finish();
    bool has_more = !path_is_folder(path) && !path_has_ending(path, ".csd");
    if (!status)
        status = show(path, &summary, NULL, json, error);
    else if (has_more && status != VALENCE_ERROR_CANCELLED)
        status =
            show(path, NULL, status == VALENCE_ERROR_UNSUPPORTED ? NULL : reason.text, json, error);
    else if (error)
        *error = reason;
    source_summary_free(&summary);
    return status;
}
