#include <math.h>
#include <stdlib.h>

#include "base/fail.h"
#include "base/memory.h"
#include "store/rows.h"
#include "store/store_layout.h"
#include "valence/progress.h"

/* Rows decoded at a time: a slice that stays in the processor's cache for widths of thousands. */
#define SLICE_ROWS 16

struct accumulation {
    int64_t n_rows, width;
    double *mean, *squares; /* Welford: the mean so far, and the sum of squared distances from it */
    void *elements;         /* the longest clip's rows */
    float *slice;           /* (SLICE_ROWS, width) */
};

static void accumulate_row(struct accumulation *sums, const float *row)
{
    double weight = 1.0 / (double)++sums->n_rows;
    double *mean = sums->mean, *squares = sums->squares;
    for (int64_t j = 0; j < sums->width; j++) {
        double distance = (double)row[j] - mean[j];
        mean[j] += distance * weight;
        squares[j] += distance * ((double)row[j] - mean[j]);
    }
}

static int accumulate_clip(const struct valence_store *store, int64_t clip, int stream,
                           struct accumulation *sums, struct valence_error *error)
{
    const struct valence_store_stream *format = valence_store_stream(store, stream);
    int64_t n_rows = valence_store_clip(store, clip)->n_rows[stream];
    int status = valence_store_read(store, clip, stream, n_rows, sums->elements, error);
    if (status)
        return status;
    size_t row_bytes = (size_t)format->width * valence_dtype_size(format->type);
    for (int64_t start = 0; start < n_rows; start += SLICE_ROWS) {
        int64_t n = n_rows - start < SLICE_ROWS ? n_rows - start : SLICE_ROWS;
        rows_decode((char *)sums->elements + (size_t)start * row_bytes, n * format->width,
                    format->type, sums->slice);
        for (int64_t i = 0; i < n; i++)
            accumulate_row(sums, sums->slice + i * format->width);
    }
    return VALENCE_OK;
}

static int accumulate_store(const struct valence_store *store, int stream,
                            const struct valence_progress *progress, struct accumulation *sums,
                            struct valence_error *error)
{
    const char *name = valence_store_stream(store, stream)->name;
    int64_t n_clips = valence_store_n_clips(store);
    for (int64_t i = 0; i < n_clips; i++) {
        const struct valence_clip *clip = valence_store_clip(store, i);
        struct valence_progress_event event = {"statistics", i, n_clips, "clips", name};
        if (progress && progress->report(progress->user, &event))
            return fail(error, VALENCE_ERROR_CANCELLED, "statistics of '%s' cancelled", name);
        int status = VALENCE_OK;
        if (clip->split == VALENCE_TRAIN)
            status = accumulate_clip(store, i, stream, sums, error);
        if (status)
            return status;
    }
    return VALENCE_OK;
}

int valence_store_statistics(const struct valence_store *store, int stream,
                             const struct valence_progress *progress,
                             struct valence_column_statistics *statistics,
                             struct valence_error *error)
{
    const struct valence_store_stream *format = valence_store_stream(store, stream);
    int64_t width = format->width, longest = 0;
    for (int64_t i = 0; i < valence_store_n_clips(store); i++) {
        const struct valence_clip *clip = valence_store_clip(store, i);
        if (clip->split == VALENCE_TRAIN && clip->n_rows[stream] > longest)
            longest = clip->n_rows[stream];
    }
    struct accumulation sums = {
        .width = width,
        .mean = allocate(width, sizeof(double)),
        .squares = allocate(width, sizeof(double)),
        .elements = allocate(longest * width, valence_dtype_size(format->type)),
        .slice = allocate(SLICE_ROWS * width, sizeof(float)),
    };
    *statistics = (struct valence_column_statistics){
        .width = width,
        .mean = allocate(width, sizeof(float)),
        .deviation = allocate(width, sizeof(float)),
    };
    int status = VALENCE_OK;
    if (!sums.mean || !sums.squares || !sums.elements || !sums.slice || !statistics->mean ||
        !statistics->deviation)
        status = fail_memory(error, (size_t)(longest * width) * valence_dtype_size(format->type),
                             "the statistics of a stream");
    if (!status)
        status = accumulate_store(store, stream, progress, &sums, error);
    if (status)
        valence_column_statistics_free(statistics);
    else
        statistics->n_rows = sums.n_rows;
    for (int64_t j = 0; j < width && sums.n_rows > 0 && !status; j++) {
        statistics->mean[j] = (float)sums.mean[j];
        statistics->deviation[j] = (float)sqrt(sums.squares[j] / (double)sums.n_rows);
    }
    free(sums.mean);
    free(sums.squares);
    free(sums.elements);
    free(sums.slice);
    return status;
}

void valence_column_statistics_free(struct valence_column_statistics *statistics)
{
    free(statistics->mean);
    free(statistics->deviation);
    *statistics = (struct valence_column_statistics){0};
}
