/* Linear layers with quantised weights by products in bf16: x is rounded once, by all threads; then
 * each takes a range of output columns, that is of rows of W, and widens and packs some of them at
 * a time. */
#include "kernels/bf16_product.h"
#include "encode/compute/linear.h"
#include "encode/compute/row_ops.h"

#define COLUMNS                                                                                    \
    128            /* packed together; with a slice of the depth they fit a processor's own cache */
#define MIN_ROWS 8 /* fewer do not repay packing W */

struct parameters {
    struct scratch *scratch;
    struct node_finish finish;
    struct meeting meeting;
};

bool linear_suits_bf16(const struct ggml_tensor *weight, const struct ggml_tensor *x)
{
    return (ggml_is_quantized(weight->type) || weight->type == GGML_TYPE_BF16) &&
           weight->ne[0] % BF16_DEPTH == 0 && x->ne[1] >= MIN_ROWS && bf16_units() == BF16_TILES;
}

/* Rows of x that overlap (a convolution's windows) stay so when rounded; others are laid side by
 * side. */
static int64_t rounded_stride(const struct ggml_tensor *x)
{
    int64_t stride = (int64_t)(x->nb[1] / sizeof(float));
    return stride < x->ne[0] ? stride : x->ne[0];
}

static int64_t rounded_values(const struct ggml_tensor *x)
{
    return (x->ne[1] - 1) * rounded_stride(x) + x->ne[0];
}

/* A thread's share of x's rows; of overlapping ones the last brings its whole length. */
static void round_rows(const struct ggml_tensor *x, uint16_t *rounded, int ith, int nth)
{
    int64_t stride = rounded_stride(x);
    struct share share = share_of(x->ne[1], 1, ith, nth);
    for (int64_t i = share.begin; i < share.end; i++)
        bf16_round(i + 1 < x->ne[1] ? stride : x->ne[0],
                   (const float *)(const void *)((const char *)x->data + i * (int64_t)x->nb[1]),
                   rounded + i * stride);
}

/* Rows first ... first+n-1 of W, in blocks. */
static void pack_columns(const struct ggml_tensor *weight, int64_t first, int64_t n, float *wide,
                         uint16_t *packed)
{
    int64_t in = weight->ne[0];
    for (int64_t j = 0; j < n; j += BF16_COLUMNS) {
        int64_t width = n - j < BF16_COLUMNS ? n - j : BF16_COLUMNS;
        const char *rows = (const char *)weight->data + (first + j) * (int64_t)weight->nb[1];
        row_widen((int)weight->type, width * in, rows, wide);
        bf16_pack(width, in, wide, in, packed + j * in);
    }
}

static void compute(struct ggml_tensor *y, int ith, int nth, void *user)
{
    struct parameters *p = user;
    const struct ggml_tensor *weight = y->src[0], *x = y->src[1];
    int64_t in = weight->ne[0], out = weight->ne[1], rows = x->ne[1];
    struct bf16_shape shape = {1, 0, in, false};
    uint16_t *rounded = (uint16_t *)(void *)scratch_shared(p->scratch);
    float *wide = scratch_floats(p->scratch, ith);
    uint16_t *packed = (uint16_t *)(void *)(wide + BF16_COLUMNS * in);
    round_rows(x, rounded, ith, nth);
    meet(&p->meeting, nth);
    struct share share = share_of(out, BF16_COLUMNS, ith, nth);
    for (int64_t column = share.begin; column < share.end; column += COLUMNS) {
        int64_t n = share.end - column < COLUMNS ? share.end - column : COLUMNS;
        float *target = (float *)y->data + column;
        pack_columns(weight, column, n, wide, packed);
        bf16_product(&shape, rows, rounded, rounded_stride(x), n, packed, target, out);
        struct finish finish = node_finish_at(&p->finish, column);
        rows_finish(rows, n, target, out, &finish);
    }
    meet(&p->meeting, nth); /* before x is rounded for another node */
}

struct ggml_tensor *cpu_linear_bf16(struct graph *graph, struct ggml_tensor *weight,
                                    struct ggml_tensor *x, struct node_finish finish)
{
    struct parameters *p = scratch_parameters(graph->scratch, sizeof *p);
    p->scratch = graph->scratch;
    p->finish = finish;
    scratch_want(graph->scratch, (BF16_COLUMNS + COLUMNS / 2) * weight->ne[0]);
    scratch_want_shared(graph->scratch, (rounded_values(x) + 1) / 2);
    struct ggml_tensor *sources[4];
    int n = list_sources(sources, weight, x, finish.bias, finish.residual);
    return ggml_custom_4d(graph->context, GGML_TYPE_F32, weight->ne[1], x->ne[1], 1, 1, sources, n,
                          compute, GGML_N_TASKS_MAX, p);
}
