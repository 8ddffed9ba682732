/* What int8_pack() must make of weights, written as in int8_product.h: for tests. */
#ifndef VALENCE_TESTS_INT8_REFERENCE_H
#define VALENCE_TESTS_INT8_REFERENCE_H

#include <math.h>

#include "encode/compute/int8_product.h"

/* How many weights of a row, of `taps` times `length`, have a scale in common from `first` on. */
static inline int64_t reference_slice(int64_t taps, int64_t length, int64_t first)
{
    int64_t slice = int8_slice(), left = length - first % length;
    return slice == 0 ? taps * length : left < slice ? left : slice;
}

/* A slice's scale. */
static inline float reference_scale(int64_t n, const float *w)
{
    float largest = 0;
    for (int64_t k = 0; k < n; k++) {
        largest = fmaxf(largest, fabsf(w[k]));
        if (int8_slice() && k % 2 == 1)
            largest = fmaxf(largest, fabsf(w[k - 1] + w[k]));
    }
    return largest / 127;
}

/* A whole row becomes what its bytes stand for. */
static inline void reference_weights(int64_t taps, int64_t length, float *w)
{
    for (int64_t first = 0, n; first < taps * length; first += n) {
        n = reference_slice(taps, length, first);
        float scale = reference_scale(n, w + first);
        for (int64_t k = first; k < first + n; k++)
            w[k] = rintf(w[k] * (1 / scale)) * scale;
    }
}

#endif
