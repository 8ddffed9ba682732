/* Counter-based randomness: a value is a function of (key, counter), never of what was drawn
 * before, so results do not depend on threads, on the split into batches or on where a run was
 * interrupted.
 *
 * Source: Salmon et al., "Parallel random numbers: as easy as 1, 2, 3" (SC 2011), Philox 4x32 with
 * 10 rounds. */
#ifndef VALENCE_BASE_RANDOM_H
#define VALENCE_BASE_RANDOM_H

#include <stdint.h>

/* out = Philox4x32-10(counter, key): 128 random bits. */
void philox(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4]);

/* Mixes two 64-bit values into one (splitmix64 finaliser): derives keys from (seed, purpose)
 * pairs. */
uint64_t mix_keys(uint64_t a, uint64_t b);

/* A sequential source on top of it, for initialisation, shuffling and synthesis. */
struct random_source {
    uint64_t key;
    uint64_t position; /* blocks consumed */
    uint32_t block[4];
    int left; /* unused words of block */
};

struct random_source random_source(uint64_t seed, uint64_t purpose);
uint32_t random_u32(struct random_source *source);
double random_uniform(struct random_source *source); /* [0, 1), 53 bits */
double random_normal(struct random_source *source);  /* mean 0, deviation 1 */
int64_t random_below(struct random_source *source,
                     int64_t bound); /* 0 ... bound-1, unbiased; bound > 0 */

/* A random permutation of the n values in place (Fisher-Yates). */
void random_shuffle(struct random_source *source, int64_t *values, int64_t n);

#endif
