/* Small graphs, built for the sizes at hand, computed at once and forgotten; and the operations
 * that encoders share.
 *
 * Each operation below is one thing said in two ways: in ggml's own operations, which every device
 * and every quantised type has, and, on a CPU, fused around OpenBLAS's sgemm in a custom node
 * (ops_cpu.h). `fused` chooses.
 *
 * Activations are f32, channels innermost: a sequence is (channels, frames) in ggml's order. */
#ifndef VALENCE_ENCODE_COMPUTE_GRAPH_H
#define VALENCE_ENCODE_COMPUTE_GRAPH_H

#include <stdbool.h>
#include <stdint.h>

#include <ggml-alloc.h>
#include <ggml-backend.h>
#include <ggml.h>

#include "encode/compute/row_ops.h"
#include "valence/error.h"

#define GRAPH_MAX_NODES 8192

/* What computes: one per state. */
struct graph {
    ggml_backend_t backend;
    ggml_gallocr_t allocator;
    struct ggml_context *context;
    struct ggml_cgraph *nodes;
    bool fused;
    struct scratch *scratch; /* of the custom nodes */
};

/* `plain` asks for ggml's own operations on a CPU, too. */
int graph_create(struct graph *graph, ggml_backend_dev_t device, bool plain,
                 struct valence_error *error);
void graph_free(struct graph *graph);

/* Starts a new graph; tensors of the last one are gone. */
int graph_begin(struct graph *graph, struct valence_error *error);

/* A tensor that will be set after graph_allocate(). */
struct ggml_tensor *graph_input(struct graph *graph, int64_t ne0, int64_t ne1, int64_t ne2,
                                int64_t ne3);

/* Adds what `tensor` needs to the graph; graph_output() also keeps it readable after
 * graph_compute(). */
void graph_add(struct graph *graph, struct ggml_tensor *tensor);
void graph_output(struct graph *graph, struct ggml_tensor *tensor);

/* Gives the tensors memory (kept from graph to graph), then computes. Errors: MEMORY; UNSUPPORTED
 * where the device has not all of the operations, naming one. */
int graph_allocate(struct graph *graph, struct valence_error *error);
int graph_compute(struct graph *graph, struct valence_error *error);

/* ---- Operations ---- */

/* y = activation(W x + b) + residual.  W: (in, out), any type; b: (out) or NULL; x: (in, rows),
 * rows may overlap or lie apart (nb1); residual: (out, rows) or NULL. */
struct ggml_tensor *graph_linear(struct graph *graph, struct ggml_tensor *weight,
                                 struct ggml_tensor *bias, struct ggml_tensor *x,
                                 enum activation activation, struct ggml_tensor *residual);

/* y = activation((x - mean) / sqrt(variance + epsilon) * w + b) over each row of x: (width,
 * rows). */
struct ggml_tensor *graph_norm(struct graph *graph, struct ggml_tensor *weight,
                               struct ggml_tensor *bias, struct ggml_tensor *x, float epsilon,
                               enum activation activation);

/* Convolution over time without padding of x: (in, frames): W: (kernel * in, out), rows of it as a
 * window of x lies in memory. Gives (out, (frames - kernel) / stride + 1). */
struct ggml_tensor *graph_conv1d(struct graph *graph, struct ggml_tensor *weight,
                                 struct ggml_tensor *bias, struct ggml_tensor *x, int64_t kernel,
                                 int64_t stride, enum activation activation);

#endif
