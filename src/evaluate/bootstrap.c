/* Intervals of metrics from resamples of the clips. */
#include "evaluate/bootstrap.h"

#include <math.h>
#include <stdlib.h>

#include "base/fail.h"
#include "base/memory.h"
#include "base/random.h"
#include "collective/share.h"
#include "evaluate/metric_sums.h"

#define PIECE 64 /* clips drawn at once */

/* Adds `n` clips drawn at random. Of many clips the terms are in no near cache, so those of a piece
 * are fetched all at once. */
static void add_drawn(struct metric_sums *sums, const struct clip_terms *terms, int64_t n,
                      struct random_source *source)
{
    const struct clip_terms *drawn[PIECE];
    for (int64_t first = 0; first < n; first += PIECE) {
        int64_t n_drawn = n - first < PIECE ? n - first : PIECE;
        for (int64_t i = 0; i < n_drawn; i++) {
            /* Scaling 32 bits instead of rejecting: the bias, n / 2^32, is far below what
             * resampling resolves. */
            drawn[i] = &terms[(uint64_t)random_u32(source) * (uint64_t)n >> 32];
            __builtin_prefetch(drawn[i]);
        }
        for (int64_t i = 0; i < n_drawn; i++)
            metric_sums_add(sums, drawn[i]);
    }
}

/* Computes the resamples of a share. */
static int resample(struct share share, const float *predicted, const float *labels, int64_t n,
                    enum valence_scale scale, uint64_t seed, double *samples,
                    struct valence_error *error)
{
    struct clip_terms *terms = metric_terms_take(predicted, labels, n, scale);
    if (!terms)
        return fail_memory(error, (size_t)n * sizeof *terms, "the bootstrap");
#pragma omp parallel for schedule(static)
    for (int64_t resample = share.begin; resample < share.end; resample++) {
        struct random_source source = random_source(seed, (uint64_t)resample);
        struct metric_sums sums = {0};
        add_drawn(&sums, terms, n, &source);
        metrics_of_sums(&sums, (double)n, scale, samples + resample * VALENCE_MAX_METRICS);
    }
    free(terms);
    return VALENCE_OK;
}

int bootstrap_run(const struct valence_collective *collective, const float *predicted,
                  const float *labels, int64_t n, enum valence_scale scale, int64_t n_resamples,
                  uint64_t seed, double *samples, struct valence_error *error)
{
    struct share share = collective_share(collective, n_resamples, 1);
    int status = resample(share, predicted, labels, n, scale, seed, samples, error);
    return collective_gather_shares(collective, status, n_resamples, 1,
                                    VALENCE_MAX_METRICS * (int64_t)sizeof *samples, samples, error);
}

int valence_bootstrap(const float *predicted, const float *labels, int64_t n,
                      enum valence_scale scale, int64_t n_resamples, uint64_t seed, double *samples,
                      struct valence_error *error)
{
    if (!predicted || !labels || !samples || n < 1 || n > UINT32_MAX || n_resamples < 0)
        return fail(error, VALENCE_ERROR_ARGUMENT, "a bootstrap needs 1 to 2^32 - 1 clips");
    if ((unsigned)scale >= VALENCE_N_SCALES)
        return fail(error, VALENCE_ERROR_ARGUMENT, "unknown label scale %d", (int)scale);
    return bootstrap_run(NULL, predicted, labels, n, scale, n_resamples, seed, samples, error);
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

void sort_values(double *values, int64_t n)
{
    qsort(values, (size_t)n, sizeof *values, ascending);
}

double percentile(const double *sorted, int64_t n, double part)
{
    double at = part * (double)(n - 1), whole = floor(at);
    int64_t i = (int64_t)whole;
    return i + 1 < n ? sorted[i] + (at - whole) * (sorted[i + 1] - sorted[i]) : sorted[n - 1];
}

int valence_bootstrap_interval(const double *samples, const double *others, int64_t n_resamples,
                               enum valence_metric metric, double level,
                               struct valence_interval *interval, struct valence_error *error)
{
    *interval = (struct valence_interval){NAN, NAN};
    if (!samples || n_resamples < 0 || (unsigned)metric >= VALENCE_N_METRICS ||
        !(level > 0 && level < 1))
        return fail(error, VALENCE_ERROR_ARGUMENT,
                    "an interval needs samples of a metric and a "
                    "level between 0 and 1");
    double *values = allocate(n_resamples, sizeof *values);
    if (!values)
        return fail_memory(error, (size_t)n_resamples * sizeof *values, "an interval");
    int64_t n = 0;
    for (int64_t i = 0; i < n_resamples; i++) {
        int64_t at = i * VALENCE_MAX_METRICS + metric;
        double value = samples[at] - (others ? others[at] : 0);
        if (!isnan(value))
            values[n++] = value;
    }
    if (n > n_resamples / 2) {
        sort_values(values, n);
        interval->low = percentile(values, n, (1 - level) / 2);
        interval->high = percentile(values, n, (1 + level) / 2);
    }
    free(values);
    return VALENCE_OK;
}
