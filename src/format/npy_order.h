/* Inside the .npy reader: arrays whose elements do not lie in C order. */
#ifndef VALENCE_FORMAT_NPY_ORDER_H
#define VALENCE_FORMAT_NPY_ORDER_H

#include "format/npy.h"

/* Rows (along the first dimension) that were brought into C order. */
struct npy_order {
    int64_t strides[ARRAY_MAX_DIMS]; /* in elements */
    int64_t first, n;                /* the rows that `slab` holds */
    int64_t room;                    /* rows that it has room for; 0: not made yet */
    int64_t row_elements;
    unsigned char *slab;
};

/* Strides of an array in Fortran order. */
void npy_fortran_strides(const struct npy_header *header, int64_t *strides);

/* True if the elements lie in C order; the strides of dimensions of size 1 do not matter. */
bool npy_strides_are_plain(const struct npy_header *header, const int64_t *strides);

/* True if every element lies within the first `available` elements and the array has no more
 * elements than that (a stride of 0 could claim any size). */
bool npy_strides_fit(const struct npy_header *header, const int64_t *strides, int64_t available);

/* Elements first ... first+n-1 in C order. `read` gives bytes from a position behind the header. */
int npy_order_read(struct npy_order *order, const struct npy_header *header, int64_t first,
                   int64_t n, unsigned char *out,
                   int (*read)(void *user, uint64_t position, void *out, size_t bytes,
                               struct valence_error *error),
                   void *user, struct valence_error *error);
void npy_order_free(struct npy_order *order);

#endif
