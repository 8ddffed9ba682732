/* Linear layers with quantised weights by products of bytes: the rows of x are quantised once, by
 * all threads, each with a scale of its own; then each thread takes a range of output columns, that
 * is of rows of W, and quantises and packs some of them at a time. */
#include "encode/compute/int8_matrix.h"
#include "encode/compute/linear.h"
#include "encode/compute/row_ops.h"
#include "encode/compute/weights.h"

#define COLUMNS  128 /* packed together; with some rows of x they fit a processor's own cache */
#define MIN_ROWS 8   /* fewer do not repay packing W */

struct parameters {
    struct scratch *scratch;
    struct node_finish finish;
    struct meeting meeting;
};

bool linear_suits_int8(const struct ggml_tensor *weight, const struct ggml_tensor *x)
{
    return ggml_is_quantized(weight->type) && !weights_prefer_ggml(weight) &&
           weight->ne[0] <= INT8_MAX_DEPTH && x->ne[1] >= MIN_ROWS && int8_product_available();
}

static int64_t panels_floats(int64_t in)
{
    struct int8_shape shape = {1, 0, in};
    return (int64_t)int8_panel_bytes(&shape) / 4 * (COLUMNS / INT8_COLUMNS);
}

/* A thread's share. Quantised rows lie side by side, also where those of x overlap. */
static void quantise_rows(const struct ggml_tensor *x, const struct int8_input *input, int ith,
                          int nth)
{
    struct share share = share_of(x->ne[1], 1, ith, nth);
    for (int64_t i = share.begin; i < share.end; i++) {
        const char *row = (const char *)x->data + i * (int64_t)x->nb[1];
        int8_input_set(input, i, (const float *)(const void *)row);
    }
}

/* Rows first ... first+n-1 of W, in panels. */
static void pack_columns(const struct ggml_tensor *weight, int64_t first, int64_t n, float *wide,
                         unsigned char *panels)
{
    int64_t in = weight->ne[0];
    struct int8_shape shape = {1, 0, in};
    for (int64_t j = 0; j < n; j += INT8_COLUMNS, panels += int8_panel_bytes(&shape)) {
        int64_t width = n - j < INT8_COLUMNS ? n - j : INT8_COLUMNS;
        const char *rows = (const char *)weight->data + (first + j) * (int64_t)weight->nb[1];
        row_widen((int)weight->type, width * in, rows, wide);
        int8_pack(width, &shape, wide, in, panels);
    }
}

static void compute(struct ggml_tensor *y, int ith, int nth, void *user)
{
    struct parameters *p = user;
    const struct ggml_tensor *weight = y->src[0], *x = y->src[1];
    int64_t in = weight->ne[0], out = weight->ne[1], rows = x->ne[1];
    struct int8_shape shape = {1, 0, in};
    struct int8_input input = int8_input_at(scratch_shared(p->scratch), rows, in);
    struct int8_rows quantised = int8_input_rows(&input, 0);
    float *panels = scratch_floats(p->scratch, ith), *wide = panels + panels_floats(in);
    quantise_rows(x, &input, ith, nth);
    meet(&p->meeting, nth);
    struct share share = share_of(out, INT8_COLUMNS, ith, nth);
    for (int64_t column = share.begin; column < share.end; column += COLUMNS) {
        int64_t n = share.end - column < COLUMNS ? share.end - column : COLUMNS;
        float *target = (float *)y->data + column;
        pack_columns(weight, column, n, wide, (unsigned char *)panels);
        int8_product(&shape, rows, &quantised, n, panels, target, out);
        struct finish finish = node_finish_at(&p->finish, column);
        rows_finish(rows, n, target, out, &finish);
    }
    meet(&p->meeting, nth); /* before x is quantised for another node */
}

struct ggml_tensor *cpu_linear_int8(struct graph *graph, struct ggml_tensor *weight,
                                    struct ggml_tensor *x, struct node_finish finish)
{
    struct parameters *p = scratch_parameters(graph->scratch, sizeof *p);
    p->scratch = graph->scratch;
    p->finish = finish;
    scratch_want(graph->scratch, panels_floats(weight->ne[0]) + INT8_COLUMNS * weight->ne[0]);
    scratch_want_shared(graph->scratch, (int64_t)int8_input_bytes(x->ne[1], x->ne[0]) / 4);
    struct ggml_tensor *sources[4];
    int n = list_sources(sources, weight, x, finish.bias, finish.residual);
    return ggml_custom_4d(graph->context, GGML_TYPE_F32, weight->ne[1], x->ne[1], 1, 1, sources, n,
                          compute, GGML_N_TASKS_MAX, p);
}
