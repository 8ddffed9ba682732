#include "base/sha256.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

static const uint32_t round_constants[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

static uint32_t rotate(uint32_t x, int n)
{
    return x >> n | x << (32 - n);
}

static void digest_portably(uint32_t state[8], const unsigned char *block)
{
    uint32_t w[64], v[8];
    for (int i = 0; i < 16; i++)
        w[i] = (uint32_t)block[4 * i] << 24 | (uint32_t)block[4 * i + 1] << 16 |
               (uint32_t)block[4 * i + 2] << 8 | block[4 * i + 3];
    for (int i = 16; i < 64; i++) {
        uint32_t a = w[i - 15], b = w[i - 2];
        w[i] = w[i - 16] + (rotate(a, 7) ^ rotate(a, 18) ^ a >> 3) + w[i - 7] +
               (rotate(b, 17) ^ rotate(b, 19) ^ b >> 10);
    }
    memcpy(v, state, sizeof v);
    for (int i = 0; i < 64; i++) {
        uint32_t a = v[0], e = v[4];
        uint32_t one = v[7] + (rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25)) +
                       ((e & v[5]) ^ (~e & v[6])) + round_constants[i] + w[i];
        uint32_t two = (rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22)) +
                       ((a & v[1]) ^ (a & v[2]) ^ (v[1] & v[2]));
        memmove(v + 1, v, 7 * sizeof *v);
        v[4] += one;
        v[0] = one + two;
    }
    for (int i = 0; i < 8; i++)
        state[i] += v[i];
}

#if defined(__x86_64__)
/* Four rounds with the processor's instructions: the state lies in two registers as (a b e f) and
 * (c d g h), high to low, and `w` holds four words of the schedule. */
#define FOUR_ROUNDS(abef, cdgh, w, i)                                                              \
    do {                                                                                           \
        __m128i sum =                                                                              \
            _mm_add_epi32(w, _mm_loadu_si128((const __m128i *)(const void *)&round_constants[i])); \
        cdgh = _mm_sha256rnds2_epu32(cdgh, abef, sum);                                             \
        abef = _mm_sha256rnds2_epu32(abef, cdgh, _mm_shuffle_epi32(sum, 0x0E));                    \
    } while (0)

__attribute__((target("sha,sse4.1"))) static void digest_sha_ni(uint32_t state[8],
                                                                const unsigned char *block)
{
    const __m128i swap = _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203);
    __m128i low = _mm_loadu_si128((const __m128i *)(const void *)&state[0]);
    __m128i high = _mm_loadu_si128((const __m128i *)(const void *)&state[4]);
    low = _mm_shuffle_epi32(low, 0xB1);
    high = _mm_shuffle_epi32(high, 0x1B);
    __m128i abef = _mm_alignr_epi8(low, high, 8), cdgh = _mm_blend_epi16(high, low, 0xF0);
    __m128i abef_before = abef, cdgh_before = cdgh, w[4];
    for (int i = 0; i < 4; i++) {
        const void *words = block + 16 * i;
        w[i] = _mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)words), swap);
        FOUR_ROUNDS(abef, cdgh, w[i], 4 * i);
    }
    for (int i = 4; i < 16; i++) {
        __m128i next = _mm_sha256msg1_epu32(w[i & 3], w[(i + 1) & 3]);
        next = _mm_add_epi32(next, _mm_alignr_epi8(w[(i + 3) & 3], w[(i + 2) & 3], 4));
        w[i & 3] = _mm_sha256msg2_epu32(next, w[(i + 3) & 3]);
        FOUR_ROUNDS(abef, cdgh, w[i & 3], 4 * i);
    }
    abef = _mm_shuffle_epi32(_mm_add_epi32(abef, abef_before), 0x1B);
    cdgh = _mm_shuffle_epi32(_mm_add_epi32(cdgh, cdgh_before), 0xB1);
    _mm_storeu_si128((__m128i *)(void *)&state[0], _mm_blend_epi16(abef, cdgh, 0xF0));
    _mm_storeu_si128((__m128i *)(void *)&state[4], _mm_alignr_epi8(cdgh, abef, 8));
}

/* CPUID leaf 7, EBX bit 29: __builtin_cpu_supports() of GCC 12 does not know it. Asked once, since
 * a virtual machine takes long to answer. */
static bool has_sha_ni(void)
{
    enum { UNKNOWN, NO, YES };
    static atomic_int answer = UNKNOWN;
    if (atomic_load_explicit(&answer, memory_order_relaxed) == UNKNOWN) {
        uint32_t a = 7, b = 0, c = 0, d = 0;
        __asm__("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
        bool has = (b >> 29 & 1) && __builtin_cpu_supports("sse4.1");
        atomic_store_explicit(&answer, has ? YES : NO, memory_order_relaxed);
    }
    return atomic_load_explicit(&answer, memory_order_relaxed) == YES;
}
#endif

static void digest_blocks(uint32_t state[8], const unsigned char *data, size_t n)
{
    void (*digest)(uint32_t[8], const unsigned char *) = digest_portably;
#if defined(__x86_64__)
    if (has_sha_ni())
        digest = digest_sha_ni;
#endif
    for (size_t i = 0; i < n; i++)
        digest(state, data + 64 * i);
}

void sha256_begin(struct sha256 *digest)
{
    *digest = (struct sha256){.state = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f,
                                        0x9b05688c, 0x1f83d9ab, 0x5be0cd19}};
}

void sha256_add(struct sha256 *digest, const void *data, size_t size)
{
    const unsigned char *bytes = data;
    size_t used = digest->n_bytes % 64;
    digest->n_bytes += size;
    if (used) {
        size_t n = size < 64 - used ? size : 64 - used;
        memcpy(digest->rest + used, bytes, n);
        if (used + n < 64)
            return;
        digest_blocks(digest->state, digest->rest, 1);
        bytes += n;
        size -= n;
    }
    digest_blocks(digest->state, bytes, size / 64);
    if (size % 64)
        memcpy(digest->rest, bytes + size / 64 * 64, size % 64);
}

/* A one bit, zeros, and the length in bits. */
void sha256_end(struct sha256 *digest, char text[SHA256_TEXT_BYTES])
{
    uint64_t bits = digest->n_bytes * 8;
    size_t used = digest->n_bytes % 64, n = used < 56 ? 64 - used : 128 - used;
    unsigned char padding[128] = {0x80};
    for (size_t i = 0; i < 8; i++)
        padding[n - 1 - i] = (unsigned char)(bits >> (8 * i));
    sha256_add(digest, padding, n);
    for (int i = 0; i < 8; i++)
        snprintf(text + 8 * i, 9, "%08x", (unsigned)digest->state[i]);
}

void sha256_text(const void *data, size_t size, char text[SHA256_TEXT_BYTES])
{
    struct sha256 digest;
    sha256_begin(&digest);
    if (size)
        sha256_add(&digest, data, size);
    sha256_end(&digest, text);
}
