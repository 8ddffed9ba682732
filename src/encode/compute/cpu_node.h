/* What the CPU's own nodes of a graph are made with: memory, shares of the work for each thread of
 * ggml's pool, and what follows a product.
 *
 * Within ggml's parallel region OpenBLAS computes on the calling thread, and both use OpenMP's one
 * pool. */
#ifndef VALENCE_ENCODE_COMPUTE_CPU_NODE_H
#define VALENCE_ENCODE_COMPUTE_CPU_NODE_H

#include <stdatomic.h>

#include "encode/compute/graph.h"

/* ---- Memory of custom nodes ---- */

/* Per-thread working memory, and the nodes' parameters until the next graph begins. */
struct scratch;
struct scratch *scratch_create(void);
void scratch_free(struct scratch *scratch);
void scratch_begin(struct scratch *scratch);

/* `size` bytes for a node's parameters, zeroed. */
void *scratch_parameters(struct scratch *scratch, size_t size);

/* While building: some node will want that many floats per thread. */
void scratch_want(struct scratch *scratch, int64_t n_floats);
bool scratch_reserve(struct scratch *scratch);
float *scratch_floats(struct scratch *scratch, int thread);

/* Likewise memory that all threads of a node share, in phases. */
void scratch_want_shared(struct scratch *scratch, int64_t n_floats);
float *scratch_shared(struct scratch *scratch);

/* ---- Dividing the work ---- */

/* Threads of a node take tasks as they come to them, so that one that others hold up does less.
 * Zeroed parameters hold an unused one; every round of tasks needs its own. */
struct task_queue {
    atomic_llong next;
};

/* The next of `n` tasks; false where none is left. */
static inline bool take_task(struct task_queue *queue, int64_t n, int64_t *task)
{
    *task = atomic_fetch_add_explicit(&queue->next, 1, memory_order_relaxed);
    return *task < n;
}

/* Where the phases of a node meet: nobody goes on before all `nth` threads have come. */
struct meeting {
    atomic_int arrived, phase;
};
void meet(struct meeting *meeting, int nth);

/* The share of `n` units that is thread `ith`'s of `nth`, in multiples of `unit`. */
struct share {
    int64_t begin, end;
};
struct share share_of(int64_t n, int64_t unit, int ith, int nth);

/* ---- What follows a product ---- */

/* A node's y = activation(y + bias) + residual: `bias` (width) and `residual` (width, rows) may be
 * NULL, and are among the node's sources, so that the allocator keeps them alive. */
struct node_finish {
    enum activation activation;
    struct ggml_tensor *bias, *residual;
};

/* The rows' finish from `column` on. */
struct finish node_finish_at(const struct node_finish *finish, int64_t column);

/* Writes those of the four that are not NULL to `sources`, and gives their number. */
int list_sources(struct ggml_tensor *sources[4], struct ggml_tensor *a, struct ggml_tensor *b,
                 struct ggml_tensor *c, struct ggml_tensor *d);

#endif
