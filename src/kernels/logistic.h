/* Multinomial logistic regression with a ridge penalty, in double precision whatever the kernels'
 * element type is.
 *
 *   z_ij = x_i . w_j + b_j
 *   minimise over w, b:  sum_i s_i (-log softmax_label(z_i)) + penalty / 2 |w|^2
 *
 * x: (n, p); labels: (n), 0 ... k - 1; s: (n), s > 0; w: (k, p); b: (k). The intercepts b are not
 * penalised. The problem is convex; L-BFGS (Liu and Nocedal 1989) solves it until the gradient is
 * 1e-8 of the data's weight. scikit-learn's C is 1 / penalty. */
#ifndef VALENCE_KERNELS_LOGISTIC_H
#define VALENCE_KERNELS_LOGISTIC_H

#include <stdint.h>

#include "valence/error.h"

struct logistic {
    int64_t n, p, k;
    const double *x;
    const int *labels;
    const double *s;
};

/* Starts from what `w` (k, p) and `b` (k) hold and leaves the solution there. ERROR_DATA where it
 * is not reached within 2000 steps, as without a penalty on classes that a line parts; MEMORY. */
int logistic_solve(const struct logistic *problem, double penalty, double *w, double *b,
                   struct valence_error *error);

/* The sum of s_i (-log softmax_label(z_i)) over the rows from `first` to before `end`. */
double logistic_loss(const struct logistic *problem, int64_t first, int64_t end, const double *w,
                     const double *b);

#endif
