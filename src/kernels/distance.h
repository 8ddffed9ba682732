/* Mean squared error and its root, with gradients. Sums are taken in double. Means are over a whole
 * batch, of which a call may see a part alone. */
#ifndef VALENCE_KERNELS_DISTANCE_H
#define VALENCE_KERNELS_DISTANCE_H

#include <stdint.h>

#include "kernels/real.h"

/* Matrices (rows, width) at distance stride: a view's rows within a wider matrix, say. */
struct strided {
    const real *data;
    int64_t stride;
};

/* What n elements add to mean((x - y)^2) over `n_whole` of them; adds weight * its gradient to dx.
 */
double mean_squared_error(int64_t n, int64_t n_whole, const real *x, const float *y, double weight,
                          real *dx);

/* The sum of (x - y)^2 over rows * width elements. With n of them in the whole batch, sqrt(sum / n)
 * is the root mean square, the mean not taken per row. */
double squared_distance(int64_t rows, int64_t width, struct strided x, struct strided y);

/* Adds weight * the gradient of that `root` over n elements to dx, and its opposite to dy; either
 * may be NULL (detached). At 0, where the root has no derivative, the gradient is 0. Strides of dx
 * and dy are those of x and y. */
void root_mean_square_backward(int64_t rows, int64_t width, struct strided x, struct strided y,
                               double n, double root, double weight, real *dx, real *dy);

#endif
