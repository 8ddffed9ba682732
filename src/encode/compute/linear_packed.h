/* What linear layers in bytes and in bf16 share. All threads convert the rows of x together, once;
 * then each takes a range of outputs, that is of rows of W. W is packed beforehand, or some rows at
 * a time for each product. */
#ifndef VALENCE_ENCODE_COMPUTE_LINEAR_PACKED_H
#define VALENCE_ENCODE_COMPUTE_LINEAR_PACKED_H

#include "encode/compute/cpu_node.h"

#define LINEAR_BLOCK    32 /* outputs that are packed side by side */
#define LINEAR_MIN_ROWS 8  /* fewer do not repay packing W */

struct linear_form {
    size_t (*input_bytes)(const struct ggml_tensor *x); /* of all rows, converted */
    size_t (*block_bytes)(int64_t in);                  /* of LINEAR_BLOCK packed outputs */

    /* A thread's share of the rows of x, into the `input` of all threads. */
    void (*convert)(const struct ggml_tensor *x, void *input, int ith, int nth);

    /* n <= LINEAR_BLOCK rows of W; `wide` has room for them as floats. */
    void (*pack)(enum ggml_type type, int64_t n, int64_t in, const void *rows, float *wide,
                 void *block);

    /* y (rows of x, n), `stride` apart, of the packed outputs. */
    void (*multiply)(const struct ggml_tensor *x, void *input, int64_t n, const void *blocks,
                     float *y, int64_t stride);
};

/* Packs all of W, on all threads, into memory at weight->extra, which the caller frees.
 * ERROR_MEMORY.
 */
int linear_packed_prepare(struct ggml_tensor *weight, const struct linear_form *form,
                          struct valence_error *error);

/* The node, whose `compute` calls linear_packed_compute() with the same form. */
struct ggml_tensor *
linear_packed_create(struct graph *graph, struct ggml_tensor *weight, struct ggml_tensor *x,
                     struct node_finish finish, const struct linear_form *form,
                     void (*compute)(struct ggml_tensor *y, int ith, int nth, void *node));
void linear_packed_compute(struct ggml_tensor *y, int ith, int nth, void *node,
                           const struct linear_form *form);

#endif
