/* A matrix product for convolutions on a CPU: rows that lie anywhere in memory times weights packed
 * beforehand, so that neither im2col nor packing is needed. One thread; chosen for the processor at
 * run time.
 *
 *   out_i[j] = sum over t, k of a_i[offset_t + k] * b[(t length + k) PANEL + j],   j < PANEL
 *
 * A convolution's window is `taps` stretches of `length` floats: its kernel's rows, as pixels'
 * channels are innermost. */
#ifndef VALENCE_ENCODE_COMPUTE_PANEL_H
#define VALENCE_ENCODE_COMPUTE_PANEL_H

#include <stdint.h>

#define PANEL 32 /* outputs computed together */

struct panel_shape {
    int taps;
    const int64_t *offsets; /* (taps) */
    int64_t length;
};

/* n rows: a[i] is where row i's window starts, out[i] where its PANEL results go. */
void panel_product(const struct panel_shape *shape, int64_t n, const float *const *a,
                   const float *b, float *const *out);

/* Packs weights (out, depth), whose rows are `stride` apart, into ceil(out / PANEL) panels of
 * (depth, PANEL), zeros beyond `out`. */
void panel_pack(int64_t out, int64_t depth, const float *weights, int64_t stride, float *packed);

/* The same of their transpose: weights (depth, out). */
void panel_pack_transposed(int64_t out, int64_t depth, const float *weights, int64_t stride,
                           float *packed);

int64_t panel_count(int64_t out);

#endif
