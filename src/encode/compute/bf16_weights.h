/* Weights as operands of bf16_product.h. */
#ifndef VALENCE_ENCODE_COMPUTE_BF16_WEIGHTS_H
#define VALENCE_ENCODE_COMPUTE_BF16_WEIGHTS_H

#include <stdbool.h>
#include <stdint.h>

#include <ggml.h>

/* Whether products of rows of `length` values are faster rounded to bf16 here: weights of the type
 * bf16 where bf16_pays(), and of quantised ones where there are tiles. Dot products of bytes, and
 * ggml's of its K types, are faster than those of bf16. */
bool bf16_suits(enum ggml_type type, int64_t length);

/* bf16_pack() of n <= BF16_COLUMNS rows of a type that suits, side by side. `wide` has room for
 * them as floats. */
void bf16_pack_weights(enum ggml_type type, int64_t n, int64_t depth, const void *rows, float *wide,
                       uint16_t *packed);

#endif
