/* What the forms in bytes and in bf16 share. They convert pictures once and give them their border;
 * then the windows of neighbouring pixels are rows that overlap, so that none is gathered. */
#ifndef VALENCE_ENCODE_COMPUTE_CONV2D_WINDOWS_H
#define VALENCE_ENCODE_COMPUTE_CONV2D_WINDOWS_H

#include "encode/compute/conv2d_node.h"

/* Sizes of a picture with its border, in values. */
struct conv2d_plane {
    int64_t pad, rows, row_values, values;
};

struct conv2d_windows {
    int64_t most_floats; /* of converted pictures at a time: they stay in the cache */
    int64_t (*picture_floats)(const struct conv2d_plane *plane, const struct ggml_tensor *x);

    /* Converts `n` pictures of x from `first` into the shared memory, all threads together. */
    void (*convert)(struct conv2d_node *node, const struct ggml_tensor *x, int64_t first, int64_t n,
                    const struct conv2d_plane *plane, int ith, int nth);

    /* y (windows, n) = outputs `column` ... of as many windows, from the first of an output row, of
     * a picture among the converted ones. */
    void (*multiply)(const struct conv2d_node *node, const struct ggml_tensor *x,
                     const struct conv2d_plane *plane, int64_t picture, int64_t row,
                     int64_t windows, int64_t column, int64_t n, float *y);
};

/* The node, whose `compute` calls conv2d_windows_compute() with the same form. */
struct ggml_tensor *
conv2d_windows_create(struct graph *graph, const struct conv2d *conv, struct ggml_tensor *x,
                      struct ggml_tensor *residual, bool relu, const struct conv2d_windows *form,
                      void (*compute)(struct ggml_tensor *y, int ith, int nth, void *node));
void conv2d_windows_compute(struct ggml_tensor *y, int ith, int nth, struct conv2d_node *node,
                            const struct conv2d_windows *form);

#endif
