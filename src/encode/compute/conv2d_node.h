/* What the CPU's forms of a convolution share as nodes of a graph: they take some pictures at a
 * time, as many as fit the cache, in rounds; in each, the threads prepare the pictures together,
 * meet, and then take tasks. */
#ifndef VALENCE_ENCODE_COMPUTE_CONV2D_NODE_H
#define VALENCE_ENCODE_COMPUTE_CONV2D_NODE_H

#include "encode/compute/conv2d.h"
#include "encode/compute/cpu_node.h"

struct conv2d_node {
    struct scratch *scratch;
    const struct conv2d *conv;
    const struct ggml_tensor *residual; /* or NULL */
    bool relu;
    int64_t pictures; /* at a time */
    int n_rounds;
    struct meeting meeting;
    struct task_queue queues[]; /* some for each round */
};

struct conv2d_plan {
    void (*compute)(struct ggml_tensor *y, int ith, int nth, void *node);
    int64_t picture_floats; /* of what a prepared picture takes of the shared memory */
    int64_t most_floats;    /* prepared at a time, unless one picture is larger */
    int64_t thread_floats;
    int queues_per_round;
};

struct ggml_tensor *conv2d_node_create(struct graph *graph, const struct conv2d *conv,
                                       struct ggml_tensor *x, struct ggml_tensor *residual,
                                       bool relu, const struct conv2d_plan *plan);

/* Pictures of a round, from number round * node->pictures. */
int64_t conv2d_round_size(const struct conv2d_node *node, const struct ggml_tensor *x, int round);

/* Bias, residual and ReLU for pixels of y that begin at `place`, counted in floats: channels of it
 * from `column` on. */
struct finish conv2d_finish(const struct conv2d_node *node, int64_t place, int64_t column);

#endif
