/* What metrics are computed from, shared by all clips at once and by resamples of them. */
#ifndef VALENCE_EVALUATE_METRIC_SUMS_H
#define VALENCE_EVALUATE_METRIC_SUMS_H

#include "valence/metrics.h"

#define N_OUTCOMES (1 << 12)

struct clip_terms {
    /* less the mean over all clips, so that sums of squares do not cancel */
    double predicted, label;
    double absolute_error;
    unsigned outcome; /* below N_OUTCOMES */
};

struct metric_sums {
    double predicted, label, predicted2, label2, product;
    double absolute_error, squared_error;
    unsigned n_outcomes; /* those beyond did not occur */
    int64_t counts[N_OUTCOMES];
};

/* The terms of `n` clips, which the caller frees; NULL where memory is short. */
struct clip_terms *metric_terms_take(const float *predicted, const float *labels, int64_t n,
                                     enum valence_scale scale);
void metric_sums_add(struct metric_sums *sums, const struct clip_terms *clip);

/* Every metric of the scale; NaN for the others. */
void metrics_of_sums(const struct metric_sums *sums, double n, enum valence_scale scale,
                     double values[VALENCE_MAX_METRICS]);

/* Sorts n values in place, none of them NaN; and the value below which `part` of sorted ones lie,
 * interpolated linearly. */
void sort_values(double *values, int64_t n);
double percentile(const double *sorted, int64_t n, double part);

#endif
