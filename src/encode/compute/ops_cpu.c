#include "encode/compute/ops_cpu.h"

#include "encode/compute/row_ops.h"

/* ---- What follows a product ---- */

struct finish_parameters {
    struct node_finish finish;
};

static void compute_finish(struct ggml_tensor *y, int ith, int nth, void *user)
{
    const struct finish_parameters *p = user;
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
    struct finish_parameters *p = scratch_parameters(graph->scratch, sizeof *p);
    *p = (struct finish_parameters){{activation, bias, residual}};
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
