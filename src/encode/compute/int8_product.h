/* Products of matrices of bytes: rows are quantised as they come, weights by output.
 *
 *   x_ik ~ s_i (u_ik - z_i),  u in 0 ... 255    w_jk ~ t_j v_jk,  v in -127 ... 127
 *   y_ij = s_i t_j (sum over k of u_ik v_jk - z_i sum over k of v_jk)
 *
 * The sums are integers that fit 32 bits, so that results do not depend on their order, nor on how
 * many rows are computed together. One thread.
 *
 * Processors with dot products of bytes all give the same bits. Others add two products in 16 bits.
 * For them scales of weights belong to slices of the depth, int8_slice() values long, and are so
 * large that these sums fit:
 *
 *   |v_jk + v_j,k+1| <= 128 for k = 0, 2, 4, ... of a slice, and so 255 |v_jk + v_j,k+1| < 2^15
 *
 * As in bf16_product.h a row of x may be a picture's window: `taps` stretches of `length` values,
 * `tap_stride` apart. Rows that overlap must have the same scale. */
#ifndef VALENCE_ENCODE_COMPUTE_INT8_PRODUCT_H
#define VALENCE_ENCODE_COMPUTE_INT8_PRODUCT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define INT8_COLUMNS   32        /* outputs packed together, a panel */
#define INT8_MAX_DEPTH (1 << 16) /* taps * length: the sums fit 32 bits */
#define INT8_SLACK     64        /* quantised values that may be read behind x's last one */

/* Whether there is a form for this processor that repays it. All else below needs that. */
bool int8_product_available(void);

/* The form that is used: "SSSE3", "AVX2", "AVX-512", "AVX-VNNI", "AVX-512 VNNI", "AMX", "NEON dot".
 * Chosen anew where processor_limit() changed; all weights must be packed again. */
const char *int8_product_form(void);

/* Values of a tap whose weights share scales; 0 where all weights of an output do, that is where
 * the processor has dot products of bytes. */
int int8_slice(void);

/* ---- Rows ---- */

struct int8_scale {
    float scale;  /* NaN where a value is not finite: so will be the results */
    int32_t zero; /* stands for 0, exactly */
};

/* Of values between `least` and `most`; 0 is always among them. */
struct int8_scale int8_scale_of(float least, float most);

/* The least and the largest of n values and 0; NaN for both where one is not finite. */
void int8_range(int64_t n, const float *x, float *least, float *most);

/* n values to the nearest steps of the scale, halves to even. */
void int8_quantise(int64_t n, const float *x, struct int8_scale scale, uint8_t *values);

/* `n` values of 0 at that scale: borders of pictures, and what follows a row. */
void int8_fill_zero(int64_t n, struct int8_scale scale, uint8_t *values);

/* ---- Weights ---- */

struct int8_shape {
    int64_t taps, tap_stride, length;
};

/* Bytes of a panel, a multiple of 64. */
size_t int8_panel_bytes(const struct int8_shape *shape);

/* Quantises and packs n <= INT8_COLUMNS rows of W, taps * length floats each, `stride` apart;
 * zeros for the rows that are not there. `panel` is aligned to 64 bytes. */
void int8_pack(int64_t n, const struct int8_shape *shape, const float *rows, int64_t stride,
               void *panel);

/* The same of rows of q8_0 side by side: what int8_pack() makes of their floats, in a fraction of
 * the time. A tap's length is a multiple of Q8_0_VALUES. */
struct block_q8_0;
void int8_pack_q8_0(int64_t n, const struct int8_shape *shape, const struct block_q8_0 *rows,
                    void *panel);

/* ---- The product ---- */

struct int8_rows {
    const uint8_t *values; /* INT8_SLACK more can be read */
    int64_t stride;        /* from row to row, in values */
    const struct int8_scale *scales;
    int64_t scale_stride; /* 1, or 0 where all rows have the first one */
};

/* `rows` rows of x times the `columns` outputs of as many panels as they need. y: (rows, columns)
 * at distance `y_stride`, overwritten. */
void int8_product(const struct int8_shape *shape, int64_t rows, const struct int8_rows *x,
                  int64_t columns, const void *panels, float *y, int64_t y_stride);

#endif
