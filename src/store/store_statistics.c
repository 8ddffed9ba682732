#include <math.h>
#include <stdlib.h>

#include "base/fail.h"
#include "base/memory.h"
#include "store/store_scan.h"

struct accumulation {
    int64_t n_rows, width;
    double *mean, *squares; /* Welford: the mean so far, and the sum of squared distances from it */
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

static int accumulate(void *user, const struct store_piece *piece, struct valence_error *error)
{
    struct accumulation *sums = user;
    (void)error;
    for (int64_t i = 0; i < piece->n_rows; i++)
        accumulate_row(sums, piece->rows + i * sums->width);
    return VALENCE_OK;
}

int valence_store_statistics(const struct valence_store *store, int stream,
                             const struct valence_progress *progress,
                             struct valence_column_statistics *statistics,
                             struct valence_error *error)
{
    int64_t width = valence_store_stream(store, stream)->width;
    struct accumulation sums = {
        .width = width,
        .mean = allocate(width, sizeof(double)),
        .squares = allocate(width, sizeof(double)),
    };
    *statistics = (struct valence_column_statistics){
        .width = width,
        .mean = allocate(width, sizeof(float)),
        .deviation = allocate(width, sizeof(float)),
    };
    int status = VALENCE_OK;
    if (!sums.mean || !sums.squares || !statistics->mean || !statistics->deviation)
        status = fail_memory(error, (size_t)width * 2 * (sizeof(double) + sizeof(float)),
                             "the statistics of a stream");
    if (!status)
        status = store_scan(store, stream, VALENCE_TRAIN, "statistics", progress, accumulate, &sums,
                            error);
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
    return status;
}

void valence_column_statistics_free(struct valence_column_statistics *statistics)
{
    free(statistics->mean);
    free(statistics->deviation);
    *statistics = (struct valence_column_statistics){0};
}
