#include "encode/compute/ops_cpu.h"

#include <assert.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/threads.h"
#include "encode/compute/panel.h"
#include "encode/compute/row_ops.h"
#include "kernels/gemm.h"

/* ---- Memory ---- */

#define PARAMETER_BYTES (1 << 17) /* of a graph: some hundred nodes */

struct scratch {
    _Alignas(64) unsigned char parameters[PARAMETER_BYTES];
    size_t parameters_used;
    int n_threads;
    int64_t wanted, wanted_shared; /* floats per thread, and of all together */
    int64_t held, held_shared;
    float *floats, *shared;
};

struct scratch *scratch_create(void)
{
    struct scratch *scratch = aligned_alloc(64, (sizeof *scratch + 63) / 64 * 64);
    if (scratch)
        memset(scratch, 0, sizeof *scratch);
    return scratch;
}

void scratch_free(struct scratch *scratch)
{
    if (!scratch)
        return;
    free(scratch->floats);
    free(scratch->shared);
    free(scratch);
}

void scratch_begin(struct scratch *scratch)
{
    scratch->parameters_used = 0;
    scratch->wanted = scratch->wanted_shared = 0;
    scratch->n_threads = threads_count();
}

void *scratch_parameters(struct scratch *scratch, size_t size)
{
    assert(size <= PARAMETER_BYTES - scratch->parameters_used);
    void *parameters = scratch->parameters + scratch->parameters_used;
    scratch->parameters_used += (size + 15) / 16 * 16;
    return memset(parameters, 0, size);
}

static void want(int64_t *wanted, int64_t n_floats)
{
    n_floats = (n_floats + 15) / 16 * 16; /* threads keep to their own cache lines */
    if (n_floats > *wanted)
        *wanted = n_floats;
}

void scratch_want(struct scratch *scratch, int64_t n_floats)
{
    want(&scratch->wanted, n_floats);
}

void scratch_want_shared(struct scratch *scratch, int64_t n_floats)
{
    want(&scratch->wanted_shared, n_floats);
}

static bool grow(float **floats, int64_t *held, int64_t wanted, int64_t times)
{
    size_t bytes;
    if (wanted <= *held)
        return true;
    if (!size_multiply(wanted * (int64_t)sizeof **floats, times, &bytes))
        return false;
    free(*floats);
    *floats = aligned_alloc(64, bytes);
    *held = *floats ? wanted : 0;
    return *floats != NULL;
}

bool scratch_reserve(struct scratch *scratch)
{
    return grow(&scratch->floats, &scratch->held, scratch->wanted, scratch->n_threads) &&
           grow(&scratch->shared, &scratch->held_shared, scratch->wanted_shared, 1);
}

float *scratch_shared(struct scratch *scratch)
{
    return scratch->shared;
}

float *scratch_floats(struct scratch *scratch, int thread)
{
    assert(thread < scratch->n_threads);
    return scratch->floats + thread * scratch->held;
}

/* ---- Dividing the work ---- */

void meet(struct meeting *meeting, int nth)
{
    int phase = atomic_load(&meeting->phase);
    if (atomic_fetch_add(&meeting->arrived, 1) + 1 == nth) {
        atomic_store(&meeting->arrived, 0);
        atomic_store(&meeting->phase, phase + 1);
        return;
    }
    for (int spins = 0; atomic_load(&meeting->phase) == phase; spins++)
        if (spins > 1000)
            sched_yield(); /* the one that is missing may be waiting for this core */
}

struct share share_of(int64_t n, int64_t unit, int ith, int nth)
{
    int64_t units = (n + unit - 1) / unit;
    struct share share = {units * ith / nth * unit, units * (ith + 1) / nth * unit};
    if (share.end > n)
        share.end = n;
    return share;
}

/* ---- What follows a product ---- */

struct finish node_finish_at(const struct node_finish *finish, int64_t column)
{
    const struct ggml_tensor *bias = finish->bias, *residual = finish->residual;
    return (struct finish){
        .bias = bias ? (const float *)bias->data + column : NULL,
        .activation = finish->activation,
        .residual = residual ? (const float *)residual->data + column : NULL,
        .residual_stride = residual ? residual->ne[0] : 0,
    };
}

int list_sources(struct ggml_tensor *sources[4], struct ggml_tensor *a, struct ggml_tensor *b,
                 struct ggml_tensor *c, struct ggml_tensor *d)
{
    struct ggml_tensor *all[] = {a, b, c, d};
    int n = 0;
    for (int i = 0; i < 4; i++)
        if (all[i])
            sources[n++] = all[i];
    return n;
}

/* ---- Linear layers ---- */

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
    struct panel_shape shape = {1, &zero, in};
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

struct ggml_tensor *cpu_linear(struct graph *graph, struct ggml_tensor *weight,
                               struct ggml_tensor *bias, struct ggml_tensor *x,
                               enum activation activation, struct ggml_tensor *residual)
{
    struct node_finish finish = {activation, bias, residual};
    if (linear_suits_bf16(weight, x))
        return cpu_linear_bf16(graph, weight, x, finish);
    struct linear_parameters *p = scratch_parameters(graph->scratch, sizeof *p);
    *p = (struct linear_parameters){graph->scratch, finish};
    if (has_few_inputs(weight))
        scratch_want(graph->scratch, weight->ne[0] * weight->ne[1]);
    else if (weight->type != GGML_TYPE_F32)
        scratch_want(graph->scratch, panel_rows(weight) * weight->ne[0]);
    struct ggml_tensor *operands[4];
    int n = list_sources(operands, weight, x, bias, residual);
    return ggml_custom_4d(graph->context, GGML_TYPE_F32, weight->ne[1], x->ne[1], 1, 1, operands, n,
                          has_few_inputs(weight) ? compute_narrow : compute_linear,
                          GGML_N_TASKS_MAX, p);
}

static void compute_finish(struct ggml_tensor *y, int ith, int nth, void *user)
{
    const struct linear_parameters *p = user;
    int64_t width = y->ne[0];
    struct share share = share_of(ggml_nrows(y), 1, ith, nth);
    struct finish finish = node_finish_at(&p->finish, 0);
    if (finish.residual)
        finish.residual += share.begin * width;
    rows_finish(share.end - share.begin, width, (float *)y->data + share.begin * width, width,
                &finish);
}

struct ggml_tensor *cpu_finish(struct graph *graph, struct ggml_tensor *y, struct ggml_tensor *bias,
                               enum activation activation, struct ggml_tensor *residual)
{
    struct linear_parameters *p = scratch_parameters(graph->scratch, sizeof *p);
    *p = (struct linear_parameters){graph->scratch, {activation, bias, residual}};
    struct ggml_tensor *operands[4];
    int n = list_sources(operands, bias, residual, NULL, NULL);
    return ggml_custom_inplace(graph->context, y, operands, n, compute_finish, GGML_N_TASKS_MAX, p);
}

/* ---- Normalisation ---- */

struct norm_parameters {
    float epsilon;
    enum activation activation;
};

static void compute_norm(struct ggml_tensor *y, int ith, int nth, void *user)
{
    const struct norm_parameters *p = user;
    const struct ggml_tensor *x = y->src[0];
    int64_t width = y->ne[0];
    struct share share = share_of(ggml_nrows(y), 1, ith, nth);
    rows_norm(share.end - share.begin, width, (const float *)x->data + share.begin * width,
              y->src[1]->data, y->src[2]->data, p->epsilon, p->activation,
              (float *)y->data + share.begin * width);
}

struct ggml_tensor *cpu_norm(struct graph *graph, struct ggml_tensor *weight,
                             struct ggml_tensor *bias, struct ggml_tensor *x, float epsilon,
                             enum activation activation)
{
    struct norm_parameters *p = scratch_parameters(graph->scratch, sizeof *p);
    *p = (struct norm_parameters){epsilon, activation};
    struct ggml_tensor *operands[] = {x, weight, bias};
    return ggml_custom_4d(graph->context, GGML_TYPE_F32, x->ne[0], x->ne[1], x->ne[2], x->ne[3],
                          operands, 3, compute_norm, GGML_N_TASKS_MAX, p);
}
