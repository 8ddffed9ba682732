/* Products of matrices rounded to bf16 (8 bits of precision), summed in f32: what some processors do at a multiple of an
 * sgemm's speed. Meant for weights that are quantised anyway. One thread.
 *
 *   y_ij = sum_k x_i[k] w_j[k]
 *
 * A value's relative error from rounding is at most 2^-8; results do not depend on how many rows are computed together. */
#ifndef VALENCE_ENCODE_BF16_PRODUCT_H
#define VALENCE_ENCODE_BF16_PRODUCT_H

#include <stdint.h>

#define BF16_COLUMNS 32 /* outputs packed together */
#define BF16_DEPTH   32 /* the products' depth is a multiple of it */

enum bf16_unit {
    BF16_NONE,
    BF16_DOT,  /* AVX512_BF16: dot products of pairs, twice an FMA's work */
    BF16_TILES /* AMX-BF16 */
};

/* The best that the processor and the system have. */
enum bf16_unit bf16_best_unit(void);

/* n values to the nearest bf16, halves to even. */
void bf16_round(int64_t n, const float *x, uint16_t *y);

/* Packs n <= BF16_COLUMNS rows of W, `depth` values each at distance `stride`, into BF16_COLUMNS * depth values at
 * `packed`, zeros for the rows that are not there. */
void bf16_pack(int64_t n, int64_t depth, const float *rows, int64_t stride, uint16_t *packed);

/* x: `rows` rows of `depth` values at distance `x_stride`, which may be less than `depth`; packed: as many blocks of
 * bf16_pack() as `columns` need; y: (rows, columns) at distance `y_stride`, overwritten. `unit` is not BF16_NONE and not
 * beyond bf16_best_unit(). */
void bf16_product(enum bf16_unit unit, int64_t rows, int64_t depth, const uint16_t *x,
                  int64_t x_stride, int64_t columns, const uint16_t *packed, float *y,
                  int64_t y_stride);

#endif
