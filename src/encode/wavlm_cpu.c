#include <math.h>
#include <string.h>

#include "encode/ops_cpu.h"
#include "encode/rows.h"
#include "encode/wavlm_network.h"
#include "kernels/gemm.h"
#include "kernels/vector.h"

/* ---- Attention ------------------------------------------------------------------------------------------------- */

#define QUERIES 128 /* at a time: their scores against all keys stay in the cache */

struct attention_parameters {
    struct scratch *scratch;
    int64_t n_heads;
};

static float sigmoid(float x)
{
    return 1.0f / (1.0f + expf(-x));
}

/* a (b scale - 1) + 2 for one head and frame; x: the head's part of the attention's input, w: (2, width). */
static float gate_of(int64_t width, const float *x, const float *w, const float *bias, float scale)
{
    float a = sigmoid(vector_dot(width, x, w) + bias[0]);
    float b = sigmoid(vector_dot(width, x, w + width) + bias[1]);
    return a * (b * scale - 1.0f) + 2.0f;
}

/* y_q = sum over k of softmax_k(q . k / sqrt(width) + gate_q bias_(k - q)) v_k, for `n` queries from `first` of a head */
static void attend_block(struct ggml_tensor *y, int64_t head, int64_t first, int64_t n,
                         int64_t n_heads, float *scores)
{
    const struct ggml_tensor *qkv = y->src[0], *x = y->src[1], *table = y->src[2];
    int64_t all = y->ne[0], frames = y->ne[1], width = all / n_heads;
    const float *query = (const float *)qkv->data + head * width;
    const float *key = query + all, *value = query + 2 * all;
    const float *bias = (const float *)table->data + head * (2 * frames - 1) + (frames - 1);
    gemm(AS_IS, TRANSPOSED, n, frames, width, 1.0f / sqrtf((float)width), query + first * 3 * all,
         3 * all, key, 3 * all, 0, scores, frames);
    float inverse[QUERIES];
    for (int64_t i = 0; i < n; i++) {
        float gate =
            gate_of(width, (const float *)x->data + (first + i) * all + head * width,
                    y->src[3]->data, y->src[4]->data, ((const float *)y->src[5]->data)[head]);
        inverse[i] = row_softmax(frames, gate, bias - (first + i), scores + i * frames);
    }
    float *result = (float *)y->data + first * all + head * width;
    gemm(AS_IS, AS_IS, n, width, frames, 1, scores, frames, value, 3 * all, 0, result, all);
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j < width; j++)
            result[i * all + j] *= inverse[i];
}

/* Threads share the (head, block of queries) pairs. */
static void compute_attention(struct ggml_tensor *y, int ith, int nth, void *user)
{
    const struct attention_parameters *p = user;
    int64_t frames = y->ne[1], blocks = (frames + QUERIES - 1) / QUERIES;
    struct share share = share_of(p->n_heads * blocks, 1, ith, nth);
    for (int64_t i = share.begin; i < share.end; i++) {
        int64_t first = i % blocks * QUERIES;
        int64_t n = frames - first < QUERIES ? frames - first : QUERIES;
        attend_block(y, i / blocks, first, n, p->n_heads, scratch_floats(p->scratch, ith));
    }
}

struct ggml_tensor *wavlm_cpu_attention(struct graph *graph, const struct wavlm *model,
                                        const struct wavlm_layer *layer, struct ggml_tensor *qkv,
                                        struct ggml_tensor *x, struct ggml_tensor *bias)
{
    struct attention_parameters *p = scratch_parameters(graph->scratch, sizeof *p);
    *p = (struct attention_parameters){graph->scratch, model->n_heads};
    scratch_want(graph->scratch, QUERIES * x->ne[1]);
    struct ggml_tensor *operands[] = {
        qkv, x, bias, layer->gate.weight, layer->gate.bias, layer->gate_scale};
    return ggml_custom_4d(graph->context, GGML_TYPE_F32, model->width, x->ne[1], 1, 1, operands, 6,
                          compute_attention, GGML_N_TASKS_MAX, p);
}

/* ---- Positional convolution ------------------------------------------------------------------------------------ */

#define FRAMES                                                                                     \
    32 /* at a time: their windows, 32 * 128 * 64 floats in WavLM-Large, stay in the cache */

struct position_parameters {
    struct scratch *scratch;
    int64_t kernel, groups;
};

/* windows: (n, kernel * in), the input of frames first ... first+n-1, zero outside the clip. x: a group's channels at
 * distance `stride`. */
static void gather_windows(const float *x, int64_t stride, int64_t frames, int64_t in,
                           int64_t kernel, int64_t first, int64_t n, float *windows)
{
    for (int64_t i = 0; i < n; i++)
        for (int64_t k = 0; k < kernel; k++, windows += in) {
            int64_t frame = first + i - kernel / 2 + k;
            if (frame >= 0 && frame < frames)
                memcpy(windows, x + frame * stride, (size_t)in * sizeof *windows);
            else
                memset(windows, 0, (size_t)in * sizeof *windows);
        }
}

/* y = gelu(W * x + b) + x; threads share the groups. */
static void compute_position(struct ggml_tensor *y, int ith, int nth, void *user)
{
    const struct position_parameters *p = user;
    const struct ggml_tensor *x = y->src[0], *weight = y->src[1], *bias = y->src[2];
    int64_t width = y->ne[0], frames = y->ne[1], in = width / p->groups, columns = weight->ne[0];
    float *windows = scratch_floats(p->scratch, ith), *wide = windows + FRAMES * columns;
    struct share share = share_of(p->groups, 1, ith, nth);
    for (int64_t group = share.begin; group < share.end; group++) {
        const float *source = (const float *)x->data + group * in;
        const char *matrix = (const char *)weight->data + group * (int64_t)weight->nb[2];
        const float *floats = (const float *)(const void *)matrix;
        if (weight->type != GGML_TYPE_F32) {
            row_widen((int)weight->type, columns * in, matrix, wide);
            floats = wide;
        }
        struct finish finish = {(const float *)bias->data + group * in, ACTIVATION_GELU, NULL,
                                width, RESIDUAL_AFTER};
        for (int64_t first = 0; first < frames; first += FRAMES) {
            int64_t n = frames - first < FRAMES ? frames - first : FRAMES;
            float *result = (float *)y->data + first * width + group * in;
            gather_windows(source, width, frames, in, p->kernel, first, n, windows);
            gemm(AS_IS, TRANSPOSED, n, in, columns, 1, windows, columns, floats, columns, 0, result,
                 width);
            finish.residual = source + first * width;
            rows_finish(n, in, result, width, &finish);
        }
    }
}

struct ggml_tensor *wavlm_cpu_position(struct graph *graph, const struct wavlm *model,
                                       struct ggml_tensor *x)
{
    struct position_parameters *p = scratch_parameters(graph->scratch, sizeof *p);
    *p = (struct position_parameters){graph->scratch, model->position_kernel,
                                      model->position_groups};
    const struct ggml_tensor *weight = model->position.weight;
    scratch_want(graph->scratch,
                 (FRAMES + (weight->type == GGML_TYPE_F32 ? 0 : weight->ne[1])) * weight->ne[0]);
    struct ggml_tensor *operands[] = {x, model->position.weight, model->position.bias};
    return ggml_custom_4d(graph->context, GGML_TYPE_F32, model->width, x->ne[1], 1, 1, operands, 3,
                          compute_position, GGML_N_TASKS_MAX, p);
}
