/* Linear layers as nodes of the CPU: linear.c chooses the form. */
#ifndef VALENCE_ENCODE_COMPUTE_LINEAR_H
#define VALENCE_ENCODE_COMPUTE_LINEAR_H

#include "encode/compute/cpu_node.h"
#include "encode/compute/weights.h"

/* activation(W * x + b) + residual. */
struct ggml_tensor *cpu_linear(struct graph *graph, struct ggml_tensor *weight,
                               struct ggml_tensor *bias, struct ggml_tensor *x,
                               enum activation activation, struct ggml_tensor *residual);

/* Packs a layer's weight, placed on the CPU, for all products that follow: encoders do so once they
 * are loaded. Without it each product packs the weight again. Nothing is done where products take
 * it as it is. ERROR_MEMORY. */
int linear_pack(struct weights *weights, struct ggml_tensor *weight, struct valence_error *error);

/* ---- Its forms ---- */

/* In f32; quantised weights are widened. */
struct ggml_tensor *cpu_linear_sgemm(struct graph *graph, struct ggml_tensor *weight,
                                     struct ggml_tensor *x, struct node_finish finish);

/* Whether one of the following two suits, both for weights that are quantised, or bf16, and for
 * more than a few rows. */
bool linear_suits_quantised(const struct ggml_tensor *weight, const struct ggml_tensor *x);

/* With both operands as bytes. */
bool linear_suits_int8(const struct ggml_tensor *weight);
struct ggml_tensor *cpu_linear_int8(struct graph *graph, struct ggml_tensor *weight,
                                    struct ggml_tensor *x, struct node_finish finish);
int linear_pack_int8(struct ggml_tensor *weight, struct valence_error *error);

/* With both operands rounded to bf16, where the processor is faster that way. */
bool linear_suits_bf16(const struct ggml_tensor *weight);
struct ggml_tensor *cpu_linear_bf16(struct graph *graph, struct ggml_tensor *weight,
                                    struct ggml_tensor *x, struct node_finish finish);
int linear_pack_bf16(struct ggml_tensor *weight, struct valence_error *error);

#endif
