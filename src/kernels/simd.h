/* One binary for every x86-64: a function marked VALENCE_CLONES is compiled for the baseline, for
 * AVX2 and for AVX-512, and the loader picks the best one the processor has. Elsewhere, and under
 * sanitizers (whose start-up comes after the picking), it is compiled once. VALENCE_WITHOUT_AVX512
 * (CMake's VALENCE_AVX512=OFF) leaves AVX-512 and AMX out. */
#ifndef VALENCE_KERNELS_SIMD_H
#define VALENCE_KERNELS_SIMD_H

#include "kernels/real.h"

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && !defined(VALENCE_SANITIZED)
#ifdef VALENCE_WITHOUT_AVX512
#define VALENCE_CLONES __attribute__((target_clones("arch=x86-64-v3", "default")))
#else
#define VALENCE_CLONES __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#endif
#else
#define VALENCE_CLONES
#endif

/* For what clones call: it must be inlined to be compiled with them. */
#define VALENCE_INLINE static inline __attribute__((always_inline))

#include <math.h>
#include <stdint.h>
#include <string.h>

/* exp(x) that loops can be vectorised over. Float: within 2 units in the last place for x in [-87,
 * 88], clamped beyond.
 *
 *   x = n ln 2 + r, |r| <= ln 2 / 2;  exp(x) = 2^n (1 + r + r^2/2! + ... + r^7/7!),  remainder
 * below 6e-9 */
VALENCE_INLINE real real_exp(real x)
{
#ifdef VALENCE_DOUBLE
    return exp(x);
#else
    const float shift =
        0x1.8p23f; /* adding it rounds to an integer and leaves that in the low bits */
    x = x < -87.0f ? -87.0f : x > 88.0f ? 88.0f : x;
    float shifted = x * 0x1.715476p0f + shift;
    float n = shifted - shift;
    float r = x - n * 0x1.62e4p-1f;
    r = r - n * 0x1.7f7d1cp-20f;
    float p = 1.0f / 5040.0f;
    p = p * r + 1.0f / 720.0f;
    p = p * r + 1.0f / 120.0f;
    p = p * r + 1.0f / 24.0f;
    p = p * r + 1.0f / 6.0f;
    p = p * r + 0.5f;
    p = p * r + 1.0f;
    p = p * r + 1.0f;
    uint32_t bits;
    memcpy(&bits, &shifted, sizeof bits);
    bits = (bits << 23) + 0x3F800000u;
    float power;
    memcpy(&power, &bits, sizeof power);
    return p * power;
#endif
}

/* tanh(x) = (1 - e) / (1 + e) with e = exp(-2 |x|) and x's sign. Near 0, where 1 - e cancels, its
 * series instead:
 *
 *   x - x^3/3 + 2x^5/15 - 17x^7/315 + 62x^9/2835 - 1382x^11/155925,  remainder below 2e-8 x for |x|
 * < 0.35
 *
 * Both are computed and one is chosen, as vector code does. Float: relative error below 3e-7. */
VALENCE_INLINE real real_tanh(real x)
{
#ifdef VALENCE_DOUBLE
    return tanh(x);
#else
    float magnitude = x < 0 ? -x : x, square = x * x;
    float series = -1382.0f / 155925.0f;
    series = series * square + 62.0f / 2835.0f;
    series = series * square - 17.0f / 315.0f;
    series = series * square + 2.0f / 15.0f;
    series = series * square - 1.0f / 3.0f;
    series = x + x * square * series;
    float e = real_exp(-2.0f * magnitude);
    float quotient = (1.0f - e) / (1.0f + e);
    quotient = x < 0 ? -quotient : quotient;
    return magnitude < 0.35f ? series : quotient;
#endif
}

#endif
