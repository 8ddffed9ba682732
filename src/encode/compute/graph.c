#include "encode/compute/graph.h"

#include <stdlib.h>

#include "base/fail.h"
#include "base/threads.h"
#include "encode/compute/backend.h"
#include "encode/compute/linear.h"
#include "encode/compute/ops_cpu.h"
#include "encode/compute/weights.h"

/* ---- Life ---- */

int graph_create(struct graph *graph, ggml_backend_dev_t device, bool plain,
                 struct valence_error *error)
{
    *graph = (struct graph){0};
    int status = backend_open(device, &graph->backend, error);
    if (status)
        return status;
    graph->fused = backend_is_cpu(graph->backend) && !plain;
    graph->allocator = ggml_gallocr_new(ggml_backend_get_default_buffer_type(graph->backend));
    graph->scratch = scratch_create();
    if (!graph->allocator || !graph->scratch) {
        graph_free(graph);
        return fail_memory(error, 0, "a graph");
    }
    return VALENCE_OK;
}

void graph_free(struct graph *graph)
{
    scratch_free(graph->scratch);
    ggml_free(graph->context);
    ggml_gallocr_free(graph->allocator);
    ggml_backend_free(graph->backend);
    *graph = (struct graph){0};
}

int graph_begin(struct graph *graph, struct valence_error *error)
{
    ggml_free(graph->context);
    struct ggml_init_params params = {
        .mem_size = GRAPH_MAX_NODES * ggml_tensor_overhead() +
                    ggml_graph_overhead_custom(GRAPH_MAX_NODES, false),
        .no_alloc = true,
    };
    graph->context = ggml_init(params);
    if (!graph->context)
        return fail_memory(error, params.mem_size, "a graph");
    graph->nodes = ggml_new_graph_custom(graph->context, GRAPH_MAX_NODES, false);
    backend_set_threads(graph->backend, threads_count());
    scratch_begin(graph->scratch); /* with room for as many */
    return VALENCE_OK;
}

struct ggml_tensor *graph_input(struct graph *graph, int64_t ne0, int64_t ne1, int64_t ne2,
                                int64_t ne3)
{
    struct ggml_tensor *tensor =
        ggml_new_tensor_4d(graph->context, GGML_TYPE_F32, ne0, ne1, ne2, ne3);
    ggml_set_input(tensor);
    return tensor;
}

void graph_add(struct graph *graph, struct ggml_tensor *tensor)
{
    ggml_build_forward_expand(graph->nodes, tensor);
}

void graph_output(struct graph *graph, struct ggml_tensor *tensor)
{
    ggml_set_output(tensor);
    graph_add(graph, tensor);
}

int graph_allocate(struct graph *graph, struct valence_error *error)
{
    if (!graph->fused)
        for (int i = 0; i < ggml_graph_n_nodes(graph->nodes); i++) {
            struct ggml_tensor *node = ggml_graph_node(graph->nodes, i);
            if (!ggml_backend_supports_op(graph->backend, node))
                return fail(
                    error, VALENCE_ERROR_UNSUPPORTED,
                    "device '%s' cannot compute %s of %s weights (use another device or another "
                    "type of the encoder's file)",
                    ggml_backend_name(graph->backend), ggml_op_desc(node),
                    node->src[0] ? ggml_type_name(node->src[0]->type) : "f32");
        }
    if (!scratch_reserve(graph->scratch) ||
        !ggml_gallocr_alloc_graph(graph->allocator, graph->nodes))
        return fail_memory(error, 0, "an encoder's activations");
    return VALENCE_OK;
}

int graph_compute(struct graph *graph, struct valence_error *error)
{
    enum ggml_status status = ggml_backend_graph_compute(graph->backend, graph->nodes);
    if (status == GGML_STATUS_SUCCESS)
        return VALENCE_OK;
    return fail(error,
                status == GGML_STATUS_ALLOC_FAILED ? VALENCE_ERROR_MEMORY
                                                   : VALENCE_ERROR_UNSUPPORTED,
                "device '%s' did not compute a graph: %s", ggml_backend_name(graph->backend),
                ggml_status_to_string(status));
}

/* ---- Operations ---- */

/* activation(x) */
static struct ggml_tensor *activate(struct graph *graph, struct ggml_tensor *x,
                                    enum activation activation)
{
    if (activation == ACTIVATION_NONE)
        return x;
    if (graph->fused)
        return cpu_finish(graph, x, NULL, activation, NULL);
    return activation == ACTIVATION_GELU ? ggml_gelu_erf(graph->context, x)
                                         : ggml_relu(graph->context, x);
}

struct ggml_tensor *graph_linear(struct graph *graph, struct ggml_tensor *weight,
                                 struct ggml_tensor *bias, struct ggml_tensor *x,
                                 enum activation activation, struct ggml_tensor *residual)
{
    struct ggml_context *context = graph->context;
    if (graph->fused && (linear_suits_quantised(weight, x) || !weights_prefer_ggml(weight)))
        return cpu_linear(graph, weight, bias, x, activation, residual);
    struct ggml_tensor *y =
        ggml_mul_mat(context, weight, ggml_is_contiguous(x) ? x : ggml_cont(context, x));
    if (graph->fused)
        return bias || residual || activation ? cpu_finish(graph, y, bias, activation, residual)
                                              : y;
    if (bias)
        y = ggml_add(context, y, bias);
    y = activate(graph, y, activation);
    return residual ? ggml_add(context, y, residual) : y;
}

struct ggml_tensor *graph_norm(struct graph *graph, struct ggml_tensor *weight,
                               struct ggml_tensor *bias, struct ggml_tensor *x, float epsilon,
                               enum activation activation)
{
    if (graph->fused)
        return cpu_norm(graph, weight, bias, x, epsilon, activation);
    struct ggml_tensor *y = ggml_norm(graph->context, x, epsilon);
    y = ggml_add(graph->context, ggml_mul(graph->context, y, weight), bias);
    return activate(graph, y, activation);
}

struct ggml_tensor *graph_conv1d(struct graph *graph, struct ggml_tensor *weight,
                                 struct ggml_tensor *bias, struct ggml_tensor *x, int64_t kernel,
                                 int64_t stride, enum activation activation)
{
    /* With channels innermost a window is a stretch of memory: the columns are an overlapping
     * view. */
    int64_t frames = (x->ne[1] - kernel) / stride + 1;
    struct ggml_tensor *windows =
        ggml_view_2d(graph->context, x, x->ne[0], frames, (size_t)stride * x->nb[1], 0);
    windows->ne[0] = kernel * x->ne[0]; /* ggml_view_2d() refuses rows that overlap */
    return graph_linear(graph, weight, bias, windows, activation, NULL);
}
