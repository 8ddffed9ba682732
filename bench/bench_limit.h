/* The time that the matrix products alone would take: what no implementation on this machine's BLAS
 * can beat. */
#ifndef VALENCE_BENCH_LIMIT_H
#define VALENCE_BENCH_LIMIT_H

#include "valence/model.h"

/* Seconds for one batch of `n_clips` clips with these rows of each stream, in two flows; the best
 * of `repeats`. Training counts the projections forward and for their weights' gradients, and the
 * key layers of both attentions in both flows forward, for inputs and for weights; evaluation
 * counts what both flows share once. Layers over clips are counted too. Products are run as the
 * fastest way found here runs them: in tiles, each on one thread, and as whole matrices on all
 * threads, whichever is quicker. */
double limit_seconds(const struct valence_model_config *config, int64_t n_clips,
                     const int64_t n_rows[VALENCE_N_STREAMS], bool training, int repeats,
                     double *gflop);

#endif
