/* Ridge regression in closed form, in double precision whatever the kernels' element type is.
 *
 *   minimise over w, b:  sum_i s_i (y_i - x_i . w - b)^2 + penalty |w|^2
 *
 * x: (n, p); y, s: (n), s > 0. The intercept b is not penalised. What does not depend on the
 * penalty is computed once: the Gram matrix of the columns, or of the rows where these are fewer;
 * each penalty then takes a Cholesky factorisation of it. */
#ifndef VALENCE_KERNELS_RIDGE_H
#define VALENCE_KERNELS_RIDGE_H

#include <stdint.h>

#include "valence/error.h"

struct ridge;

/* `x` and `y` are overwritten and must live as long as *ridge, which is NULL on failure. Memory:
 * two matrices of min(n, p) squared. */
int ridge_create(int64_t n, int64_t p, double *x, double *y, const double *s, struct ridge **ridge,
                 struct valence_error *error);
void ridge_free(struct ridge *ridge);

/* Writes w (p) and *b. ERROR_DATA where the penalty is too small for the precision of double. */
int ridge_solve(struct ridge *ridge, double penalty, double *w, double *b,
                struct valence_error *error);

#endif
