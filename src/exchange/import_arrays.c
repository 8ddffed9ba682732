#include "exchange/import_arrays.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/memory.h"
#include "base/text.h"
#include "format/pickle/pickle_numpy.h"

/* ---- Columns ---- */

static void close_column(struct import_column *column)
{
    npy_close(column->array);
    *column = (struct import_column){0};
}

static bool has_column(const struct import_column *column)
{
    return column->array || column->values;
}

/* The first dimension is the number of clips, which the first column sets. */
static int check_clips(struct import_arrays *arrays, const char *name, int64_t n,
                       struct valence_error *error)
{
    if (arrays->n_clips < 0)
        arrays->n_clips = n;
    return n == arrays->n_clips
               ? VALENCE_OK
               : fail(error, VALENCE_ERROR_SHAPE, "%s: array '%s' has %lld clips, others have %lld",
                      arrays->name, name, (long long)n, (long long)arrays->n_clips);
}

static int check_column(struct import_arrays *arrays, const char *name,
                        const struct import_column *column, struct valence_error *error)
{
    if (!column->array)
        return check_clips(arrays, name, column->n_values, error);
    const struct npy_header *header = npy_header(column->array);
    if (header->n_dims < 1)
        return fail(error, VALENCE_ERROR_SHAPE, "%s: array '%s' is a single value", arrays->name,
                    name);
    int status = check_clips(arrays, name, header->shape[0], error);
    if (!status && header->count != arrays->n_clips)
        status = fail(error, VALENCE_ERROR_SHAPE, "%s: array '%s' has more than a value for a clip",
                      arrays->name, name);
    return status;
}

/* By the option's name, or the usual one where that is NULL; none where it is "" or there is no
 * usual one, or where what has the usual name is absent and not needed. */
static int open_column(struct import_arrays *arrays, const char *option, const char *usual,
                       bool needed, struct import_column *column, struct valence_error *error)
{
    const char *name = option ? option : usual;
    *column = (struct import_column){0};
    if (!name || name[0] == '\0')
        return VALENCE_OK;
    int status = arrays->open(arrays->self, name, column, error);
    if (status == VALENCE_ERROR_NOT_FOUND && !option && !needed)
        return VALENCE_OK;
    return status ? status : check_column(arrays, name, column, error);
}

static int open_columns(struct import_arrays *arrays, const struct import_names *usual,
                        struct valence_error *error)
{
    const struct valence_import_options *options = arrays->options;
    if (options->id && options->id[0] == '\0')
        return fail(error, VALENCE_ERROR_ARGUMENT, "%s: clips need an id", arrays->name);
    int status = open_column(arrays, options->id, usual->id, true, &arrays->id, error);
    if (!status && !arrays->split_name)
        status = open_column(arrays, options->split, usual->split, true, &arrays->split, error);
    if (!status)
        status = open_column(arrays, options->label, usual->label, true, &arrays->label, error);
    if (!status)
        status = open_column(arrays, options->group, usual->group, false, &arrays->group, error);
    if (!status)
        status = open_column(arrays, options->transcript, usual->transcript, false,
                             &arrays->transcript, error);
    if (!status)
        status = open_column(arrays, NULL, usual->metadata, false, &arrays->metadata, error);
    return status;
}

static int read_whole_number(const struct import_column *column, int64_t at, int64_t *number,
                             struct valence_error *error)
{
    if (column->array)
        return npy_read_int64(column->array, at, 1, number, error);
    double value;
    bool whole = pickle_get_number(column->values[at], &value) && value == floor(value) &&
                 fabs(value) < 9e15;
    if (!whole)
        return fail(error, VALENCE_ERROR_DATA, "element %lld is no whole number", (long long)at);
    *number = (int64_t)value;
    return VALENCE_OK;
}

/* A text, or a whole number as one; "" where there is no column. The last one is freed. */
static int read_text(const struct import_column *column, int64_t at, char **text,
                     struct valence_error *error)
{
    free(*text);
    *text = NULL;
    const struct pickle_value *value = column->values ? column->values[at] : NULL;
    bool is_text = value && (value->type == PICKLE_TEXT || value->type == PICKLE_BYTES);
    if (column->array && npy_header(column->array)->kind == NPY_TEXTS)
        return npy_read_text(column->array, at, text, error);
    size_t size = is_text ? value->as.bytes.size : 0;
    if (is_text && !value->as.bytes.data)
        return fail(error, VALENCE_ERROR_LIMIT, "element %lld is a text of %zu bytes",
                    (long long)at, size);
    if (is_text && (!is_utf8(value->as.bytes.data, size) || memchr(value->as.bytes.data, 0, size)))
        return fail(error, VALENCE_ERROR_DATA, "element %lld is no valid text", (long long)at);
    char *copy = malloc(size < 24 ? 24 : size + 1);
    if (!copy)
        return fail_memory(error, size + 1, "a text");
    int64_t number = 0;
    int status = VALENCE_OK;
    if (is_text)
        memcpy(copy, value->as.bytes.data, size);
    else if (has_column(column)) {
        status = read_whole_number(column, at, &number, error);
        size = (size_t)snprintf(copy, 24, "%lld", (long long)number);
    }
    copy[size] = '\0';
    if (status)
        free(copy);
    else
        *text = copy;
    return status;
}

/* NaN where there is no column, and for None. */
static int read_label(const struct import_column *column, int64_t at, double *label,
                      struct valence_error *error)
{
    *label = NAN;
    if (column->array) {
        float value;
        int status = npy_read_float(column->array, at, 1, &value, error);
        *label = status ? NAN : (double)value;
        return status;
    }
    if (!column->values || column->values[at]->type == PICKLE_NONE ||
        pickle_get_number(column->values[at], label))
        return VALENCE_OK;
    return fail(error, VALENCE_ERROR_DATA, "its label is %s, no number",
                pickle_type_name(column->values[at]));
}

/* ---- Streams ---- */

static int check_stream(struct import_arrays *arrays, const char *name,
                        struct import_stream *stream, struct valence_error *error)
{
    const struct npy_header *header = npy_header(stream->array);
    char text[SHAPE_TEXT_BYTES];
    const char *shape = shape_text(header->shape, header->n_dims, text, sizeof text);
    if (header->kind != NPY_NUMBERS || header->n_dims < 2 || header->n_dims > 3)
        return fail(error, VALENCE_ERROR_SHAPE, "%s: array '%s' of %s is not (N, T, D) or (N, D)",
                    arrays->name, name, shape);
    stream->width = header->shape[header->n_dims - 1];
    if (!stream->starts)
        stream->max_rows = header->n_dims == 3 ? header->shape[1] : 1;
    if (stream->width < 1 || stream->width > VALENCE_STORE_MAX_WIDTH ||
        stream->max_rows > VALENCE_STORE_MAX_ROWS)
        return fail(error, VALENCE_ERROR_LIMIT,
                    "%s: array '%s' of %s: a stream has 1 to %d columns and up to %d rows a clip",
                    arrays->name, name, shape, VALENCE_STORE_MAX_WIDTH, VALENCE_STORE_MAX_ROWS);
    int status = stream->starts ? VALENCE_OK : check_clips(arrays, name, header->shape[0], error);
    if (status)
        return status;
    stream->values = allocate(stream->max_rows * stream->width, sizeof *stream->values);
    return stream->values
               ? VALENCE_OK
               : fail_memory(error,
                             (size_t)(stream->max_rows * stream->width) * sizeof *stream->values,
                             "the rows of a clip");
}

static int read_lengths(struct import_arrays *arrays, const char *name,
                        const struct import_column *column, struct import_stream *stream,
                        struct valence_error *error)
{
    stream->lengths = allocate(arrays->n_clips, sizeof *stream->lengths);
    if (!stream->lengths)
        return fail_memory(error, (size_t)arrays->n_clips * sizeof *stream->lengths, "lengths");
    int status = VALENCE_OK;
    if (column->array)
        status = npy_read_int64(column->array, 0, arrays->n_clips, stream->lengths, error);
    for (int64_t i = 0; i < arrays->n_clips && column->values && !status; i++)
        status = read_whole_number(column, i, &stream->lengths[i], error);
    return status ? fail_within(status, error, "%s: array '%s'", arrays->name, name) : VALENCE_OK;
}

/* Whether the lengths say that the rows are packed; then where each clip's begin. */
static int find_starts(const struct import_arrays *arrays, struct import_stream *stream,
                       struct valence_error *error)
{
    const struct npy_header *header = npy_header(stream->array);
    int64_t sum = 0, longest = 0;
    if (header->n_dims != 2)
        return VALENCE_OK;
    for (int64_t i = 0; i < arrays->n_clips; i++) {
        int64_t n = stream->lengths[i];
        if (n < 0 || n > header->shape[0] - sum)
            return VALENCE_OK;
        sum += n;
        longest = n > longest ? n : longest;
    }
    if (sum != header->shape[0])
        return VALENCE_OK;
    stream->starts = allocate(arrays->n_clips, sizeof *stream->starts);
    if (!stream->starts)
        return fail_memory(error, (size_t)arrays->n_clips * sizeof *stream->starts, "lengths");
    for (int64_t i = 1; i < arrays->n_clips; i++)
        stream->starts[i] = stream->starts[i - 1] + stream->lengths[i - 1];
    stream->max_rows = longest;
    return VALENCE_OK;
}

static int open_stream(struct import_arrays *arrays, const struct import_names *usual, int which,
                       struct valence_error *error)
{
    const struct valence_import_stream *wanted = &arrays->options->streams[which];
    const char *name = wanted->source ? wanted->source : usual->streams[which];
    const char *lengths = wanted->lengths ? wanted->lengths : usual->lengths[which];
    struct import_stream *stream = &arrays->streams[which];
    struct import_column column = {0};
    if (!name || name[0] == '\0')
        return VALENCE_OK;
    int status = arrays->open(arrays->self, name, &column, error);
    if (status == VALENCE_ERROR_NOT_FOUND && !wanted->source)
        return VALENCE_OK;
    if (!status && !column.array)
        status = fail(error, VALENCE_ERROR_SHAPE, "%s: '%s' is a list, not an array", arrays->name,
                      name);
    stream->array = column.array;
    column = (struct import_column){0};
    if (!status)
        status = open_column(arrays, wanted->lengths, usual->lengths[which], false, &column, error);
    if (!status && has_column(&column))
        status = read_lengths(arrays, lengths, &column, stream, error);
    close_column(&column);
    if (!status && stream->lengths)
        status = find_starts(arrays, stream, error);
    return status ? status : check_stream(arrays, name, stream, error);
}

/* ---- All of it ---- */

int import_arrays_open(struct import_arrays *arrays, const struct import_names *usual,
                       struct valence_error *error)
{
    arrays->n_clips = -1;
    int status = open_columns(arrays, usual, error);
    for (int i = 0; i < VALENCE_N_STREAMS && !status; i++)
        status = open_stream(arrays, usual, i, error);
    return status;
}

void import_arrays_close(struct import_arrays *arrays)
{
    close_column(&arrays->id);
    close_column(&arrays->split);
    close_column(&arrays->label);
    close_column(&arrays->group);
    close_column(&arrays->transcript);
    close_column(&arrays->metadata);
    for (int i = 0; i < VALENCE_N_STREAMS; i++) {
        npy_close(arrays->streams[i].array);
        free(arrays->streams[i].lengths);
        free(arrays->streams[i].starts);
        free(arrays->streams[i].values);
    }
    for (int i = 0; i < 5; i++)
        free(arrays->texts[i]);
}

int import_arrays_record(struct import_arrays *arrays, int64_t at, struct import_record *record,
                         struct valence_error *error)
{
    const struct import_column *const columns[] = {&arrays->id, &arrays->split, &arrays->group,
                                                   &arrays->transcript, &arrays->metadata};
    double label = NAN;
    int status = VALENCE_OK;
    for (int i = 0; i < 5 && !status; i++)
        status = read_text(columns[i], at, &arrays->texts[i], error);
    if (!status)
        status = read_label(&arrays->label, at, &label, error);
    if (status)
        return fail_within(status, error, "%s: clip %lld", arrays->name, (long long)at);
    *record = (struct import_record){
        .id = arrays->texts[0],
        .split = has_column(&arrays->split) ? arrays->texts[1] : arrays->split_name,
        .group = arrays->texts[2],
        .transcript = arrays->texts[3],
        .metadata = arrays->texts[4],
        .label_number = label,
    };
    snprintf(record->place, sizeof record->place, "%s[%lld]", arrays->name, (long long)at);
    return VALENCE_OK;
}

static int64_t without_trailing_zeros(const float *values, int64_t n_rows, int64_t width)
{
    for (int64_t i = n_rows * width; i > 0; i--)
        if (values[i - 1] != 0)
            return (i + width - 1) / width;
    return 0;
}

int import_arrays_rows(struct import_arrays *arrays, int64_t at, enum valence_stream which,
                       struct valence_clip_rows *rows, struct valence_error *error)
{
    struct import_stream *stream = &arrays->streams[which];
    int64_t n_rows = stream->lengths ? stream->lengths[at] : stream->max_rows;
    int64_t start = stream->starts ? stream->starts[at] : at * stream->max_rows;
    int status = VALENCE_OK;
    if (n_rows < 0 || n_rows > stream->max_rows)
        return fail(error, VALENCE_ERROR_DATA,
                    "%s: clip '%s': stream '%s' has %lld rows of at most %lld", arrays->name,
                    arrays->texts[0], valence_stream_names[which], (long long)n_rows,
                    (long long)stream->max_rows);
    if (n_rows > 0)
        status = npy_read_float(stream->array, start * stream->width, n_rows * stream->width,
                                stream->values, error);
    if (arrays->options->trim_zeros && !status)
        n_rows = without_trailing_zeros(stream->values, n_rows, stream->width);
    rows->rows = stream->values;
    rows->n_rows = n_rows;
    return status;
}
