/* What a source holds, as a data structure: its clips, or its arrays or columns. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/text.h"
#include "exchange/source_summary.h"
#include "format/array_list.h"
#include "format/csv_summary.h"
#include "valence/inspect.h"

#define MAX_ITEMS        1000000
#define MAX_REASON_BYTES 4096

/* The public part first, then what it points to. */
struct inspected {
    struct valence_source shown;
    struct source_summary summary;
    char *reason;
    struct valence_array_summary *arrays;
    struct valence_column_summary *columns;
    int64_t array_capacity, column_capacity;
};

/* ---- Arrays ---- */

/* A copy of a text in *copy. */
static int keep(const char *text, const char **copy, struct valence_error *error)
{
    *copy = strdup(text);
    return *copy ? VALENCE_OK : fail_memory(error, strlen(text), "a name");
}

static int read_values(const struct array_entry *entry, struct valence_array_summary *array,
                       struct valence_error *error)
{
    struct array_values values;
    const struct npy_header *header = entry->array ? npy_header(entry->array) : NULL;
    if (!header || header->kind != NPY_NUMBERS)
        return VALENCE_OK;
    int status = array_values_read(entry->array, &values, error);
    if (status == VALENCE_ERROR_UNSUPPORTED) /* Fortran order, deflated: the rest is known */
        return VALENCE_OK;
    array->has_values = !status;
    array->n_nan = status ? 0 : values.n_nan;
    array->n_infinite = status ? 0 : values.n_infinite;
    array->low = status ? 1 : values.low;
    array->high = status ? 0 : values.high;
    array->n_constant = status ? 0 : values.n_constant;
    return status;
}

static int add_array(void *user, const struct array_entry *entry, struct valence_error *error)
{
    struct inspected *source = user;
    const struct npy_header *header = entry->array ? npy_header(entry->array) : NULL;
    char shape[SHAPE_TEXT_BYTES];
    void *arrays = source->arrays;
    int status = grow_array(&arrays, &source->array_capacity, source->shown.n_arrays + 1,
                            sizeof *source->arrays, MAX_ITEMS, "arrays", error);
    source->arrays = arrays;
    if (status)
        return status;
    struct valence_array_summary *array = &source->arrays[source->shown.n_arrays++];
    *array = (struct valence_array_summary){.low = 1};
    status = read_values(entry, array, error);
    if (!status)
        status = keep(entry->name, &array->name, error);
    if (!status)
        status = keep(!header                     ? entry->what
                      : header->kind == NPY_TEXTS ? "texts"
                                                  : element_type_name(header->type),
                      &array->type, error);
    if (!status)
        status = keep(header ? shape_text(header->shape, header->n_dims, shape, sizeof shape) : "",
                      &array->shape, error);
    return status;
}

/* ---- Columns ---- */

/* What stands before the number that a name ends in; *number is -1 if it ends in none. */
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

static int describe_values(const struct csv_column *column, const char **values,
                           struct valence_error *error)
{
    struct text text = {.maximum = 4096};
    for (int i = 0; i < column->n_values && column->n_values <= CSV_SUMMARY_VALUES; i++)
        text_format(&text, "%s%s %lld", i ? ", " : "",
                    column->values[i].text[0] ? column->values[i].text : "(empty)",
                    (long long)column->values[i].n);
    int status = text.failed ? fail_memory(error, text.maximum, "the values of a column")
                             : keep(text.data ? text.data : "", values, error);
    text_free(&text);
    return status;
}

/* Columns first ... last - 1 of the table as one. */
static int add_columns(struct inspected *source, const struct csv_summary *table, int first,
                       int last, struct valence_error *error)
{
    void *columns = source->columns;
    int status = grow_array(&columns, &source->column_capacity, source->shown.n_columns + 1,
                            sizeof *source->columns, MAX_ITEMS, "columns", error);
    source->columns = columns;
    if (status)
        return status;
    struct valence_column_summary *sum = &source->columns[source->shown.n_columns++];
    *sum = (struct valence_column_summary){.n_columns = last - first,
                                           .low = table->columns[first].low,
                                           .high = table->columns[first].high};
    for (int i = first; i < last; i++) {
        const struct csv_column *column = &table->columns[i];
        sum->n_empty += column->n_empty;
        sum->n_texts += column->n_texts;
        sum->n_broken += column->n_broken;
        sum->low = column->low < sum->low ? column->low : sum->low;
        sum->high = column->high > sum->high ? column->high : sum->high;
        sum->n_constant += table->n_rows > 1 && column->n_values == 1;
    }
    status = keep(table->columns[first].name, &sum->first, error);
    if (!status)
        status = keep(table->columns[last - 1].name, &sum->last, error);
    if (status)
        return status;
    return last - first == 1 ? describe_values(&table->columns[first], &sum->values, error)
                             : keep("", &sum->values, error);
}

static int read_table(struct inspected *source, const char *path, struct valence_error *error)
{
    struct csv_summary table;
    char delimiter = path_has_ending(path, ".tsv") ? '\t' : ',';
    int status = csv_summarise(path, delimiter, &table, error);
    source->shown.n_rows = status ? 0 : table.n_rows;
    for (int first = 0, last; first < table.n_columns && !status; first = last) {
        for (last = first + 1;
             last < table.n_columns && is_next(&table.columns[last - 1], &table.columns[last]);)
            last++;
        status = add_columns(source, &table, first, last, error);
    }
    csv_summary_free(&table);
    return status;
}

/* ---- All of it ---- */

static bool is_table(const char *path)
{
    return path_has_ending(path, ".csv") || path_has_ending(path, ".tsv");
}

static bool holds_arrays(const char *path)
{
    static const char *const endings[] = {".npy", ".npz", ".safetensors", ".pkl", ".pickle"};
    for (size_t i = 0; i < sizeof endings / sizeof endings[0]; i++)
        if (path_has_ending(path, endings[i]))
            return true;
    return false;
}

/* `reason` is why it is no set of clips; it becomes the error where nothing else is in it. */
static int read_contents(struct inspected *source, const char *path, int status,
                         const struct valence_error *reason, struct valence_error *error)
{
    bool is_clips = status == VALENCE_OK;
    bool has_more = !path_is_folder(path) && !path_has_ending(path, ".csd");
    if (!is_clips && (!has_more || status == VALENCE_ERROR_CANCELLED ||
                      status == VALENCE_ERROR_MEMORY || status == VALENCE_ERROR_LIMIT)) {
        if (error)
            *error = *reason;
        return status;
    }
    if (is_clips) {
        source->shown.kind = source->summary.kind;
        source->shown.data = &source->summary.data;
        source->shown.left_out = source->summary.result;
    } else if (status != VALENCE_ERROR_UNSUPPORTED) {
        source->reason = strdup(reason->text);
        source->shown.reason = source->reason;
        if (!source->reason)
            return fail_memory(error, MAX_REASON_BYTES, "a reason");
    }
    if (is_table(path))
        return read_table(source, path, error);
    if (is_clips)
        return VALENCE_OK;
    status = array_list_file(path, add_array, source, error);
    return status == VALENCE_ERROR_UNSUPPORTED && !holds_arrays(path)
               ? fail(error, status,
                      "%s: this kind of file cannot be read (.csv, .tsv, .npy, .npz, .safetensors, "
                      ".pkl, .csd and folders of arrays can)",
                      path)
               : status;
}

int valence_source_inspect(const char *path, const struct valence_progress *progress,
                           struct valence_source **source, struct valence_error *error)
{
    struct valence_error reason;
    *source = NULL;
    struct inspected *made = allocate(1, sizeof *made);
    if (!made)
        return fail_memory(error, sizeof *made, "a source");
    made->shown.reason = "";
    int status = path_exists(path)
                     ? source_summarise(path, progress, &made->summary, &reason)
                     : fail(&reason, VALENCE_ERROR_NOT_FOUND, "%s: no such file or folder", path);
    status = status == VALENCE_ERROR_NOT_FOUND && !path_exists(path)
                 ? fail(error, status, "%s", reason.text)
                 : read_contents(made, path, status, &reason, error);
    made->shown.arrays = made->arrays;
    made->shown.columns = made->columns;
    if (status)
        valence_source_free(&made->shown);
    else
        *source = &made->shown;
    return status;
}

static void free_text(const char *text)
{
    free((void *)(uintptr_t)text);
}

void valence_source_free(struct valence_source *source)
{
    struct inspected *made = (struct inspected *)source;
    if (!made)
        return;
    for (int64_t i = 0; i < source->n_arrays; i++) {
        free_text(made->arrays[i].name);
        free_text(made->arrays[i].type);
        free_text(made->arrays[i].shape);
    }
    for (int64_t i = 0; i < source->n_columns; i++) {
        free_text(made->columns[i].first);
        free_text(made->columns[i].last);
        free_text(made->columns[i].values);
    }
    free(made->arrays);
    free(made->columns);
    free(made->reason);
    source_summary_free(&made->summary);
    free(made);
}
