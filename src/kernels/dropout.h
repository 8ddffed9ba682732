/* Dropout whose masks are functions of (key, site, clip, row, column): the same whatever the
 * threads, the batch split or the order of computation, and available again in the backward pass
 * without having been stored.
 *
 * Bit j of a row's mask is 1 if the element is kept. Elements are dropped with probability rate,
 * rounded to a multiple of 2^-16, and those kept are scaled by 1 / (1 - rate). */
#ifndef VALENCE_KERNELS_DROPOUT_H
#define VALENCE_KERNELS_DROPOUT_H

#include <stdbool.h>
#include <stdint.h>

#include "kernels/ragged.h"
#include "kernels/real.h"

struct dropout {
    uint64_t key;     /* of this training step */
    uint32_t keep_16; /* probability of keeping, in units of 2^-16: 1 ... 65536 */
    real scale;       /* 1 / (keep_16 / 65536) */
};

/* `rate` in [0, 1); key 0 stands for no dropout at all. */
struct dropout dropout_make(double rate, uint64_t key);

static inline bool dropout_is_off(const struct dropout *dropout)
{
    return dropout->keep_16 == 65536;
}

/* 32-bit words of a row's mask: (width + 31) / 32. */
static inline int64_t dropout_words(int64_t width)
{
    return (width + 31) / 32;
}

/* The masks of rows first ... first+n-1 of a clip at `site`, (n, dropout_words(width)). */
void dropout_masks(const struct dropout *dropout, uint32_t site, uint64_t clip_key, int64_t first,
                   int64_t n, int64_t width, uint32_t *masks);

/* y = x * mask * scale for n contiguous rows; x and y may be the same. */
void dropout_apply(const struct dropout *dropout, int64_t n, int64_t width, const uint32_t *masks,
                   const real *x, real *y);

/* y += x * mask * scale likewise. */
void dropout_apply_add(const struct dropout *dropout, int64_t n, int64_t width,
                       const uint32_t *masks, const real *x, real *y);

/* In place on the rows of a whole batch, `rows_per_clip` rows a clip at distance `stride`; forward
 * and backward are the same multiplication. Does nothing if dropout is off. */
void dropout_clips(const struct dropout *dropout, uint32_t site, int64_t n_clips,
                   const uint64_t *clip_keys, int64_t rows_per_clip, int64_t width, real *x,
                   int64_t stride);

/* The same on the rows of packed sequences, (n_rows, width). */
void dropout_sequences(const struct dropout *dropout, uint32_t site, const struct ragged *sequence,
                       const uint64_t *clip_keys, int64_t width, real *x);

#endif
