/* Which form a convolution takes; in ggml's own operations, none of the CPU's. */
#include "encode/compute/conv2d.h"

#include <stdlib.h>

#include "encode/compute/conv2d_forms.h"

/* ---- Weights ---- */

int conv2d_pack(struct conv2d *conv, struct valence_error *error)
{
    if (conv2d_suits_int8(conv))
        return conv2d_pack_int8(conv, error);
    return conv2d_suits_bf16(conv) ? conv2d_pack_bf16(conv, error)
                                   : conv2d_pack_panels(conv, error);
}

void conv2d_free(struct conv2d *conv)
{
    free(conv->packed);
    int8_matrix_free(&conv->bytes);
    free(conv->packed_bf16);
    conv->packed = NULL;
    conv->packed_bf16 = NULL;
}

/* ---- In ggml's operations ---- */

/* The windows as columns (kernel * kernel * in, pixels): a shifted copy of x for each place of the
 * kernel. */
static struct ggml_tensor *gather_windows(struct ggml_context *context, const struct conv2d *conv,
                                          struct ggml_tensor *x, int64_t width, int64_t height)
{
    int pad = (int)conv->kernel / 2;
    struct ggml_tensor *columns = NULL;
    x = ggml_is_contiguous(x) ? x : ggml_cont(context, x);
    if (pad)
        x = ggml_pad_ext(context, x, 0, 0, pad, pad, pad, pad, 0, 0);
    for (int64_t i = 0; i < conv->kernel * conv->kernel; i++) {
        size_t offset =
            (size_t)(i / conv->kernel) * x->nb[2] + (size_t)(i % conv->kernel) * x->nb[1];
        struct ggml_tensor *shifted = ggml_view_4d(
            context, x, x->ne[0], width, height, x->ne[3], (size_t)conv->stride * x->nb[1],
            (size_t)conv->stride * x->nb[2], x->nb[3], offset);
        shifted = ggml_cont(context, shifted);
        columns = columns ? ggml_concat(context, columns, shifted, 0) : shifted;
    }
    return ggml_reshape_2d(context, columns, conv->weight->ne[0], width * height * x->ne[3]);
}

struct ggml_tensor *graph_conv2d(struct graph *graph, const struct conv2d *conv,
                                 struct ggml_tensor *x, struct ggml_tensor *residual, bool relu)
{
    if (graph->fused && conv->bytes.panels)
        return cpu_conv2d_int8(graph, conv, x, residual, relu);
    if (graph->fused && conv->packed_bf16)
        return cpu_conv2d_bf16(graph, conv, x, residual, relu);
    if (graph->fused)
        return conv2d_suits_winograd(conv, x) ? cpu_winograd(graph, conv, x, residual, relu)
                                              : cpu_conv2d_direct(graph, conv, x, residual, relu);
    struct ggml_context *context = graph->context;
    int64_t width = conv2d_output_size(conv, x->ne[1]), height = conv2d_output_size(conv, x->ne[2]);
    struct ggml_tensor *columns = gather_windows(context, conv, x, width, height);
    struct ggml_tensor *y = ggml_mul_mat(context, conv->weight, columns);
    y = ggml_reshape_4d(context, y, conv->out, width, height, x->ne[3]);
    y = ggml_add(context, y, conv->bias);
    if (residual)
        y = ggml_add(context, y, residual);
    return relu ? ggml_relu(context, y) : y;
}
