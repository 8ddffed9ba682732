/* The arrays of a file, whatever its format, and what their values are like. */
#ifndef VALENCE_FORMAT_ARRAY_LIST_H
#define VALENCE_FORMAT_ARRAY_LIST_H

#include "format/npy.h"

/* Something in the file: an array of numbers or texts, or, with `array` NULL, something else, in
 * words ("list of 12"). */
struct array_entry {
    const char *name; /* "audio", "train.audio"; "" for the one array of an .npy */
    struct npy *array;
    const char *what;
};

typedef int (*array_visit)(void *user, const struct array_entry *entry,
                           struct valence_error *error);

/* Calls `visit` for everything in an .npy, .npz, .safetensors, .pkl or .pt, until it returns an
 * error, which is given back. Of a pickle, dicts of up to 64 texts as keys are entered, to a depth
 * of 8. ERROR_UNSUPPORTED for another ending. */
int array_list_file(const char *path, array_visit visit, void *user, struct valence_error *error);

/* Of numbers, read in pieces. */
struct array_values {
    int64_t n_nan, n_infinite;
    double low, high; /* of the others; low > high if there are none */
    /* columns (of the last dimension) with one value in all of at least 2 rows */
    int64_t n_constant;
};

int array_values_read(struct npy *array, struct array_values *values, struct valence_error *error);

#endif
