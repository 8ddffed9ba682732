#include "encode/manet/manet.h"

#include <stdlib.h>

#include "base/fail.h"
#include "base/memory.h"
#include "encode/manet/manet_network.h"

int64_t manet_row_width(const struct manet *model, enum manet_output output)
{
    return output == MANET_LOGITS ? 2 * model->n_classes : 16 * model->width;
}

/* The stages are the graph's outputs but the last, which is the result. */
static void show_stages(const struct manet_state *state)
{
    for (int i = 0; state->watch && i < ggml_graph_n_nodes(state->graph.nodes) - 1; i++) {
        const struct ggml_tensor *node = ggml_graph_node(state->graph.nodes, i);
        if (node->flags & GGML_TENSOR_FLAG_OUTPUT)
            state->watch->stage(state->watch->user, node->name, node);
    }
}

int manet_encode(struct manet_state *state, const uint8_t *pixels, int64_t n, float *rows,
                 struct valence_error *error)
{
    int64_t side = state->model->side, count = 3 * side * side * n;
    float *values = allocate(count, sizeof *values);
    if (!values)
        return fail_memory(error, (size_t)count * sizeof *values, "pictures");
    for (int64_t i = 0; i < count; i++)
        values[i] = (float)pixels[i] / 255.0f;
    int status = graph_begin(&state->graph, error);
    if (!status) {
        struct ggml_tensor *input = graph_input(&state->graph, 3, side, side, n);
        struct ggml_tensor *output = manet_network(state, input);
        graph_output(&state->graph, output);
        status = graph_allocate(&state->graph, error);
        if (!status) {
            ggml_backend_tensor_set(input, values, 0, ggml_nbytes(input));
            status = graph_compute(&state->graph, error);
        }
        if (!status) {
            ggml_backend_tensor_get(output, rows, 0, ggml_nbytes(output));
            show_stages(state);
        }
    }
    free(values);
    return status;
}
