/* Metrics from a clip's few facts.
 *
 * All accuracies and F1 follow from how often each combination of outcomes occurs, and MAE, RMSE
 * and r from six sums. A clip's combination and its terms are computed once; a resample then is one
 * pass of additions. */
#include "evaluate/metric_sums.h"

#include <math.h>
#include <string.h>

#include "base/fail.h"
#include "base/memory.h"
#include "valence/store.h"

/* ---- Lists ---- */

const char *const valence_scale_names[VALENCE_MAX_NAMES] = {
#define SCALE_NAME(name, text) text,
    VALENCE_SCALE_MAP(SCALE_NAME)
#undef SCALE_NAME
};

int valence_scale_from_name(const char *name)
{
    for (int i = 0; i < VALENCE_N_SCALES; i++)
        if (strcmp(name, valence_scale_names[i]) == 0)
            return i;
    return -1;
}

static const struct {
    struct valence_metric_info info;
    const char *scales;
} metrics_list[VALENCE_N_METRICS] = {
#define METRIC_ENTRY(name, key, heading, share, scales) {{key, heading, share}, scales},
    VALENCE_METRIC_MAP(METRIC_ENTRY)
#undef METRIC_ENTRY
};

static const struct valence_warning_info warnings_list[VALENCE_N_WARNINGS] = {
#define WARNING_ENTRY(name, key, text) {key, text},
    VALENCE_WARNING_MAP(WARNING_ENTRY)
#undef WARNING_ENTRY
};

const struct valence_metric_info *valence_metric_describe(enum valence_metric metric)
{
    return (unsigned)metric < VALENCE_N_METRICS ? &metrics_list[metric].info : NULL;
}

const struct valence_warning_info *valence_warning_describe(enum valence_warning warning)
{
    return (unsigned)warning < VALENCE_N_WARNINGS ? &warnings_list[warning] : NULL;
}

unsigned valence_scale_metrics(enum valence_scale scale)
{
    static const char letters[VALENCE_N_SCALES] = {'S', 'I', 'C', 'O', 'K'};
    unsigned set = 0;
    for (int metric = 0; metric < VALENCE_N_METRICS && (unsigned)scale < VALENCE_N_SCALES; metric++)
        if (strchr(metrics_list[metric].scales, letters[scale]))
            set |= 1u << metric;
    return set;
}

/* ---- One clip ---- */

/* The facts that a clip's outcome combines: bits, and two classes of three as 0, 1, 2. Of classes
 * it is the number of the label times CLASS_STEP and that of the prediction. */
#define CLASS_STEP 64
_Static_assert(VALENCE_MAX_CLASSES <= CLASS_STEP && CLASS_STEP * CLASS_STEP <= N_OUTCOMES,
               "an outcome has room for two classes");
enum outcome {
    SAME7 = 1 << 0, /* or, for other scales, equal after rounding */
    SAME5 = 1 << 1,
    SAME7_SDK = 1 << 2,
    LABEL_AT_LEAST_0 = 1 << 3,
    PREDICTED_AT_LEAST_0 = 1 << 4,
    LABEL_ABOVE_0 = 1 << 5,
    PREDICTED_ABOVE_0 = 1 << 6,
    LABEL_NOT_0 = 1 << 7,
    LABEL_CLASS = 8, /* shifts of two bits each */
    PREDICTED_CLASS = 10
};

static double bin(double x, double limit)
{
    return rint(fmin(fmax(x, -limit), limit));
}

static double bin_sdk(double x)
{
    return copysign(fmin(ceil(fabs(x)), 3.0), x);
}

/* The number of bounds that x is above. The bounds are compared in float, as NumPy compares float32
 * labels with them: a label of 0.1 is not above 0.1. */
static unsigned bin_between(float x, const float *bounds, int n)
{
    unsigned above = 0;
    for (int i = 0; i < n; i++)
        above += x > bounds[i];
    return above;
}

static unsigned signs_of(double p, double t)
{
    return (t >= 0 ? LABEL_AT_LEAST_0 : 0u) | (p >= 0 ? PREDICTED_AT_LEAST_0 : 0u) |
           (t > 0 ? LABEL_ABOVE_0 : 0u) | (p > 0 ? PREDICTED_ABOVE_0 : 0u) |
           (t != 0 ? LABEL_NOT_0 : 0u);
}

static unsigned classes(unsigned p, unsigned t)
{
    return t << LABEL_CLASS | p << PREDICTED_CLASS;
}

/* What is no class's number is the last one, which no class has. */
static unsigned class_number(float x)
{
    return x >= 0 && x < CLASS_STEP - 1 ? (unsigned)x : CLASS_STEP - 1;
}

static unsigned outcome_of(float predicted, float label, enum valence_scale scale)
{
    static const float sims3[] = {-0.1f, 0.1f}, sims5[] = {-0.7f, -0.1f, 0.1f, 0.7f};
    double p = (double)predicted, t = (double)label;
    if (scale == VALENCE_SCALE_CLASSES)
        return class_number(label) * CLASS_STEP + class_number(predicted);
    unsigned outcome = signs_of(p, t);
    switch (scale) {
    case VALENCE_SCALE_SENTIMENT:
        return outcome | (bin(p, 3) == bin(t, 3) ? SAME7 : 0u) |
               (bin(p, 2) == bin(t, 2) ? SAME5 : 0u) | (bin_sdk(p) == bin_sdk(t) ? SAME7_SDK : 0u);
    case VALENCE_SCALE_SIMS:
        return outcome | classes(bin_between(predicted, sims3, 2), bin_between(label, sims3, 2)) |
               (bin_between(predicted, sims5, 4) == bin_between(label, sims5, 4) ? SAME5 : 0u);
    case VALENCE_SCALE_CLASSES3:
        return outcome | classes((unsigned)(bin(p, 1) + 1), (unsigned)(bin(t, 1) + 1));
    default:
        return outcome | (rint(p) == rint(t) ? SAME7 : 0u);
    }
}

static float on_scale(float x, enum valence_scale scale)
{
    return scale == VALENCE_SCALE_SIMS ? fminf(fmaxf(x, -1), 1) : x;
}

static void metric_means(const float *predicted, const float *labels, int64_t n,
                         enum valence_scale scale, double *mean_p, double *mean_t)
{
    double sum_p = 0, sum_t = 0;
    for (int64_t i = 0; i < n; i++) {
        sum_p += (double)on_scale(predicted[i], scale);
        sum_t += (double)on_scale(labels[i], scale);
    }
    *mean_p = n ? sum_p / (double)n : 0;
    *mean_t = n ? sum_t / (double)n : 0;
}

static void metric_terms(const float *predicted, const float *labels, int64_t n,
                         enum valence_scale scale, double mean_p, double mean_t,
                         struct clip_terms *terms)
{
    for (int64_t i = 0; i < n; i++) {
        float p = on_scale(predicted[i], scale), t = on_scale(labels[i], scale);
        terms[i] = (struct clip_terms){.predicted = (double)p - mean_p,
                                       .label = (double)t - mean_t,
                                       .absolute_error = fabs((double)p - (double)t),
                                       .outcome = outcome_of(p, t, scale)};
    }
}

struct clip_terms *metric_terms_take(const float *predicted, const float *labels, int64_t n,
                                     enum valence_scale scale)
{
    double mean_p, mean_t;
    struct clip_terms *terms = allocate(n, sizeof *terms);
    metric_means(predicted, labels, n, scale, &mean_p, &mean_t);
    if (terms)
        metric_terms(predicted, labels, n, scale, mean_p, mean_t, terms);
    return terms;
}

/* ---- Sums over clips ---- */

void metric_sums_add(struct metric_sums *sums, const struct clip_terms *clip)
{
    sums->predicted += clip->predicted;
    sums->label += clip->label;
    sums->predicted2 += clip->predicted * clip->predicted;
    sums->label2 += clip->label * clip->label;
    sums->product += clip->predicted * clip->label;
    sums->absolute_error += clip->absolute_error;
    sums->squared_error += clip->absolute_error * clip->absolute_error;
    sums->counts[clip->outcome]++;
    if (clip->outcome >= sums->n_outcomes)
        sums->n_outcomes = clip->outcome + 1;
}

/* Clips whose outcome has all of `wanted` and none of `unwanted`. */
static double count(const struct metric_sums *sums, unsigned wanted, unsigned unwanted)
{
    int64_t n = 0;
    for (unsigned outcome = 0; outcome < sums->n_outcomes; outcome++)
        if ((outcome & wanted) == wanted && !(outcome & unwanted))
            n += sums->counts[outcome];
    return (double)n;
}

/* Accuracy and support-weighted F1 of a two-class outcome among the clips that have `among`. A
 * class that is neither true nor predicted has no part in F1; one of F1 0 and support 0 adds
 * nothing either. */
static void two_classes(const struct metric_sums *sums, unsigned label, unsigned predicted,
                        unsigned among, double *accuracy, double *f1)
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

/* The same of the outcome's class of three. */
static void three_classes(const struct metric_sums *sums, double n, double *accuracy, double *f1)
{
    double confusion[4][4] = {{0}};
    for (unsigned outcome = 0; outcome < sums->n_outcomes; outcome++)
        confusion[outcome >> LABEL_CLASS & 3][outcome >> PREDICTED_CLASS & 3] +=
            (double)sums->counts[outcome];
    *accuracy = *f1 = 0;
    for (int c = 0; c < 3; c++) {
        double label = 0, predicted = 0, right = confusion[c][c];
        for (int other = 0; other < 3; other++) {
            label += confusion[c][other];
            predicted += confusion[other][c];
        }
        *accuracy += right / n;
        if (right > 0)
            *f1 += label * 2 * right / (label + predicted) / n;
    }
}

/* By class: how often it is true, how often predicted, and how often both. */
struct class_counts {
    double label[CLASS_STEP], predicted[CLASS_STEP], right[CLASS_STEP];
};

static void count_classes(const struct metric_sums *sums, struct class_counts *counts)
{
    *counts = (struct class_counts){.label = {0}};
    for (unsigned outcome = 0; outcome < sums->n_outcomes; outcome++) {
        unsigned label = outcome / CLASS_STEP, predicted = outcome % CLASS_STEP;
        double n = (double)sums->counts[outcome];
        counts->label[label] += n;
        counts->predicted[predicted] += n;
        if (label == predicted)
            counts->right[label] += n;
    }
}

static void metrics_of_classes(const struct metric_sums *sums, double n, double *values)
{
    struct class_counts counts;
    double right = 0, weighted = 0, macro = 0, recall = 0, n_seen = 0, n_true = 0;
    count_classes(sums, &counts);
    for (int c = 0; c < CLASS_STEP; c++) {
        double all = counts.label[c] + counts.predicted[c];
        double f1 = all > 0 ? 2 * counts.right[c] / all : 0;
        right += counts.right[c];
        weighted += counts.label[c] * f1;
        macro += f1;
        n_seen += all > 0;
        recall += counts.label[c] > 0 ? counts.right[c] / counts.label[c] : 0;
        n_true += counts.label[c] > 0;
    }
    values[VALENCE_METRIC_ACC] = n > 0 ? right / n : NAN;
    values[VALENCE_METRIC_F1_WEIGHTED] = n > 0 ? weighted / n : NAN;
    values[VALENCE_METRIC_F1_MACRO] = n > 0 ? macro / n_seen : NAN;
    values[VALENCE_METRIC_UAR] = n > 0 ? recall / n_true : NAN;
}

static double correlation(const struct metric_sums *sums, double n)
{
    double variance_p = sums->predicted2 - sums->predicted * sums->predicted / n;
    double variance_t = sums->label2 - sums->label * sums->label / n;
    double covariance = sums->product - sums->predicted * sums->label / n;
    /* What rounding leaves of a constant's variance is not a variance. */
    bool varied = variance_p > 1e-13 * sums->predicted2 && variance_t > 1e-13 * sums->label2;
    double r = varied ? covariance / sqrt(variance_p * variance_t) : NAN;
    return r > 1 ? 1 : r < -1 ? -1 : r;
}

void metrics_of_sums(const struct metric_sums *sums, double n, enum valence_scale scale,
                     double values[VALENCE_MAX_METRICS])
{
    unsigned wanted = valence_scale_metrics(scale);
    for (int metric = 0; metric < VALENCE_MAX_METRICS; metric++)
        values[metric] = NAN;
    if (scale == VALENCE_SCALE_CLASSES) {
        metrics_of_classes(sums, n, values);
        return;
    }
    values[VALENCE_METRIC_MAE] = sums->absolute_error / n;
    values[VALENCE_METRIC_RMSE] = sqrt(sums->squared_error / n);
    values[VALENCE_METRIC_CORR] = correlation(sums, n);
    if (scale == VALENCE_SCALE_SENTIMENT) {
        values[VALENCE_METRIC_ACC7] = count(sums, SAME7, 0) / n;
        values[VALENCE_METRIC_ACC5] = count(sums, SAME5, 0) / n;
        values[VALENCE_METRIC_ACC7_SDK] = count(sums, SAME7_SDK, 0) / n;
        two_classes(sums, LABEL_AT_LEAST_0, PREDICTED_AT_LEAST_0, 0,
                    &values[VALENCE_METRIC_ACC2_HAS0], &values[VALENCE_METRIC_F1_HAS0]);
    } else if (scale == VALENCE_SCALE_SIMS) {
        double unused;
        values[VALENCE_METRIC_ACC5_SIMS] = count(sums, SAME5, 0) / n;
        three_classes(sums, n, &values[VALENCE_METRIC_ACC3_SIMS], &unused);
        two_classes(sums, LABEL_ABOVE_0, PREDICTED_ABOVE_0, 0, &values[VALENCE_METRIC_ACC2_SIMS],
                    &values[VALENCE_METRIC_F1_SIMS]);
    } else if (scale == VALENCE_SCALE_CLASSES3) {
        three_classes(sums, n, &values[VALENCE_METRIC_ACC3], &values[VALENCE_METRIC_F1_3]);
    } else {
        values[VALENCE_METRIC_ACC_ROUND] = count(sums, SAME7, 0) / n;
    }
    if (wanted & 1u << VALENCE_METRIC_ACC2_NON0)
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

static unsigned warnings_of(const struct metric_sums *sums, const struct valence_metrics *metrics,
                            enum valence_scale scale)
{
    unsigned warnings = 0;
    if (scale == VALENCE_SCALE_CLASSES) /* numbers without an order: all the same, or not */
        return metrics->label_deviation > 0 && metrics->predicted_deviation == 0
                   ? 1u << VALENCE_WARNING_CONSTANT
                   : 0;
    if (metrics->label_deviation > 0 &&
        metrics->predicted_deviation < 0.05 * metrics->label_deviation)
        warnings |= 1u << VALENCE_WARNING_CONSTANT;
    double positive = count(sums, LABEL_NOT_0 | LABEL_ABOVE_0, 0);
    double negative = count(sums, LABEL_NOT_0, LABEL_ABOVE_0);
    double predicted_positive = count(sums, PREDICTED_ABOVE_0, 0);
    if (scale != VALENCE_SCALE_OTHER && positive > 0 && negative > 0 &&
        (predicted_positive == 0 || predicted_positive == (double)metrics->n))
        warnings |= 1u << VALENCE_WARNING_ONE_CLASS;
    return warnings;
}

void valence_metrics_compute(const float *predicted, const float *labels, int64_t n,
                             enum valence_scale scale, struct valence_metrics *metrics)
{
    enum { PIECE = 256 };
    struct metric_sums sums = {0};
    struct clip_terms terms[PIECE];
    *metrics = (struct valence_metrics){.n = n};
    double mean_p = 0, mean_t = 0;
    metric_means(predicted, labels, n, scale, &mean_p, &mean_t);
    for (int64_t first = 0; first < n; first += PIECE) {
        int64_t end = first + PIECE < n ? first + PIECE : n;
        metric_terms(predicted + first, labels + first, end - first, scale, mean_p, mean_t, terms);
        for (int64_t i = 0; i < end - first; i++)
            metric_sums_add(&sums, &terms[i]);
    }
    metrics_of_sums(&sums, (double)n, scale, metrics->values);
    metrics->n_nonzero = scale == VALENCE_SCALE_CLASSES ? n : (int64_t)count(&sums, LABEL_NOT_0, 0);
    if (n == 0)
        return;
    bool constant_p = all_equal(predicted, n), constant_t = all_equal(labels, n);
    if (constant_p || constant_t)
        metrics->values[VALENCE_METRIC_CORR] = NAN;
    metrics->predicted_deviation = constant_p ? 0 : sqrt(sums.predicted2 / (double)n);
    metrics->label_deviation = constant_t ? 0 : sqrt(sums.label2 / (double)n);
    metrics->warnings = warnings_of(&sums, metrics, scale);
}

int valence_confusion_compute(const float *predicted, const float *labels, int64_t n, int n_classes,
                              int64_t *counts, struct valence_error *error)
{
    if (!predicted || !labels || !counts || n < 0 || n_classes < 1)
        return fail(error, VALENCE_ERROR_ARGUMENT, "no confusion: an argument is missing");
    memset(counts, 0, (size_t)n_classes * (size_t)n_classes * sizeof *counts);
    for (int64_t i = 0; i < n; i++) {
        float p = predicted[i], t = labels[i];
        bool known = p >= 0 && t >= 0 && p < (float)n_classes && t < (float)n_classes;
        if (!known || p != floorf(p) || t != floorf(t))
            return fail(error, VALENCE_ERROR_ARGUMENT,
                        "clip %lld: classes %g and %g; there are 0 to %d", (long long)i, (double)p,
                        (double)t, n_classes - 1);
        counts[(int64_t)t * n_classes + (int64_t)p]++;
    }
    return VALENCE_OK;
}
