/* The CPU's own forms of a convolution: conv2d.c chooses among them. */
#ifndef VALENCE_ENCODE_COMPUTE_CONV2D_FORMS_H
#define VALENCE_ENCODE_COMPUTE_CONV2D_FORMS_H

#include "encode/compute/conv2d_node.h"

/* In f32, for every size. */
int conv2d_pack_panels(struct conv2d *conv, struct valence_error *error);
struct ggml_tensor *cpu_conv2d_direct(struct graph *graph, const struct conv2d *conv,
                                      struct ggml_tensor *x, struct ggml_tensor *residual,
                                      bool relu);

/* With quantised weights, in bytes, where that is faster than Winograd's form. */
bool conv2d_suits_int8(const struct conv2d *conv);
int conv2d_pack_int8(struct conv2d *conv, struct valence_error *error);
struct ggml_tensor *cpu_conv2d_int8(struct graph *graph, const struct conv2d *conv,
                                    struct ggml_tensor *x, struct ggml_tensor *residual, bool relu);

/* With quantised weights, where the processor is faster in bf16. */
bool conv2d_suits_bf16(const struct conv2d *conv);
int conv2d_pack_bf16(struct conv2d *conv, struct valence_error *error);
struct ggml_tensor *cpu_conv2d_bf16(struct graph *graph, const struct conv2d *conv,
                                    struct ggml_tensor *x, struct ggml_tensor *residual, bool relu);

/* Winograd's F(4x4, 3x3), where conv2d_suits_winograd(): a quarter of the products, and ten times
 * the rounding (of the whole network's embedding, four times). */
bool conv2d_suits_winograd(const struct conv2d *conv, const struct ggml_tensor *x);
struct ggml_tensor *cpu_winograd(struct graph *graph, const struct conv2d *conv,
                                 struct ggml_tensor *x, struct ggml_tensor *residual, bool relu);

#endif
