#include "encode/compute/linear_packed.h"

#define COLUMNS 128 /* packed together; with some rows of x they fit a processor's own cache */

struct node {
    struct scratch *scratch;
    struct node_finish finish;
    struct meeting meeting;
};

/* Of a thread: the packed outputs, then a block of rows of W as floats. */
static int64_t packed_floats(const struct linear_form *form, int64_t in)
{
    return (int64_t)(form->block_bytes(in) / sizeof(float)) * (COLUMNS / LINEAR_BLOCK);
}

static void pack_columns(const struct linear_form *form, const struct ggml_tensor *weight,
                         int64_t first, int64_t n, float *wide, unsigned char *packed)
{
    int64_t in = weight->ne[0];
    for (int64_t j = 0; j < n; j += LINEAR_BLOCK, packed += form->block_bytes(in)) {
        const char *rows = (const char *)weight->data + (first + j) * (int64_t)weight->nb[1];
        form->pack(weight->type, n - j < LINEAR_BLOCK ? n - j : LINEAR_BLOCK, in, rows, wide,
                   packed);
    }
}

void linear_packed_compute(struct ggml_tensor *y, int ith, int nth, void *parameters,
                           const struct linear_form *form)
{
    struct node *node = parameters;
    const struct ggml_tensor *weight = y->src[0], *x = y->src[1];
    int64_t in = weight->ne[0], out = weight->ne[1], rows = x->ne[1];
    void *input = scratch_shared(node->scratch);
    float *packed = scratch_floats(node->scratch, ith), *wide = packed + packed_floats(form, in);
    form->convert(x, input, ith, nth);
    meet(&node->meeting, nth);
    struct share share = share_of(out, LINEAR_BLOCK, ith, nth);
    for (int64_t column = share.begin; column < share.end; column += COLUMNS) {
        int64_t n = share.end - column < COLUMNS ? share.end - column : COLUMNS;
        float *target = (float *)y->data + column;
        pack_columns(form, weight, column, n, wide, (unsigned char *)packed);
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
    scratch_want(graph->scratch, packed_floats(form, weight->ne[0]) + LINEAR_BLOCK * weight->ne[0]);
    scratch_want_shared(graph->scratch, (int64_t)(form->input_bytes(x) + 3) / 4);
    struct ggml_tensor *sources[4];
    int n = list_sources(sources, weight, x, finish.bias, finish.residual);
    return ggml_custom_4d(graph->context, GGML_TYPE_F32, weight->ne[1], x->ne[1], 1, 1, sources, n,
                          compute, GGML_N_TASKS_MAX, node);
}
