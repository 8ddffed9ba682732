#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

#include "base/fail.h"
#include "base/memory.h"
#include "store/store_scan.h"

struct accumulation {
    int64_t n_rows, width;
    double *mean, *squares; /* Welford: the mean so far, and the sum of squared distances from it */
    float *minimum, *maximum;
};

static void accumulate_row(struct accumulation *sums, const float *row)
{
    bool first = sums->n_rows == 0;
    for (int64_t j = 0; j < sums->width; j++) {
        sums->minimum[j] = first || row[j] < sums->minimum[j] ? row[j] : sums->minimum[j];
        sums->maximum[j] = first || row[j] > sums->maximum[j] ? row[j] : sums->maximum[j];
    }
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

/* Memory for the statistics of `width` columns, all zero; NULL if it is short. */
static struct valence_column_statistics *make_statistics(int64_t width)
{
    struct valence_column_statistics *made = allocate(1, sizeof *made);
    if (!made)
        return NULL;
    made->width = width;
    made->mean = allocate(width, sizeof *made->mean);
    made->deviation = allocate(width, sizeof *made->deviation);
    made->minimum = allocate(width, sizeof *made->minimum);
    made->maximum = allocate(width, sizeof *made->maximum);
    if (made->mean && made->deviation && made->minimum && made->maximum)
        return made;
    valence_column_statistics_free(made);
    return NULL;
}

static void finish(struct valence_column_statistics *statistics, const struct accumulation *sums)
{
    statistics->n_rows = sums->n_rows;
    for (int64_t j = 0; j < sums->width && sums->n_rows > 0; j++) {
        statistics->mean[j] = (float)sums->mean[j];
        statistics->deviation[j] = (float)sqrt(sums->squares[j] / (double)sums->n_rows);
    }
}

int valence_store_statistics(const struct valence_store *store, int stream,
                             const struct valence_progress *progress,
                             struct valence_column_statistics **statistics,
                             struct valence_error *error)
{
    const struct valence_store_stream *format = valence_store_get_stream(store, stream);
    *statistics = NULL;
    if (!format)
        return fail(error, VALENCE_ERROR_ARGUMENT, "%s: it has no stream %d",
                    valence_store_path(store), stream);
    int64_t width = format->width;
    struct accumulation sums = {
        .width = width,
        .mean = allocate(width, sizeof(double)),
        .squares = allocate(width, sizeof(double)),
    };
    struct valence_column_statistics *made = make_statistics(width);
    int status = VALENCE_OK;
    if (!sums.mean || !sums.squares || !made)
        status = fail_memory(error, (size_t)width * 2 * (sizeof(double) + sizeof(float)),
                             "the statistics of a stream");
    if (!status) {
        sums.minimum = made->minimum;
        sums.maximum = made->maximum;
        status = store_scan(store, stream, VALENCE_TRAIN, "statistics", progress, accumulate, &sums,
                            error);
    }
    if (!status) {
        finish(made, &sums);
        *statistics = made;
    } else {
        valence_column_statistics_free(made);
    }
    free(sums.mean);
    free(sums.squares);
    return status;
}

void valence_column_statistics_free(struct valence_column_statistics *statistics)
{
    if (!statistics)
        return;
    free(statistics->mean);
    free(statistics->deviation);
    free(statistics->minimum);
    free(statistics->maximum);
    free(statistics);
}
