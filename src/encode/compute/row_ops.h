/* What the fused CPU operations do to rows of activations between matrix products: one thread,
 * vectorised for every instruction set. */
#ifndef VALENCE_ENCODE_COMPUTE_ROW_OPS_H
#define VALENCE_ENCODE_COMPUTE_ROW_OPS_H

#include <stddef.h>
#include <stdint.h>

enum activation { ACTIVATION_NONE, ACTIVATION_GELU, ACTIVATION_RELU };

/* What follows a product: y = activation(y + bias) + residual, or activation(y + bias + residual)
 * by `order`. Bias and residual may be NULL. GELU is the exact one, 0.5 x (1 + erf(x / sqrt 2)). */
struct finish {
    const float *bias; /* (width) */
    enum activation activation;
    const float *residual; /* (rows, width) */
    int64_t residual_stride;
    enum { RESIDUAL_AFTER, RESIDUAL_BEFORE } order; /* of the activation */
};

/* In place on `rows` rows of `width` values at distance `stride`. */
void rows_finish(int64_t rows, int64_t width, float *y, int64_t stride,
                 const struct finish *finish);

/* y = activation((x - mean) / sqrt(variance + epsilon) * weight + bias), the mean and the variance
 * (divisor `width`) over each row. x and y: (rows, width), packed. */
void rows_norm(int64_t rows, int64_t width, const float *x, const float *weight, const float *bias,
               float epsilon, enum activation activation, float *y);

/* In place: s = exp(scale * s + gate * bias - maximum), unnormalised; gives 1 / sum. */
float row_softmax(int64_t n, float scale, float gate, const float *bias, float *s);

/* n values of a ggml type's blocks as floats. f16 and q8_0 are converted here, others by ggml. */
void row_widen(int ggml_type, int64_t n, const void *from, float *to);

/* Bytes of n values. */
size_t row_size(int ggml_type, int64_t n);

#endif
