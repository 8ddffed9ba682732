/* Packed sequences of different lengths, and how work on them is cut up.
 *
 * The rows of all clips lie one after the other; clip i owns rows offsets[i] ... offsets[i+1]-1. A
 * *tile* is a fixed number of consecutive rows, whatever clips they belong to: the unit of
 * threading, small enough for a core's cache. A *segment* is the part of one clip within one tile.
 * Tiles are many enough that every thread gets the same number of rows, so that neither short nor
 * very long clips leave a thread idle. */
#ifndef VALENCE_KERNELS_RAGGED_H
#define VALENCE_KERNELS_RAGGED_H

#include <stdint.h>

#include "base/memory.h"

struct segment {
    int64_t clip;
    int64_t first; /* row of the packed matrix */
    int64_t n;     /* rows */
};

struct ragged {
    int64_t n_clips;
    int64_t n_rows;
    const int64_t *offsets; /* n_clips + 1 */
    int64_t tile_rows;      /* rows of every tile but the last */
    int64_t n_tiles;
    int64_t n_segments;
    struct segment *segments;
    int64_t *tile_segments; /* n_tiles + 1: tile t has segments tile_segments[t] ... [t+1]-1 */
    int64_t *clip_segments; /* n_clips + 1: likewise by clip; empty for an empty clip */
};

/* Cuts sequences up for the current number of threads. Memory comes from `arena`, which may be
 * measuring (then only sizes are counted, for the worst distribution of n_rows over n_clips, and
 * `offsets` may be NULL). */
void ragged_make(struct ragged *ragged, int64_t n_clips, int64_t n_rows, const int64_t *offsets,
                 struct arena *arena);

/* The most rows a tile can have: what per-thread scratch is sized for. */
int64_t ragged_max_tile_rows(void);

#endif
