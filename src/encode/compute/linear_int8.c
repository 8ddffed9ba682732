/* Linear layers with quantised weights by products of bytes: each row of x has a scale of its own.
 */
#include "encode/compute/int8_matrix.h"
#include "encode/compute/linear.h"
#include "encode/compute/linear_packed.h"
#include "encode/compute/row_ops.h"
#include "encode/compute/weights.h"

_Static_assert(LINEAR_BLOCK == INT8_COLUMNS, "a block is a panel");

bool linear_suits_int8(const struct ggml_tensor *weight)
{
    return ggml_is_quantized(weight->type) && !weights_prefer_ggml(weight) &&
           weight->ne[0] <= INT8_MAX_DEPTH && int8_product_available();
}

static size_t input_bytes(const struct ggml_tensor *x)
{
    return int8_input_bytes(x->ne[1], x->ne[0]);
}

static size_t block_bytes(int64_t in)
{
    struct int8_shape shape = {1, 0, in};
    return int8_panel_bytes(&shape);
}

/* Quantised rows lie side by side, also where those of x overlap. */
static void quantise_rows(const struct ggml_tensor *x, void *memory, int ith, int nth)
{
    struct int8_input input = int8_input_at(memory, x->ne[1], x->ne[0]);
    struct share share = share_of(x->ne[1], 1, ith, nth);
    for (int64_t i = share.begin; i < share.end; i++) {
        const char *row = (const char *)x->data + i * (int64_t)x->nb[1];
        int8_input_set(&input, i, (const float *)(const void *)row);
    }
}

static void pack(enum ggml_type type, int64_t n, int64_t in, const void *rows, float *wide,
                 void *panel)
{
    struct int8_shape shape = {1, 0, in};
    if (type == GGML_TYPE_Q8_0) {
        int8_pack_q8_0(n, &shape, rows, panel);
        return;
    }
    row_widen((int)type, n * in, rows, wide);
    int8_pack(n, &shape, wide, in, panel);
}

static void multiply(const struct ggml_tensor *x, void *memory, int64_t n, const void *panels,
                     float *y, int64_t stride)
{
    struct int8_shape shape = {1, 0, x->ne[0]};
    struct int8_input input = int8_input_at(memory, x->ne[1], x->ne[0]);
    struct int8_rows rows = int8_input_rows(&input, 0);
    int8_product(&shape, x->ne[1], &rows, n, panels, y, stride);
}

static const struct linear_form form = {input_bytes, block_bytes, quantise_rows, pack, multiply};

static void compute(struct ggml_tensor *y, int ith, int nth, void *node)
{
    linear_packed_compute(y, ith, nth, node, &form);
}

struct ggml_tensor *cpu_linear_int8(struct graph *graph, struct ggml_tensor *weight,
                                    struct ggml_tensor *x, struct node_finish finish)
{
    return linear_packed_create(graph, weight, x, finish, &form, compute);
}

int linear_pack_int8(struct ggml_tensor *weight, struct valence_error *error)
{
    return linear_packed_prepare(weight, &form, error);
}
