#include "base/random.h"

#include <math.h>

void philox(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4])
{
    uint32_t c0 = counter[0], c1 = counter[1], c2 = counter[2], c3 = counter[3];
    uint32_t k0 = key[0], k1 = key[1];
    for (int round = 0; round < 10; round++) {
        uint64_t p0 = (uint64_t)c0 * 0xD2511F53u;
        uint64_t p1 = (uint64_t)c2 * 0xCD9E8D57u;
        c0 = (uint32_t)(p1 >> 32) ^ c1 ^ k0;
        c2 = (uint32_t)(p0 >> 32) ^ c3 ^ k1;
        c1 = (uint32_t)p1;
        c3 = (uint32_t)p0;
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    out[0] = c0;
    out[1] = c1;
    out[2] = c2;
    out[3] = c3;
}

uint64_t mix_keys(uint64_t a, uint64_t b)
{
    uint64_t z = a + 0x9E3779B97F4A7C15u * (b + 1);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

struct random_source random_source(uint64_t seed, uint64_t purpose)
{
    return (struct random_source){.key = mix_keys(seed, purpose)};
}

uint32_t random_u32(struct random_source *source)
{
    if (source->left == 0) {
        uint32_t counter[4] = {(uint32_t)source->position, (uint32_t)(source->position >> 32), 0,
                               0};
        uint32_t key[2] = {(uint32_t)source->key, (uint32_t)(source->key >> 32)};
        philox(counter, key, source->block);
        source->position++;
        source->left = 4;
    }
    return source->block[--source->left];
}

double random_uniform(struct random_source *source)
{
    uint64_t high = random_u32(source) >> 5, low = random_u32(source) >> 6;
    return (double)(high << 26 | low) * 0x1p-53;
}

double random_normal(struct random_source *source)
{
    /* Box-Muller; one of the pair is dropped so that a draw is always two uniforms. */
    double u = random_uniform(source), v = random_uniform(source);
    return sqrt(-2.0 * log(1.0 - u)) * cos(6.283185307179586 * v);
}

int64_t random_below(struct random_source *source, int64_t bound)
{
    uint64_t n = (uint64_t)bound, limit = UINT64_MAX - UINT64_MAX % n, value;
    do
        value = (uint64_t)random_u32(source) << 32 | random_u32(source);
    while (value >= limit);
    return (int64_t)(value % n);
}

void random_shuffle(struct random_source *source, int64_t *values, int64_t n)
{
    for (int64_t i = n - 1; i > 0; i--) {
        int64_t j = random_below(source, i + 1), kept = values[i];
        values[i] = values[j];
        values[j] = kept;
    }
}
