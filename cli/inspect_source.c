#include "inspect_source.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "data_output.h"
#include "json_output.h"
#include "options.h"
#include "table.h"
#include "terminal.h"
#include "valence/inspect.h"
#include "valence/text.h"

/* Everything is both printed and put into `json`, an array, where that is asked for. */
struct output {
    struct table table;
    json_t *json; /* NULL: print the table */
};

static void add_number(struct output *output, json_t *object, const char *key, double value)
{
    if (output->json)
        json_object_set_new(object, key, json_number(value));
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

static void add_array(struct output *output, const struct valence_array_summary *array)
{
    json_t *object = output->json ? json_object() : NULL;
    add_text(output, object, "name", array->name);
    add_text(output, object, "type", array->type);
    add_text(output, object, "shape", array->shape);
    if (array->has_values) {
        add_number(output, object, "lowest", array->low <= array->high ? array->low : NAN);
        add_number(output, object, "highest", array->low <= array->high ? array->high : NAN);
        add_count(output, object, "nan", array->n_nan);
        add_count(output, object, "infinite", array->n_infinite);
        add_count(output, object, "constant_columns", array->n_constant);
    }
    for (int i = 0; i < 5 && !array->has_values && !output->json; i++)
        table_cell(&output->table, "-");
    if (object)
        json_array_append_new(output->json, object);
}

static void list_arrays(const struct valence_source *source, struct output *output)
{
    static const char *const headings[] = {"array",   "type", "shape",    "lowest",
                                           "highest", "NaN",  "infinite", "constant columns"};
    begin_table(output, headings, sizeof headings / sizeof *headings, 3);
    for (int64_t i = 0; i < source->n_arrays; i++)
        add_array(output, &source->arrays[i]);
}

/* ---- Columns of a table ---- */

static void add_columns(struct output *output, const struct valence_column_summary *columns)
{
    json_t *object = output->json ? json_object() : NULL;
    char name[256];
    bool several = columns->n_columns > 1, has_numbers = columns->low <= columns->high;
    snprintf(name, sizeof name, several ? "%.120s-%.120s" : "%.250s", columns->first,
             columns->last);
    add_text(output, object, "name", name);
    add_count(output, object, "columns", columns->n_columns);
    add_count(output, object, "empty", columns->n_empty);
    add_count(output, object, "texts", columns->n_texts);
    add_number(output, object, "lowest", has_numbers ? columns->low : NAN);
    add_number(output, object, "highest", has_numbers ? columns->high : NAN);
    add_count(output, object, "nan_or_infinite", columns->n_broken);
    add_count(output, object, "constant", columns->n_constant);
    add_text(output, object, "values", columns->values);
    if (object)
        json_array_append_new(output->json, object);
}

static void list_columns(const struct valence_source *source, struct output *output)
{
    static const char *const headings[] = {"column",          "columns",  "empty",
                                           "texts",           "lowest",   "highest",
                                           "NaN or infinite", "constant", "values"};
    begin_table(output, headings, sizeof headings / sizeof *headings, 1);
    output->table.columns[output->table.n_columns - 1].alignment = TABLE_LEFT;
    table_rank(&output->table, TABLE_STAYS);
    for (int64_t i = 0; i < source->n_columns; i++)
        add_columns(output, &source->columns[i]);
    if (!output->json)
        table_note(&output->table, "%" PRId64 " %s", source->n_rows,
                   valence_plural(source->n_rows, "row", "rows"));
}

/* ---- All of it ---- */

static void print_source(const char *path, const struct valence_source *source,
                         struct output *output, bool lists)
{
    char title[4096];
    snprintf(title, sizeof title, "%.4000s (%s)", path, source->kind ? source->kind : "");
    if (source->kind) {
        print_data_summary(title, source->data, strcmp(source->kind, "features") != 0);
        print_left_out(&source->left_out);
    }
    if (source->kind && lists)
        putchar('\n');
    if (source->reason[0])
        table_note(&output->table, "Not read as a set of clips: %s", source->reason);
    if (lists)
        table_print(&output->table, stdout);
}

static json_t *source_to_json(const char *path, const struct valence_source *source, json_t *list)
{
    const char *reason = source->reason[0] ? source->reason : NULL;
    return json_pack("{s:s, s:s, s:s?, s:s?, s:o, s:o, s:o}", "kind", "source", "path", path,
                     "read_as", source->kind, "reason", reason, "data",
                     source->kind ? data_summary_to_json(source->data) : json_null(), "left_out",
                     source->kind ? left_out_to_json(&source->left_out) : json_null(),
                     source->columns ? "columns" : "arrays", list);
}

int inspect_source(const char *path, bool json, const struct valence_progress *progress,
                   struct valence_error *error)
{
    struct valence_source *source;
    struct output output = {.json = json ? json_array() : NULL};
    int status = valence_source_inspect(path, progress, &source, error);
    terminal_progress_finish();
    if (!status && source->columns)
        list_columns(source, &output);
    else if (!status && !source->kind)
        list_arrays(source, &output);
    if (!status && json)
        status = print_json(source_to_json(path, source, output.json), error);
    else if (!status)
        print_source(path, source, &output, source->columns || !source->kind);
    else
        json_decref(output.json);
    valence_source_free(source);
    return status;
}
