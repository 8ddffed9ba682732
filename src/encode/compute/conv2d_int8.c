/* Convolutions with quantised weights by products of bytes (int8_product.h): pictures are
 * quantised, each with a scale of its own. */
#include <math.h>

#include "encode/compute/conv2d_forms.h"
#include "encode/compute/conv2d_windows.h"

/* ---- Weights ---- */

/* Without dot products of bytes less is gained than Winograd's form saves. */
static bool has_faster_form(const struct conv2d *conv)
{
    return int8_slice() && conv->kernel == 3 && conv->stride == 1;
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

/* What a round's threads share: ranges of x's rows, scales of its pictures, quantised pictures. */
struct shared {
    float (*ranges)[2];        /* (pictures, rows of x) */
    struct int8_scale *scales; /* (pictures) */
    uint8_t *values;           /* (pictures, plane), and INT8_SLACK values */
};

/* Of a picture; the slack behind the last one is another's, or the round's. */
static int64_t picture_floats(const struct conv2d_plane *plane, const struct ggml_tensor *x)
{
    return 2 * x->ne[2] + 2 + (plane->values + INT8_SLACK + 3) / 4;
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
                         const struct conv2d_plane *plane, struct int8_scale scale, uint8_t *values)
{
    int64_t border = plane->pad * x->ne[0];
    struct runs runs = runs_of(x);
    if (row < 0 || row >= x->ne[2]) {
        int8_fill_zero(plane->row_values, scale, values);
        return;
    }
    int8_fill_zero(border, scale, values);
    values += border;
    for (int64_t i = 0; i < runs.n; i++, values += runs.values)
        int8_quantise(runs.values, pixel_of(x, picture, row, i), scale, values);
    int8_fill_zero(border, scale, values);
}

static void quantise_pictures(struct conv2d_node *node, const struct ggml_tensor *x, int64_t first,
                              int64_t n, const struct conv2d_plane *plane, int ith, int nth)
{
    struct shared shared = shared_of(node, x);
    int64_t height = x->ne[2], held = -1;
    struct share share = share_of(n * height, 1, ith, nth);
    for (int64_t i = share.begin; i < share.end; i++)
        find_range(x, first + i / height, i % height, shared.ranges[i]);
    meet(&node->meeting, nth);
    share = share_of(n * plane->rows, 1, ith, nth);
    struct int8_scale scale = {0, 0};
    for (int64_t i = share.begin; i < share.end; i++) {
        int64_t picture = i / plane->rows, row = i % plane->rows;
        if (picture != held) /* those who share a picture find the same */
            scale = scale_of(height, (const float(*)[2])shared.ranges + picture * height);
        held = picture;
        if (row == 0)
            shared.scales[picture] = scale;
        quantise_row(x, first + picture, row - plane->pad, plane, scale,
                     shared.values + i * plane->row_values);
    }
}

static void multiply(const struct conv2d_node *node, const struct ggml_tensor *x,
                     const struct conv2d_plane *plane, int64_t picture, int64_t row,
                     int64_t windows, int64_t column, int64_t n, float *y)
{
    const struct conv2d *conv = node->conv;
    struct shared shared = shared_of(node, x);
    struct int8_shape shape = shape_of(conv, plane->row_values);
    int64_t place = picture * plane->values + row * conv->stride * plane->row_values;
    struct int8_rows rows = {shared.values + place, conv->stride * conv->in,
                             &shared.scales[picture], 0};
    int8_product(&shape, windows, &rows, n, int8_matrix_panel(&conv->bytes, column), y, n);
}

static const struct conv2d_windows form = {1 << 20, picture_floats, quantise_pictures, multiply};

static void compute(struct ggml_tensor *y, int ith, int nth, void *node)
{
    conv2d_windows_compute(y, ith, nth, node, &form);
}

struct ggml_tensor *cpu_conv2d_int8(struct graph *graph, const struct conv2d *conv,
                                    struct ggml_tensor *x, struct ggml_tensor *residual, bool relu)
{
    return conv2d_windows_create(graph, conv, x, residual, relu, &form, compute);
}
