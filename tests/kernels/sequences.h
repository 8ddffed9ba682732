/* Packed sequences for the kernel tests. */
#ifndef VALENCE_TESTS_SEQUENCES_H
#define VALENCE_TESTS_SEQUENCES_H

#include "kernels/ragged.h"
#include "numbers.h"

/* Lengths that end with -1; empty clips first, in the middle and last, and clips longer than many
 * tiles. */
static const int64_t LENGTHS_FEW[] = {0, 4, 1, 0, 0, 9, 2, 5, 0, -1};
static const int64_t LENGTHS_ONE[] = {13, -1};
static const int64_t LENGTHS_EMPTY[] = {0, 0, 0, -1};
static const int64_t LENGTHS_LONG[] = {0, 3, 2600, 1, 0, 512, 77, 0, 0, -1};
static const int64_t *const ALL_LENGTHS[] = {LENGTHS_FEW, LENGTHS_ONE, LENGTHS_EMPTY, LENGTHS_LONG};
#define N_ALL_LENGTHS (sizeof ALL_LENGTHS / sizeof ALL_LENGTHS[0])

static inline int64_t *offsets_of(const int64_t *lengths, int64_t *n_clips)
{
    int64_t n = 0;
    while (lengths[n] >= 0)
        n++;
    int64_t *offsets = keep(n + 1, sizeof *offsets);
    for (int64_t i = 0; i < n; i++)
        offsets[i + 1] = offsets[i] + lengths[i];
    *n_clips = n;
    return offsets;
}

/* An arena of one piece of memory that `keep` gave. */
static inline struct arena kept_arena(size_t bytes)
{
    unsigned char *memory = keep((int64_t)bytes + 64, 1);
    memory += (64 - (uintptr_t)memory % 64) % 64;
    return (struct arena){.block = memory, .capacity = bytes};
}

/* Cut for the current number of threads, into memory measured beforehand. */
static inline struct ragged cut_sequences(const int64_t *lengths)
{
    int64_t n_clips, *offsets = offsets_of(lengths, &n_clips);
    struct ragged ragged;
    struct arena arena;
    arena_measure(&arena);
    ragged_make(&ragged, n_clips, offsets[n_clips], NULL, &arena);
    int64_t bound = ragged.n_segments;
    arena = kept_arena(arena.peak);
    ragged_make(&ragged, n_clips, offsets[n_clips], offsets, &arena);
    assert_true(ragged.n_segments <= bound);
    return ragged;
}

#endif
