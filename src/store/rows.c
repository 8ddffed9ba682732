#include "store/rows.h"

#include <float.h>
#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "base/half.h"

#define LARGEST_HALF 65504.0f
#define BLOCK        256

/* Blocks without a bad value, nearly all, are found by a loop that vectorises; a bad one is
 * searched again. */
static int64_t first_beyond(const float *values, int64_t n, float limit)
{
    for (int64_t start = 0; start < n; start += BLOCK) {
        int64_t end = n - start < BLOCK ? n : start + BLOCK;
        int n_bad = 0;
        for (int64_t i = start; i < end; i++)
            n_bad += !(fabsf(values[i]) <= limit);
        for (int64_t i = start; n_bad && i < end; i++)
            if (!(fabsf(values[i]) <= limit))
                return i;
    }
    return -1;
}

int64_t rows_encode(const float *values, int64_t n, enum valence_dtype type, void *out)
{
    bool half = type == VALENCE_F16;
    /* Values up to 65520 would still round to the largest half; the limit of the format is easier
     * to explain. */
    int64_t bad = first_beyond(values, n, half ? LARGEST_HALF : FLT_MAX);
    if (bad >= 0)
        return bad;
    if (half)
        for (int64_t i = 0; i < n; i++) {
            uint16_t element = float_to_half(values[i]);
            memcpy((char *)out + i * 2, &element, sizeof element);
        }
    else
        memcpy(out, values, (size_t)n * sizeof *values);
    return -1;
}

void rows_decode(const void *elements, int64_t n, enum valence_dtype type, float *out)
{
    if (type == VALENCE_F16)
        for (int64_t i = 0; i < n; i++) {
            uint16_t element;
            memcpy(&element, (const char *)elements + i * 2, sizeof element);
            out[i] = half_to_float(element);
        }
    else
        memcpy(out, elements, (size_t)n * sizeof *out);
}
