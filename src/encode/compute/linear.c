#include "encode/compute/linear.h"

struct ggml_tensor *cpu_linear(struct graph *graph, struct ggml_tensor *weight,
                               struct ggml_tensor *bias, struct ggml_tensor *x,
                               enum activation activation, struct ggml_tensor *residual)
{
    struct node_finish finish = {activation, bias, residual};
    return linear_suits_bf16(weight, x) ? cpu_linear_bf16(graph, weight, x, finish)
                                        : cpu_linear_sgemm(graph, weight, x, finish);
}
