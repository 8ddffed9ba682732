/* Layer normalisation, and its backward pass.
 *
 *   y = gain * (x - mean(x)) / sqrt(var(x) + 1e-5) + bias      of each row by itself
 *
 * x, y: (rows, width); gain, bias: (width). The distances between rows may differ from the width.
 * Parallel over all threads.
 *
 * Source: Ba, Kiros and Hinton, arXiv 1607.06450. */
#ifndef VALENCE_KERNELS_LAYER_NORM_H
#define VALENCE_KERNELS_LAYER_NORM_H

#include <stdint.h>

#include "kernels/real.h"

struct layer_norm {
    const real *gain, *bias; /* (width) */
    int64_t width;
};

void layer_norm_forward(struct layer_norm layer, int64_t rows, const real *x, int64_t x_stride,
                        real *y, int64_t y_stride);

/* Given dy, adds to the gradients of gain and bias, (width) each, and to dx. Sums over rows are
 * taken in their order, so that they do not depend on threads. */
void layer_norm_backward(struct layer_norm layer, int64_t rows, const real *x, int64_t x_stride,
                         const real *dy, int64_t dy_stride, real *dgain, real *dbias, real *dx,
                         int64_t dx_stride);

#endif
