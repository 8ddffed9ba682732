/* A matrix product of rows that lie anywhere in memory with a matrix packed beforehand:
 * convolutions need no im2col, and what is multiplied more than once is packed once. One thread;
 * chosen for the processor at run time.
 *
 *   out_i[j] = sum over t, k of a_i[offset_t + k step] * b[(t length + k) PANEL + j],   j < PANEL
 *
 * or that added to out_i[j]. A convolution's window is `taps` stretches of `length` values: its
 * kernel's rows, as pixels' channels are innermost. A row of a transposed matrix has a step. A sum
 * is taken in the order of k, whatever rows are computed beside it. */
#ifndef VALENCE_KERNELS_PANEL_H
#define VALENCE_KERNELS_PANEL_H

#include <stdbool.h>
#include <stdint.h>

#include "kernels/real.h"

#define PANEL 32 /* columns computed together */

struct panel_shape {
    int taps;
    const int64_t *offsets; /* (taps) */
    int64_t length;
    int64_t step; /* between the values of a stretch */
    bool add;     /* to what is in `out` */
};

/* n rows: a[i] is where row i's window starts, out[i] where its PANEL results go. */
void panel_product(const struct panel_shape *shape, int64_t n, const real *const *a, const real *b,
                   real *const *out);

/* Packs weights (out, depth), whose rows are `stride` apart, into ceil(out / PANEL) panels of
 * (depth, PANEL), zeros beyond `out`. */
void panel_pack(int64_t out, int64_t depth, const real *weights, int64_t stride, real *packed);

/* The same of their transpose: weights (depth, out). */
void panel_pack_transposed(int64_t out, int64_t depth, const real *weights, int64_t stride,
                           real *packed);

int64_t panel_count(int64_t out);

#endif
