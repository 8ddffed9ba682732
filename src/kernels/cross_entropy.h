/* Classes: probabilities from logits, and the loss that they are learnt with.
 *
 *   p_j = softmax over j of z_j,   loss = mean over rows of -log p_label
 *
 * z, p: (rows, k), a row for each clip; labels: the number of each row's class, 0 ... k - 1, as
 * stores hold them. */
#ifndef VALENCE_KERNELS_CROSS_ENTROPY_H
#define VALENCE_KERNELS_CROSS_ENTROPY_H

#include <stdint.h>

#include "kernels/real.h"

/* The index of a row's largest value, the first of several; -1 where any value is not finite. */
int64_t largest_of(int64_t k, const real *z);

/* Probabilities of one row. `p` may be `z`. */
void softmax_row(int64_t k, const real *z, real *p);

/* -log p_label of one row. */
double cross_entropy_row(int64_t k, const real *z, int64_t label);

/* What `rows` rows add to the mean loss over `n_whole` of them; adds `weight` times its gradient to
 * dz. */
double cross_entropy(int64_t rows, int64_t n_whole, int64_t k, const real *z, const float *labels,
                     double weight, real *dz);

#endif
