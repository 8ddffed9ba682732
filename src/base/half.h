/* IEEE half precision and bfloat16 to single precision and back, with correct rounding; also
 * compiled for machines without F16C. */
#ifndef VALENCE_BASE_HALF_H
#define VALENCE_BASE_HALF_H

#include <stdint.h>
#include <string.h>

static inline float half_to_float(uint16_t half)
{
    uint32_t sign = (uint32_t)(half & 0x8000u) << 16, exponent = half >> 10 & 31u,
             mantissa = half & 1023u;
    uint32_t bits;
    if (exponent == 31)
        bits = sign | 0x7F800000u | mantissa << 13;
    else if (exponent != 0)
        bits = sign | (exponent + 112) << 23 | mantissa << 13;
    else { /* zero and subnormals: mantissa * 2^-24, exact in single precision */
        float value = (float)mantissa * 0x1p-24f;
        return sign ? -value : value;
    }
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* Round to nearest, ties to even; beyond the largest half the result is infinite. */
static inline uint16_t float_to_half(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    uint32_t sign = bits >> 16 & 0x8000u, magnitude = bits & 0x7FFFFFFFu;
    if (magnitude > 0x7F800000u)
        return (uint16_t)(sign | 0x7E00u);
    if (magnitude >= 0x477FF000u) /* 65520 and above round to infinity */
        return (uint16_t)(sign | 0x7C00u);
    if (magnitude >= 0x38800000u) { /* normal: re-bias, round the 13 dropped bits */
        uint32_t rounded = magnitude - 0x38000000u + 0xFFFu + (magnitude >> 13 & 1u);
        return (uint16_t)(sign | rounded >> 13);
    }
    /* Subnormal: adding 0.5 lets the adder round to a multiple of 2^-24. */
    float absolute;
    memcpy(&absolute, &magnitude, sizeof absolute);
    absolute += 0.5f;
    memcpy(&bits, &absolute, sizeof bits);
    return (uint16_t)(sign | (bits - 0x3F000000u));
}

/* bfloat16 is the upper half of a single. Round to nearest, ties to even; NaN keeps its upper half,
 * with a bit that keeps it NaN. Without a branch, so that loops over it are vectorised. */
static inline uint16_t float_to_bf16(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    uint32_t rounded = (bits + 0x7FFFu + (bits >> 16 & 1u)) >> 16, quiet = bits >> 16 | 0x40u;
    return (uint16_t)((bits & 0x7FFFFFFFu) > 0x7F800000u ? quiet : rounded);
}

static inline float bf16_to_float(uint16_t half)
{
    uint32_t bits = (uint32_t)half << 16;
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

#endif
