/* Mean squared error and its root, with gradients. Sums are taken in double. */
#ifndef VALENCE_KERNELS_DISTANCE_H
#define VALENCE_KERNELS_DISTANCE_H

#include <stdint.h>

#include "kernels/real.h"

/* Matrices (rows, width) at distance stride: a view's rows within a wider matrix, say. */
struct strided {
    const real *data;
    int64_t stride;
};

/* mean((x - y)^2) over all n elements; adds weight * its gradient to dx. */
double mean_squared_error(int64_t n, const real *x, const float *y, double weight, real *dx);

/* sqrt(mean((x - y)^2)) over all rows * width elements, the mean not taken per row. Adds weight *
 * gradient to dx and its opposite to dy; either may be NULL (detached). At 0, where the root has no
 * derivative, the gradient is 0. Strides of dx and dy are those of x and y. */
double root_mean_square(int64_t rows, int64_t width, struct strided x, struct strided y,
                        double weight, real *dx, real *dy);

#endif
