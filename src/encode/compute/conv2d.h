/* Two-dimensional convolutions of pictures with channels innermost: (channels, width, height,
 * pictures) in ggml's order. */
#ifndef VALENCE_ENCODE_COMPUTE_CONV2D_H
#define VALENCE_ENCODE_COMPUTE_CONV2D_H

#include "encode/compute/graph.h"
#include "encode/compute/int8_matrix.h"

struct conv2d {
    /* (kernel * kernel * in, out): rows, columns, channels of a window */
    struct ggml_tensor *weight;
    struct ggml_tensor *bias; /* (out) */
    int64_t in, out, kernel, stride;
    /* For the fused forms, owned, one of them: the weights in panels (panel.h), in those of bytes
     * where conv2d_suits_int8(), or in blocks where conv2d_suits_bf16(). */
    float *packed;
    struct int8_matrix bytes;
    uint16_t *packed_bf16;
};

/* Packs the weights for the fused form. Errors: MEMORY. */
int conv2d_pack(struct conv2d *conv, struct valence_error *error);
void conv2d_free(struct conv2d *conv);

/* y = W * x + b, zeros beyond the border, half the kernel on each side; then + residual where there
 * is one, then ReLU where asked. x may have pixels apart (a group of channels); y is packed. */
struct ggml_tensor *graph_conv2d(struct graph *graph, const struct conv2d *conv,
                                 struct ggml_tensor *x, struct ggml_tensor *residual, bool relu);

static inline int64_t conv2d_output_size(const struct conv2d *conv, int64_t size)
{
    return (size + conv->kernel / 2 * 2 - conv->kernel) / conv->stride + 1;
}

#endif
