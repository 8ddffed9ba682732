#include "encode/wavlm/wavlm_network.h"

#include <math.h>
#include <stdlib.h>

#include "base/fail.h"
#include "base/memory.h"

#define CONV_EPSILON 1e-5f /* torch's default; the configuration's is for the other norms */

/* ---- Convolutions ---- */

struct ggml_tensor *wavlm_first_convolution(struct graph *graph, const struct wavlm *model,
                                            struct ggml_tensor *samples)
{
    return graph_conv1d(graph, model->conv[0].weight, model->conv[0].bias, samples,
                        model->conv_kernels[0], model->conv_strides[0], ACTIVATION_NONE);
}

struct ggml_tensor *wavlm_convolutions(struct graph *graph, const struct wavlm *model,
                                       struct ggml_tensor *samples, const struct affine *first)
{
    struct ggml_tensor *x = samples;
    for (int i = 0; i < WAVLM_CONVOLUTIONS; i++) {
        const struct affine *conv = i == 0 && first ? first : &model->conv[i];
        enum activation activation = model->group_norm ? ACTIVATION_GELU : ACTIVATION_NONE;
        x = graph_conv1d(graph, conv->weight, conv->bias, x, model->conv_kernels[i],
                         model->conv_strides[i], activation);
        if (!model->group_norm)
            x = graph_norm(graph, model->conv_norm[i].weight, model->conv_norm[i].bias, x,
                           CONV_EPSILON, ACTIVATION_GELU);
    }
    return x;
}

struct ggml_tensor *wavlm_projection(struct graph *graph, const struct wavlm *model,
                                     struct ggml_tensor *features)
{
    struct ggml_tensor *x =
        graph_norm(graph, model->projection_norm.weight, model->projection_norm.bias, features,
                   model->epsilon, ACTIVATION_NONE);
    return graph_linear(graph, model->projection.weight, model->projection.bias, x, ACTIVATION_NONE,
                        NULL);
}

/* ---- Positional convolution ---- */

/* All groups as one batched product over overlapping windows: (kernel * in, frames, groups). */
static struct ggml_tensor *plain_position(struct graph *graph, const struct wavlm *model,
                                          struct ggml_tensor *x)
{
    struct ggml_context *context = graph->context;
    int64_t frames = x->ne[1], groups = model->position_groups, kernel = model->position_kernel;
    int64_t in = model->width / groups;
    struct ggml_tensor *y = ggml_reshape_3d(context, x, in, groups, frames);
    y = ggml_cont(context, ggml_permute(context, y, 0, 2, 1, 3)); /* (in, frames, groups) */
    y = ggml_pad_ext(context, y, 0, 0, (int)(kernel / 2), (int)(kernel - 1 - kernel / 2), 0, 0, 0,
                     0);
    struct ggml_tensor *windows =
        ggml_view_3d(context, y, in, frames, groups, y->nb[1], y->nb[2], 0);
    windows->ne[0] = kernel * in; /* ggml_view_3d() refuses rows that overlap */
    y = ggml_mul_mat(context, model->position.weight, ggml_cont(context, windows));
    y = ggml_cont(context, ggml_permute(context, y, 0, 2, 1, 3));
    y = ggml_add(context, ggml_reshape_2d(context, y, model->width, frames), model->position.bias);
    return ggml_add(context, ggml_gelu_erf(context, y), x);
}

struct ggml_tensor *wavlm_position(struct graph *graph, const struct wavlm *model,
                                   struct ggml_tensor *x)
{
    struct ggml_tensor *y =
        graph->fused ? wavlm_cpu_position(graph, model, x) : plain_position(graph, model, x);
    if (model->stable)
        return y;
    return graph_norm(graph, model->encoder_norm.weight, model->encoder_norm.bias, y,
                      model->epsilon, ACTIVATION_NONE);
}

/* ---- Position bias ---- */

struct ggml_tensor *wavlm_bias_create(const struct graph *graph, const struct wavlm *model,
                                      struct ggml_context *context, int64_t frames)
{
    if (graph->fused)
        return ggml_new_tensor_2d(context, GGML_TYPE_F32, 2 * frames - 1, model->n_heads);
    return ggml_new_tensor_3d(context, GGML_TYPE_F32, frames, frames, model->n_heads);
}

int wavlm_bias_fill(const struct wavlm *model, int64_t frames, struct ggml_tensor *bias,
                    struct valence_error *error)
{
    int64_t n = 2 * frames - 1;
    float *row = allocate(n, sizeof *row);
    if (!row)
        return fail_memory(error, (size_t)n * sizeof *row, "the position bias");
    for (int64_t head = 0; head < model->n_heads; head++) {
        const float *values = model->bias_values + head * model->n_buckets;
        for (int64_t i = 0; i < n; i++)
            row[i] = values[wavlm_bucket(model, i - (frames - 1))];
        if (bias->ne[0] == n && bias->ne[2] == 1)
            ggml_backend_tensor_set(bias, row, (size_t)head * bias->nb[1], (size_t)n * sizeof *row);
        else
            for (int64_t query = 0; query < frames; query++)
                ggml_backend_tensor_set(bias, row + (frames - 1 - query),
                                        (size_t)head * bias->nb[2] + (size_t)query * bias->nb[1],
                                        (size_t)frames * sizeof *row);
    }
    free(row);
    return VALENCE_OK;
}

/* ---- Layers ---- */

/* gate = a (b scale - 1) + 2, a and b the sigmoids of the gate's two outputs: (1, frames, heads) */
static struct ggml_tensor *plain_gate(struct ggml_context *context, const struct wavlm *model,
                                      const struct wavlm_layer *layer, struct ggml_tensor *x)
{
    int64_t frames = x->ne[1], heads = model->n_heads;
    struct ggml_tensor *p = ggml_reshape_2d(context, x, model->width / heads, heads * frames);
    p = ggml_mul_mat(context, layer->gate.weight, p);
    p = ggml_sigmoid(context, ggml_add(context, p, layer->gate.bias));
    p = ggml_cont(context, ggml_transpose(context, p)); /* (heads * frames, 2) */
    struct ggml_tensor *a =
        ggml_view_2d(context, p, heads, frames, (size_t)heads * sizeof(float), 0);
    struct ggml_tensor *b =
        ggml_view_2d(context, p, heads, frames, (size_t)heads * sizeof(float), p->nb[1]);
    struct ggml_tensor *gate = ggml_mul(context, b, layer->gate_scale);
    gate = ggml_sub(context, ggml_mul(context, gate, a), a);
    gate = ggml_scale_bias(context, gate, 1.0f, 2.0f);
    gate = ggml_cont(context, ggml_transpose(context, gate)); /* (frames, heads) */
    return ggml_reshape_3d(context, gate, 1, frames, heads);
}

static struct ggml_tensor *plain_attention(struct graph *graph, const struct wavlm *model,
                                           const struct wavlm_layer *layer, struct ggml_tensor *qkv,
                                           struct ggml_tensor *x, struct ggml_tensor *bias)
{
    struct ggml_context *context = graph->context;
    int64_t frames = x->ne[1], heads = model->n_heads, width = model->width / heads;
    struct ggml_tensor *part[3]; /* query, key, value: (head width, frames, heads) */
    for (int i = 0; i < 3; i++) {
        part[i] =
            ggml_view_3d(context, qkv, width, frames, heads, qkv->nb[1],
                         (size_t)width * sizeof(float), (size_t)(i * model->width) * sizeof(float));
        part[i] = ggml_cont(context, i == 2 ? ggml_permute(context, part[i], 1, 0, 2, 3) : part[i]);
    }
    struct ggml_tensor *scores = ggml_mul_mat(context, part[1], part[0]);
    scores = ggml_scale(context, scores, 1.0f / sqrtf((float)width));
    scores =
        ggml_add(context, scores, ggml_mul(context, bias, plain_gate(context, model, layer, x)));
    scores = ggml_soft_max(context, scores);
    struct ggml_tensor *y = ggml_mul_mat(context, part[2], scores);
    y = ggml_cont(context, ggml_permute(context, y, 0, 2, 1, 3));
    return ggml_reshape_2d(context, y, model->width, frames);
}

static struct ggml_tensor *norm(struct graph *graph, const struct wavlm *model,
                                const struct affine *affine, struct ggml_tensor *x)
{
    return graph_norm(graph, affine->weight, affine->bias, x, model->epsilon, ACTIVATION_NONE);
}

/* x + attention(input) */
static struct ggml_tensor *attend(struct graph *graph, const struct wavlm *model,
                                  const struct wavlm_layer *layer, struct ggml_tensor *input,
                                  struct ggml_tensor *x, struct ggml_tensor *bias)
{
    struct ggml_tensor *qkv =
        graph_linear(graph, layer->qkv.weight, layer->qkv.bias, input, ACTIVATION_NONE, NULL);
    struct ggml_tensor *y = graph->fused
                                ? wavlm_cpu_attention(graph, model, layer, qkv, input, bias)
                                : plain_attention(graph, model, layer, qkv, input, bias);
    return graph_linear(graph, layer->output.weight, layer->output.bias, y, ACTIVATION_NONE, x);
}

/* x + ffn(input) */
static struct ggml_tensor *feed_forward(struct graph *graph, const struct wavlm_layer *layer,
                                        struct ggml_tensor *input, struct ggml_tensor *x)
{
    struct ggml_tensor *y =
        graph_linear(graph, layer->up.weight, layer->up.bias, input, ACTIVATION_GELU, NULL);
    return graph_linear(graph, layer->down.weight, layer->down.bias, y, ACTIVATION_NONE, x);
}

struct ggml_tensor *wavlm_layer(struct graph *graph, const struct wavlm *model,
                                const struct wavlm_layer *layer, struct ggml_tensor *x,
                                struct ggml_tensor *bias)
{
    if (model->stable) {
        x = attend(graph, model, layer, norm(graph, model, &layer->attention_norm, x), x, bias);
        return feed_forward(graph, layer, norm(graph, model, &layer->ffn_norm, x), x);
    }
    x = norm(graph, model, &layer->attention_norm, attend(graph, model, layer, x, x, bias));
    return norm(graph, model, &layer->ffn_norm, feed_forward(graph, layer, x, x));
}
