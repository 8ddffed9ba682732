/* Products of matrices rounded to bf16 (8 bits of precision), summed in f32: what some processors
 * do at a multiple of an sgemm's speed. One thread.
 *
 *   y_ij = sum over t, k of x_i[t tap_stride + k] w_j[t length + k]
 *
 * A value's relative error from rounding is at most 2^-8; results do not depend on how many rows
 * are computed together. */
#ifndef VALENCE_KERNELS_BF16_PRODUCT_H
#define VALENCE_KERNELS_BF16_PRODUCT_H

#include <stdbool.h>
#include <stdint.h>

#define BF16_COLUMNS 32 /* outputs packed together */
#define BF16_DEPTH   32

/* What multiplies: nothing here, AVX512_BF16's dot products, or AMX-BF16's tiles. */
enum bf16_units { BF16_NONE, BF16_DOTS, BF16_TILES };

/* The best that the processor and the system have, or what bf16_units_restrict() left of it. */
enum bf16_units bf16_units(void);

/* How many times as fast as in f32 products are, roughly: 8 by tiles, 2 by dot products where the
 * processor is fast at them (PROCESSOR_FAST_BF16), elsewhere 1. */
int bf16_gain(void);

/* Whether rounding to bf16 makes products faster. */
bool bf16_pays(void);

/* Nothing better than `best` is used from now on, for tests and benchmarks of each kind; BF16_TILES
 * lifts it. Not while another thread multiplies. */
void bf16_units_restrict(enum bf16_units best);

/* n values to the nearest bf16, halves to even. */
void bf16_round(int64_t n, const float *x, uint16_t *y);

/* Packs n <= BF16_COLUMNS rows of W, `depth` values each at distance `stride`, into BF16_COLUMNS *
 * depth values at `packed`, zeros for the rows that are not there. */
void bf16_pack(int64_t n, int64_t depth, const float *rows, int64_t stride, uint16_t *packed);

/* The same of rows that are bf16 already. */
void bf16_pack_rounded(int64_t n, int64_t depth, const uint16_t *rows, int64_t stride,
                       uint16_t *packed);

/* What a row of x is: `taps` stretches of `length` values (a multiple of BF16_DEPTH), `tap_stride`
 * apart: a window of a picture has one for each of its rows, a plain matrix one alone. With `add`,
 * y is added to. */
struct bf16_shape {
    int64_t taps, tap_stride, length;
    bool add;
};

/* x: `rows` rows at distance `x_stride`, which may overlap; packed: as many blocks of bf16_pack(),
 * of the depth taps * length, as `columns` need; y: (rows, columns) at distance `y_stride`,
 * overwritten or added to. Not where bf16_units() is BF16_NONE. */
void bf16_product(const struct bf16_shape *shape, int64_t rows, const uint16_t *x, int64_t x_stride,
                  int64_t columns, const uint16_t *packed, float *y, int64_t y_stride);

#endif
