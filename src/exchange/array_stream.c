#include "exchange/array_stream.h"

#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/memory.h"
#include "exchange/width_vote.h"

#define MAX_SAMPLED 200 /* clips that are read to see where the padding is */

bool array_stream_exists(const struct array_stream *stream)
{
    return stream->array || stream->items;
}

void array_stream_close(struct array_stream *stream)
{
    npy_close(stream->array);
    free(stream->lengths);
    free(stream->starts);
    free(stream->values);
    *stream = (struct array_stream){0};
}

static int need_values(struct array_stream *stream, int64_t n_rows, struct valence_error *error)
{
    void *values = stream->values;
    int status = grow_array(&values, &stream->capacity, n_rows * stream->width,
                            sizeof *stream->values, INT64_MAX, "the rows of a clip", error);
    stream->values = values;
    return status;
}

/* ---- Padding ---- */

static bool is_zero(const float *values, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        if (values[i] != 0)
            return false;
    return true;
}

/* Rows of zeros at the beginning, at most n_rows. */
static int64_t leading_zeros(const float *values, int64_t n_rows, int64_t width)
{
    int64_t n = 0;
    while (n < n_rows && is_zero(values + n * width, width))
        n++;
    return n;
}

static int64_t trailing_zeros(const float *values, int64_t n_rows, int64_t width)
{
    int64_t n = 0;
    while (n < n_rows && is_zero(values + (n_rows - 1 - n) * width, width))
        n++;
    return n;
}

static int read_padded(struct array_stream *stream, int64_t clip, int64_t n_rows,
                       struct valence_error *error)
{
    if (n_rows == 0)
        return VALENCE_OK;
    return npy_read_float(stream->array, clip * stream->max_rows * stream->width,
                          n_rows * stream->width, stream->values, error);
}

/* Where most clips have their zeros. */
static int find_padding(struct array_stream *stream, struct valence_error *error)
{
    int64_t n_front = 0, n_back = 0, T = stream->max_rows;
    int64_t step = stream->n_clips / MAX_SAMPLED + 1;
    int status = VALENCE_OK;
    for (int64_t clip = 0; clip < stream->n_clips && !status; clip += step) {
        status = read_padded(stream, clip, T, error);
        if (status)
            break;
        bool before = leading_zeros(stream->values, T, stream->width) > 0;
        bool behind = trailing_zeros(stream->values, T, stream->width) > 0;
        n_front += before && !behind;
        n_back += behind && !before;
    }
    stream->pads_front = n_front > n_back;
    /* What cannot be read is said of the clip that it is in. */
    return status == VALENCE_ERROR_DATA ? VALENCE_OK : status;
}

/* ---- Opening ---- */

static int check_size(const struct array_stream *stream, const char *place, int64_t n_rows,
                      struct valence_error *error)
{
    return stream->width >= 1 && stream->width <= VALENCE_STORE_MAX_WIDTH &&
                   n_rows <= VALENCE_STORE_MAX_ROWS
               ? VALENCE_OK
               : fail(error, VALENCE_ERROR_LIMIT,
                      "%s: array '%s': a stream has 1 to %d columns and up to %d rows a clip",
                      place, stream->name, VALENCE_STORE_MAX_WIDTH, VALENCE_STORE_MAX_ROWS);
}

/* Whether the lengths say that the rows are packed; then where each clip's begin. */
static int find_starts(struct array_stream *stream, struct valence_error *error)
{
    const struct npy_header *header = npy_header(stream->array);
    int64_t sum = 0, longest = 0;
    if (header->n_dims != 2)
        return VALENCE_OK;
    for (int64_t i = 0; i < stream->n_clips; i++) {
        int64_t n = stream->lengths[i];
        if (n < 0 || n > header->shape[0] - sum)
            return VALENCE_OK;
        sum += n;
        longest = n > longest ? n : longest;
    }
    if (sum != header->shape[0])
        return VALENCE_OK;
    stream->starts = allocate(stream->n_clips, sizeof *stream->starts);
    if (!stream->starts)
        return fail_memory(error, (size_t)stream->n_clips * sizeof *stream->starts, "lengths");
    for (int64_t i = 1; i < stream->n_clips; i++)
        stream->starts[i] = stream->starts[i - 1] + stream->lengths[i - 1];
    stream->max_rows = longest;
    return VALENCE_OK;
}

static int open_array(struct array_stream *stream, const char *place, struct valence_error *error)
{
    const struct npy_header *header = npy_header(stream->array);
    char text[SHAPE_TEXT_BYTES];
    const char *shape = shape_text(header->shape, header->n_dims, text, sizeof text);
    if (header->kind != NPY_NUMBERS || header->n_dims < 2 || header->n_dims > 3)
        return fail(error, VALENCE_ERROR_SHAPE, "%s: array '%s' of %s is not (N, T, D) or (N, D)",
                    place, stream->name, shape);
    stream->width = header->shape[header->n_dims - 1];
    stream->max_rows = header->n_dims == 3 ? header->shape[1] : 1;
    int status = stream->lengths ? find_starts(stream, error) : VALENCE_OK;
    if (!status)
        status = check_size(stream, place, stream->max_rows, error);
    if (!status && !stream->starts && header->shape[0] != stream->n_clips)
        status = fail(error, VALENCE_ERROR_SHAPE, "%s: array '%s' has %lld clips, others have %lld",
                      place, stream->name, (long long)header->shape[0], (long long)stream->n_clips);
    if (!status)
        status = need_values(stream, stream->max_rows, error);
    if (!status && stream->trims && !stream->lengths && stream->max_rows > 1)
        status = find_padding(stream, error);
    return status;
}

/* An item's array; *array is NULL for None, which is no rows. A leading dimension of 1 does not
 * count, and (D) is one row. */
static int open_item(const struct array_stream *stream, int64_t clip, struct npy **array,
                     int64_t *n_rows, int64_t *width, struct valence_error *error)
{
    const struct pickle_value *item = stream->items[clip];
    *array = NULL;
    *n_rows = *width = 0;
    if (item->type == PICKLE_NONE ||
        ((item->type == PICKLE_LIST || item->type == PICKLE_TUPLE) && item->as.items.n == 0))
        return VALENCE_OK;
    int status = stream->opener.open(stream->opener.self, item, stream->name, array, error);
    if (status)
        return status == VALENCE_ERROR_NOT_FOUND
                   ? fail(error, VALENCE_ERROR_FORMAT, "'%s' of clip %lld is a %s, not an array",
                          stream->name, (long long)clip, pickle_type_name(item))
                   : status;
    const struct npy_header *header = npy_header(*array);
    int first = header->n_dims == 3 && header->shape[0] == 1;
    int n_dims = header->n_dims - first;
    if (header->kind != NPY_NUMBERS || n_dims < 1 || n_dims > 2) {
        npy_close(*array);
        *array = NULL;
        return fail(error, VALENCE_ERROR_FORMAT,
                    "'%s' of clip %lld is not an array of numbers, (T, D) or (D)", stream->name,
                    (long long)clip);
    }
    *n_rows = header->count == 0 ? 0 : n_dims == 2 ? header->shape[first] : 1;
    *width = header->count == 0 ? 0 : header->shape[header->n_dims - 1];
    return VALENCE_OK;
}

static int open_ragged(struct array_stream *stream, bool most, const char *place,
                       struct valence_error *error)
{
    struct width_vote vote = {0};
    int status = VALENCE_OK;
    for (int64_t i = 0; i < stream->n_clips && !status && (most || vote.n == 0); i++) {
        struct npy *array;
        int64_t n_rows, width;
        status = open_item(stream, i, &array, &n_rows, &width, error);
        vote_add(&vote, status ? 0 : width);
        npy_close(array);
    }
    stream->width = vote_width(&vote);
    return status ? fail_within(status, error, "%s", place) : check_size(stream, place, 0, error);
}

int array_stream_open(struct array_stream *stream, int64_t n_clips, bool most, const char *place,
                      struct valence_error *error)
{
    stream->n_clips = n_clips;
    return stream->items ? open_ragged(stream, most, place, error)
                         : open_array(stream, place, error);
}

/* ---- Rows ---- */

/* All rows of a ragged clip to `values`. */
static int read_item(struct array_stream *stream, int64_t clip, int64_t *n_rows,
                     struct valence_error *error)
{
    struct npy *array;
    int64_t width;
    int status = open_item(stream, clip, &array, n_rows, &width, error);
    if (!status && *n_rows > 0 && width != stream->width)
        status =
            fail(error, VALENCE_ERROR_SHAPE, "clip %lld: '%s' has width %lld, the stream has %lld",
                 (long long)clip, stream->name, (long long)width, (long long)stream->width);
    if (!status && *n_rows > VALENCE_STORE_MAX_ROWS)
        status = fail(error, VALENCE_ERROR_LIMIT, "clip %lld: '%s' has %lld rows, a clip holds %d",
                      (long long)clip, stream->name, (long long)*n_rows, VALENCE_STORE_MAX_ROWS);
    if (!status)
        status = need_values(stream, *n_rows, error);
    if (!status && *n_rows > 0)
        status = npy_read_float(array, 0, *n_rows * width, stream->values, error);
    npy_close(array);
    return status;
}

/* The length says how many of the n rows are the clip's; gives where they begin. For an array, the
 * rows behind are read only where the first are zeros. */
static int choose_rows(struct array_stream *stream, int64_t clip, int64_t n, int64_t length,
                       int64_t *first, struct valence_error *error)
{
    int64_t width = stream->width;
    int status = stream->items ? VALENCE_OK : read_padded(stream, clip, length, error);
    *first = 0;
    if (status || length == n || length == 0 || !is_zero(stream->values, width))
        return status;
    if (!stream->items)
        status = read_padded(stream, clip, n, error);
    if (status)
        return status;
    bool beyond = !is_zero(stream->values + length * width, (n - length) * width);
    if (beyond && leading_zeros(stream->values, n, width) >= n - length) {
        *first = n - length;
        stream->n_front++;
    }
    return VALENCE_OK;
}

/* Leaves out, or counts, zeros at the ends of a clip without a length. */
static void trim(struct array_stream *stream, int64_t *first, int64_t *n_rows)
{
    int64_t width = stream->width;
    const float *values = stream->values + *first * width;
    if (*n_rows == 0)
        return;
    if (!stream->trims) {
        bool ends = is_zero(values, width) || is_zero(values + (*n_rows - 1) * width, width);
        stream->n_zero_ends += ends && !is_zero(values, *n_rows * width);
        return;
    }
    int64_t zeros = stream->pads_front ? leading_zeros(values, *n_rows, width)
                                       : trailing_zeros(values, *n_rows, width);
    *first += stream->pads_front ? zeros : 0;
    stream->n_front += stream->pads_front && zeros > 0;
    *n_rows -= zeros;
}

int array_stream_rows(struct array_stream *stream, int64_t clip, struct valence_clip_rows *rows,
                      struct valence_error *error)
{
    int64_t n = stream->max_rows, first = 0;
    int status = stream->items ? read_item(stream, clip, &n, error) : VALENCE_OK;
    int64_t length = stream->lengths ? stream->lengths[clip] : n;
    if (status)
        return status;
    if (length < 0 || length > n)
        return fail(error, VALENCE_ERROR_DATA, "clip %lld: '%s' has %lld rows of at most %lld",
                    (long long)clip, stream->name, (long long)length, (long long)n);
    if (stream->starts)
        status = length == 0 ? VALENCE_OK
                             : npy_read_float(stream->array, stream->starts[clip] * stream->width,
                                              length * stream->width, stream->values, error);
    else
        status = choose_rows(stream, clip, n, length, &first, error);
    if (status)
        return status;
    if (!stream->lengths || (stream->trims && first == 0))
        trim(stream, &first, &length);
    rows->rows = stream->values + first * stream->width;
    rows->n_rows = length;
    return VALENCE_OK;
}
