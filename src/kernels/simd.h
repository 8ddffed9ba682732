/* One binary for every x86-64: a function marked VALENCE_CLONES is compiled for the baseline, for AVX2 and for AVX-512,
 * and the loader picks the best one the processor has. Elsewhere, and under sanitizers (whose start-up comes after the
 * picking), it is compiled once. */
#ifndef VALENCE_KERNELS_SIMD_H
#define VALENCE_KERNELS_SIMD_H

#include "kernels/real.h"

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && !defined(VALENCE_SANITIZED)
#define VALENCE_CLONES                                                                             \
    __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define VALENCE_CLONES
#endif

/* For what clones call: it must be inlined to be compiled with them. */
#define VALENCE_INLINE static inline __attribute__((always_inline))

#include <math.h>
#include <stdint.h>
#include <string.h>

/* exp(x) that loops can be vectorised over. Float: within 2 units in the last place for x in [-87, 88], clamped beyond.
 *
 *   x = n ln 2 + r, |r| <= ln 2 / 2;  exp(x) = 2^n (1 + r + r^2/2! + ... + r^7/7!),  remainder below 6e-9 */
VALENCE_INLINE real real_exp(real x)
{
#ifdef VALENCE_DOUBLE
    return exp(x);
#else
    const float shift = 0x1.8p23f; /* adding it rounds to an integer and leaves that in the low bits */
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

/* tanh(x) = (1 - e) / (1 + e) with e = exp(-2 |x|) and x's sign; absolute error below 2e-7 in float. */
VALENCE_INLINE real real_tanh(real x)
{
#ifdef VALENCE_DOUBLE
    return tanh(x);
#else
    float e = real_exp(-2.0f * (x < 0 ? -x : x));
    float t = (1.0f - e) / (1.0f + e);
    return x < 0 ? -t : t;
#endif
}

#endif
