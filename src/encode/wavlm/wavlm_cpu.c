#include <math.h>
#include <string.h>

#include "encode/compute/ops_cpu.h"
#include "encode/compute/row_ops.h"
#include "encode/wavlm/wavlm_network.h"
#include "kernels/panel.h"
#include "kernels/vector.h"

/* ---- Attention ---- */

#define QUERIES 96 /* at a time: their scores against all keys stay in the cache */

struct attention_parameters {
    struct scratch *scratch;
    int64_t n_heads;
};

static float sigmoid(float x)
{
    return 1.0f / (1.0f + expf(-x));
}

/* a (b scale - 1) + 2 for one head and frame; x: the head's part of the attention's input, w: (2,
 * width). */
static float gate_of(int64_t width, const float *x, const float *w, const float *bias, float scale)
{
    float a = sigmoid(vector_dot(width, x, w) + bias[0]);
    float b = sigmoid(vector_dot(width, x, w + width) + bias[1]);
    return a * (b * scale - 1.0f) + 2.0f;
}

/* A thread's working memory: a head's keys and values in panels, and scores of a block of
 * queries. */
struct head_memory {
    float *keys;    /* (ceil(frames / PANEL), width, PANEL) */
    float *values;  /* (ceil(width / PANEL), frames, PANEL) */
    float *scores;  /* (QUERIES, padded) */
    float *sums;    /* (QUERIES, PANEL), where the width is no multiple of PANEL */
    int64_t padded; /* frames in whole panels */
};

static int64_t head_floats(int64_t frames, int64_t width)
{
    int64_t padded = panel_count(frames) * PANEL;
    return padded * width + panel_count(width) * PANEL * frames + QUERIES * (padded + PANEL);
}

static struct head_memory head_memory(float *floats, int64_t frames, int64_t width)
{
    struct head_memory memory = {.keys = floats, .padded = panel_count(frames) * PANEL};
    memory.values = memory.keys + memory.padded * width;
    memory.scores = memory.values + panel_count(width) * PANEL * frames;
    memory.sums = memory.scores + QUERIES * memory.padded;
    return memory;
}

/* scores_qk = q . k for `n` queries */
static void score(const struct head_memory *memory, int64_t n, const float *query, int64_t stride,
                  int64_t width)
{
    const float *rows[QUERIES];
    float *out[QUERIES];
    int64_t zero = 0;
    struct panel_shape shape = {1, &zero, width, 1, false};
    for (int64_t i = 0; i < n; i++)
        rows[i] = query + i * stride;
    for (int64_t panel = 0; panel < memory->padded / PANEL; panel++) {
        for (int64_t i = 0; i < n; i++)
            out[i] = memory->scores + i * memory->padded + panel * PANEL;
        panel_product(&shape, n, rows, memory->keys + panel * width * PANEL, out);
    }
}

/* y_q = factor_q sum over k of scores_qk v_k */
static void weigh(const struct head_memory *memory, int64_t n, int64_t frames, int64_t width,
                  const float *factors, float *y, int64_t stride)
{
    const float *rows[QUERIES];
    float *out[QUERIES];
    int64_t zero = 0;
    struct panel_shape shape = {1, &zero, frames, 1, false};
    for (int64_t i = 0; i < n; i++) {
        rows[i] = memory->scores + i * memory->padded;
        out[i] = memory->sums + i * PANEL;
    }
    for (int64_t panel = 0; panel < panel_count(width); panel++) {
        int64_t columns = width - panel * PANEL < PANEL ? width - panel * PANEL : PANEL;
        panel_product(&shape, n, rows, memory->values + panel * frames * PANEL, out);
        for (int64_t i = 0; i < n; i++)
            for (int64_t j = 0; j < columns; j++)
                y[i * stride + panel * PANEL + j] = out[i][j] * factors[i];
    }
}

/* y_q = sum over k of softmax_k(q . k / sqrt(width) + gate_q bias_(k - q)) v_k, for `n` queries
 * from `first` of a head */
static void attend_block(struct ggml_tensor *y, const struct head_memory *memory, int64_t head,
                         int64_t first, int64_t n, int64_t width)
{
    const struct ggml_tensor *qkv = y->src[0], *x = y->src[1], *table = y->src[2];
    int64_t all = y->ne[0], frames = y->ne[1];
    const float *bias = (const float *)table->data + head * (2 * frames - 1) + (frames - 1);
    float factors[QUERIES];
    score(memory, n, (const float *)qkv->data + first * 3 * all + head * width, 3 * all, width);
    for (int64_t i = 0; i < n; i++) {
        float gate =
            gate_of(width, (const float *)x->data + (first + i) * all + head * width,
                    y->src[3]->data, y->src[4]->data, ((const float *)y->src[5]->data)[head]);
        factors[i] = row_softmax(frames, 1.0f / sqrtf((float)width), gate, bias - (first + i),
                                 memory->scores + i * memory->padded);
    }
    weigh(memory, n, frames, width, factors, (float *)y->data + first * all + head * width, all);
}

/* Threads share the (head, block of queries) pairs; a thread packs the heads it meets. */
static void compute_attention(struct ggml_tensor *y, int ith, int nth, void *user)
{
    const struct attention_parameters *p = user;
    int64_t all = y->ne[0], frames = y->ne[1], width = all / p->n_heads, held = -1;
    int64_t blocks = (frames + QUERIES - 1) / QUERIES;
    struct head_memory memory = head_memory(scratch_floats(p->scratch, ith), frames, width);
    struct share share = share_of(p->n_heads * blocks, 1, ith, nth);
    for (int64_t i = share.begin; i < share.end; i++) {
        int64_t head = i / blocks, first = i % blocks * QUERIES;
        int64_t n = frames - first < QUERIES ? frames - first : QUERIES;
        const float *key = (const float *)y->src[0]->data + all + head * width;
        if (head != held) {
            panel_pack(frames, width, key, 3 * all, memory.keys);
            panel_pack_transposed(width, frames, key + all, 3 * all, memory.values);
        }
        held = head;
        attend_block(y, &memory, head, first, n, width);
    }
}

struct ggml_tensor *wavlm_cpu_attention(struct graph *graph, const struct wavlm *model,
                                        const struct wavlm_layer *layer, struct ggml_tensor *qkv,
                                        struct ggml_tensor *x, struct ggml_tensor *bias)
{
    struct attention_parameters *p = scratch_parameters(graph->scratch, sizeof *p);
    *p = (struct attention_parameters){graph->scratch, model->n_heads};
    scratch_want(graph->scratch, head_floats(x->ne[1], model->width / model->n_heads));
    struct ggml_tensor *operands[] = {
        qkv, x, bias, layer->gate.weight, layer->gate.bias, layer->gate_scale};
    return ggml_custom_4d(graph->context, GGML_TYPE_F32, model->width, x->ne[1], 1, 1, operands, 6,
                          compute_attention, GGML_N_TASKS_MAX, p);
}

/* ---- Positional convolution ---- */

#define FRAMES 96 /* at a time */

struct position_parameters {
    struct scratch *scratch;
    int64_t kernel, groups;
};

/* A group's channels of all frames, (kernel / 2 + frames + kernel - 1 - kernel / 2, in), zeros
 * beyond the clip: frame t's window is then a stretch of it. x: its channels of the first frame,
 * frames `stride` apart. */
static void gather_group(const float *x, int64_t stride, int64_t frames, int64_t in, int64_t kernel,
                         float *group)
{
    int64_t before = kernel / 2, after = kernel - 1 - before;
    memset(group, 0, (size_t)(before * in) * sizeof *group);
    group += before * in;
    for (int64_t i = 0; i < frames; i++, group += in)
        memcpy(group, x + i * stride, (size_t)in * sizeof *group);
    memset(group, 0, (size_t)(after * in) * sizeof *group);
}

/* Frames first ... first+n-1 of one panel of a group's outputs, at `result`, before bias and
 * activation. */
static void convolve(const float *group, int64_t first, int64_t n, int64_t in, int64_t depth,
                     const float *panel, int64_t columns, float *result, int64_t stride,
                     float *room)
{
    const float *windows[FRAMES];
    float *out[FRAMES];
    int64_t zero = 0;
    struct panel_shape shape = {1, &zero, depth, 1, false};
    for (int64_t i = 0; i < n; i++) {
        windows[i] = group + (first + i) * in;
        out[i] = columns == PANEL ? result + i * stride : room + i * PANEL;
    }
    panel_product(&shape, n, windows, panel, out);
    for (int64_t i = 0; columns < PANEL && i < n; i++)
        memcpy(result + i * stride, out[i], (size_t)columns * sizeof *result);
}

/* y = gelu(W * x + b) + x; threads share the groups. */
static void compute_position(struct ggml_tensor *y, int ith, int nth, void *user)
{
    const struct position_parameters *p = user;
    const struct ggml_tensor *x = y->src[0], *weight = y->src[1], *bias = y->src[2];
    int64_t width = y->ne[0], frames = y->ne[1], in = width / p->groups, depth = weight->ne[0];
    float *group = scratch_floats(p->scratch, ith), *wide = group + (frames + p->kernel) * in;
    float *packed = wide + depth * in, *room = packed + panel_count(in) * PANEL * depth;
    struct share share = share_of(p->groups, 1, ith, nth);
    for (int64_t index = share.begin; index < share.end; index++) {
        const float *source = (const float *)x->data + index * in;
        const char *matrix = (const char *)weight->data + index * (int64_t)weight->nb[2];
        gather_group(source, width, frames, in, p->kernel, group);
        if (weight->type == GGML_TYPE_F32)
            memcpy(wide, matrix, (size_t)(depth * in) * sizeof *wide);
        else
            row_widen((int)weight->type, depth * in, matrix, wide);
        panel_pack(in, depth, wide, depth, packed);
        for (int64_t first = 0; first < frames; first += FRAMES) {
            int64_t n = frames - first < FRAMES ? frames - first : FRAMES;
            float *result = (float *)y->data + first * width + index * in;
            for (int64_t panel = 0; panel < panel_count(in); panel++)
                convolve(group, first, n, in, depth, packed + panel * depth * PANEL,
                         in - panel * PANEL < PANEL ? in - panel * PANEL : PANEL,
                         result + panel * PANEL, width, room);
            struct finish finish = {(const float *)bias->data + index * in, ACTIVATION_GELU,
                                    source + first * width, width, RESIDUAL_AFTER};
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
    int64_t in = weight->ne[1], depth = weight->ne[0];
    scratch_want(graph->scratch, (x->ne[1] + model->position_kernel) * in + depth * in +
                                     panel_count(in) * PANEL * depth + FRAMES * PANEL);
    struct ggml_tensor *operands[] = {x, model->position.weight, model->position.bias};
    return ggml_custom_4d(graph->context, GGML_TYPE_F32, model->width, x->ne[1], 1, 1, operands, 3,
                          compute_position, GGML_N_TASKS_MAX, p);
}
