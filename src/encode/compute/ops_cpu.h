/* The CPU's own forms of graph.h's operations by rows; linear.h has the products. */
#ifndef VALENCE_ENCODE_COMPUTE_OPS_CPU_H
#define VALENCE_ENCODE_COMPUTE_OPS_CPU_H

#include "encode/compute/cpu_node.h"

/* In place: activation(y + bias) + residual. */
struct ggml_tensor *cpu_finish(struct graph *graph, struct ggml_tensor *y, struct ggml_tensor *bias,
                               enum activation activation, struct ggml_tensor *residual);

struct ggml_tensor *cpu_norm(struct graph *graph, struct ggml_tensor *weight,
                             struct ggml_tensor *bias, struct ggml_tensor *x, float epsilon,
                             enum activation activation);

#endif
