#include "kernels/dropout.h"

#include <assert.h>
#include <math.h>

#include "kernels/parallel.h"
#include "kernels/simd.h"

/* Philox blocks drawn side by side, a multiple of every vector width. */
#define LANES 16

/* Widest row whose mask is kept on the stack. */
#define MAX_ROW_WIDTH 8192

struct dropout dropout_make(double rate, uint64_t key)
{
    assert(rate >= 0 && rate < 1);
    double keep = key == 0 ? 65536 : rint((1.0 - rate) * 65536.0);
    keep = keep < 1 ? 1 : keep;
    return (struct dropout){.key = key, .keep_16 = (uint32_t)keep, .scale = (real)(65536.0 / keep)};
}

/* Philox4x32 as in base/random.h for LANES consecutive values of the first counter word, words
 * interleaved by lane; with 7 rounds, the fewest that its authors found to pass every test, as
 * masks are drawn by the billion. */
#define PHILOX_ROUNDS 7

VALENCE_INLINE void philox_lanes(uint32_t first, const uint32_t counter[3], uint64_t key,
                                 uint32_t out[4][LANES])
{
    uint32_t c0[LANES], c1[LANES], c2[LANES], c3[LANES];
    for (int i = 0; i < LANES; i++) {
        c0[i] = first + (uint32_t)i;
        c1[i] = counter[0];
        c2[i] = counter[1];
        c3[i] = counter[2];
    }
    uint32_t k0 = (uint32_t)key, k1 = (uint32_t)(key >> 32);
    for (int round = 0; round < PHILOX_ROUNDS; round++) {
        for (int i = 0; i < LANES; i++) {
            uint64_t p0 = (uint64_t)c0[i] * 0xD2511F53u;
            uint64_t p1 = (uint64_t)c2[i] * 0xCD9E8D57u;
            c0[i] = (uint32_t)(p1 >> 32) ^ c1[i] ^ k0;
            c2[i] = (uint32_t)(p0 >> 32) ^ c3[i] ^ k1;
            c1[i] = (uint32_t)p1;
            c3[i] = (uint32_t)p0;
        }
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    memcpy(out[0], c0, sizeof c0);
    memcpy(out[1], c1, sizeof c1);
    memcpy(out[2], c2, sizeof c2);
    memcpy(out[3], c3, sizeof c3);
}

/* A Bernoulli(keep) bit from independent fair bits: compare a random binary fraction with keep's
 * binary digits, from the last digit that is 1 upwards. Each digit takes one fair bit, so a rate of
 * 1/2 takes one and any other at most 16. */
VALENCE_CLONES
static void draw_blocks(uint64_t key, uint32_t keep_16, uint32_t site, uint64_t clip_key,
                        uint32_t first, uint32_t kept[4][LANES])
{
    memset(kept, 0, sizeof(uint32_t[4][LANES]));
    int digit = __builtin_ctz(keep_16);
    for (; digit < 16; digit++) {
        uint32_t counter[3] = {site << 5 | (uint32_t)digit, (uint32_t)clip_key,
                               (uint32_t)(clip_key >> 32)};
        uint32_t fair[4][LANES];
        philox_lanes(first, counter, key, fair);
        bool one = keep_16 >> digit & 1;
        for (int w = 0; w < 4; w++)
            for (int i = 0; i < LANES; i++)
                kept[w][i] = one ? kept[w][i] | fair[w][i] : kept[w][i] & fair[w][i];
    }
}

void dropout_masks(const struct dropout *dropout, uint32_t site, uint64_t clip_key, int64_t first,
                   int64_t n, int64_t width, uint32_t *masks)
{
    int64_t words = dropout_words(width), blocks_per_row = (words + 3) / 4;
    if (dropout_is_off(dropout)) {
        memset(masks, 0xFF, (size_t)(n * words) * sizeof *masks);
        return;
    }
    int64_t row = 0, block = 0; /* the row being filled and which of its blocks is next */
    for (int64_t drawn = 0; drawn < n * blocks_per_row; drawn += LANES) {
        uint32_t kept[4][LANES];
        draw_blocks(dropout->key, dropout->keep_16, site, clip_key,
                    (uint32_t)(first * blocks_per_row + drawn), kept);
        for (int lane = 0; lane < LANES && row < n; lane++) {
            for (int w = 0; w < 4 && block * 4 + w < words; w++)
                masks[row * words + block * 4 + w] = kept[w][lane];
            if (++block == blocks_per_row) {
                block = 0;
                row++;
            }
        }
    }
}

VALENCE_INLINE real masked(uint32_t word, int j, real scale, real x)
{
    return word >> j & 1 ? x * scale : 0;
}

VALENCE_CLONES
void dropout_apply(const struct dropout *dropout, int64_t n, int64_t width, const uint32_t *masks,
                   const real *x, real *y)
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

VALENCE_CLONES
void dropout_apply_add(const struct dropout *dropout, int64_t n, int64_t width,
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

static void drop_row(const struct dropout *dropout, uint32_t site, uint64_t clip_key, int64_t row,
                     int64_t width, real *x)
{
    uint32_t mask[MAX_ROW_WIDTH / 32];
    dropout_masks(dropout, site, clip_key, row, 1, width, mask);
    dropout_apply(dropout, 1, width, mask, x, x);
}

void dropout_clips(const struct dropout *dropout, uint32_t site, int64_t n_clips,
                   const uint64_t *clip_keys, int64_t rows_per_clip, int64_t width, real *x,
                   int64_t stride)
{
    if (dropout_is_off(dropout))
        return;
    assert(width <= MAX_ROW_WIDTH);
#pragma omp parallel for schedule(static) if (n_clips * rows_per_clip * width > PARALLEL_ELEMENTS)
    for (int64_t clip = 0; clip < n_clips; clip++)
        for (int64_t row = 0; row < rows_per_clip; row++)
            drop_row(dropout, site, clip_keys[clip], row, width,
                     x + (clip * rows_per_clip + row) * stride);
}

void dropout_sequences(const struct dropout *dropout, uint32_t site, const struct ragged *sequence,
                       const uint64_t *clip_keys, int64_t width, real *x)
{
    if (dropout_is_off(dropout))
        return;
    assert(width <= MAX_ROW_WIDTH);
#pragma omp parallel for schedule(static) if (sequence->n_rows * width > PARALLEL_ELEMENTS)
    for (int64_t s = 0; s < sequence->n_segments; s++) {
        struct segment segment = sequence->segments[s];
        int64_t before = segment.first - sequence->offsets[segment.clip];
        for (int64_t row = 0; row < segment.n; row++)
            drop_row(dropout, site, clip_keys[segment.clip], before + row, width,
                     x + (segment.first + row) * width);
    }
}
