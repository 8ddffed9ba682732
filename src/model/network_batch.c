/* What a network asks of a batch, checked before any of it is used. */
#include <math.h>

#include "base/element.h"
#include "base/fail.h"
#include "model/network_private.h"

/* Far beyond any memory, and small enough that no size computed from them overflows. */
#define MAX_CLIPS ((int64_t)1 << 24)
#define MAX_ROWS  ((int64_t)1 << 36)

static int check_offsets(const char *stream, const int64_t *offsets, int64_t n_clips,
                         struct valence_error *error)
{
    if (!offsets)
        return fail(error, VALENCE_ERROR_ARGUMENT, "stream '%s' has a width but no offsets",
                    stream);
    if (offsets[0] != 0)
        return fail(error, VALENCE_ERROR_ARGUMENT, "stream '%s': offsets begin with %lld, not 0",
                    stream, (long long)offsets[0]);
    for (int64_t i = 0; i < n_clips; i++)
        if (offsets[i + 1] < offsets[i] || offsets[i + 1] > MAX_ROWS)
            return fail(error, VALENCE_ERROR_ARGUMENT,
                        "stream '%s': offset %lld is %lld after %lld; offsets never decrease, up "
                        "to %lld",
                        stream, (long long)i + 1, (long long)offsets[i + 1], (long long)offsets[i],
                        (long long)MAX_ROWS);
    return VALENCE_OK;
}

/* Clips with rows have an address. */
static int check_addresses(const char *stream, const struct valence_rows *rows, int64_t n_clips,
                           struct valence_error *error)
{
    const int64_t *offsets = rows->offsets;
    if (!rows->clips && !rows->data && offsets[n_clips] > 0)
        return fail(error, VALENCE_ERROR_ARGUMENT, "stream '%s' has %lld rows but no data", stream,
                    (long long)offsets[n_clips]);
    for (int64_t i = 0; rows->clips && i < n_clips; i++)
        if (!rows->clips[i] && offsets[i + 1] > offsets[i])
            return fail(error, VALENCE_ERROR_ARGUMENT,
                        "clip %lld of the batch: stream '%s' has %lld rows but no data",
                        (long long)i, stream, (long long)(offsets[i + 1] - offsets[i]));
    return VALENCE_OK;
}

static int check_stream(const struct valence_model_config *config, int stream,
                        const struct valence_rows *rows, int64_t n_clips,
                        struct valence_error *error)
{
    const char *name = valence_stream_names[stream];
    int64_t width = config->widths[valence_stream_modality((enum valence_stream)stream)];
    if (rows->width != width)
        return fail(error, VALENCE_ERROR_SHAPE, "stream '%s' has width %lld, the model reads %lld",
                    name, (long long)rows->width, (long long)width);
    if ((unsigned)rows->type >= VALENCE_N_DTYPES)
        return fail(error, VALENCE_ERROR_ARGUMENT, "stream '%s' has an unknown element type %d",
                    name, (int)rows->type);
    int status = check_offsets(name, rows->offsets, n_clips, error);
    return status ? status : check_addresses(name, rows, n_clips, error);
}

int network_check_batch(const struct valence_model_config *config,
                        const struct valence_batch *batch, struct valence_error *error)
{
    if (!batch || batch->n_clips < 1 || batch->n_clips > MAX_CLIPS)
        return fail(error, VALENCE_ERROR_ARGUMENT, "a batch has 1 to %lld clips, not %lld",
                    (long long)MAX_CLIPS, batch ? (long long)batch->n_clips : 0LL);
    for (int s = 0; s < N_STREAMS; s++)
        if (batch->streams[s].width != 0) {
            int status = check_stream(config, s, &batch->streams[s], batch->n_clips, error);
            if (status)
                return status;
        }
    return VALENCE_OK;
}

const void *network_clip_rows(const struct valence_rows *rows, int64_t clip)
{
    if (rows->clips)
        return rows->clips[clip];
    int64_t at = rows->offsets[clip] * rows->width;
    return (const char *)rows->data + at * (int64_t)valence_dtype_size(rows->type);
}

int network_check_finite(const struct valence_batch *batch, int64_t clip,
                         struct valence_error *error)
{
    for (int s = 0; s < N_STREAMS; s++) {
        const struct valence_rows *rows = &batch->streams[s];
        int64_t width = rows->width;
        int64_t n = width ? rows->offsets[clip + 1] - rows->offsets[clip] : 0;
        if (n == 0)
            continue;
        const void *values = network_clip_rows(rows, clip);
        for (int64_t i = 0; i < n * width; i++)
            if (!isfinite(element_at(values, rows->type, i)))
                return fail(error, VALENCE_ERROR_DATA,
                            "clip %lld of the batch: stream '%s', row %lld, column %lld is %f",
                            (long long)clip, valence_stream_names[s], (long long)(i / width),
                            (long long)(i % width), (double)element_at(values, rows->type, i));
    }
    return VALENCE_OK;
}
