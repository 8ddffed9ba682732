/* Convolutions in f32 without gathering windows: a panel of outputs for some pixels at a time. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/memory.h"
#include "encode/compute/conv2d_forms.h"
#include "encode/compute/row_ops.h"
#include "kernels/panel.h"

/* ---- Weights ---- */

int conv2d_pack_panels(struct conv2d *conv, struct valence_error *error)
{
    int64_t depth = conv->weight->ne[0], out = conv->weight->ne[1],
            padded = panel_count(out) * PANEL;
    float *wide = allocate(depth * out, sizeof *wide);
    conv->packed = wide ? aligned_alloc(64, (size_t)(depth * padded) * sizeof *conv->packed) : NULL;
    if (!conv->packed) {
        free(wide);
        return fail_memory(error, (size_t)(depth * padded) * sizeof *wide,
                           "a convolution's weights");
    }
    if (conv->weight->type == GGML_TYPE_F32)
        panel_pack(out, depth, conv->weight->data, depth, conv->packed);
    else {
        row_widen((int)conv->weight->type, depth * out, conv->weight->data, wide);
        panel_pack(out, depth, wide, depth, conv->packed);
    }
    free(wide);
    return VALENCE_OK;
}

/* ---- Computing ---- */

#define PIXELS 96 /* of a task: a panel of outputs for so many pixels */
#define PADDED_FLOATS                                                                              \
    (1 << 20) /* of pictures with their border at a time: they stay in the cache */
#define MAX_KERNEL 7

/* A row of the pictures with their border, (width + 2 pad, channels), from x. */
static void pad_row(const struct ggml_tensor *x, int64_t picture, int64_t row, int64_t pad,
                    float *padded)
{
    int64_t channels = x->ne[0], width = x->ne[1];
    size_t border = (size_t)(pad * channels) * sizeof *padded;
    if (row < 0 || row >= x->ne[2]) {
        memset(padded, 0, 2 * border + (size_t)(width * channels) * sizeof *padded);
        return;
    }
    const char *from =
        (const char *)x->data + picture * (int64_t)x->nb[3] + row * (int64_t)x->nb[2];
    memset(padded, 0, border);
    padded += pad * channels;
    for (int64_t i = 0; i < width; i++, padded += channels)
        memcpy(padded, from + i * (int64_t)x->nb[1], (size_t)channels * sizeof *padded);
    memset(padded, 0, border);
}

static void pad_pictures(const struct ggml_tensor *x, int64_t first, int64_t n, int64_t pad,
                         float *padded, int ith, int nth)
{
    int64_t rows = x->ne[2] + 2 * pad, row_floats = (x->ne[1] + 2 * pad) * x->ne[0];
    struct share share = share_of(n * rows, 1, ith, nth);
    for (int64_t i = share.begin; i < share.end; i++)
        pad_row(x, first + i / rows, i % rows - pad, pad, padded + i * row_floats);
}

/* One panel of outputs for pixels `begin` ... `end`-1 of the pictures from `first`. */
static void compute_panel(struct ggml_tensor *y, const struct conv2d_node *node,
                          const float *padded, int64_t first, int64_t begin, int64_t end,
                          int64_t panel, float *results)
{
    const struct conv2d *conv = node->conv;
    const struct ggml_tensor *x = y->src[0];
    int64_t pad = conv->kernel / 2, pixels = y->ne[1] * y->ne[2], n = end - begin;
    int64_t row_floats = (x->ne[1] + 2 * pad) * conv->in,
            picture_floats = (x->ne[2] + 2 * pad) * row_floats;
    int64_t offsets[MAX_KERNEL];
    for (int64_t i = 0; i < conv->kernel; i++)
        offsets[i] = i * row_floats;
    struct panel_shape shape = {(int)conv->kernel, offsets, conv->kernel * conv->in, 1, false};
    const float *windows[PIXELS];
    float *out[PIXELS];
    assert(n > 0 && n <= PIXELS);
    int64_t width = conv->out - panel * PANEL < PANEL ? conv->out - panel * PANEL : PANEL;
    float *target = (float *)y->data + (first * pixels + begin) * conv->out + panel * PANEL;
    for (int64_t i = 0; i < n; i++) {
        int64_t pixel = (begin + i) % pixels, column = pixel % y->ne[1], row = pixel / y->ne[1];
        windows[i] = padded + (begin + i) / pixels * picture_floats +
                     row * conv->stride * row_floats + column * conv->stride * conv->in;
        out[i] = width == PANEL ? target + i * conv->out : results + i * PANEL;
    }
    panel_product(&shape, n, windows, conv->packed + panel * conv->weight->ne[0] * PANEL, out);
    for (int64_t i = 0; width < PANEL && i < n; i++)
        memcpy(target + i * conv->out, out[i], (size_t)width * sizeof *target);
    struct finish finish = conv2d_finish(node, target - (float *)y->data, panel * PANEL);
    rows_finish(n, width, target, conv->out, &finish);
}

static void compute_conv2d(struct ggml_tensor *y, int ith, int nth, void *user)
{
    struct conv2d_node *node = user;
    const struct ggml_tensor *x = y->src[0];
    int64_t panels = panel_count(node->conv->out), pixels = y->ne[1] * y->ne[2];
    float *padded = scratch_shared(node->scratch), *results = scratch_floats(node->scratch, ith);
    for (int round = 0; round < node->n_rounds; round++) {
        int64_t first = round * node->pictures, n = conv2d_round_size(node, x, round), task;
        int64_t blocks = (n * pixels + PIXELS - 1) / PIXELS;
        pad_pictures(x, first, n, node->conv->kernel / 2, padded, ith, nth);
        meet(&node->meeting, nth);
        while (take_task(&node->queues[round], panels * blocks, &task)) {
            int64_t begin = task % blocks * PIXELS;
            int64_t end = begin + PIXELS < n * pixels ? begin + PIXELS : n * pixels;
            compute_panel(y, node, padded, first, begin, end, task / blocks, results);
        }
        meet(&node->meeting, nth); /* before the border is made for others */
    }
}

struct ggml_tensor *cpu_conv2d_direct(struct graph *graph, const struct conv2d *conv,
                                      struct ggml_tensor *x, struct ggml_tensor *residual,
                                      bool relu)
{
    int64_t border = conv->kernel / 2 * 2;
    struct conv2d_plan plan = {
        .compute = compute_conv2d,
        .picture_floats = (x->ne[1] + border) * (x->ne[2] + border) * x->ne[0],
        .most_floats = PADDED_FLOATS,
        .thread_floats = PIXELS * PANEL,
        .queues_per_round = 1,
    };
    return conv2d_node_create(graph, conv, x, residual, relu, &plan);
}
