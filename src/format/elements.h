/* The element types of foreign arrays, and one conversion of them to the types that valence
 * computes with. */
#ifndef VALENCE_FORMAT_ELEMENTS_H
#define VALENCE_FORMAT_ELEMENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ARRAY_MAX_DIMS 8

/* name (as safetensors spells it), bytes, letter of NumPy's kind */
#define ELEMENT_TYPE_MAP(X)                                                                        \
    X(BOOL, 1, 'b')                                                                                \
    X(U8, 1, 'u')                                                                                  \
    X(I8, 1, 'i')                                                                                  \
    X(U16, 2, 'u')                                                                                 \
    X(I16, 2, 'i')                                                                                 \
    X(U32, 4, 'u')                                                                                 \
    X(I32, 4, 'i')                                                                                 \
    X(U64, 8, 'u')                                                                                 \
    X(I64, 8, 'i')                                                                                 \
    X(F16, 2, 'f')                                                                                 \
    X(BF16, 2, '?')                                                                                \
    X(F32, 4, 'f')                                                                                 \
    X(F64, 8, 'f')

enum element_type {
#define ELEMENT_TYPE_ENUM(name, bytes, kind) ELEMENT_##name,
    ELEMENT_TYPE_MAP(ELEMENT_TYPE_ENUM)
#undef ELEMENT_TYPE_ENUM
        N_ELEMENT_TYPES
};

const char *element_type_name(enum element_type type); /* "F32" */
size_t element_type_size(enum element_type type);

/* The type that safetensors calls `name`, or -1. */
int element_type_from_name(const char *name);

/* The type that NumPy calls by that letter and size ('f', 4; 'b' is bool), or -1. */
int element_type_from_numpy(char kind, int64_t bytes);
char element_type_numpy_kind(enum element_type type); /* '?' for BF16, which NumPy lacks */

/* Product of the sizes; false if one is negative or the product overflows. No dimensions: 1. */
bool shape_count(const int64_t *shape, int n_dims, int64_t *count);

/* "(3, 4)" into `text`, for error messages; cut where it does not fit. Returns `text`. */
const char *shape_text(const int64_t *shape, int n_dims, char *text, size_t size);
#define SHAPE_TEXT_BYTES 192

/* Converts n elements at `data` (of any alignment; `swapped`: in the byte order that is not the
 * machine's). To float, out of range becomes infinite and integers round to nearest. */
void elements_to_float(enum element_type type, bool swapped, const void *data, int64_t n,
                       float *out);
void elements_to_double(enum element_type type, bool swapped, const void *data, int64_t n,
                        double *out);

/* To int64, for counts and indices: false if an element is not a whole number in range. */
bool elements_to_int64(enum element_type type, bool swapped, const void *data, int64_t n,
                       int64_t *out);

#endif
