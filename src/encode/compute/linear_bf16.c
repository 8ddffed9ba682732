/* Linear layers with quantised or bf16 weights by products in bf16. */
#include "encode/compute/bf16_weights.h"
#include "encode/compute/linear.h"
#include "encode/compute/linear_packed.h"
#include "kernels/bf16_product.h"

_Static_assert(LINEAR_BLOCK == BF16_COLUMNS, "a block is what bf16_pack() packs");

bool linear_suits_bf16(const struct ggml_tensor *weight)
{
    return bf16_suits(weight->type, weight->ne[0]);
}

/* Rows of x that overlap (a convolution's windows) stay so when rounded; others are laid side by
 * side. */
static int64_t rounded_stride(const struct ggml_tensor *x)
{
    int64_t stride = (int64_t)(x->nb[1] / sizeof(float));
    return stride < x->ne[0] ? stride : x->ne[0];
}

static size_t input_bytes(const struct ggml_tensor *x)
{
    return (size_t)((x->ne[1] - 1) * rounded_stride(x) + x->ne[0]) * sizeof(uint16_t);
}

static size_t block_bytes(int64_t in)
{
    return BF16_COLUMNS * sizeof(uint16_t) * (size_t)in;
}

/* Of overlapping rows the last brings its whole length. */
static void round_rows(const struct ggml_tensor *x, void *input, int ith, int nth)
{
    uint16_t *rounded = input;
    int64_t stride = rounded_stride(x);
    struct share share = share_of(x->ne[1], 1, ith, nth);
    for (int64_t i = share.begin; i < share.end; i++)
        bf16_round(i + 1 < x->ne[1] ? stride : x->ne[0],
                   (const float *)(const void *)((const char *)x->data + i * (int64_t)x->nb[1]),
                   rounded + i * stride);
}

static void pack(enum ggml_type type, int64_t n, int64_t in, const void *rows, float *wide,
                 void *block)
{
    bf16_pack_weights(type, n, in, rows, wide, block);
}

static void multiply(const struct ggml_tensor *x, void *input, int64_t n, const void *blocks,
                     float *y, int64_t stride)
{
    struct bf16_shape shape = {1, 0, x->ne[0], false};
    bf16_product(&shape, x->ne[1], input, rounded_stride(x), n, blocks, y, stride);
}

static const struct linear_form form = {input_bytes, block_bytes, round_rows, pack, multiply};

static void compute(struct ggml_tensor *y, int ith, int nth, void *node)
{
    linear_packed_compute(y, ith, nth, node, &form);
}

struct ggml_tensor *cpu_linear_bf16(struct graph *graph, struct ggml_tensor *weight,
                                    struct ggml_tensor *x, struct node_finish finish)
{
    return linear_packed_create(graph, weight, x, finish, &form, compute);
}

int linear_pack_bf16(struct ggml_tensor *weight, struct valence_error *error)
{
    return linear_packed_prepare(weight, &form, error);
}
