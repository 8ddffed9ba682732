/* NumPy arrays and scalars within pickles. */
#ifndef VALENCE_FORMAT_PICKLE_NUMPY_H
#define VALENCE_FORMAT_PICKLE_NUMPY_H

#include <stdbool.h>
#include <stdint.h>

#include "format/elements.h"
#include "format/pickle.h"

/* An array that a pickle holds, its elements still in the pickle. */
struct pickle_array {
    enum element_type type; /* of numbers */
    bool swapped;
    bool fortran_order;
    int n_dims;
    int64_t shape[ARRAY_MAX_DIMS];
    int64_t count;
    const void *data; /* count elements of numbers; NULL for objects */
    const struct pickle_value
        *objects; /* of an array of objects: LIST of count values; NULL for numbers */
};

/* Understands numpy.ndarray (numpy.core.multiarray._reconstruct and its state), checked. False
 * where the value is anything else or malformed. */
bool pickle_get_array(const struct pickle_value *value, struct pickle_array *array);

/* An int, float, bool or NumPy scalar as double; false for anything else. */
bool pickle_get_number(const struct pickle_value *value, double *number);

#endif
