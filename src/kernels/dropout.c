#include "kernels/dropout.h"

#include <assert.h>
#include <math.h>

#include "kernels/parallel.h"
#include "kernels/simd.h"

/* Philox blocks drawn side by side, a multiple of every vector width. */
#define LANES 16

/* Widest row whose mask is kept on the stack; masks of narrower ones are drawn together. */
#define MAX_ROW_WIDTH 8192

struct dropout dropout_make(double rate, uint64_t key)
{
    assert(rate >= 0 && rate < 1);
    double keep = key == 0 ? 65536 : rint((1.0 - rate) * 65536.0);
    keep = keep < 1 ? 1 : keep;
    return (struct dropout){.key = key, .keep_16 = (uint32_t)keep, .scale = (real)(65536.0 / keep)};
}

/* Where LANES blocks are drawn: each at a place of its own, so that short rows fill all lanes. */
struct lanes {
    uint32_t block[LANES];            /* its number in the clip */
    uint32_t low[LANES], high[LANES]; /* of the clip's key */
};

/* Philox4x32 as in base/random.h for LANES counters, words interleaved by lane; with 7 rounds, the
 * fewest that its authors found to pass every test, as masks are drawn by the billion. The loop
 * over lanes is not unrolled: GCC would turn half of it into scalar code. */
#define PHILOX_ROUNDS 7

VALENCE_INLINE void philox_lanes(const struct lanes *at, uint32_t place, uint64_t key,
                                 uint32_t out[4][LANES])
{
    memcpy(out[0], at->block, sizeof at->block);
    for (int i = 0; i < LANES; i++)
        out[1][i] = place;
    memcpy(out[2], at->low, sizeof at->low);
    memcpy(out[3], at->high, sizeof at->high);
    uint32_t k0 = (uint32_t)key, k1 = (uint32_t)(key >> 32);
    for (int round = 0; round < PHILOX_ROUNDS; round++) {
#pragma GCC unroll 1
        for (int i = 0; i < LANES; i++) {
            uint64_t p0 = (uint64_t)out[0][i] * 0xD2511F53u;
            uint64_t p1 = (uint64_t)out[2][i] * 0xCD9E8D57u;
            out[0][i] = (uint32_t)(p1 >> 32) ^ out[1][i] ^ k0;
            out[2][i] = (uint32_t)(p0 >> 32) ^ out[3][i] ^ k1;
            out[1][i] = (uint32_t)p1;
            out[3][i] = (uint32_t)p0;
        }
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
}

/* A Bernoulli(keep) bit from independent fair bits: compare a random binary fraction with keep's
 * binary digits, from the last digit that is 1 upwards. Each digit takes one fair bit, so a rate of
 * 1/2 takes one and any other at most 16. */
VALENCE_CLONES
static void draw_blocks(const struct dropout *dropout, uint32_t site, const struct lanes *at,
                        uint32_t kept[4][LANES])
{
    uint32_t keep_16 = dropout->keep_16;
    memset(kept, 0, sizeof(uint32_t[4][LANES]));
    int digit = __builtin_ctz(keep_16);
    for (; digit < 16; digit++) {
        uint32_t fair[4][LANES];
        philox_lanes(at, site << 5 | (uint32_t)digit, dropout->key, fair);
        bool one = keep_16 >> digit & 1;
        for (int w = 0; w < 4; w++)
            for (int i = 0; i < LANES; i++)
                kept[w][i] = one ? kept[w][i] | fair[w][i] : kept[w][i] & fair[w][i];
    }
}

/* Rows of clips that have `rows_per_clip` rows each: row i is row first + i % rows_per_clip of clip
 * i / rows_per_clip. */
struct clip_rows {
    const uint64_t *clip_keys;
    int64_t rows_per_clip, first;
};

/* A row, and which of its blocks is next. */
struct block_place {
    int64_t row, block;
};

static struct block_place next_place(struct block_place place, int64_t blocks_per_row)
{
    return place.block + 1 < blocks_per_row ? (struct block_place){place.row, place.block + 1}
                                            : (struct block_place){place.row + 1, 0};
}

/* Lanes for the blocks from `place` on; those beyond row `n` draw what nobody reads. */
static void fill_lanes(const struct clip_rows *rows, int64_t blocks_per_row,
                       struct block_place place, int64_t n, struct lanes *at)
{
    memset(at, 0, sizeof *at);
    for (int lane = 0; lane < LANES && place.row < n; lane++) {
        uint64_t key = rows->clip_keys[place.row / rows->rows_per_clip];
        int64_t row = rows->first + place.row % rows->rows_per_clip;
        at->block[lane] = (uint32_t)(row * blocks_per_row + place.block);
        at->low[lane] = (uint32_t)key;
        at->high[lane] = (uint32_t)(key >> 32);
        place = next_place(place, blocks_per_row);
    }
}

/* The masks of rows from ... n-1. */
static void draw_masks(const struct dropout *dropout, uint32_t site, const struct clip_rows *rows,
                       int64_t from, int64_t n, int64_t width, uint32_t *masks)
{
    int64_t words = dropout_words(width), blocks_per_row = (words + 3) / 4;
    struct block_place place = {from, 0};
    while (place.row < n) {
        struct lanes at;
        uint32_t kept[4][LANES];
        fill_lanes(rows, blocks_per_row, place, n, &at);
        draw_blocks(dropout, site, &at, kept);
        for (int lane = 0; lane < LANES && place.row < n; lane++) {
            uint32_t *mask = masks + (place.row - from) * words + place.block * 4;
            for (int w = 0; w < 4 && place.block * 4 + w < words; w++)
                mask[w] = kept[w][lane];
            place = next_place(place, blocks_per_row);
        }
    }
}

void dropout_masks(const struct dropout *dropout, uint32_t site, uint64_t clip_key, int64_t first,
                   int64_t n, int64_t width, uint32_t *masks)
{
    struct clip_rows rows = {.clip_keys = &clip_key, .rows_per_clip = n, .first = first};
    if (dropout_is_off(dropout))
        memset(masks, 0xFF, (size_t)(n * dropout_words(width)) * sizeof *masks);
    else
        draw_masks(dropout, site, &rows, 0, n, width, masks);
}

VALENCE_INLINE real masked(uint32_t word, int j, real scale, real x)
{
    return word >> j & 1 ? x * scale : 0;
}

#if defined(__x86_64__) && !defined(VALENCE_DOUBLE) && !defined(VALENCE_WITHOUT_AVX512) &&         \
    !defined(VALENCE_SANITIZED)
#include <immintrin.h>

#define MASKS_TARGET __attribute__((target("avx512f")))

/* A mask's bits are what AVX-512 masks with, which compilers do not find: a row of whole words. */
static bool has_masks(int64_t width)
{
    return width % 32 == 0 && __builtin_cpu_supports("avx512f");
}

MASKS_TARGET static void apply_masks(real scale, int64_t n, const uint32_t *masks, const real *x,
                                     real *y)
{
    __m512 scales = _mm512_set1_ps(scale);
    for (int64_t i = 0; i < n; i += 32, masks++) {
        __mmask16 low = (__mmask16)*masks, high = (__mmask16)(*masks >> 16);
        _mm512_storeu_ps(y + i, _mm512_maskz_mul_ps(low, _mm512_loadu_ps(x + i), scales));
        _mm512_storeu_ps(y + i + 16,
                         _mm512_maskz_mul_ps(high, _mm512_loadu_ps(x + i + 16), scales));
    }
}

MASKS_TARGET static void add_masked(real scale, int64_t n, const uint32_t *masks, const real *x,
                                    real *y)
{
    __m512 scales = _mm512_set1_ps(scale);
    for (int64_t i = 0; i < n; i += 16) {
        __mmask16 kept = (__mmask16)(masks[i / 32] >> i % 32);
        __m512 term = _mm512_maskz_mul_ps(kept, _mm512_loadu_ps(x + i), scales);
        _mm512_storeu_ps(y + i, _mm512_add_ps(_mm512_loadu_ps(y + i), term));
    }
}
#else
static bool has_masks(int64_t width)
{
    (void)width;
    return false;
}

static void apply_masks(real scale, int64_t n, const uint32_t *masks, const real *x, real *y)
{
    (void)scale, (void)n, (void)masks, (void)x, (void)y;
}

static void add_masked(real scale, int64_t n, const uint32_t *masks, const real *x, real *y)
{
    (void)scale, (void)n, (void)masks, (void)x, (void)y;
}
#endif

VALENCE_CLONES
static void apply_portably(const struct dropout *dropout, int64_t n, int64_t width,
                           const uint32_t *masks, const real *x, real *y)
{
    int64_t words = dropout_words(width);
    real scale = dropout->scale;
    for (int64_t i = 0; i < n; i++, x += width, y += width, masks += words) {
        int64_t whole = width / 32;
        for (int64_t w = 0; w < whole; w++)
            for (int j = 0; j < 32; j++)
                y[w * 32 + j] = masked(masks[w], j, scale, x[w * 32 + j]);
        for (int64_t j = whole * 32; j < width; j++)
            y[j] = masked(masks[whole], (int)(j & 31), scale, x[j]);
    }
}

void dropout_apply(const struct dropout *dropout, int64_t n, int64_t width, const uint32_t *masks,
                   const real *x, real *y)
{
    if (has_masks(width))
        apply_masks(dropout->scale, n * width, masks, x, y);
    else
        apply_portably(dropout, n, width, masks, x, y);
}

VALENCE_CLONES
static void add_portably(const struct dropout *dropout, int64_t n, int64_t width,
                         const uint32_t *masks, const real *x, real *y)
{
    int64_t words = dropout_words(width);
    real scale = dropout->scale;
    for (int64_t i = 0; i < n; i++, x += width, y += width, masks += words) {
        int64_t whole = width / 32;
        for (int64_t w = 0; w < whole; w++)
            for (int j = 0; j < 32; j++)
                y[w * 32 + j] += masked(masks[w], j, scale, x[w * 32 + j]);
        for (int64_t j = whole * 32; j < width; j++)
            y[j] += masked(masks[whole], (int)(j & 31), scale, x[j]);
    }
}

void dropout_apply_add(const struct dropout *dropout, int64_t n, int64_t width,
                       const uint32_t *masks, const real *x, real *y)
{
    if (has_masks(width))
        add_masked(dropout->scale, n * width, masks, x, y);
    else
        add_portably(dropout, n, width, masks, x, y);
}

static int64_t smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* How many rows' masks are drawn together. */
static int64_t rows_at_once(int64_t width)
{
    return MAX_ROW_WIDTH / (dropout_words(width) * 32);
}

/* Rows from ... n-1 in place. */
static void drop_rows(const struct dropout *dropout, uint32_t site, const struct clip_rows *rows,
                      int64_t from, int64_t n, int64_t width, real *x, int64_t stride)
{
    uint32_t masks[MAX_ROW_WIDTH / 32];
    draw_masks(dropout, site, rows, from, n, width, masks);
    for (int64_t row = from; row < n; row++)
        dropout_apply(dropout, 1, width, masks + (row - from) * dropout_words(width),
                      x + row * stride, x + row * stride);
}

void dropout_clips(const struct dropout *dropout, uint32_t site, int64_t n_clips,
                   const uint64_t *clip_keys, int64_t rows_per_clip, int64_t width, real *x,
                   int64_t stride)
{
    if (dropout_is_off(dropout))
        return;
    assert(width <= MAX_ROW_WIDTH);
    struct clip_rows rows = {.clip_keys = clip_keys, .rows_per_clip = rows_per_clip};
    int64_t n = n_clips * rows_per_clip, piece = rows_at_once(width);
#pragma omp parallel for schedule(static) if (n * width > PARALLEL_ELEMENTS)
    for (int64_t from = 0; from < n; from += piece)
        drop_rows(dropout, site, &rows, from, smaller(from + piece, n), width, x, stride);
}

void dropout_sequences(const struct dropout *dropout, uint32_t site, const struct ragged *sequence,
                       const uint64_t *clip_keys, int64_t width, real *x)
{
    if (dropout_is_off(dropout))
        return;
    assert(width <= MAX_ROW_WIDTH);
    int64_t piece = rows_at_once(width);
#pragma omp parallel for schedule(static) if (sequence->n_rows * width > PARALLEL_ELEMENTS)
    for (int64_t s = 0; s < sequence->n_segments; s++) {
        struct segment segment = sequence->segments[s];
        struct clip_rows rows = {.clip_keys = clip_keys + segment.clip,
                                 .rows_per_clip = segment.n,
                                 .first = segment.first - sequence->offsets[segment.clip]};
        for (int64_t from = 0; from < segment.n; from += piece)
            drop_rows(dropout, site, &rows, from, smaller(from + piece, segment.n), width,
                      x + segment.first * width, width);
    }
}
