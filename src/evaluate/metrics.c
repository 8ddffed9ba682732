/* Metrics from a clip's few facts.
 *
 * All accuracies and F1 follow from how often each combination of outcomes occurs, and MAE, RMSE
 * and r from six sums. A clip's combination and its terms are computed once; a resample then is one
 * pass of additions. */
#include "valence/evaluate.h"

#include <math.h>
#include <stdlib.h>

#include "base/fail.h"
#include "base/memory.h"
#include "base/random.h"

const struct valence_metric_info valence_metric_infos[VALENCE_N_METRICS] = {
#define METRIC_INFO(name, key, heading, share) {key, heading, share},
    VALENCE_METRIC_MAP(METRIC_INFO)
#undef METRIC_INFO
};

const struct valence_warning_info valence_warning_infos[VALENCE_N_WARNINGS] = {
#define WARNING_INFO(name, key, text) {key, text},
    VALENCE_WARNING_MAP(WARNING_INFO)
#undef WARNING_INFO
};

/* The facts that a clip's outcome combines, as bits. */
enum outcome {
    SAME7 = 1 << 0,
    SAME5 = 1 << 1,
    SAME7_SDK = 1 << 2,
    LABEL_AT_LEAST_0 = 1 << 3,
    PREDICTED_AT_LEAST_0 = 1 << 4,
    LABEL_ABOVE_0 = 1 << 5,
    PREDICTED_ABOVE_0 = 1 << 6,
    LABEL_NOT_0 = 1 << 7,
    N_OUTCOMES = 1 << 8
};

struct clip_terms {
    double predicted,
        label; /* less the mean over all clips, so that sums of squares do not cancel */
    double absolute_error;
    unsigned outcome;
};

struct sums {
    double predicted, label, predicted2, label2, product;
    double absolute_error, squared_error;
    int64_t counts[N_OUTCOMES];
};

/* ---- One clip ---- */

static double bin(double x, double limit)
{
    return rint(fmin(fmax(x, -limit), limit));
}

static double bin_sdk(double x)
{
    return copysign(fmin(ceil(fabs(x)), 3.0), x);
}

static unsigned outcome_of(double p, double t)
{
    return (bin(p, 3) == bin(t, 3) ? SAME7 : 0u) | (bin(p, 2) == bin(t, 2) ? SAME5 : 0u) |
           (bin_sdk(p) == bin_sdk(t) ? SAME7_SDK : 0u) | (t >= 0 ? LABEL_AT_LEAST_0 : 0u) |
           (p >= 0 ? PREDICTED_AT_LEAST_0 : 0u) | (t > 0 ? LABEL_ABOVE_0 : 0u) |
           (p > 0 ? PREDICTED_ABOVE_0 : 0u) | (t != 0 ? LABEL_NOT_0 : 0u);
}

static double mean_of(const float *values, int64_t n)
{
    double sum = 0;
    for (int64_t i = 0; i < n; i++)
        sum += values[i];
    return n ? sum / (double)n : 0;
}

static struct clip_terms terms_of(double p, double t, double mean_p, double mean_t)
{
    return (struct clip_terms){.predicted = p - mean_p,
                               .label = t - mean_t,
                               .absolute_error = fabs(p - t),
                               .outcome = outcome_of(p, t)};
}

/* ---- Sums over clips ---- */

static void add_clip(struct sums *sums, const struct clip_terms *clip)
{
    sums->predicted += clip->predicted;
    sums->label += clip->label;
    sums->predicted2 += clip->predicted * clip->predicted;
    sums->label2 += clip->label * clip->label;
    sums->product += clip->predicted * clip->label;
    sums->absolute_error += clip->absolute_error;
    sums->squared_error += clip->absolute_error * clip->absolute_error;
    sums->counts[clip->outcome]++;
}

/* Clips whose outcome has all of `wanted` and none of `unwanted`. */
static double count(const struct sums *sums, unsigned wanted, unsigned unwanted)
{
    int64_t n = 0;
    for (unsigned outcome = 0; outcome < N_OUTCOMES; outcome++)
        if ((outcome & wanted) == wanted && !(outcome & unwanted))
            n += sums->counts[outcome];
    return (double)n;
}

/* Accuracy and support-weighted F1 of a two-class outcome among the clips that have `among`. A
 * class that is neither true nor predicted has no part in F1; one of F1 0 and support 0 adds
 * nothing either. */
static void two_classes(const struct sums *sums, unsigned label, unsigned predicted, unsigned among,
                        double *accuracy, double *f1)
{
    double both = count(sums, label | predicted | among, 0);
    double neither = count(sums, among, label | predicted);
    double missed = count(sums, label | among, predicted);
    double false_alarms = count(sums, predicted | among, label);
    double wrong = missed + false_alarms, n = both + neither + wrong;
    double f1_yes = both > 0 ? 2 * both / (2 * both + wrong) : 0;
    double f1_no = neither > 0 ? 2 * neither / (2 * neither + wrong) : 0;
    *accuracy = n > 0 ? (both + neither) / n : NAN;
    *f1 = n > 0 ? (f1_yes * (both + missed) + f1_no * (neither + false_alarms)) / n : NAN;
}

static void metrics_of_sums(const struct sums *sums, double n, double *values)
{
    double variance_p = sums->predicted2 - sums->predicted * sums->predicted / n;
    double variance_t = sums->label2 - sums->label * sums->label / n;
    double covariance = sums->product - sums->predicted * sums->label / n;
    /* What rounding leaves of a constant's variance is not a variance. */
    bool varied = variance_p > 1e-13 * sums->predicted2 && variance_t > 1e-13 * sums->label2;
    double r = varied ? covariance / sqrt(variance_p * variance_t) : NAN;
    values[VALENCE_METRIC_MAE] = sums->absolute_error / n;
    values[VALENCE_METRIC_RMSE] = sqrt(sums->squared_error / n);
    values[VALENCE_METRIC_CORR] = r > 1 ? 1 : r < -1 ? -1 : r;
    values[VALENCE_METRIC_ACC7] = count(sums, SAME7, 0) / n;
    values[VALENCE_METRIC_ACC5] = count(sums, SAME5, 0) / n;
    values[VALENCE_METRIC_ACC7_SDK] = count(sums, SAME7_SDK, 0) / n;
    two_classes(sums, LABEL_AT_LEAST_0, PREDICTED_AT_LEAST_0, 0, &values[VALENCE_METRIC_ACC2_HAS0],
                &values[VALENCE_METRIC_F1_HAS0]);
    two_classes(sums, LABEL_ABOVE_0, PREDICTED_ABOVE_0, LABEL_NOT_0,
                &values[VALENCE_METRIC_ACC2_NON0], &values[VALENCE_METRIC_F1_NON0]);
}

/* ---- All clips ---- */

static bool all_equal(const float *values, int64_t n)
{
    for (int64_t i = 1; i < n; i++)
        if (values[i] != values[0])
            return false;
    return true;
}

static unsigned warnings_of(const struct sums *sums, const struct valence_metrics *metrics)
{
    unsigned warnings = 0;
    if (metrics->label_deviation > 0 &&
        metrics->predicted_deviation < 0.05 * metrics->label_deviation)
        warnings |= 1u << VALENCE_WARNING_CONSTANT;
    double positive = count(sums, LABEL_NOT_0 | LABEL_ABOVE_0, 0);
    double negative = count(sums, LABEL_NOT_0, LABEL_ABOVE_0);
    double predicted_positive = count(sums, PREDICTED_ABOVE_0, 0);
    if (positive > 0 && negative > 0 &&
        (predicted_positive == 0 || predicted_positive == (double)metrics->n))
        warnings |= 1u << VALENCE_WARNING_ONE_CLASS;
    return warnings;
}

void valence_metrics_compute(const float *predicted, const float *labels, int64_t n,
                             struct valence_metrics *metrics)
{
    *metrics = (struct valence_metrics){.n = n};
    struct sums sums = {0};
    double mean_p = mean_of(predicted, n), mean_t = mean_of(labels, n);
    for (int64_t i = 0; i < n; i++) {
        struct clip_terms terms = terms_of(predicted[i], labels[i], mean_p, mean_t);
        add_clip(&sums, &terms);
    }
    metrics_of_sums(&sums, (double)n, metrics->values);
    metrics->n_nonzero = (int64_t)count(&sums, LABEL_NOT_0, 0);
    if (n == 0)
        return;
    if (all_equal(predicted, n) || all_equal(labels, n))
        metrics->values[VALENCE_METRIC_CORR] = NAN;
    metrics->predicted_deviation = all_equal(predicted, n) ? 0 : sqrt(sums.predicted2 / (double)n);
    metrics->label_deviation = all_equal(labels, n) ? 0 : sqrt(sums.label2 / (double)n);
    metrics->warnings = warnings_of(&sums, metrics);
}

/* ---- Bootstrap ---- */

int valence_bootstrap(const float *predicted, const float *labels, int64_t n, int64_t n_resamples,
                      uint64_t seed, double *samples, struct valence_error *error)
{
    if (n < 1 || n > UINT32_MAX)
        return fail(error, VALENCE_ERROR_ARGUMENT, "a bootstrap needs 1 to 2^32 - 1 clips");
    struct clip_terms *terms = allocate(n, sizeof *terms);
    if (!terms)
        return fail_memory(error, (size_t)n * sizeof *terms, "the bootstrap");
    double mean_p = mean_of(predicted, n), mean_t = mean_of(labels, n);
    for (int64_t i = 0; i < n; i++)
        terms[i] = terms_of(predicted[i], labels[i], mean_p, mean_t);
#pragma omp parallel for schedule(static)
    for (int64_t resample = 0; resample < n_resamples; resample++) {
        struct random_source source = random_source(seed, (uint64_t)resample);
        struct sums sums = {0};
        /* Scaling 32 bits instead of rejecting: the bias, n / 2^32, is far below what resampling
         * resolves. */
        for (int64_t i = 0; i < n; i++)
            add_clip(&sums, &terms[(uint64_t)random_u32(&source) * (uint64_t)n >> 32]);
        metrics_of_sums(&sums, (double)n, samples + resample * VALENCE_N_METRICS);
    }
    free(terms);
    return VALENCE_OK;
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The value below which `part` of the sorted values lie, interpolated linearly. */
static double percentile(const double *sorted, int64_t n, double part)
{
    double at = part * (double)(n - 1), whole = floor(at);
    int64_t i = (int64_t)whole;
    return i + 1 < n ? sorted[i] + (at - whole) * (sorted[i + 1] - sorted[i]) : sorted[n - 1];
}

int valence_bootstrap_interval(const double *samples, const double *others, int64_t n_resamples,
                               enum valence_metric metric, double level,
                               struct valence_interval *interval, struct valence_error *error)
{
    double *values = allocate(n_resamples, sizeof *values);
    if (!values)
        return fail_memory(error, (size_t)n_resamples * sizeof *values, "an interval");
    int64_t n = 0;
    for (int64_t i = 0; i < n_resamples; i++) {
        int64_t at = i * VALENCE_N_METRICS + metric;
        double value = samples[at] - (others ? others[at] : 0);
        if (!isnan(value))
            values[n++] = value;
    }
    *interval = (struct valence_interval){NAN, NAN};
    if (n > n_resamples / 2) {
        qsort(values, (size_t)n, sizeof *values, ascending);
        interval->low = percentile(values, n, (1 - level) / 2);
        interval->high = percentile(values, n, (1 + level) / 2);
    }
    free(values);
    return VALENCE_OK;
}
