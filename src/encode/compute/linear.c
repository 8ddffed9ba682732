#include "encode/compute/linear.h"

bool linear_suits_quantised(const struct ggml_tensor *weight, const struct ggml_tensor *x)
{
    return linear_suits_int8(weight, x) || linear_suits_bf16(weight, x);
}

struct ggml_tensor *cpu_linear(struct graph *graph, struct ggml_tensor *weight,
                               struct ggml_tensor *bias, struct ggml_tensor *x,
                               enum activation activation, struct ggml_tensor *residual)
{
    struct node_finish finish = {activation, bias, residual};
    if (linear_suits_int8(weight, x))
        return cpu_linear_int8(graph, weight, x, finish);
    return linear_suits_bf16(weight, x) ? cpu_linear_bf16(graph, weight, x, finish)
                                        : cpu_linear_sgemm(graph, weight, x, finish);
}
