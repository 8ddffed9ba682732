/* ggml's type q8_0: blocks of 32 values, value = scale * quant. A scale has 11 bits of precision,
 * so that the values are exact as floats. */
#ifndef VALENCE_ENCODE_COMPUTE_Q8_0_H
#define VALENCE_ENCODE_COMPUTE_Q8_0_H

#include <stdint.h>
#include <string.h>

#include "base/half.h"
#include "kernels/simd.h"

#define Q8_0_VALUES 32

struct block_q8_0 {
    uint16_t scale; /* half precision */
    int8_t quants[Q8_0_VALUES];
};

VALENCE_INLINE float q8_0_scale(const struct block_q8_0 *block)
{
#if defined(__FLT16_MAX__) /* the compiler has the type, and the processor may convert it */
    _Float16 scale;
    memcpy(&scale, &block->scale, sizeof scale);
    return (float)scale;
#else
    return half_to_float(block->scale);
#endif
}

#endif
