#include "encode/manet/manet_network.h"

#include <stdio.h>

/* ---- Parts in ggml's operations ---- */

/* (channels, width, height, pictures) as (channels, pixels, pictures) */
static struct ggml_tensor *flatten(struct ggml_context *context, struct ggml_tensor *x)
{
    return ggml_reshape_3d(context, x, x->ne[0], x->ne[1] * x->ne[2], x->ne[3]);
}

/* (pixels, channels, pictures), packed */
static struct ggml_tensor *pixels_first(struct ggml_context *context, struct ggml_tensor *x)
{
    return ggml_cont(context, ggml_permute(context, flatten(context, x), 1, 0, 2, 3));
}

/* Mean over pixels: (channels, pictures) */
static struct ggml_tensor *mean_pixel(struct ggml_context *context, struct ggml_tensor *x)
{
    struct ggml_tensor *mean = ggml_mean(context, pixels_first(context, x));
    return ggml_reshape_2d(context, mean, x->ne[0], x->ne[3]);
}

/* Largest of each row: (1, ...) */
static struct ggml_tensor *row_maximum(struct ggml_context *context, struct ggml_tensor *x)
{
    return ggml_pool_1d(context, x, GGML_OP_POOL_MAX, (int)x->ne[0], (int)x->ne[0], 0);
}

static struct ggml_tensor *plain_pool(struct ggml_context *context, struct ggml_tensor *x)
{
    x = ggml_cont(context,
                  ggml_permute(context, x, 2, 0, 1, 3)); /* (width, height, channels, pictures) */
    x = ggml_pool_2d(context, x, GGML_OP_POOL_MAX, 3, 3, 2, 2, 1, 1);
    return ggml_cont(context, ggml_permute(context, x, 1, 2, 0, 3));
}

/* expand(relu(reduce(x))) of (channels, pictures) */
static struct ggml_tensor *gate_layers(struct ggml_context *context,
                                       const struct manet_block *block, struct ggml_tensor *x)
{
    x = ggml_add(context, ggml_mul_mat(context, block->reduce_weight, x), block->reduce_bias);
    x = ggml_mul_mat(context, block->expand_weight, ggml_relu(context, x));
    return ggml_add(context, x, block->expand_bias);
}

static struct ggml_tensor *plain_gates(struct graph *graph, const struct manet_block *block,
                                       struct ggml_tensor *y, struct ggml_tensor *residual)
{
    struct ggml_context *context = graph->context;
    int64_t channels = y->ne[0], pictures = y->ne[3];
    struct ggml_tensor *maximum = row_maximum(context, pixels_first(context, y));
    maximum = ggml_reshape_2d(context, maximum, channels, pictures);
    struct ggml_tensor *gate =
        ggml_add(context, gate_layers(context, block, mean_pixel(context, y)),
                 gate_layers(context, block, maximum));
    gate = ggml_reshape_4d(context, ggml_sigmoid(context, gate), channels, 1, 1, pictures);
    y = ggml_mul(context, y, gate);
    struct ggml_tensor *flat = flatten(context, y);
    struct ggml_tensor *planes =
        ggml_concat(context, row_maximum(context, flat), ggml_mean(context, flat), 0);
    planes = ggml_reshape_4d(context, planes, 2, y->ne[1], y->ne[2], pictures);
    gate = ggml_sigmoid(context, graph_conv2d(graph, &block->spatial, planes, NULL, false));
    y = ggml_mul(context, y, gate);
    return ggml_relu(context, ggml_add(context, y, residual));
}

/* ---- Blocks ---- */

/* A chain of a multi-scale block [11]: groups of channels, each convolved after adding what the one
 * before it gave. */
static struct ggml_tensor *chain(struct graph *graph, const struct conv2d *convolutions,
                                 struct ggml_tensor *a)
{
    struct ggml_context *context = graph->context;
    int64_t group = a->ne[0] / MANET_GROUPS;
    struct ggml_tensor *all = NULL, *t = NULL;
    for (int i = 0; i < MANET_GROUPS; i++) {
        struct ggml_tensor *part =
            ggml_view_4d(context, a, group, a->ne[1], a->ne[2], a->ne[3], a->nb[1], a->nb[2],
                         a->nb[3], (size_t)(i * group) * sizeof(float));
        if (t)
            part = ggml_add(context, ggml_relu(context, t), part);
        t = graph_conv2d(graph, &convolutions[i], part, NULL, false);
        all = all ? ggml_concat(context, all, t, 0) : t;
    }
    return all;
}

static struct ggml_tensor *block_of(struct graph *graph, const struct manet_block *block,
                                    struct ggml_tensor *x)
{
    struct ggml_context *context = graph->context;
    struct ggml_tensor *shortcut =
        block->downsample.weight ? graph_conv2d(graph, &block->downsample, x, NULL, false) : x;
    struct ggml_tensor *a = graph_conv2d(graph, &block->conv1, x, NULL, true);
    if (block->kind == MANET_BASIC)
        return graph_conv2d(graph, &block->conv2, a, shortcut, true);
    if (block->kind == MANET_ATTENTION) {
        struct ggml_tensor *y = graph_conv2d(graph, &block->conv2, a, NULL, false);
        return graph->fused ? manet_cpu_gates(graph, block, y, shortcut)
                            : plain_gates(graph, block, y, shortcut);
    }
    struct ggml_tensor *sum =
        ggml_add(context, chain(graph, block->chains[0], a), chain(graph, block->chains[1], a));
    return ggml_relu(context, ggml_add(context, sum, shortcut));
}

static struct ggml_tensor *stage_of(struct graph *graph, const struct manet_stage *stage,
                                    struct ggml_tensor *x)
{
    for (int i = 0; i < MANET_BLOCKS; i++)
        x = block_of(graph, &stage->blocks[i], x);
    return x;
}

/* ---- The network ---- */

static void show(struct manet_state *state, const char *name, struct ggml_tensor *x)
{
    if (!state->watch)
        return;
    struct ggml_tensor *shown =
        ggml_cont(state->graph.context, x); /* x itself may be overwritten */
    ggml_set_name(shown, name);
    graph_output(&state->graph, shown);
}

/* The quarter `index` of the map, rows first [6]. */
static struct ggml_tensor *quarter(struct ggml_context *context, struct ggml_tensor *x, int index)
{
    int64_t width = x->ne[1] / 2, height = x->ne[2] / 2;
    size_t offset =
        (size_t)(index / 2 * height) * x->nb[2] + (size_t)(index % 2 * width) * x->nb[1];
    return ggml_cont(context, ggml_view_4d(context, x, x->ne[0], width, height, x->ne[3], x->nb[1],
                                           x->nb[2], x->nb[3], offset));
}

/* Mean over the four quarters' pixels, which are equally many. */
static struct ggml_tensor *local_branch(struct manet_state *state, struct ggml_tensor *x)
{
    struct graph *graph = &state->graph;
    struct ggml_tensor *sum = NULL;
    for (int i = 0; i < MANET_PATCHES; i++) {
        char name[32];
        struct ggml_tensor *y = quarter(graph->context, x, i);
        y = stage_of(graph, &state->model->local3[i], y);
        y = stage_of(graph, &state->model->local4[i], y);
        snprintf(name, sizeof name, "branch_1_patch_%d", i + 1);
        show(state, name, y);
        y = mean_pixel(graph->context, y);
        sum = sum ? ggml_add(graph->context, sum, y) : y;
    }
    return ggml_scale(graph->context, sum, 1.0f / MANET_PATCHES);
}

static struct ggml_tensor *classify(const struct manet_state *state, int half,
                                    struct ggml_tensor *embedding)
{
    struct ggml_context *context = state->graph.context;
    struct ggml_tensor *logits = ggml_mul_mat(context, state->model->head_weight[half], embedding);
    return ggml_add(context, logits, state->model->head_bias[half]);
}

struct ggml_tensor *manet_network(struct manet_state *state, struct ggml_tensor *input)
{
    const struct manet *model = state->model;
    struct graph *graph = &state->graph;
    struct ggml_tensor *x = graph_conv2d(graph, &model->conv1, input, NULL, true);
    x = graph->fused ? manet_cpu_pool(graph, x) : plain_pool(graph->context, x);
    show(state, "maxpool", x);
    x = stage_of(graph, &model->layer1, x);
    show(state, "layer1", x);
    x = stage_of(graph, &model->layer2, x);
    show(state, "layer2", x);
    struct ggml_tensor *local = local_branch(state, x);
    x = stage_of(graph, &model->global4, stage_of(graph, &model->global3, x));
    show(state, "branch_2_map", x);
    struct ggml_tensor *global = mean_pixel(graph->context, x);
    if (state->output == MANET_LOGITS) {
        local = classify(state, 0, local);
        global = classify(state, 1, global);
    }
    return ggml_concat(graph->context, local, global, 0);
}
