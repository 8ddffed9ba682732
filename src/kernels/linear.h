/* Fully connected layers, alone and followed by ReLU and dropout (the layer of every MLP here).
 *
 *   y = x W^T + b      x: (rows, in), W: (out, in), b: (out), y: (rows, out)
 *
 * `x_stride` and `y_stride` are the distances between rows, so that a layer can read and write
 * columns of a wider matrix: a concatenation is a matter of layout. Without a bias, b = 0. Parallel
 * over all threads. */
#ifndef VALENCE_KERNELS_LINEAR_H
#define VALENCE_KERNELS_LINEAR_H

#include <stdint.h>

#include "kernels/dropout.h"
#include "kernels/gemm.h"

/* What a layer's products are computed in: f32 (in the tests' build, f64), or operands rounded to
 * bf16 and summed in f32 (kernels/bf16_gemm.h). */
enum precision { PRECISION_F32, PRECISION_BF16 };

struct linear {
    const real *weight; /* (out, in) */
    const real *bias;   /* (out), or NULL */
    int64_t in, out;
    enum precision precision;
};

/* Gradients of the same layer; what is computed is added. */
struct linear_gradient {
    real *weight;
    real *bias; /* NULL where the layer has none */
};

/* c = op(a) op(b), or that added to c, in the layer's precision: what its own products and those
 * of kernels with such a layer inside are made of. Layers of fewer than 16 inputs or outputs are
 * computed in f32: they have next to no work, and a score should not be rounded. */
void linear_product(const struct linear *layer, enum transpose a_form, enum transpose b_form,
                    int64_t m, int64_t n, int64_t k, const real *a, int64_t lda, const real *b,
                    int64_t ldb, bool add, real *c, int64_t ldc);

void linear_forward(struct linear layer, int64_t rows, const real *x, int64_t x_stride, real *y,
                    int64_t y_stride);

/* Adds dW = dy^T x, db = sum of dy; dx = dy W is added too, unless `dx` is NULL. */
void linear_backward(struct linear layer, struct linear_gradient gradient, int64_t rows,
                     const real *x, int64_t x_stride, const real *dy, int64_t dy_stride, real *dx,
                     int64_t dx_stride);

/* In place: y = max(y, 0). NaN stays NaN. */
void relu_forward(int64_t rows, int64_t width, real *y, int64_t stride);

/* In place on dy: zero if the forward's output y is not positive, times `scale` elsewhere. As
 * dropout zeroes y too, this with scale = 1 / (1 - rate) is also the backward of ReLU followed by
 * dropout. */
void relu_backward(int64_t rows, int64_t width, const real *y, int64_t y_stride, real scale,
                   real *dy, int64_t dy_stride);

#endif
