/* Linear layers by sgemm: each thread takes a range of output columns, that is of rows of W, and
 * widens some of them at a time; or, where the inputs are few, a range of rows. */
#include "encode/compute/linear.h"
#include "encode/compute/row_ops.h"
#include "kernels/gemm.h"
#include "kernels/panel.h"

struct linear_parameters {
    struct scratch *scratch;
    struct node_finish finish;
};

#define WIDE_FLOATS (1 << 19) /* of widened rows at a time: 2 MiB, a processor's own cache */

static int64_t panel_rows(const struct ggml_tensor *weight)
{
    int64_t rows = WIDE_FLOATS / weight->ne[0];
    return rows < 16 ? 16 : rows;
}

/* y columns `column` ... `column` + n - 1 from the matching rows of W, widened. */
static void multiply(struct ggml_tensor *y, int64_t column, int64_t n, const float *wide)
{
    const struct ggml_tensor *weight = y->src[0], *x = y->src[1];
    int64_t in = weight->ne[0], x_stride = (int64_t)(x->nb[1] / sizeof(float));
    /* Where rows of x overlap (a convolution), CBLAS wants them cut to their distance. */
    for (int64_t k = 0, piece; k < in; k += piece) {
        piece = in - k < x_stride ? in - k : x_stride;
        gemm(AS_IS, TRANSPOSED, x->ne[1], n, piece, 1, (const float *)x->data + k, x_stride,
             wide + k, in, k > 0, (float *)y->data + column, weight->ne[1]);
    }
}

/* A thread's share is a range of output columns, that is of rows of W. */
static void compute_linear(struct ggml_tensor *y, int ith, int nth, void *user)
{
    const struct linear_parameters *p = user;
    const struct ggml_tensor *weight = y->src[0];
    struct share share = share_of(weight->ne[1], 16, ith, nth);
    int64_t in = weight->ne[0], out = weight->ne[1];
    int64_t step = weight->type == GGML_TYPE_F32 ? share.end - share.begin : panel_rows(weight);
    for (int64_t column = share.begin; column < share.end; column += step) {
        int64_t n = share.end - column < step ? share.end - column : step;
        const char *panel = (const char *)weight->data + column * (int64_t)weight->nb[1];
        const float *wide = (const float *)(const void *)panel;
        if (weight->type != GGML_TYPE_F32) {
            float *floats = scratch_floats(p->scratch, ith);
            row_widen((int)weight->type, n * in, panel, floats);
            wide = floats;
        }
        multiply(y, column, n, wide);
        struct finish finish = node_finish_at(&p->finish, column);
        rows_finish(y->ne[1], n, (float *)y->data + column, out, &finish);
    }
}

#define FEW_INPUTS 32 /* so few do not repay what an sgemm does beforehand */
#define ROWS       96 /* of such a product at a time */

static bool has_few_inputs(const struct ggml_tensor *weight)
{
    return weight->type == GGML_TYPE_F32 && weight->ne[0] <= FEW_INPUTS &&
           weight->ne[1] % PANEL == 0;
}

/* A thread's share is a range of rows; all panels of W fit the cache. */
static void compute_narrow(struct ggml_tensor *y, int ith, int nth, void *user)
{
    const struct linear_parameters *p = user;
    const struct ggml_tensor *weight = y->src[0], *x = y->src[1];
    int64_t in = weight->ne[0], out = weight->ne[1], zero = 0;
    struct share share = share_of(x->ne[1], ROWS, ith, nth);
    struct panel_shape shape = {1, &zero, in, 1, false};
    struct finish finish = node_finish_at(&p->finish, 0);
    const float *residual = finish.residual;
    float *packed = scratch_floats(p->scratch, ith);
    panel_pack(out, in, weight->data, in, packed);
    for (int64_t row = share.begin; row < share.end; row += ROWS) {
        const float *inputs[ROWS];
        float *outputs[ROWS];
        int64_t n = share.end - row < ROWS ? share.end - row : ROWS;
        for (int64_t panel = 0; panel < out / PANEL; panel++) {
            for (int64_t i = 0; i < n; i++) {
                inputs[i] = (const float *)(const void *)((const char *)x->data +
                                                          (row + i) * (int64_t)x->nb[1]);
                outputs[i] = (float *)y->data + (row + i) * out + panel * PANEL;
            }
            panel_product(&shape, n, inputs, packed + panel * in * PANEL, outputs);
        }
        finish.residual = residual ? residual + row * out : NULL;
        rows_finish(n, out, (float *)y->data + row * out, out, &finish);
    }
}

struct ggml_tensor *cpu_linear_sgemm(struct graph *graph, struct ggml_tensor *weight,
                                     struct ggml_tensor *x, struct node_finish finish)
{
    struct linear_parameters *p = scratch_parameters(graph->scratch, sizeof *p);
    *p = (struct linear_parameters){graph->scratch, finish};
    if (has_few_inputs(weight))
        scratch_want(graph->scratch, weight->ne[0] * weight->ne[1]);
    else if (weight->type != GGML_TYPE_F32)
        scratch_want(graph->scratch, panel_rows(weight) * weight->ne[0]);
    struct ggml_tensor *operands[4];
    int n = list_sources(operands, weight, x, finish.bias, finish.residual);
    return ggml_custom_4d(graph->context, GGML_TYPE_F32, weight->ne[1], x->ne[1], 1, 1, operands, n,
                          has_few_inputs(weight) ? compute_narrow : compute_linear,
                          GGML_N_TASKS_MAX, p);
}
