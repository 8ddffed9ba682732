/* The forms of int8_product.h's sums, one for each kind of processor. */
#ifndef VALENCE_ENCODE_COMPUTE_INT8_FORM_H
#define VALENCE_ENCODE_COMPUTE_INT8_FORM_H

#include "encode/compute/int8_product.h"

#define INT8_GROUP_BYTES 4 /* neighbours in the depth that are multiplied together */

/* Scales, sums of the columns, then for each group of each tap the columns' values. A panel is one
 * slice, or several one after the other where the form cuts the depth. */
struct int8_packed_slice {
    float scales[INT8_COLUMNS];
    int32_t totals[INT8_COLUMNS];
    unsigned char groups[];
};

struct int8_form {
    const char *name;
    int depth_unit; /* a tap's length is filled up with weights of 0 to a multiple of it */
    int bias;       /* what was taken from each value of x before it was multiplied */
    int max_rows;   /* of one call */

    /* 0, or where sums of two products are kept in 16 bits: the values of a tap whose weights share
     * a scale, which limits those sums (int8_product.h). A multiple of depth_unit, which is a
     * group. */
    int slice;

    /* One of the two, for n <= max_rows rows, `stride` bytes apart, and INT8_COLUMNS columns.
     *
     * Without slices: sums (n, INT8_COLUMNS); taps are `tap_stride` bytes apart. */
    void (*sums)(const struct int8_shape *shape, int64_t n_groups, int64_t n, const char *x,
                 int64_t stride, int64_t tap_stride, const unsigned char *groups, int32_t *sums);

    /* With them: t_j (sum_ij - z_i total_j) of a slice is added to sums (n, INT8_COLUMNS). Without
     * fused multiplications and additions, so that all forms give the same bits. */
    void (*add_slice)(const struct int8_packed_slice *slice, int64_t n_groups, int64_t n,
                      const char *x, int64_t stride, const int32_t *zeros, float *sums);

    /* Around some calls; NULL where there is nothing to prepare. */
    void (*begin)(void *saved);
    void (*end)(void *saved);
};

#define INT8_SAVED_BYTES 64 /* what begin() keeps for end() */

/* NULL where the processor, or this build, has none. */
const struct int8_form *int8_form(void);

/* What the files for the architectures offer int8_form(), the best first. */
const struct int8_form *int8_form_x86(void);
const struct int8_form *int8_form_arm(void);

/* ---- Slices ---- */

struct int8_slice {
    int64_t x, w; /* where it begins in a row of x, and in one of W */
    struct int8_shape shape;
};

int64_t int8_n_slices(const struct int8_form *form, const struct int8_shape *shape);
struct int8_slice int8_slice_at(const struct int8_form *form, const struct int8_shape *shape,
                                int64_t index);

/* Groups of one of its taps, and bytes of all. */
int64_t int8_slice_groups(const struct int8_form *form, const struct int8_slice *slice);
size_t int8_slice_bytes(const struct int8_form *form, const struct int8_slice *slice);

#endif
