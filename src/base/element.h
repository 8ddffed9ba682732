/* A value of rows, whatever their element type. */
#ifndef VALENCE_BASE_ELEMENT_H
#define VALENCE_BASE_ELEMENT_H

#include "base/half.h"
#include "valence/stream.h"

/* values[i], where `values` is aligned. */
static inline float element_at(const void *values, enum valence_dtype type, int64_t i)
{
    return type == VALENCE_F16 ? half_to_float(((const uint16_t *)values)[i])
                               : ((const float *)values)[i];
}

#endif
