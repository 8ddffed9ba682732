#include <math.h>
#include <string.h>

#include "encode/compute/bf16_weights.h"
#include "encode/compute/head_attention.h"
#include "encode/compute/ops_cpu.h"
#include "encode/compute/row_ops.h"
#include "encode/wavlm/wavlm_network.h"
#include "kernels/bf16_product.h"
#include "kernels/panel.h"
#include "kernels/vector.h"

/* ---- Attention ---- */

struct attention_parameters {
    struct scratch *scratch;
    int64_t n_heads;
    bool is_bf16; /* products of weights in bf16 */
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

/* y_q = sum over k of softmax_k(q . k / sqrt(width) + gate_q bias_(k - q)) v_k, for `n` queries
 * from `first` of a head */
static void attend_block(struct ggml_tensor *y, const struct head_memory *memory, int64_t head,
                         int64_t first, int64_t n)
{
    const struct ggml_tensor *qkv = y->src[0], *x = y->src[1], *table = y->src[2];
    int64_t all = y->ne[0], frames = y->ne[1], width = memory->shape.width;
    const float *bias = (const float *)table->data + head * (2 * frames - 1) + (frames - 1);
    float factors[HEAD_MOST_QUERIES];
    head_score(memory, n, (const float *)qkv->data + first * 3 * all + head * width);
    for (int64_t i = 0; i < n; i++) {
        float gate =
            gate_of(width, (const float *)x->data + (first + i) * all + head * width,
                    y->src[3]->data, y->src[4]->data, ((const float *)y->src[5]->data)[head]);
        factors[i] = row_softmax(frames, 1.0f / sqrtf((float)width), gate, bias - (first + i),
                                 memory->scores + i * memory->padded);
    }
    head_weigh(memory, n, factors, (float *)y->data + first * all + head * width, all);
}

static struct head_shape shape_of(bool is_bf16, int64_t n_heads, int64_t all, int64_t frames)
{
    return (struct head_shape){is_bf16, frames, all / n_heads, 3 * all};
}

/* Threads share the (head, block of queries) pairs. */
static void compute_attention(struct ggml_tensor *y, int ith, int nth, void *user)
{
    const struct attention_parameters *p = user;
    int64_t all = y->ne[0], frames = y->ne[1], held = -1;
    int64_t most = head_queries(p->is_bf16), blocks = (frames + most - 1) / most;
    struct head_shape shape = shape_of(p->is_bf16, p->n_heads, all, frames);
    struct head_memory memory = head_memory_at(&shape, scratch_floats(p->scratch, ith));
    struct share share = share_of(p->n_heads * blocks, 1, ith, nth);
    for (int64_t i = share.begin; i < share.end; i++) {
        int64_t head = i / blocks, first = i % blocks * most;
        const float *key = (const float *)y->src[0]->data + all + head * shape.width;
        if (head != held)
            head_take(&memory, key, key + all);
        held = head;
        attend_block(y, &memory, head, first, frames - first < most ? frames - first : most);
    }
}

struct ggml_tensor *wavlm_cpu_attention(struct graph *graph, const struct wavlm *model,
                                        const struct wavlm_layer *layer, struct ggml_tensor *qkv,
                                        struct ggml_tensor *x, struct ggml_tensor *bias)
{
    struct attention_parameters *p = scratch_parameters(graph->scratch, sizeof *p);
    bool is_bf16 = layer->qkv.weight->type == GGML_TYPE_BF16 && bf16_pays();
    *p = (struct attention_parameters){graph->scratch, model->n_heads, is_bf16};
    struct head_shape shape = shape_of(is_bf16, model->n_heads, model->width, x->ne[1]);
    scratch_want(graph->scratch, head_floats(&shape));
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

/* A group's outputs before bias and activation, `stride` apart. */
struct group_product {
    enum ggml_type type;
    const void *weight;
    int64_t frames, in, depth;
    const float *group; /* gather_group() */
    float *y;
    int64_t stride;
    float *room; /* position_floats(), behind the group */
};

static int64_t group_floats(int64_t frames, int64_t in, int64_t kernel)
{
    return (frames + kernel) * in;
}

static bool position_suits_bf16(const struct ggml_tensor *weight)
{
    return bf16_suits(weight->type, weight->ne[0]);
}

/* What a group's product needs, besides the group. */
static int64_t position_floats(const struct ggml_tensor *weight, int64_t frames, int64_t kernel)
{
    int64_t depth = weight->ne[0], in = weight->ne[1], panels = panel_count(in) * PANEL * depth;
    if (position_suits_bf16(weight)) /* a block of rows widened; packed rows and frames in bf16 */
        return BF16_COLUMNS * depth + panels / 2 + (group_floats(frames, in, kernel) + 1) / 2;
    return in * depth + panels + FRAMES * PANEL;
}

/* Frames first ... first+n-1 of one panel of outputs. */
static void convolve(const struct group_product *p, int64_t first, int64_t n, int64_t panel,
                     const float *packed, float *room)
{
    const float *windows[FRAMES] = {0};
    float *out[FRAMES] = {0}, *result = p->y + first * p->stride + panel * PANEL;
    int64_t zero = 0, left = p->in - panel * PANEL, columns = left < PANEL ? left : PANEL;
    struct panel_shape shape = {1, &zero, p->depth, 1, false};
    for (int64_t i = 0; i < n; i++) {
        windows[i] = p->group + (first + i) * p->in;
        out[i] = columns == PANEL ? result + i * p->stride : room + i * PANEL;
    }
    panel_product(&shape, n, windows, packed + panel * p->depth * PANEL, out);
    for (int64_t i = 0; columns < PANEL && i < n; i++)
        memcpy(result + i * p->stride, out[i], (size_t)columns * sizeof *result);
}

static void convolve_f32(const struct group_product *p)
{
    float *wide = p->room, *packed = wide + p->depth * p->in;
    float *room = packed + panel_count(p->in) * PANEL * p->depth;
    row_widen((int)p->type, p->depth * p->in, p->weight, wide);
    panel_pack(p->in, p->depth, wide, p->depth, packed);
    for (int64_t first = 0; first < p->frames; first += FRAMES)
        for (int64_t panel = 0; panel < panel_count(p->in); panel++)
            convolve(p, first, p->frames - first < FRAMES ? p->frames - first : FRAMES, panel,
                     packed, room);
}

static void convolve_bf16(const struct group_product *p, int64_t kernel)
{
    float *wide = p->room;
    uint16_t *packed = (uint16_t *)(void *)(wide + BF16_COLUMNS * p->depth);
    uint16_t *rounded = packed + panel_count(p->in) * PANEL * p->depth;
    struct bf16_shape shape = {1, 0, p->depth, false};
    for (int64_t i = 0; i < p->in; i += BF16_COLUMNS)
        bf16_pack_weights(p->type, p->in - i < BF16_COLUMNS ? p->in - i : BF16_COLUMNS, p->depth,
                          (const char *)p->weight + (size_t)i * row_size((int)p->type, p->depth),
                          wide, packed + i * p->depth);
    bf16_round((p->frames + kernel - 1) * p->in, p->group, rounded);
    bf16_product(&shape, p->frames, rounded, p->in, p->in, packed, p->y, p->stride);
}

/* y = gelu(W * x + b) + x; threads share the groups. */
static void compute_position(struct ggml_tensor *y, int ith, int nth, void *user)
{
    const struct position_parameters *p = user;
    const struct ggml_tensor *x = y->src[0], *weight = y->src[1], *bias = y->src[2];
    int64_t width = y->ne[0], frames = y->ne[1], in = width / p->groups;
    float *group = scratch_floats(p->scratch, ith);
    struct share share = share_of(p->groups, 1, ith, nth);
    for (int64_t index = share.begin; index < share.end; index++) {
        const float *source = (const float *)x->data + index * in;
        struct group_product product = {weight->type,
                                        (const char *)weight->data + index * (int64_t)weight->nb[2],
                                        frames,
                                        in,
                                        weight->ne[0],
                                        group,
                                        (float *)y->data + index * in,
                                        width,
                                        group + group_floats(frames, in, p->kernel)};
        gather_group(source, width, frames, in, p->kernel, group);
        if (position_suits_bf16(weight))
            convolve_bf16(&product, p->kernel);
        else
            convolve_f32(&product);
        struct finish finish = {(const float *)bias->data + index * in, ACTIVATION_GELU, source,
                                width, RESIDUAL_AFTER};
        rows_finish(frames, in, product.y, width, &finish);
    }
}

struct ggml_tensor *wavlm_cpu_position(struct graph *graph, const struct wavlm *model,
                                       struct ggml_tensor *x)
{
    struct position_parameters *p = scratch_parameters(graph->scratch, sizeof *p);
    const struct ggml_tensor *weight = model->position.weight;
    int64_t frames = x->ne[1], kernel = model->position_kernel;
    *p = (struct position_parameters){graph->scratch, kernel, model->position_groups};
    scratch_want(graph->scratch, group_floats(frames, weight->ne[1], kernel) +
                                     position_floats(weight, frames, kernel));
    struct ggml_tensor *operands[] = {x, model->position.weight, model->position.bias};
    return ggml_custom_4d(graph->context, GGML_TYPE_F32, model->width, x->ne[1], 1, 1, operands, 3,
                          compute_position, GGML_N_TASKS_MAX, p);
}
