/* Figures of predictions against labels, as the field reports them, with their uncertainty.
 *
 * Everything here is plain arithmetic over arrays: predictions of any origin can be measured. */
#ifndef VALENCE_EVALUATE_H
#define VALENCE_EVALUATE_H

#include <stdbool.h>
#include <stdint.h>

#include "valence/api.h"
#include "valence/error.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The one list of metrics: enum, key in JSON, heading for people, whether it is a share of clips
 * (shown in per cent) rather than a number on its own scale.
 *   mae, rmse           over all clips
 *   corr                Pearson's r; undefined where predictions or labels are all equal
 *   acc7, acc5          equal after clipping to [-3, 3] or [-2, 2] and rounding, halves to even
 *   acc7_sdk            the CMU SDK's other seven bins: sign(x) min(ceil|x|, 3)
 *   acc2_has0, f1_has0  x >= 0 against x < 0, all clips
 *   acc2_non0, f1_non0  x > 0 against x <= 0, clips whose label is not 0; undefined without any
 *
 * F1 is the mean over the two classes weighted by how often each is true. */
#define VALENCE_METRIC_MAP(X)                                                                      \
    X(MAE, "mae", "MAE", false)                                                                    \
    X(RMSE, "rmse", "RMSE", false)                                                                 \
    X(CORR, "corr", "Corr", false)                                                                 \
    X(ACC7, "acc7", "Acc-7", true)                                                                 \
    X(ACC7_SDK, "acc7_sdk", "Acc-7 (SDK)", true)                                                   \
    X(ACC5, "acc5", "Acc-5", true)                                                                 \
    X(ACC2_HAS0, "acc2_has0", "Acc-2 (has-0)", true)                                               \
    X(F1_HAS0, "f1_has0", "F1 (has-0)", true)                                                      \
    X(ACC2_NON0, "acc2_non0", "Acc-2 (non-0)", true)                                               \
    X(F1_NON0, "f1_non0", "F1 (non-0)", true)

enum valence_metric {
#define VALENCE_METRIC_ENUM(name, key, heading, share) VALENCE_METRIC_##name,
    VALENCE_METRIC_MAP(VALENCE_METRIC_ENUM)
#undef VALENCE_METRIC_ENUM
        VALENCE_N_METRICS
};

struct valence_metric_info {
    const char *key;
    const char *heading;
    bool is_share;
};
extern VALENCE_API const struct valence_metric_info valence_metric_infos[VALENCE_N_METRICS];

/* What makes figures look better than they are: key in JSON, text for people. */
#define VALENCE_WARNING_MAP(X)                                                                     \
    X(CONSTANT, "constant",                                                                        \
      "the predictions are nearly constant: their deviation is below 5 % of the labels'")          \
    X(ONE_CLASS, "one_class", "all predictions have one sign, the labels have both")

enum valence_warning {
#define VALENCE_WARNING_ENUM(name, key, text) VALENCE_WARNING_##name,
    VALENCE_WARNING_MAP(VALENCE_WARNING_ENUM)
#undef VALENCE_WARNING_ENUM
        VALENCE_N_WARNINGS
};

struct valence_warning_info {
    const char *key;
    const char *text;
};
extern VALENCE_API const struct valence_warning_info valence_warning_infos[VALENCE_N_WARNINGS];

struct valence_metrics {
    int64_t n;                        /* clips */
    int64_t n_nonzero;                /* clips whose label is not 0 */
    double values[VALENCE_N_METRICS]; /* NaN where undefined */
    double predicted_deviation;       /* population standard deviations */
    double label_deviation;
    unsigned warnings; /* bit 1 << w for each enum valence_warning w that holds */
};

/* Both arrays hold n finite values, n >= 0; with n == 0 every metric is NaN. */
VALENCE_API void valence_metrics_compute(const float *predicted, const float *labels, int64_t n,
                                         struct valence_metrics *metrics);

/* Resamples the clips with replacement `n_resamples` times and computes every metric of each:
 * `samples` is (n_resamples, VALENCE_N_METRICS), row-major. Which clips a resample draws depends on
 * seed, n and its number alone, so samples of two predictions of the same clips are paired, and
 * their differences are the differences' samples. Uses all threads. Errors: ERROR_MEMORY;
 * ERROR_ARGUMENT for no clips. */
VALENCE_API int valence_bootstrap(const float *predicted, const float *labels, int64_t n,
                                  int64_t n_resamples, uint64_t seed, double *samples,
                                  struct valence_error *error);

struct valence_interval {
    double low, high; /* NaN where the metric is undefined in most resamples */
};

/* The percentile interval that holds `level` (0.95) of a metric's samples or, where `others` is not
 * NULL, of the differences samples - others. Errors: ERROR_MEMORY. */
VALENCE_API int valence_bootstrap_interval(const double *samples, const double *others,
                                           int64_t n_resamples, enum valence_metric metric,
                                           double level, struct valence_interval *interval,
                                           struct valence_error *error);

#ifdef __cplusplus
}
#endif
#endif
