/* What the tables of experiments rest on: intervals of differences over recordings and seeds, and
 * tests of many differences at once. */
#ifndef VALENCE_EXPERIMENT_STATISTICS_H
#define VALENCE_EXPERIMENT_STATISTICS_H

#include <stdint.h>

#include "valence/metrics.h"

/* ---- Recordings ---- */

/* Clips by the recording that they were cut from. Those of one recording are alike, so that they
 * are resampled together. */
struct clusters {
    int64_t n_clips, n;
    int64_t *offsets; /* (n + 1) into clips */
    int64_t *clips;   /* (n_clips) indices, recording by recording */
};

/* `groups` is (n_clips); a clip whose group is "" is a recording of its own. Free with
 * clusters_free(), also after an error. */
int clusters_make(const char *const *groups, int64_t n_clips, struct clusters *clusters,
                  struct valence_error *error);
void clusters_free(struct clusters *clusters);

/* As valence_bootstrap(), but whole recordings are drawn, as many as there are. */
int bootstrap_clusters(const float *predicted, const float *labels, const struct clusters *clusters,
                       enum valence_scale scale, int64_t n_resamples, uint64_t seed,
                       double *samples, struct valence_error *error);

/* ---- Differences ---- */

/* A side of a comparison: the models of several seeds. */
struct seed_samples {
    int n;
    const double *values;         /* (n): a metric on all clips */
    const double *const *samples; /* (n) of (n_resamples, VALENCE_MAX_METRICS) */
};

struct difference {
    double value; /* mean of a less mean of b */
    double error; /* its standard error */
    struct valence_interval interval;
    double p; /* of no difference, two-sided */
};

/* The difference of a metric, with uncertainty over recordings and over seeds: resample i takes
 * recordings as the samples did, and draws the seeds of each side with replacement. Their spread is
 * scaled by sqrt(n / (n - 1)), since n drawn of n vary less than n new ones (Rao and Wu, 1988).
 * With `paired`, seed i of both sides is the same, and drawn for both. A side with one model says
 * nothing about other seeds. p is 2 (k + 1) / (n_resamples + 1), where k resamples lie on the other
 * side of 0 or on it. All NaN where a value, or most of the resamples, is undefined. */
int difference_of(const struct seed_samples *a, const struct seed_samples *b, bool paired,
                  enum valence_metric metric, int64_t n_resamples, uint64_t seed, double level,
                  struct difference *difference, struct valence_error *error);

/* The smallest true difference that a two-sided test at 5 % finds in 80 % of cases, from a
 * difference's standard error. */
double detectable_difference(double standard_error);

/* p-values adjusted so that the chance of any false finding among all of them is bounded: Holm,
 * "A simple sequentially rejective multiple test procedure" (1979). NaNs stay and do not count. May
 * be done in place. */
int adjust_holm(const double *p, int64_t n, double *adjusted, struct valence_error *error);

#endif
