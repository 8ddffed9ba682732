/* Rows of f32 on their way into and out of a store's element type. */
#ifndef VALENCE_STORE_ROWS_H
#define VALENCE_STORE_ROWS_H

#include <stdint.h>

#include "valence/stream.h"

/* Converts n values to `type` at `out`. Gives the index of the first value that is NaN, infinite or
 * beyond the type's range, -1 if there is none; the content of `out` is undefined then. `out` need
 * not be aligned. */
int64_t rows_encode(const float *values, int64_t n, enum valence_dtype type, void *out);

/* n elements of `type` as f32. */
void rows_decode(const void *elements, int64_t n, enum valence_dtype type, float *out);

#endif
