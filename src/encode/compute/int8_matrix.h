/* Matrices of int8_product.h: weights packed once, and rows of activations quantised one by one. */
#ifndef VALENCE_ENCODE_COMPUTE_INT8_MATRIX_H
#define VALENCE_ENCODE_COMPUTE_INT8_MATRIX_H

#include "encode/compute/int8_product.h"
#include "valence/error.h"

/* ---- Weights ---- */

/* All panels of W; zeroed it holds none. */
struct int8_matrix {
    struct int8_shape shape;
    int64_t out;
    unsigned char *panels; /* owned */
};

/* From rows of a ggml type, taps * length values each. `what` they are, for the error. Errors:
 * MEMORY. */
int int8_matrix_pack(struct int8_matrix *matrix, struct int8_shape shape, int64_t out,
                     int ggml_type, const void *rows, const char *what,
                     struct valence_error *error);
void int8_matrix_free(struct int8_matrix *matrix);

/* The panel where output `column`, a multiple of INT8_COLUMNS, begins. */
const void *int8_matrix_panel(const struct int8_matrix *matrix, int64_t column);

/* ---- Rows ---- */

/* Quantised rows side by side, each with its own scale, in memory of the caller's. */
struct int8_input {
    int64_t n, in;
    int64_t stride;            /* values */
    struct int8_scale *scales; /* (n) */
    uint8_t *values;           /* (n, stride), and INT8_SLACK values */
};

size_t int8_input_bytes(int64_t n, int64_t in);
struct int8_input int8_input_at(void *memory, int64_t n, int64_t in);

/* Quantises row i, of `in` floats. */
void int8_input_set(const struct int8_input *input, int64_t i, const float *row);

/* As the operand of int8_product(), from row `first` on. */
struct int8_rows int8_input_rows(const struct int8_input *input, int64_t first);

/* y (n, out) = x W^T for n packed rows of floats, on all threads. `memory`: int8_input_bytes(). */
void int8_matrix_multiply(const struct int8_matrix *matrix, int64_t n, const float *x, void *memory,
                          float *y);

#endif
