/* NumPy arrays and scalars within pickles. */
#ifndef VALENCE_FORMAT_PICKLE_PICKLE_NUMPY_H
#define VALENCE_FORMAT_PICKLE_PICKLE_NUMPY_H

#include <stdbool.h>
#include <stdint.h>

#include "format/npy.h"
#include "format/pickle/pickle.h"

/* An array that a pickle holds, its elements still in the pickle. */
struct pickle_array {
    struct npy_header header; /* data_start is 0 */
    /* BYTES: header.count elements of numbers or texts; NULL for objects */
    const struct pickle_value *elements;
    /* of an array of objects: LIST of header.count values; NULL for the others */
    const struct pickle_value *objects;
};

/* Understands numpy.ndarray (numpy.core.multiarray._reconstruct and its state), checked. False
 * if the value is anything else or malformed. */
bool pickle_get_array(const struct pickle_value *value, struct pickle_array *array);

/* Opens such an array of numbers or texts, to be closed before the pickle is freed. */
int pickle_open_array(const struct pickle *pickle, const struct pickle_array *array,
                      const char *name, struct npy **opened, struct valence_error *error);

/* An int, float, bool or NumPy scalar as double; false for anything else. */
bool pickle_get_number(const struct pickle_value *value, double *number);

#endif
