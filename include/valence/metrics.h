/* Figures of predictions against labels, as the field reports them, with their uncertainty.
 *
 * Everything here is plain arithmetic over arrays: predictions of any origin can be measured. */
#ifndef VALENCE_METRICS_H
#define VALENCE_METRICS_H

#include <stdbool.h>
#include <stdint.h>

#include "valence/api.h"
#include "valence/error.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Metrics ---- */

/* What labels mean decides which figures are computed: name, then when a store has it.
 *   sentiment  -3 ... 3: MOSI, MOSEI
 *   sims       -1 ... 1: CH-SIMS; predictions and labels are clipped to -1 ... 1 before anything is
 *              computed, as in the published figures
 *   classes3   labels of -1, 0 and 1 alone: MELD and other sets of three classes
 *   other      any other range: 1 ... 5
 *   classes    names without an order (valence/store.h): predictions and labels are the classes'
 *              numbers, 0 ... VALENCE_MAX_CLASSES - 1 */
#define VALENCE_SCALE_MAP(X)                                                                       \
    X(SENTIMENT, "sentiment")                                                                      \
    X(SIMS, "sims")                                                                                \
    X(CLASSES3, "classes3")                                                                        \
    X(OTHER, "other")                                                                              \
    X(CLASSES, "classes")

enum valence_scale {
#define VALENCE_SCALE_ENUM(name, text) VALENCE_SCALE_##name,
    VALENCE_SCALE_MAP(VALENCE_SCALE_ENUM)
#undef VALENCE_SCALE_ENUM
        VALENCE_N_SCALES
};
extern VALENCE_API const char *const valence_scale_names[VALENCE_MAX_NAMES];

/* The index of a name above, or -1. */
VALENCE_API int valence_scale_from_name(const char *name);

/* The one list of metrics: enum, key in JSON, heading for people, whether it is a share of clips
 * (shown in per cent) rather than a number on its own scale, and the scales that it is for (S
 * sentiment, I sims, C classes3, O other, K classes).
 *   mae, rmse             over all clips
 *   corr                  Pearson's r; undefined where predictions or labels are all equal
 *   acc7, acc5            equal after clipping to [-3, 3] or [-2, 2] and rounding, halves to even
 *   acc7_sdk              the CMU SDK's other seven bins: sign(x) min(ceil|x|, 3)
 *   acc2_has0, f1_has0    x >= 0 against x < 0, all clips
 *   acc2_non0, f1_non0    x > 0 against x <= 0, clips whose label is not 0; undefined without any
 *   acc2_sims, f1_sims    x <= 0 against x > 0
 *   acc3_sims             x <= -0.1, up to 0.1, beyond
 *   acc5_sims             x <= -0.7, up to -0.1, up to 0.1, up to 0.7, beyond
 *   acc3, f1_3            the nearest of -1, 0 and 1, halves to 0
 *   acc_round             equal after rounding, halves to even
 *   acc, f1_weighted      of classes: share that is right, and F1 weighted as below
 *   f1_macro              the plain mean of F1 over the classes that are true or predicted
 *   uar                   the plain mean over the true classes of their recall, the share of a
 *                         class's clips that is right (unweighted average recall)
 *
 * F1 is the mean over the classes, weighted by how often each is true. Sources: thuiar/MMSA,
 * utils/metricsTop.py (MOSI, MOSEI, CH-SIMS); scikit-learn, f1_score(average="weighted"). */
#define VALENCE_METRIC_MAP(X)                                                                      \
    X(MAE, "mae", "MAE", false, "SICO")                                                            \
    X(RMSE, "rmse", "RMSE", false, "SICO")                                                         \
    X(CORR, "corr", "Corr", false, "SICO")                                                         \
    X(ACC7, "acc7", "Acc-7", true, "S")                                                            \
    X(ACC7_SDK, "acc7_sdk", "Acc-7 (SDK)", true, "S")                                              \
    X(ACC5, "acc5", "Acc-5", true, "S")                                                            \
    X(ACC2_HAS0, "acc2_has0", "Acc-2 (has-0)", true, "S")                                          \
    X(F1_HAS0, "f1_has0", "F1 (has-0)", true, "S")                                                 \
    X(ACC2_NON0, "acc2_non0", "Acc-2 (non-0)", true, "SC")                                         \
    X(F1_NON0, "f1_non0", "F1 (non-0)", true, "SC")                                                \
    X(ACC5_SIMS, "acc5_sims", "Acc-5 (SIMS)", true, "I")                                           \
    X(ACC3_SIMS, "acc3_sims", "Acc-3 (SIMS)", true, "I")                                           \
    X(ACC2_SIMS, "acc2_sims", "Acc-2 (SIMS)", true, "I")                                           \
    X(F1_SIMS, "f1_sims", "F1 (SIMS)", true, "I")                                                  \
    X(ACC3, "acc3", "Acc-3", true, "C")                                                            \
    X(F1_3, "f1_3", "F1 (3 classes)", true, "C")                                                   \
    X(ACC_ROUND, "acc_round", "Acc (rounded)", true, "O")                                          \
    X(ACC, "acc", "Acc", true, "K")                                                                \
    X(F1_WEIGHTED, "f1_weighted", "F1 (weighted)", true, "K")                                      \
    X(F1_MACRO, "f1_macro", "F1 (macro)", true, "K")                                               \
    X(UAR, "uar", "UAR", true, "K")

enum valence_metric {
#define VALENCE_METRIC_ENUM(name, key, heading, share, scales) VALENCE_METRIC_##name,
    VALENCE_METRIC_MAP(VALENCE_METRIC_ENUM)
#undef VALENCE_METRIC_ENUM
        VALENCE_N_METRICS
};

/* Room in arrays by enum valence_metric; the rest of them is NaN. */
#define VALENCE_MAX_METRICS 32

struct valence_metric_info {
    const char *key;
    const char *heading;
    bool is_share;
};

/* NULL where there is no such metric. Never freed. */
VALENCE_API const struct valence_metric_info *valence_metric_describe(enum valence_metric metric);

/* The metrics of a scale as bits, 1u << metric. */
VALENCE_API unsigned valence_scale_metrics(enum valence_scale scale);

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

/* NULL where there is no such warning. Never freed. */
VALENCE_API const struct valence_warning_info *
valence_warning_describe(enum valence_warning warning);

struct valence_metrics {
    int64_t n;                          /* clips */
    int64_t n_nonzero;                  /* clips whose label is not 0 */
    double values[VALENCE_MAX_METRICS]; /* NaN where undefined, or not of the scale */
    double predicted_deviation;         /* population standard deviations */
    double label_deviation;
    unsigned warnings; /* bit 1 << w for each enum valence_warning w that holds */
};

/* Both arrays hold n finite values, n >= 0; with n == 0 every metric is NaN. */
VALENCE_API void valence_metrics_compute(const float *predicted, const float *labels, int64_t n,
                                         enum valence_scale scale, struct valence_metrics *metrics);

/* How many clips of each class were predicted as which: `counts` (n_classes, n_classes) by label,
 * then by prediction. Both arrays hold n numbers of classes, 0 ... n_classes - 1; ARGUMENT for
 * another number. A class's recall is its diagonal by its row's sum. */
VALENCE_API int valence_confusion_compute(const float *predicted, const float *labels, int64_t n,
                                          int n_classes, int64_t *counts,
                                          struct valence_error *error);

/* ---- Uncertainty ---- */

/* Resamples the clips with replacement `n_resamples` times and computes every metric of each:
 * `samples` is (n_resamples, VALENCE_MAX_METRICS), row-major. Which clips a resample draws depends
 * on seed, n and its number alone, so samples of two predictions of the same clips are paired, and
 * their differences are the differences' samples. Uses all threads. Errors: ARGUMENT for no clips,
 * more than 2^32 - 1, or NULL; MEMORY. */
VALENCE_API int valence_bootstrap(const float *predicted, const float *labels, int64_t n,
                                  enum valence_scale scale, int64_t n_resamples, uint64_t seed,
                                  double *samples, struct valence_error *error);

struct valence_interval {
    double low, high; /* NaN where the metric is undefined in most resamples */
};

/* The percentile interval that holds `level` (0.95) of a metric's samples or, where `others` is not
 * NULL, of the differences samples - others. Errors: ARGUMENT; MEMORY. */
VALENCE_API int valence_bootstrap_interval(const double *samples, const double *others,
                                           int64_t n_resamples, enum valence_metric metric,
                                           double level, struct valence_interval *interval,
                                           struct valence_error *error);

#ifdef __cplusplus
}
#endif
#endif
