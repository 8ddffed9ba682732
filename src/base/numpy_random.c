#include "base/numpy_random.h"

enum { N = NUMPY_RANDOM_WORDS, M = 397 };

void numpy_random_seed(struct numpy_random *random, uint32_t seed)
{
    random->words[0] = seed;
    for (uint32_t i = 1; i < N; i++) {
        uint32_t before = random->words[i - 1];
        random->words[i] = 1812433253u * (before ^ before >> 30) + i;
    }
    random->position = N;
}

static void refill(struct numpy_random *random)
{
    uint32_t *words = random->words;
    for (int i = 0; i < N; i++) {
        uint32_t bits = (words[i] & 0x80000000u) | (words[(i + 1) % N] & 0x7FFFFFFFu);
        words[i] = words[(i + M) % N] ^ bits >> 1 ^ (bits & 1 ? 0x9908B0DFu : 0);
    }
    random->position = 0;
}

/* The next 32 bits. */
static uint32_t next_u32(struct numpy_random *random)
{
    if (random->position == N)
        refill(random);
    uint32_t bits = random->words[random->position++];
    bits ^= bits >> 11;
    bits ^= bits << 7 & 0x9D2C5680u;
    bits ^= bits << 15 & 0xEFC60000u;
    return bits ^ bits >> 18;
}

double numpy_random_uniform(struct numpy_random *random)
{
    uint32_t high = next_u32(random) >> 5, low = next_u32(random) >> 6;
    return ((double)high * 67108864.0 + (double)low) / 9007199254740992.0;
}

uint32_t numpy_random_below(struct numpy_random *random, uint32_t bound)
{
    uint32_t largest = bound - 1, mask = largest, value;
    if (largest == 0)
        return 0;
    for (int shift = 1; shift < 32; shift *= 2)
        mask |= mask >> shift;
    while ((value = next_u32(random) & mask) > largest)
        ;
    return value;
}
