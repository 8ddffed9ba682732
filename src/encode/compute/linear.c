#include "encode/compute/linear.h"

#include "encode/compute/linear_packed.h"

bool linear_suits_quantised(const struct ggml_tensor *weight, const struct ggml_tensor *x)
{
    return x->ne[1] >= LINEAR_MIN_ROWS && (linear_suits_int8(weight) || linear_suits_bf16(weight));
}

struct ggml_tensor *cpu_linear(struct graph *graph, struct ggml_tensor *weight,
                               struct ggml_tensor *bias, struct ggml_tensor *x,
                               enum activation activation, struct ggml_tensor *residual)
{
    struct node_finish finish = {activation, bias, residual};
    if (!linear_suits_quantised(weight, x))
        return cpu_linear_sgemm(graph, weight, x, finish);
    return linear_suits_int8(weight) ? cpu_linear_int8(graph, weight, x, finish)
                                     : cpu_linear_bf16(graph, weight, x, finish);
}

int linear_pack(struct weights *weights, struct ggml_tensor *weight, struct valence_error *error)
{
    weights->owns_extra = true;
    if (linear_suits_int8(weight))
        return linear_pack_int8(weight, error);
    return linear_suits_bf16(weight) ? linear_pack_bf16(weight, error) : VALENCE_OK;
}
