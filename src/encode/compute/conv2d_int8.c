/* Convolutions with quantised weights by products of bytes (int8_product.h), without gathering
 * windows: pictures are quantised, each with a scale of its own, and given their border; then the
 * windows of neighbouring pixels are rows that overlap. */
#include <math.h>
#include <string.h>

#include "encode/compute/conv2d_forms.h"

#define COLUMNS   64  /* outputs of a task */
#define POSITIONS 512 /* about as many windows at a time */
#define PADDED_FLOATS                                                                              \
    (1 << 20) /* of pictures with their border at a time: they stay in the cache */

/* ---- Weights ---- */

/* Pairs of 16 bits gain less than Winograd's form saves. */
static bool has_faster_form(const struct conv2d *conv)
{
    return int8_value_bytes() == 2 && conv->kernel == 3 && conv->stride == 1;
}

bool conv2d_suits_int8(const struct conv2d *conv)
{
    return ggml_is_quantized(conv->weight->type) && conv->weight->ne[0] <= INT8_MAX_DEPTH &&
           int8_product_available() && !has_faster_form(conv);
}

/* A window's rows are its taps. */
static struct int8_shape shape_of(const struct conv2d *conv, int64_t tap_stride)
{
    return (struct int8_shape){conv->kernel, tap_stride, conv->kernel * conv->in};
}

int conv2d_pack_int8(struct conv2d *conv, struct valence_error *error)
{
    return int8_matrix_pack(&conv->bytes, shape_of(conv, 0), conv->weight->ne[1],
                            (int)conv->weight->type, conv->weight->data, "a convolution's weights",
                            error);
}

/* ---- Computing ---- */

/* Sizes of a picture with its border, in values. */
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

/* What a round's threads share: ranges of x's rows, scales of its pictures, quantised pictures. */
struct shared {
    float (*ranges)[2];        /* (pictures, rows of x) */
    struct int8_scale *scales; /* (pictures) */
    unsigned char *values;     /* (pictures, plane), and INT8_SLACK values */
};

/* Of a picture; the slack behind the last one is another's, or the round's. */
static int64_t picture_floats(const struct plane *plane, const struct ggml_tensor *x)
{
    int64_t bytes = (plane->values + INT8_SLACK) * (int64_t)int8_value_bytes();
    return 2 * x->ne[2] + 2 + (bytes + 3) / 4;
}

static struct shared shared_of(const struct conv2d_node *node, const struct ggml_tensor *x)
{
    float *floats = scratch_shared(node->scratch);
    struct shared shared = {.ranges = (void *)floats};
    shared.scales = (void *)(floats + 2 * node->pictures * x->ne[2]);
    shared.values = (void *)(shared.scales + node->pictures);
    return shared;
}

static const float *pixel_of(const struct ggml_tensor *x, int64_t picture, int64_t row,
                             int64_t column)
{
    const char *place = (const char *)x->data + picture * (int64_t)x->nb[3] +
                        row * (int64_t)x->nb[2] + column * (int64_t)x->nb[1];
    return (const float *)(const void *)place;
}

/* The pixels of a row as runs of values: one, unless they lie apart. */
struct runs {
    int64_t n, values;
};

static struct runs runs_of(const struct ggml_tensor *x)
{
    bool together = (size_t)x->ne[0] * sizeof(float) == x->nb[1];
    return together ? (struct runs){1, x->ne[0] * x->ne[1]} : (struct runs){x->ne[1], x->ne[0]};
}

static void find_range(const struct ggml_tensor *x, int64_t picture, int64_t row, float range[2])
{
    struct runs runs = runs_of(x);
    int8_range(runs.values, pixel_of(x, picture, row, 0), &range[0], &range[1]);
    for (int64_t i = 1; i < runs.n; i++) {
        float least, most;
        int8_range(runs.values, pixel_of(x, picture, row, i), &least, &most);
        range[0] = least < range[0] || isnan(least) ? least : range[0];
        range[1] = most > range[1] || isnan(most) ? most : range[1];
    }
}

static struct int8_scale scale_of(int64_t rows, const float (*ranges)[2])
{
    float least = 0, most = 0;
    for (int64_t i = 0; i < rows; i++) {
        least = ranges[i][0] < least || isnan(ranges[i][0]) ? ranges[i][0] : least;
        most = ranges[i][1] > most || isnan(ranges[i][1]) ? ranges[i][1] : most;
    }
    return int8_scale_of(least, most);
}

static void quantise_row(const struct ggml_tensor *x, int64_t picture, int64_t row,
                         const struct plane *plane, struct int8_scale scale, unsigned char *values)
{
    int64_t border = plane->pad * x->ne[0], bytes = (int64_t)int8_value_bytes();
    struct runs runs = runs_of(x);
    if (row < 0 || row >= x->ne[2]) {
        int8_fill_zero(plane->row_values, scale, values);
        return;
    }
    int8_fill_zero(border, scale, values);
    values += border * bytes;
    for (int64_t i = 0; i < runs.n; i++, values += runs.values * bytes)
        int8_quantise(runs.values, pixel_of(x, picture, row, i), scale, values);
    int8_fill_zero(border, scale, values);
}

/* Quantises `n` pictures from `first`, all threads together. */
static void quantise_pictures(struct conv2d_node *node, const struct ggml_tensor *x, int64_t first,
                              int64_t n, const struct plane *plane, const struct shared *shared,
                              int ith, int nth)
{
    int64_t height = x->ne[2], bytes = (int64_t)int8_value_bytes(), held = -1;
    struct share share = share_of(n * height, 1, ith, nth);
    for (int64_t i = share.begin; i < share.end; i++)
        find_range(x, first + i / height, i % height, shared->ranges[i]);
    meet(&node->meeting, nth);
    share = share_of(n * plane->rows, 1, ith, nth);
    struct int8_scale scale = {0, 0};
    for (int64_t i = share.begin; i < share.end; i++) {
        int64_t picture = i / plane->rows, row = i % plane->rows;
        if (picture != held) /* those who share a picture find the same */
            scale = scale_of(height, (const float(*)[2])shared->ranges + picture * height);
        held = picture;
        if (row == 0)
            shared->scales[picture] = scale;
        quantise_row(x, first + picture, row - plane->pad, plane, scale,
                     shared->values + i * plane->row_values * bytes);
    }
    meet(&node->meeting, nth);
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
                         const struct plane *plane, const struct int8_rows *x, int64_t picture,
                         int64_t row, int64_t rows, int64_t column, int64_t n, float *room)
{
    const struct conv2d *conv = node->conv;
    int64_t width = y->ne[1], step = conv->stride == 1 ? plane->row_values / conv->in : width;
    struct int8_shape shape = shape_of(conv, plane->row_values);
    int8_product(&shape, (rows - 1) * step + width, x, n, int8_matrix_panel(&conv->bytes, column),
                 room, n);
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
    const struct conv2d *conv = node->conv;
    const struct ggml_tensor *x = y->src[0];
    struct plane plane = plane_of(conv, x);
    struct shared shared = shared_of(node, x);
    int64_t blocks = (conv->out + COLUMNS - 1) / COLUMNS, task;
    int64_t step = rows_at_a_time(conv, y->ne[1], &plane), bytes = (int64_t)int8_value_bytes();
    int64_t chunks = (y->ne[2] + step - 1) / step;
    for (int round = 0; round < node->n_rounds; round++) {
        int64_t first = round * node->pictures, n = conv2d_round_size(node, x, round);
        quantise_pictures(node, x, first, n, &plane, &shared, ith, nth);
        while (take_task(&node->queues[round], blocks * n * chunks, &task)) {
            int64_t column = task / (n * chunks) * COLUMNS, picture = task / chunks % n;
            int64_t row = task % chunks * step;
            int64_t place = picture * plane.values + row * conv->stride * plane.row_values;
            struct int8_rows windows = {shared.values + place * bytes, conv->stride * conv->in,
                                        &shared.scales[picture], 0};
            compute_rows(y, node, &plane, &windows, first + picture, row,
                         y->ne[2] - row < step ? y->ne[2] - row : step, column,
                         conv->out - column < COLUMNS ? conv->out - column : COLUMNS,
                         scratch_floats(node->scratch, ith));
        }
        meet(&node->meeting, nth); /* before others are quantised */
    }
}

struct ggml_tensor *cpu_conv2d_int8(struct graph *graph, const struct conv2d *conv,
                                    struct ggml_tensor *x, struct ggml_tensor *residual, bool relu)
{
    struct plane plane = plane_of(conv, x);
    int64_t width = conv2d_output_size(conv, x->ne[1]);
    struct conv2d_plan plan = {
        .compute = compute,
        .picture_floats = picture_floats(&plane, x),
        .most_floats = PADDED_FLOATS,
        .thread_floats = rows_at_a_time(conv, width, &plane) * (width + 2 * plane.pad) * COLUMNS,
        .queues_per_round = 1,
    };
    return conv2d_node_create(graph, conv, x, residual, relu, &plan);
}
