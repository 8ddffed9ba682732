/* Two-dimensional convolutions of pictures with channels innermost: (channels, width, height, pictures) in ggml's order. */
#ifndef VALENCE_ENCODE_CONV2D_H
#define VALENCE_ENCODE_CONV2D_H

#include "encode/graph.h"

struct conv2d {
    struct ggml_tensor
        *weight;              /* (kernel * kernel * in, out): rows, columns, channels of a window */
    struct ggml_tensor *bias; /* (out) */
    int64_t in, out, kernel, stride;
    float *packed; /* the weights in panels (panel.h), owned; NULL where the graph is not fused */
};

/* Packs the weights for the fused form. Errors: MEMORY. */
int conv2d_pack(struct conv2d *conv, struct valence_error *error);
void conv2d_free(struct conv2d *conv);

/* y = W * x + b, zeros beyond the border, half the kernel on each side; then + residual where there is one, then ReLU
 * where asked. x may have pixels apart (a group of channels); y is packed. */
struct ggml_tensor *graph_conv2d(struct graph *graph, const struct conv2d *conv,
                                 struct ggml_tensor *x, struct ggml_tensor *residual, bool relu);

/* ---- The CPU's own forms --------------------------------------------------------------------------------------- */

struct ggml_tensor *cpu_conv2d(struct graph *graph, const struct conv2d *conv,
                               struct ggml_tensor *x, struct ggml_tensor *residual, bool relu);

/* Winograd's F(4x4, 3x3), where conv2d_suits_winograd(): a quarter of the products, and ten times the
 * rounding (of the whole network's embedding, four times). */
bool conv2d_suits_winograd(const struct conv2d *conv, const struct ggml_tensor *x);
struct ggml_tensor *cpu_winograd(struct graph *graph, const struct conv2d *conv,
                                 struct ggml_tensor *x, struct ggml_tensor *residual, bool relu);

#endif
