/* Resamples that several ranks share. */
#ifndef VALENCE_EVALUATE_BOOTSTRAP_H
#define VALENCE_EVALUATE_BOOTSTRAP_H

#include "collective/collective.h"
#include "valence/metrics.h"

/* As valence_bootstrap(): every rank computes its share of the resamples, and all get all samples,
 * or all fail. */
int bootstrap_run(const struct valence_collective *collective, const float *predicted,
                  const float *labels, int64_t n, enum valence_scale scale, int64_t n_resamples,
                  uint64_t seed, double *samples, struct valence_error *error);

#endif
