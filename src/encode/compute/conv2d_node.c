#include "encode/compute/conv2d_node.h"

struct ggml_tensor *conv2d_node_create(struct graph *graph, const struct conv2d *conv,
                                       struct ggml_tensor *x, struct ggml_tensor *residual,
                                       bool relu, const struct conv2d_plan *plan)
{
    int64_t pictures = plan->most_floats / plan->picture_floats;
    pictures = pictures < 1 ? 1 : pictures < x->ne[3] ? pictures : x->ne[3];
    int n_rounds = (int)((x->ne[3] + pictures - 1) / pictures);
    size_t n_queues = (size_t)(n_rounds * plan->queues_per_round);
    struct conv2d_node *node =
        scratch_parameters(graph->scratch, sizeof *node + n_queues * sizeof *node->queues);
    node->scratch = graph->scratch;
    node->conv = conv;
    node->residual = residual;
    node->relu = relu;
    node->pictures = pictures;
    node->n_rounds = n_rounds;
    scratch_want(graph->scratch, plan->thread_floats);
    scratch_want_shared(graph->scratch, pictures * plan->picture_floats);
    struct ggml_tensor *sources[] = {x, conv->bias, residual};
    return ggml_custom_4d(graph->context, GGML_TYPE_F32, conv->out,
                          conv2d_output_size(conv, x->ne[1]), conv2d_output_size(conv, x->ne[2]),
                          x->ne[3], sources, residual ? 3 : 2, plan->compute, GGML_N_TASKS_MAX,
                          node);
}

int64_t conv2d_round_size(const struct conv2d_node *node, const struct ggml_tensor *x, int round)
{
    int64_t left = x->ne[3] - round * node->pictures;
    return left < node->pictures ? left : node->pictures;
}

struct finish conv2d_finish(const struct conv2d_node *node, int64_t place, int64_t column)
{
    return (struct finish){.bias = (const float *)node->conv->bias->data + column,
                           .activation = node->relu ? ACTIVATION_RELU : ACTIVATION_NONE,
                           .residual =
                               node->residual ? (const float *)node->residual->data + place : NULL,
                           .residual_stride = node->conv->out,
                           .order = RESIDUAL_BEFORE};
}
