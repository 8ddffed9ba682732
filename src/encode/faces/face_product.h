/* The matrix products of the face networks: weights packed once, in f32 or bf16. Rows of x
 * are pixels' channels, or windows of a picture: `taps` stretches of `length` values, which may
 * overlap those of other rows. One thread. */
#ifndef VALENCE_ENCODE_FACES_FACE_PRODUCT_H
#define VALENCE_ENCODE_FACES_FACE_PRODUCT_H

#include <stdint.h>

#include "valence/error.h"

enum face_arithmetic { FACE_F32, FACE_BF16 };

/* What this processor computes weights of a ggml type in. */
enum face_arithmetic face_arithmetic_of(int ggml_type);

/* Zeroed it holds nothing. */
struct face_product {
    enum face_arithmetic arithmetic;
    int64_t taps, length, out;
    /* One of them, owned. */
    float *panels;
    uint16_t *blocks;
};

/* weight: (taps * length, out). ERROR_MEMORY. */
int face_product_pack(struct face_product *product, enum face_arithmetic arithmetic, int64_t taps,
                      int64_t length, int64_t out, const float *weight,
                      struct valence_error *error);
void face_product_free(struct face_product *product);

/* Floats that n converted values of x take: none in f32, where they stay where they are. */
int64_t face_operand_floats(const struct face_product *product, int64_t n);

/* n values of x as the product takes them: x itself, or converted into `memory`. Behind the last
 * are zeros, which rows may reach into. */
const void *face_operand(const struct face_product *product, int64_t n, const float *x,
                         float *memory);

/* y (rows, out) of rows that begin at value `first` of the operand, `stride` values apart; the
 * stretches of each are `tap_stride` apart. */
void face_product(const struct face_product *product, const void *operand, int64_t first,
                  int64_t rows, int64_t stride, int64_t tap_stride, float *y);

#endif
