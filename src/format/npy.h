/* NumPy arrays: .npy files and the members of .npz archives.
 *
 *   1. "\x93NUMPY", u8 major (1, 2 or 3), u8 minor
 *   2. length of the header: u16 (version 1) or u32 (2 and 3), little-endian
 *   3. the header, a Python literal: {'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), },
 * padded with blanks
 *   4. the elements
 *
 * An array is opened without reading its elements; ranges of them are then read as float or int64,
 * so that an array larger than memory can be imported. Source: NumPy documentation,
 * numpy.lib.format. */
#ifndef VALENCE_FORMAT_NPY_H
#define VALENCE_FORMAT_NPY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "format/archive.h"
#include "format/elements.h"
#include "valence/error.h"

#define NPY_MAX_HEADER_BYTES 65536

enum npy_kind {
    NPY_NUMBERS,
    NPY_TEXTS,  /* '<U12', '|S7': fixed-width texts */
    NPY_OBJECTS /* '|O': pickled; only npy_read_bytes() reads it */
};

struct npy_header {
    enum npy_kind kind;
    enum element_type type; /* of numbers */
    size_t item_bytes;      /* of one element; 0 for objects */
    bool is_unicode;        /* texts of 4-byte code points ('U') rather than of bytes ('S') */
    bool swapped;           /* elements are in the other byte order than this machine's */
    bool fortran_order;     /* the first index varies fastest in the file */
    int n_dims;
    int64_t shape[ARRAY_MAX_DIMS];
    int64_t count;     /* elements */
    size_t data_start; /* bytes before the elements */
};

/* Reads the header from the first bytes of an array. VALENCE_ERROR_UNSUPPORTED for structured,
 * complex and date types; VALENCE_ERROR_FORMAT for anything malformed or cut. */
int npy_parse_header(const void *data, size_t size, const char *name, struct npy_header *header,
                     struct valence_error *error);

struct npy;

/* An array in a file, in memory (which must outlive it) or in an archive (which must outlive
 * it; `member` is the array's name with or without ".npy"). The size of the elements is checked
 * against the header. *array is NULL on error; VALENCE_ERROR_NOT_FOUND if the archive has no
 * such member. */
int npy_open(const char *path, struct npy **array, struct valence_error *error);
int npy_open_memory(const void *data, size_t size, const char *name, struct npy **array,
                    struct valence_error *error);
int npy_open_member(struct archive *archive, const char *member, struct npy **array,
                    struct valence_error *error);

/* An array whose header is known already: its elements are header->data_start bytes into what
 * begins at `position` of `source`, which must outlive the array; `size` bytes of it are the
 * array's. `strides` (in elements, one a dimension, >= 0) says where elements are that lie in no
 * order of NumPy's; NULL: as the header says. Not of objects. */
int npy_open_part(const struct npy_header *header, const int64_t *strides,
                  const struct byte_source *source, uint64_t position, uint64_t size,
                  const char *name, struct npy **array, struct valence_error *error);

/* The same of a member of an archive that is nothing but elements (torch.save's storages). */
int npy_open_member_part(const struct npy_header *header, const int64_t *strides,
                         struct archive *archive, int64_t index, const char *name,
                         struct npy **array, struct valence_error *error);

/* The same of memory, which must outlive the array. */
int npy_open_elements(const struct npy_header *header, const void *data, size_t size,
                      const char *name, struct npy **array, struct valence_error *error);

/* Lets the array close `source`, which it was opened from and which it takes over. */
void npy_take_source(struct npy *array, struct byte_source *source);
void npy_close(struct npy *array);

const struct npy_header *npy_header(const struct npy *array);

/* Elements first ... first+n-1 in C order (the last index varies fastest), whatever the order in
 * the file; of an (N, T, D) array, rows i ... j-1 are the elements i*T*D ... j*T*D-1. A deflated
 * member is read forwards at the cost of decompression only; going back starts it over, and one in
 * Fortran order is refused (VALENCE_ERROR_UNSUPPORTED) unless it is one-dimensional. Before the
 * first element of a member its checksum is compared (VALENCE_ERROR_FORMAT if it is wrong).
 *
 * VALENCE_ERROR_ARGUMENT for a range outside the array; VALENCE_ERROR_UNSUPPORTED for objects and
 * texts; VALENCE_ERROR_DATA if npy_read_int64() finds an element that is not a whole number in
 * range, or npy_read_float() a finite number that is beyond a 32-bit float. */
int npy_read_float(struct npy *array, int64_t first, int64_t n, float *out,
                   struct valence_error *error);
int npy_read_int64(struct npy *array, int64_t first, int64_t n, int64_t *out,
                   struct valence_error *error);

/* Element `index` (C order) of an array of texts, in fresh memory as UTF-8 (free() it). */
int npy_read_text(struct npy *array, int64_t index, char **text, struct valence_error *error);

/* Everything after the header, as it is, in fresh memory (free() it): the pickle of an array of
 * objects. VALENCE_ERROR_LIMIT beyond `maximum` bytes. */
int npy_read_bytes(struct npy *array, size_t maximum, void **data, size_t *size,
                   struct valence_error *error);

/* ---- Writing ---- */

/* Writes what comes before the row-major, little-endian elements; `name` stands for the file in
 * errors. VALENCE_ERROR_UNSUPPORTED for a type that NumPy lacks. A failed write stays in the
 * stream's error flag. */
int npy_write_header(FILE *stream, enum element_type type, int n_dims, const int64_t *shape,
                     const char *name, struct valence_error *error);

/* As above for n texts of `width` code points each, 4 bytes a code point ('<U12'). */
int npy_write_text_header(FILE *stream, int64_t width, int64_t n, const char *name,
                          struct valence_error *error);

/* Writes row-major elements of type F16, F32, F64, I32 or I64 in the machine's byte order
 * (little-endian). */
int npy_write(const char *path, unsigned flags, enum element_type type, int n_dims,
              const int64_t *shape, const void *data, struct valence_error *error);

#endif
