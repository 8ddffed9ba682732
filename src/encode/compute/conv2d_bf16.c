/* Convolutions with quantised weights by products in bf16 (bf16_product.h): pictures are rounded.
 */
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "encode/compute/bf16_weights.h"
#include "encode/compute/conv2d_forms.h"
#include "encode/compute/conv2d_windows.h"
#include "kernels/bf16_product.h"

/* ---- Weights ---- */

/* Dot products gain less than Winograd's form saves. */
static bool has_faster_form(const struct conv2d *conv)
{
    return bf16_units() == BF16_DOTS && conv->kernel == 3 && conv->stride == 1;
}

bool conv2d_suits_bf16(const struct conv2d *conv)
{
    return bf16_suits(conv->weight->type, conv->kernel * conv->in) && !has_faster_form(conv);
}

int conv2d_pack_bf16(struct conv2d *conv, struct valence_error *error)
{
    int64_t depth = conv->weight->ne[0], out = conv->weight->ne[1];
    size_t block = (size_t)(BF16_COLUMNS * depth);
    size_t values = (size_t)((out + BF16_COLUMNS - 1) / BF16_COLUMNS) * block;
    float *wide = malloc(block * sizeof *wide);
    conv->packed_bf16 = wide ? aligned_alloc(64, values * sizeof *conv->packed_bf16) : NULL;
    if (!conv->packed_bf16) {
        free(wide);
        return fail_memory(error, values * sizeof *conv->packed_bf16, "a convolution's weights");
    }
    for (int64_t j = 0; j < out; j += BF16_COLUMNS) {
        int64_t n = out - j < BF16_COLUMNS ? out - j : BF16_COLUMNS;
        const char *rows = (const char *)conv->weight->data + j * (int64_t)conv->weight->nb[1];
        bf16_pack_weights(conv->weight->type, n, depth, rows, wide, conv->packed_bf16 + j * depth);
    }
    free(wide);
    return VALENCE_OK;
}

/* ---- Computing ---- */

static int64_t picture_floats(const struct conv2d_plane *plane, const struct ggml_tensor *x)
{
    (void)x;
    return (plane->values + 1) / 2;
}

static void round_row(const struct ggml_tensor *x, int64_t picture, int64_t row,
                      const struct conv2d_plane *plane, uint16_t *padded)
{
    int64_t channels = x->ne[0], border = plane->pad * channels;
    if (row < 0 || row >= x->ne[2]) {
        memset(padded, 0, (size_t)plane->row_values * sizeof *padded);
        return;
    }
    const char *from =
        (const char *)x->data + picture * (int64_t)x->nb[3] + row * (int64_t)x->nb[2];
    memset(padded, 0, (size_t)border * sizeof *padded);
    padded += border;
    for (int64_t i = 0; i < x->ne[1]; i++, padded += channels)
        bf16_round(channels, (const float *)(const void *)(from + i * (int64_t)x->nb[1]), padded);
    memset(padded, 0, (size_t)border * sizeof *padded);
}

static void round_pictures(struct conv2d_node *node, const struct ggml_tensor *x, int64_t first,
                           int64_t n, const struct conv2d_plane *plane, int ith, int nth)
{
    uint16_t *padded = (uint16_t *)(void *)scratch_shared(node->scratch);
    struct share share = share_of(n * plane->rows, 1, ith, nth);
    for (int64_t i = share.begin; i < share.end; i++)
        round_row(x, first + i / plane->rows, i % plane->rows - plane->pad, plane,
                  padded + i * plane->row_values);
}

static void multiply(const struct conv2d_node *node, const struct ggml_tensor *x,
                     const struct conv2d_plane *plane, int64_t picture, int64_t row,
                     int64_t windows, int64_t column, int64_t n, float *y)
{
    (void)x;
    const struct conv2d *conv = node->conv;
    const uint16_t *padded = (const uint16_t *)(const void *)scratch_shared(node->scratch);
    struct bf16_shape shape = {conv->kernel, plane->row_values, conv->kernel * conv->in, false};
    padded += picture * plane->values + row * conv->stride * plane->row_values;
    bf16_product(&shape, windows, padded, conv->stride * conv->in, n,
                 conv->packed_bf16 + column * conv->weight->ne[0], y, n);
}

static const struct conv2d_windows form = {1 << 21, picture_floats, round_pictures, multiply};

static void compute(struct ggml_tensor *y, int ith, int nth, void *node)
{
    conv2d_windows_compute(y, ith, nth, node, &form);
}

struct ggml_tensor *cpu_conv2d_bf16(struct graph *graph, const struct conv2d *conv,
                                    struct ggml_tensor *x, struct ggml_tensor *residual, bool relu)
{
    return conv2d_windows_create(graph, conv, x, residual, relu, &form, compute);
}
