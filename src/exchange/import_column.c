#include "exchange/import_column.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/text.h"
#include "format/pickle/pickle_numpy.h"

void column_close(struct import_column *column)
{
    npy_close(column->array);
    *column = (struct import_column){0};
}

/* ---- Arrays of objects ---- */

#define MAX_OBJECT_BYTES ((size_t)1 << 30)

int column_unpickle(struct import_column *column, const char *name, struct pickled_objects *objects,
                    struct valence_error *error)
{
    struct pickle_array array;
    size_t size;
    *objects = (struct pickled_objects){0};
    int status = npy_read_bytes(column->array, MAX_OBJECT_BYTES, &objects->bytes, &size, error);
    column_close(column);
    if (!status)
        status = pickle_read(objects->bytes, size, NULL, name, &objects->pickle, NULL, error);
    if (status)
        return status;
    if (!pickle_get_array(pickle_root(objects->pickle), &array) || !array.objects)
        return fail(error, VALENCE_ERROR_FORMAT, "array '%s' is not one of objects", name);
    column->values = array.objects->as.items.values;
    column->n_clips = array.header.n_dims > 0 ? array.header.shape[0] : 1;
    column->n_parts = column->n_clips > 0 ? array.header.count / column->n_clips : 1;
    column->pickle = objects->pickle;
    return VALENCE_OK;
}

void pickled_objects_free(struct pickled_objects *objects)
{
    pickle_free(objects->pickle);
    free(objects->bytes);
    *objects = (struct pickled_objects){0};
}

/* ---- Reading ---- */

bool column_exists(const struct import_column *column)
{
    return column->array || column->values;
}

int column_read_whole(const struct import_column *column, int64_t at, int64_t *number,
                      struct valence_error *error)
{
    if (column->array)
        return npy_read_int64(column->array, at, 1, number, error);
    double value;
    bool whole = pickle_get_number(column->values[at], &value) && value == floor(value) &&
                 fabs(value) < 9e15;
    if (!whole)
        return fail(error, VALENCE_ERROR_DATA, "element %lld is not a whole number", (long long)at);
    *number = (int64_t)value;
    return VALENCE_OK;
}

static int copy_text(const char *data, size_t size, char **text, struct valence_error *error)
{
    char *copy = malloc(size + 1);
    if (!copy)
        return fail_memory(error, size + 1, "a text");
    if (size)
        memcpy(copy, data, size);
    copy[size] = '\0';
    *text = copy;
    return VALENCE_OK;
}

static int copy_number(double number, bool may_miss, char **text, struct valence_error *error)
{
    char digits[NUMBER_TEXT_BYTES];
    if (isnan(number) && may_miss)
        return copy_text("", 0, text, error);
    format_double(number, 15, digits);
    return copy_text(digits, strlen(digits), text, error);
}

static int read_array_text(const struct import_column *column, int64_t at, bool may_miss,
                           char **text, struct valence_error *error)
{
    const struct npy_header *header = npy_header(column->array);
    float number;
    int64_t whole;
    if (header->kind == NPY_TEXTS)
        return npy_read_text(column->array, at, text, error);
    if (npy_read_int64(column->array, at, 1, &whole, NULL) == VALENCE_OK) {
        char digits[32];
        int size = snprintf(digits, sizeof digits, "%lld", (long long)whole);
        return copy_text(digits, (size_t)size, text, error);
    }
    int status = npy_read_float(column->array, at, 1, &number, error);
    return status ? status : copy_number((double)number, may_miss, text, error);
}

int column_read_text(const struct import_column *column, int64_t at, bool may_miss, char **text,
                     struct valence_error *error)
{
    free(*text);
    *text = NULL;
    if (column->array)
        return read_array_text(column, at, may_miss, text, error);
    const struct pickle_value *value = column->values ? column->values[at] : NULL;
    double number;
    if (!value || (value->type == PICKLE_NONE && may_miss))
        return copy_text("", 0, text, error);
    if (pickle_get_number(value, &number))
        return copy_number(number, may_miss, text, error);
    if (value->type != PICKLE_TEXT && value->type != PICKLE_BYTES)
        return fail(error, VALENCE_ERROR_DATA, "element %lld is a %s, not a text", (long long)at,
                    pickle_type_name(value));
    size_t size = value->as.bytes.size;
    if (!value->as.bytes.data && size > 0)
        return fail(error, VALENCE_ERROR_LIMIT, "element %lld is a text of %zu bytes",
                    (long long)at, size);
    if (!is_utf8(value->as.bytes.data, size) || memchr(value->as.bytes.data, 0, size))
        return fail(error, VALENCE_ERROR_DATA, "element %lld is not a valid text", (long long)at);
    return copy_text(value->as.bytes.data, size, text, error);
}

int column_read_label(const struct import_column *column, int64_t at, double *label, char **text,
                      const char **problem, struct valence_error *error)
{
    *label = NAN;
    *problem = NULL;
    const struct pickle_value *value = column->values ? column->values[at] : NULL;
    bool is_text = column->array ? npy_header(column->array)->kind == NPY_TEXTS
                                 : value && value->type == PICKLE_TEXT;
    if (is_text)
        return column_read_text(column, at, true, text, error);
    free(*text);
    *text = NULL;
    if (column->array) {
        float number;
        int status = npy_read_float(column->array, at, 1, &number, error);
        *label = status ? NAN : (double)number;
        return status;
    }
    if (value && value->type != PICKLE_NONE && !pickle_get_number(value, label))
        *problem = "its label is not a number";
    return VALENCE_OK;
}
