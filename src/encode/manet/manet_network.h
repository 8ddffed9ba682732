/* The parts of MANet's network as graphs; the numbers in brackets are steps of the fixtures'
 * description. */
#ifndef VALENCE_ENCODE_MANET_MANET_NETWORK_H
#define VALENCE_ENCODE_MANET_MANET_NETWORK_H

#include "encode/manet/manet.h"

/* The network [2 ... 8] on `input`, (3, side, side, pictures) with values 0 ... 1: rows (row width,
 * pictures). */
struct ggml_tensor *manet_network(struct manet_state *state, struct ggml_tensor *input);

/* The end of an attention block [12, 13, 10]: relu(y * channel gate * spatial gate + residual). The
 * CPU's own form. */
struct ggml_tensor *manet_cpu_gates(struct graph *graph, const struct manet_block *block,
                                    struct ggml_tensor *y, struct ggml_tensor *residual);

/* Max pool 3 x 3, stride 2, padding 1 [3] of non-negative values. The CPU's own form. */
struct ggml_tensor *manet_cpu_pool(struct graph *graph, struct ggml_tensor *x);

#endif
