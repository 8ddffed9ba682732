#include "encode/compute/linear_packed.h"

#include <stdlib.h>

#include "base/fail.h"
#include "base/threads.h"

#define COLUMNS 128 /* packed together; with some rows of x they fit a processor's own cache */

struct node {
    struct scratch *scratch;
    struct node_finish finish;
    struct meeting meeting;
};

/* ---- Packing beforehand ---- */

/* All of W, LINEAR_BLOCK outputs after the other. */
struct packed {
    const struct linear_form *form;
    _Alignas(64) unsigned char blocks[];
};

static void pack_block(const struct linear_form *form, const struct ggml_tensor *weight,
                       int64_t first, float *wide, unsigned char *block)
{
    int64_t left = weight->ne[1] - first, n = left < LINEAR_BLOCK ? left : LINEAR_BLOCK;
    form->pack(weight->type, n, weight->ne[0],
               (const char *)weight->data + first * (int64_t)weight->nb[1], wide, block);
}

int linear_packed_prepare(struct ggml_tensor *weight, const struct linear_form *form,
                          struct valence_error *error)
{
    int64_t in = weight->ne[0], n_blocks = (weight->ne[1] + LINEAR_BLOCK - 1) / LINEAR_BLOCK;
    size_t block_bytes = form->block_bytes(in);
    size_t bytes = sizeof(struct packed) + (size_t)n_blocks * block_bytes;
    size_t wide_floats = (size_t)(LINEAR_BLOCK * in);
    float *wide = malloc((size_t)threads_count() * wide_floats * sizeof *wide);
    struct packed *packed = wide ? aligned_alloc(64, bytes) : NULL;
    if (!packed) {
        free(wide);
        return fail_memory(error, bytes, "packed weights");
    }
    packed->form = form;
#pragma omp parallel for schedule(static)
    for (int64_t i = 0; i < n_blocks; i++)
        pack_block(form, weight, i * LINEAR_BLOCK, wide + (size_t)thread_index() * wide_floats,
                   packed->blocks + (size_t)i * block_bytes);
    free(wide);
    weight->extra = packed;
    return VALENCE_OK;
}

/* What was packed beforehand for this form, or NULL. */
static const struct packed *packed_for(const struct linear_form *form,
                                       const struct ggml_tensor *weight)
{
    const struct packed *packed = weight->extra;
    return packed && packed->form == form ? packed : NULL;
}

/* ---- Computing ---- */

/* Of a thread: the packed outputs, then a block of rows of W as floats. */
static int64_t packed_floats(const struct linear_form *form, int64_t in)
{
    return (int64_t)(form->block_bytes(in) / sizeof(float)) * (COLUMNS / LINEAR_BLOCK);
}

/* Outputs `first` ... of W, packed: found, or made in the thread's memory. */
static const void *packed_columns(const struct linear_form *form, const struct ggml_tensor *weight,
                                  int64_t first, int64_t n, float *wide, unsigned char *room)
{
    size_t block_bytes = form->block_bytes(weight->ne[0]);
    const struct packed *packed = packed_for(form, weight);
    if (packed)
        return packed->blocks + (size_t)(first / LINEAR_BLOCK) * block_bytes;
    for (int64_t j = 0; j < n; j += LINEAR_BLOCK)
        pack_block(form, weight, first + j, wide, room + (size_t)(j / LINEAR_BLOCK) * block_bytes);
    return room;
}

void linear_packed_compute(struct ggml_tensor *y, int ith, int nth, void *parameters,
                           const struct linear_form *form)
{
    struct node *node = parameters;
    const struct ggml_tensor *weight = y->src[0], *x = y->src[1];
    int64_t in = weight->ne[0], out = weight->ne[1], rows = x->ne[1];
    void *input = scratch_shared(node->scratch);
    float *room = scratch_floats(node->scratch, ith), *wide = room + packed_floats(form, in);
    form->convert(x, input, ith, nth);
    meet(&node->meeting, nth);
    struct share share = share_of(out, LINEAR_BLOCK, ith, nth);
    for (int64_t column = share.begin; column < share.end; column += COLUMNS) {
        int64_t n = share.end - column < COLUMNS ? share.end - column : COLUMNS;
        float *target = (float *)y->data + column;
        const void *packed = packed_columns(form, weight, column, n, wide, (unsigned char *)room);
        form->multiply(x, input, n, packed, target, out);
        struct finish finish = node_finish_at(&node->finish, column);
        rows_finish(rows, n, target, out, &finish);
    }
    meet(&node->meeting, nth); /* before x is converted for another node */
}

struct ggml_tensor *
linear_packed_create(struct graph *graph, struct ggml_tensor *weight, struct ggml_tensor *x,
                     struct node_finish finish, const struct linear_form *form,
                     void (*compute)(struct ggml_tensor *y, int ith, int nth, void *node))
{
    struct node *node = scratch_parameters(graph->scratch, sizeof *node);
    node->scratch = graph->scratch;
    node->finish = finish;
    if (!packed_for(form, weight))
        scratch_want(graph->scratch,
                     packed_floats(form, weight->ne[0]) + LINEAR_BLOCK * weight->ne[0]);
    scratch_want_shared(graph->scratch, (int64_t)(form->input_bytes(x) + 3) / 4);
    struct ggml_tensor *sources[4];
    int n = list_sources(sources, weight, x, finish.bias, finish.residual);
    return ggml_custom_4d(graph->context, GGML_TYPE_F32, weight->ne[1], x->ne[1], 1, 1, sources, n,
                          compute, GGML_N_TASKS_MAX, node);
}
