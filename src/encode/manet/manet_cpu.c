#include <math.h>
#include <string.h>

#include "encode/manet/manet_network.h"
#include "encode/compute/ops_cpu.h"
#include "kernels/simd.h"
#include "kernels/vector.h"

/* ---- Gates ---- */

struct gate_parameters {
    struct scratch *scratch;
    const struct manet_block *block;
    struct task_queue queue;
};

static float sigmoid(float x)
{
    return 1.0f / (1.0f + expf(-x));
}

/* Mean and maximum of each channel over the pixels. */
VALENCE_CLONES
static void channel_statistics(int64_t pixels, int64_t channels, const float *y, float *mean,
                               float *maximum)
{
    for (int64_t c = 0; c < channels; c++)
        mean[c] = maximum[c] = y[c];
    for (int64_t i = 1; i < pixels; i++)
        for (int64_t c = 0; c < channels; c++) {
            float value = y[i * channels + c];
            mean[c] += value;
            maximum[c] = value > maximum[c] ? value : maximum[c];
        }
    for (int64_t c = 0; c < channels; c++)
        mean[c] /= (float)pixels;
}

/* gate += expand(relu(reduce(x))) */
static void add_gate_layers(const struct manet_block *block, int64_t channels, const float *x,
                            float *hidden, float *gate)
{
    int64_t n = block->reduce_weight->ne[1];
    const float *reduce = block->reduce_weight->data, *expand = block->expand_weight->data;
    const float *reduce_bias = block->reduce_bias->data, *expand_bias = block->expand_bias->data;
    for (int64_t i = 0; i < n; i++) {
        float value = vector_dot(channels, reduce + i * channels, x) + reduce_bias[i];
        hidden[i] = value < 0 ? 0 : value;
    }
    for (int64_t c = 0; c < channels; c++)
        gate[c] += vector_dot(n, expand + c * n, hidden) + expand_bias[c];
}

/* out = y * gate per channel; planes (2, pixels): the largest and the mean channel of each pixel of
 * it. */
VALENCE_CLONES
static void gate_channels(int64_t pixels, int64_t channels, const float *y, const float *gate,
                          float *out, float *planes)
{
    for (int64_t i = 0; i < pixels; i++, y += channels, out += channels) {
        float largest = -INFINITY, sum = 0;
        for (int64_t c = 0; c < channels; c++)
            out[c] = y[c] * gate[c];
        for (int64_t c = 0; c < channels; c++) {
            largest = out[c] > largest ? out[c] : largest;
            sum += out[c];
        }
        planes[2 * i] = largest;
        planes[2 * i + 1] = sum / (float)channels;
    }
}

VALENCE_CLONES
static void gate_pixel(int64_t channels, float gate, const float *residual, float *out)
{
    for (int64_t c = 0; c < channels; c++) {
        float value = out[c] * gate + residual[c];
        out[c] = value < 0 ? 0 : value;
    }
}

/* The 7 x 7 convolution of the two planes at a pixel. */
static float spatial_gate(const struct conv2d *conv, int64_t width, int64_t height, int64_t column,
                          int64_t row, const float *planes)
{
    const float *weight = conv->weight->data;
    int64_t pad = conv->kernel / 2;
    float sum = ((const float *)conv->bias->data)[0];
    for (int64_t i = 0; i < conv->kernel; i++)
        for (int64_t j = 0; j < conv->kernel; j++, weight += 2) {
            int64_t y = row + i - pad, x = column + j - pad;
            if (y >= 0 && y < height && x >= 0 && x < width)
                sum += weight[0] * planes[2 * (y * width + x)] +
                       weight[1] * planes[2 * (y * width + x) + 1];
        }
    return sigmoid(sum);
}

static void gate_picture(const struct gate_parameters *p, int64_t channels, int64_t width,
                         int64_t height, const float *y, const float *residual, float *out,
                         float *work)
{
    float *mean = work, *maximum = mean + channels, *gate = maximum + channels;
    float *hidden = gate + channels, *planes = hidden + channels;
    int64_t pixels = width * height;
    channel_statistics(pixels, channels, y, mean, maximum);
    memset(gate, 0, (size_t)channels * sizeof *gate);
    add_gate_layers(p->block, channels, mean, hidden, gate);
    add_gate_layers(p->block, channels, maximum, hidden, gate);
    for (int64_t c = 0; c < channels; c++)
        gate[c] = sigmoid(gate[c]);
    gate_channels(pixels, channels, y, gate, out, planes);
    for (int64_t i = 0; i < pixels; i++)
        gate_pixel(channels,
                   spatial_gate(&p->block->spatial, width, height, i % width, i / width, planes),
                   residual + i * channels, out + i * channels);
}

static void compute_gates(struct ggml_tensor *out, int ith, int nth, void *user)
{
    struct gate_parameters *p = user;
    int64_t picture_floats = out->ne[0] * out->ne[1] * out->ne[2], picture;
    (void)nth;
    while (take_task(&p->queue, out->ne[3], &picture)) {
        int64_t place = picture * picture_floats;
        gate_picture(p, out->ne[0], out->ne[1], out->ne[2],
                     (const float *)out->src[0]->data + place,
                     (const float *)out->src[1]->data + place, (float *)out->data + place,
                     scratch_floats(p->scratch, ith));
    }
}

struct ggml_tensor *manet_cpu_gates(struct graph *graph, const struct manet_block *block,
                                    struct ggml_tensor *y, struct ggml_tensor *residual)
{
    struct gate_parameters *p = scratch_parameters(graph->scratch, sizeof *p);
    p->scratch = graph->scratch;
    p->block = block;
    scratch_want(graph->scratch, 4 * y->ne[0] + 2 * y->ne[1] * y->ne[2]);
    struct ggml_tensor *operands[] = {y, residual};
    return ggml_custom_4d(graph->context, GGML_TYPE_F32, y->ne[0], y->ne[1], y->ne[2], y->ne[3],
                          operands, 2, compute_gates, GGML_N_TASKS_MAX, p);
}

/* ---- Max pool ---- */

/* y = the larger of x and y */
VALENCE_CLONES
static void keep_larger(int64_t n, const float *x, float *y)
{
    for (int64_t i = 0; i < n; i++)
        y[i] = x[i] > y[i] ? x[i] : y[i];
}

static void pool_row(const float *picture, int64_t channels, int64_t width, int64_t height,
                     int64_t row, int64_t out_width, float *out)
{
    memset(out, 0,
           (size_t)(out_width * channels) *
               sizeof *out); /* what the border gives, and no value is below */
    for (int64_t i = 0; i < out_width; i++, out += channels)
        for (int64_t y = 2 * row - 1; y <= 2 * row + 1; y++)
            for (int64_t x = 2 * i - 1; x <= 2 * i + 1; x++)
                if (y >= 0 && y < height && x >= 0 && x < width)
                    keep_larger(channels, picture + (y * width + x) * channels, out);
}

static void compute_pool(struct ggml_tensor *out, int ith, int nth, void *user)
{
    const struct ggml_tensor *x = out->src[0];
    struct share share = share_of(out->ne[2] * out->ne[3], 1, ith, nth);
    (void)user;
    for (int64_t i = share.begin; i < share.end; i++)
        pool_row((const float *)x->data + i / out->ne[2] * x->ne[0] * x->ne[1] * x->ne[2], x->ne[0],
                 x->ne[1], x->ne[2], i % out->ne[2], out->ne[1],
                 (float *)out->data + i * out->ne[1] * out->ne[0]);
}

struct ggml_tensor *manet_cpu_pool(struct graph *graph, struct ggml_tensor *x)
{
    return ggml_custom_4d(graph->context, GGML_TYPE_F32, x->ne[0], (x->ne[1] + 1) / 2,
                          (x->ne[2] + 1) / 2, x->ne[3], &x, 1, compute_pool, GGML_N_TASKS_MAX,
                          NULL);
}
