/* Convolutions with quantised weights by products in bf16 (bf16_product.h), without gathering
 * windows: pictures are rounded and given their border in one go; then the windows of neighbouring
 * pixels are rows that overlap. */
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "kernels/bf16_product.h"
#include "encode/compute/conv2d_forms.h"

#define COLUMNS   64  /* outputs of a task */
#define POSITIONS 512 /* about as many windows at a time */
#define PADDED_FLOATS                                                                              \
    (1 << 21) /* of pictures with their border at a time: they stay in the cache */

/* ---- Weights ---- */

bool conv2d_suits_bf16(const struct conv2d *conv)
{
    return (ggml_is_quantized(conv->weight->type) || conv->weight->type == GGML_TYPE_BF16) &&
           conv->kernel * conv->in % BF16_DEPTH == 0 && bf16_units() == BF16_TILES;
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
        row_widen((int)conv->weight->type, n * depth,
                  (const char *)conv->weight->data + j * (int64_t)conv->weight->nb[1], wide);
        bf16_pack(n, depth, wide, depth, conv->packed_bf16 + j * depth);
    }
    free(wide);
    return VALENCE_OK;
}

/* ---- Computing ---- */

/* Sizes of a picture with its border. */
struct plane {
    int64_t pad, rows, row_values, values;
};

static struct plane plane_of(const struct conv2d *conv, const struct ggml_tensor *x)
{
    struct plane plane = {.pad = conv->kernel / 2};
    plane.rows = x->ne[2] + 2 * plane.pad;
    plane.row_values = (x->ne[1] + 2 * plane.pad) * conv->in;
    plane.values = plane.rows * plane.row_values;
    return plane;
}

static void round_row(const struct ggml_tensor *x, int64_t picture, int64_t row,
                      const struct plane *plane, uint16_t *padded)
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

/* Output rows computed together. With a stride of 1 they are one run of windows, with the borders
 * between rows as windows that are not used; else every row is a run of its own. */
static int64_t rows_at_a_time(const struct conv2d *conv, int64_t width, const struct plane *plane)
{
    int64_t rows = conv->stride == 1 ? POSITIONS / (width + 2 * plane->pad) : 1;
    return rows < 1 ? 1 : rows;
}

/* Outputs column ... column+n-1 of `rows` output rows from `row` of a picture. */
static void compute_rows(struct ggml_tensor *y, const struct conv2d_node *node,
                         const struct plane *plane, const uint16_t *picture_values, int64_t picture,
                         int64_t row, int64_t rows, int64_t column, int64_t n, float *room)
{
    const struct conv2d *conv = node->conv;
    int64_t width = y->ne[1], step = conv->stride == 1 ? plane->row_values / conv->in : width;
    struct bf16_shape shape = {conv->kernel, plane->row_values, conv->kernel * conv->in, false};
    bf16_product(&shape, (rows - 1) * step + width,
                 picture_values + row * conv->stride * plane->row_values, conv->stride * conv->in,
                 n, conv->packed_bf16 + column * conv->weight->ne[0], room, n);
    for (int64_t i = 0; i < rows; i++, room += step * n) {
        int64_t place = ((picture * y->ne[2] + row + i) * width) * conv->out + column;
        float *target = (float *)y->data + place;
        for (int64_t j = 0; j < width; j++)
            memcpy(target + j * conv->out, room + j * n, (size_t)n * sizeof *room);
        struct finish finish = conv2d_finish(node, place, column);
        rows_finish(width, n, target, conv->out, &finish);
    }
}

static void compute(struct ggml_tensor *y, int ith, int nth, void *user)
{
    struct conv2d_node *node = user;
    const struct ggml_tensor *x = y->src[0];
    struct plane plane = plane_of(node->conv, x);
    int64_t blocks = (node->conv->out + COLUMNS - 1) / COLUMNS, task;
    int64_t step = rows_at_a_time(node->conv, y->ne[1], &plane);
    int64_t chunks = (y->ne[2] + step - 1) / step;
    uint16_t *padded = (uint16_t *)(void *)scratch_shared(node->scratch);
    float *room = scratch_floats(node->scratch, ith);
    for (int round = 0; round < node->n_rounds; round++) {
        int64_t first = round * node->pictures, n = conv2d_round_size(node, x, round);
        struct share share = share_of(n * plane.rows, 1, ith, nth);
        for (int64_t i = share.begin; i < share.end; i++)
            round_row(x, first + i / plane.rows, i % plane.rows - plane.pad, &plane,
                      padded + i * plane.row_values);
        meet(&node->meeting, nth);
        while (take_task(&node->queues[round], blocks * n * chunks, &task)) {
            int64_t column = task / (n * chunks) * COLUMNS, picture = task / chunks % n;
            int64_t row = task % chunks * step;
            compute_rows(y, node, &plane, padded + picture * plane.values, first + picture, row,
                         y->ne[2] - row < step ? y->ne[2] - row : step, column,
                         node->conv->out - column < COLUMNS ? node->conv->out - column : COLUMNS,
                         room);
        }
        meet(&node->meeting, nth); /* before the borders are made for others */
    }
}

struct ggml_tensor *cpu_conv2d_bf16(struct graph *graph, const struct conv2d *conv,
                                    struct ggml_tensor *x, struct ggml_tensor *residual, bool relu)
{
    struct plane plane = plane_of(conv, x);
    int64_t width = conv2d_output_size(conv, x->ne[1]);
    struct conv2d_plan plan = {
        .compute = compute,
        .picture_floats = (plane.values + 1) / 2,
        .most_floats = PADDED_FLOATS,
        .thread_floats = rows_at_a_time(conv, width, &plane) * (width + 2 * plane.pad) * COLUMNS,
        .queues_per_round = 1,
    };
    return conv2d_node_create(graph, conv, x, residual, relu, &plan);
}
