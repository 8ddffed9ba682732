/* The rank-n-contrast loss over two views of a batch.
 *
 * The 2B = n features z (both views stacked, labels repeated) give logits l_ij = -|z_i - z_j| / 2
 * (temperature 2, L2) and gaps g_ij = |y_i - y_j|. The negatives of the pair (i, k) are the j whose
 * gap is at least g_ik - 1e-4, k itself among them:
 *
 *   loss = 1 / (n (n-1)) * sum over i, k != i of  log sum over negatives j of exp(l_ij)  -  l_ik
 *
 * With the j of an anchor i sorted by falling gap, every set of negatives is a prefix, so that one
 * running log-sum-exp gives all denominators and another one, backwards, all gradients: O(n^2 log
 * n) in place of the published O(n^3). Equal features (distance 0) get gradient 0, as in PyTorch's
 * norm.
 *
 * Source: arXiv 2410.15029, section 2.4; Zha et al., "Rank-N-Contrast" (NeurIPS 2023), equation
 * 3. */
#ifndef VALENCE_KERNELS_RANK_N_CONTRAST_H
#define VALENCE_KERNELS_RANK_N_CONTRAST_H

#include "base/memory.h"
#include "kernels/real.h"

#define RNC_TEMPERATURE 2.0
/* A billionth less than 1e-4: labels are floats, and two gaps that differ by 1e-4 in decimals are
 * not tied, as they are not in double precision either. */
#define RNC_TIE_TOLERANCE (1e-4 - 1e-9)

/* Bytes of working memory for a batch of n_clips. */
size_t rank_n_contrast_scratch_bytes(int64_t n_clips);

/* view0, view1: (n_clips, width); adds weight * gradient to d0 and d1. With view1 NULL the loss is
 * taken over view0 alone (n = n_clips). `scratch` has the bytes above. Fewer than two samples: 0.
 * Deterministic for any number of threads. */
double rank_n_contrast(int64_t n_clips, int64_t width, const real *view0, const real *view1,
                       const float *labels, double weight, real *d0, real *d1, void *scratch);

#endif
