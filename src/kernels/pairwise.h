/* Distances between all rows of two matrices: for figures of what a network computed, without
 * gradients. */
#ifndef VALENCE_KERNELS_PAIRWISE_H
#define VALENCE_KERNELS_PAIRWISE_H

#include <stdint.h>

#include "kernels/real.h"

/* distances[i, j] = ||a_i - b_j||, with a (n, width), b (m, width), distances (n, m). The
 * differences are taken before they are squared, so that close rows keep their digits. Parallel
 * over all threads; each distance is summed in the same order, whatever their number. */
void pairwise_distances(int64_t n, const real *a, int64_t m, const real *b, int64_t width,
                        real *distances);

#endif
