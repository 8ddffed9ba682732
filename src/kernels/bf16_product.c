#include "kernels/bf16_product.h"

#include <assert.h>
#include <string.h>

#include "base/half.h"
#include "kernels/amx.h"
#include "kernels/processor.h"
#include "kernels/simd.h"
#include "kernels/transpose.h"

#define PAIRS       (BF16_DEPTH / 2)
#define TILE        16 /* rows of a tile, and columns of one of f32 */
#define TILE_VALUES (TILE * BF16_DEPTH)
#define ROW_VALUES  (2 * TILE) /* of a packed tile: a pair for each column */
#define STEP_VALUES (BF16_COLUMNS * BF16_DEPTH)

/* ---- Rounding and packing ---- */

VALENCE_CLONES
void bf16_round(int64_t n, const float *x, uint16_t *y)
{
    for (int64_t i = 0; i < n; i++)
        y[i] = float_to_bf16(x[i]);
}

/* The layout is that of AMX's second operand: for each BF16_DEPTH of the depth two tiles of 16
 * columns, in a tile a row for each pair of values, in a row the pairs of the columns. So a tile is
 * what 16 rows of W hold of that depth, transposed. */
static void pack_step(const uint16_t *rows, int64_t stride, uint16_t *packed)
{
    for (int tile = 0; tile < BF16_COLUMNS / TILE; tile++)
        transpose_words(rows + tile * TILE * stride, stride * (int64_t)sizeof *rows,
                        packed + tile * TILE_VALUES, ROW_VALUES * sizeof *packed);
}

VALENCE_CLONES
void bf16_pack(int64_t n, int64_t depth, const float *rows, int64_t stride, uint16_t *packed)
{
    uint16_t step[BF16_COLUMNS][BF16_DEPTH] = {0};
    for (int64_t k = 0; k < depth; k += BF16_DEPTH, packed += STEP_VALUES) {
        for (int64_t j = 0; j < n; j++)
            for (int i = 0; i < BF16_DEPTH; i++)
                step[j][i] = float_to_bf16(rows[j * stride + k + i]);
        pack_step(step[0], BF16_DEPTH, packed);
    }
}

void bf16_pack_rounded(int64_t n, int64_t depth, const uint16_t *rows, int64_t stride,
                       uint16_t *packed)
{
    uint16_t step[BF16_COLUMNS][BF16_DEPTH] = {0};
    for (int64_t k = 0; k < depth; k += BF16_DEPTH, packed += STEP_VALUES) {
        for (int64_t j = 0; n < BF16_COLUMNS && j < n; j++)
            memcpy(step[j], rows + j * stride + k, sizeof step[j]);
        if (n < BF16_COLUMNS)
            pack_step(step[0], BF16_DEPTH, packed);
        else
            pack_step(rows + k, stride, packed);
    }
}

#ifdef AMX_AVAILABLE

#define SLICE 1024 /* of the depth: a block of rows and one of columns stay in the cache */

/* One block's sums over `part`, on top of what y holds unless `first`. */
AMX_TARGET static inline __attribute__((always_inline)) void
tile_block(bool both, bool first, const struct bf16_shape *part, const uint16_t *x,
           int64_t x_stride, const uint16_t *packed, float *y, int64_t y_stride)
{
    size_t x_bytes = (size_t)x_stride * sizeof *x, y_bytes = (size_t)y_stride * sizeof *y;
    if (first) {
        _tile_zero(0);
        _tile_zero(1);
        _tile_zero(2);
        _tile_zero(3);
    } else {
        _tile_loadd(0, y, y_bytes);
        _tile_loadd(1, y + TILE, y_bytes);
        if (both) {
            _tile_loadd(2, y + TILE * y_stride, y_bytes);
            _tile_loadd(3, y + TILE * y_stride + TILE, y_bytes);
        }
    }
    for (int64_t tap = 0; tap < part->taps; tap++, x += part->tap_stride)
        for (int64_t k = 0; k < part->length; k += BF16_DEPTH, packed += STEP_VALUES) {
            _tile_loadd(4, x + k, x_bytes);
            _tile_loadd(6, packed, TILE * sizeof(float));
            _tile_loadd(7, packed + TILE_VALUES, TILE * sizeof(float));
            _tile_dpbf16ps(0, 4, 6);
            _tile_dpbf16ps(1, 4, 7);
            if (both) {
                _tile_loadd(5, x + TILE * x_stride + k, x_bytes);
                _tile_dpbf16ps(2, 5, 6);
                _tile_dpbf16ps(3, 5, 7);
            }
        }
    _tile_stored(0, y, y_bytes);
    _tile_stored(1, y + TILE, y_bytes);
    if (both) {
        _tile_stored(2, y + TILE * y_stride, y_bytes);
        _tile_stored(3, y + TILE * y_stride + TILE, y_bytes);
    }
}

/* A block of `n` <= 32 rows times all columns, whose blocks are `block_values` apart. */
AMX_TARGET static void tile_rows(int64_t n, bool first, const struct bf16_shape *part,
                                 const uint16_t *x, int64_t x_stride, int64_t columns,
                                 const uint16_t *packed, int64_t block_values, float *y,
                                 int64_t y_stride)
{
    for (int64_t j = 0; j < columns; j += BF16_COLUMNS, packed += block_values) {
        float room[BF16_COLUMNS * BF16_COLUMNS];
        int64_t width = columns - j < BF16_COLUMNS ? columns - j : BF16_COLUMNS;
        bool partial = width < BF16_COLUMNS;
        float *target = partial ? room : y + j;
        int64_t stride = partial ? BF16_COLUMNS : y_stride;
        for (int64_t i = 0; partial && !first && i < n; i++)
            memcpy(room + i * BF16_COLUMNS, y + i * y_stride + j, (size_t)width * sizeof *y);
        if (n > TILE)
            tile_block(true, first, part, x, x_stride, packed, target, stride);
        else
            tile_block(false, first, part, x, x_stride, packed, target, stride);
        for (int64_t i = 0; partial && i < n; i++)
            memcpy(y + i * y_stride + j, room + i * BF16_COLUMNS, (size_t)width * sizeof *y);
    }
}

/* Slice by slice of the depth, unless there are taps: what a picture's windows share keeps those in
 * the cache. */
AMX_TARGET static void product_tiles(const struct bf16_shape *shape, int64_t rows,
                                     const uint16_t *x, int64_t x_stride, int64_t columns,
                                     const uint16_t *packed, float *y, int64_t y_stride)
{
    int64_t whole = rows / (2 * TILE) * (2 * TILE);
    int64_t block_values = BF16_COLUMNS * shape->taps * shape->length;
    int64_t step = shape->taps > 1 || shape->length < SLICE ? shape->length : SLICE;
    struct tile_configuration others;
    save_configuration(&others);
    for (int64_t k = 0; k < shape->length; k += step) {
        struct bf16_shape part = *shape;
        const uint16_t *slice = packed + k * BF16_COLUMNS;
        part.length = shape->length - k < step ? shape->length - k : step;
        if (whole)
            configure_tiles(2 * TILE);
        for (int64_t i = 0; i < whole; i += 2 * TILE)
            tile_rows(2 * TILE, k == 0 && !shape->add, &part, x + i * x_stride + k, x_stride,
                      columns, slice, block_values, y + i * y_stride, y_stride);
        if (whole == rows)
            continue;
        configure_tiles(rows - whole);
        tile_rows(rows - whole, k == 0 && !shape->add, &part, x + whole * x_stride + k, x_stride,
                  columns, slice, block_values, y + whole * y_stride, y_stride);
    }
    restore_configuration(&others);
}

/* ---- Dot products ---- */

#define DOTS_TARGET __attribute__((target("avx512f,avx512bw,avx512vl,avx512bf16")))
#define DOT_ROWS    6 /* with two columns of 16 sums each, 12 of the 32 registers */

/* `n` <= DOT_ROWS rows times BF16_COLUMNS columns, on top of what y holds if that is asked for. */
DOTS_TARGET static inline __attribute__((always_inline)) void
dot_block(int n, const struct bf16_shape *shape, const uint16_t *x, int64_t x_stride,
          const uint16_t *packed, float *y, int64_t y_stride)
{
    __m512 left[DOT_ROWS], right[DOT_ROWS];
#pragma GCC unroll 6
    for (int i = 0; i < n; i++) {
        left[i] = shape->add ? _mm512_loadu_ps(y + i * y_stride) : _mm512_setzero_ps();
        right[i] = shape->add ? _mm512_loadu_ps(y + i * y_stride + TILE) : _mm512_setzero_ps();
    }
    for (int64_t tap = 0; tap < shape->taps; tap++, x += shape->tap_stride)
        for (int64_t k = 0; k < shape->length; k += BF16_DEPTH, packed += STEP_VALUES)
            for (int pair = 0; pair < PAIRS; pair++) {
                const uint16_t *row = packed + pair * ROW_VALUES;
                __m512i first = _mm512_loadu_si512(row);
                __m512i second = _mm512_loadu_si512(row + TILE_VALUES);
#pragma GCC unroll 6
                for (int i = 0; i < n; i++) {
                    int32_t both;
                    memcpy(&both, x + i * x_stride + k + 2 * pair, sizeof both);
                    __m512bh values = (__m512bh)_mm512_set1_epi32(both);
                    left[i] = _mm512_dpbf16_ps(left[i], values, (__m512bh)first);
                    right[i] = _mm512_dpbf16_ps(right[i], values, (__m512bh)second);
                }
            }
#pragma GCC unroll 6
    for (int i = 0; i < n; i++) {
        _mm512_storeu_ps(y + i * y_stride, left[i]);
        _mm512_storeu_ps(y + i * y_stride + TILE, right[i]);
    }
}

/* The same, compiled for each number of rows, so that their sums stay in registers. */
DOTS_TARGET static void dot_rows(int n, const struct bf16_shape *shape, const uint16_t *x,
                                 int64_t x_stride, const uint16_t *packed, float *y,
                                 int64_t y_stride)
{
#define CASE(N)                                                                                    \
    case N:                                                                                        \
        dot_block(N, shape, x, x_stride, packed, y, y_stride);                                     \
        break
    switch (n) {
        CASE(1);
        CASE(2);
        CASE(3);
        CASE(4);
        CASE(5);
        CASE(6);
    }
#undef CASE
}

DOTS_TARGET static void product_dots(const struct bf16_shape *shape, int64_t rows,
                                     const uint16_t *x, int64_t x_stride, int64_t columns,
                                     const uint16_t *packed, float *y, int64_t y_stride)
{
    int64_t block_values = BF16_COLUMNS * shape->taps * shape->length;
    for (int64_t j = 0; j < columns; j += BF16_COLUMNS, packed += block_values) {
        int64_t width = columns - j < BF16_COLUMNS ? columns - j : BF16_COLUMNS;
        for (int64_t i = 0; i < rows; i += DOT_ROWS) {
            float room[DOT_ROWS * BF16_COLUMNS], *target = y + i * y_stride + j;
            int n = rows - i < DOT_ROWS ? (int)(rows - i) : DOT_ROWS;
            if (width == BF16_COLUMNS) {
                dot_rows(n, shape, x + i * x_stride, x_stride, packed, target, y_stride);
                continue;
            }
            for (int row = 0; shape->add && row < n; row++)
                memcpy(room + row * BF16_COLUMNS, target + row * y_stride,
                       (size_t)width * sizeof *y);
            dot_rows(n, shape, x + i * x_stride, x_stride, packed, room, BF16_COLUMNS);
            for (int row = 0; row < n; row++)
                memcpy(target + row * y_stride, room + row * BF16_COLUMNS,
                       (size_t)width * sizeof *y);
        }
    }
}

static enum bf16_units own_units(void)
{
    return processor_has(PROCESSOR_AMX_BF16)      ? BF16_TILES
           : processor_has(PROCESSOR_AVX512_BF16) ? BF16_DOTS
                                                  : BF16_NONE;
}

void bf16_product(const struct bf16_shape *shape, int64_t rows, const uint16_t *x, int64_t x_stride,
                  int64_t columns, const uint16_t *packed, float *y, int64_t y_stride)
{
    assert(shape->length % BF16_DEPTH == 0);
    if (bf16_units() == BF16_TILES)
        product_tiles(shape, rows, x, x_stride, columns, packed, y, y_stride);
    else
        product_dots(shape, rows, x, x_stride, columns, packed, y, y_stride);
}

#else

static enum bf16_units own_units(void)
{
    return BF16_NONE;
}

void bf16_product(const struct bf16_shape *shape, int64_t rows, const uint16_t *x, int64_t x_stride,
                  int64_t columns, const uint16_t *packed, float *y, int64_t y_stride)
{
    (void)shape, (void)rows, (void)x, (void)x_stride;
    (void)columns, (void)packed, (void)y, (void)y_stride;
    assert(!"bf16_units() is BF16_NONE");
}

#endif

static enum bf16_units most_units = BF16_TILES;

enum bf16_units bf16_units(void)
{
    enum bf16_units own = own_units();
    return own < most_units ? own : most_units;
}

int bf16_gain(void)
{
    enum bf16_units units = bf16_units();
    return units == BF16_TILES                                        ? 8
           : units == BF16_DOTS && processor_has(PROCESSOR_FAST_BF16) ? 2
                                                                      : 1;
}

bool bf16_pays(void)
{
    return bf16_gain() > 1;
}

void bf16_units_restrict(enum bf16_units best)
{
    most_units = best;
}
