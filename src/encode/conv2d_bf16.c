/* Convolutions with quantised weights by products in bf16 (bf16_product.h), without gathering windows: pictures are
 * rounded and given their border in one go; then the windows of neighbouring pixels are rows that overlap. */
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "encode/bf16_product.h"
#include "encode/conv2d.h"
#include "encode/ops_cpu.h"

#define COLUMNS   64  /* outputs of a task */
#define POSITIONS 512 /* about as many windows at a time */
#define PADDED_VALUES                                                                              \
    (1 << 21) /* of pictures with their border at a time: they stay in the cache */

/* ---- Weights --------------------------------------------------------------------------------------------------- */

bool conv2d_suits_bf16(const struct conv2d *conv)
{
    return (ggml_is_quantized(conv->weight->type) || conv->weight->type == GGML_TYPE_BF16) &&
           conv->kernel * conv->in % BF16_DEPTH == 0 && bf16_best_unit() != BF16_NONE;
}

int conv2d_pack_bf16(struct conv2d *conv, struct valence_error *error)
{
    int64_t depth = conv->weight->ne[0], out = conv->weight->ne[1];
    size_t block = (size_t)(BF16_COLUMNS * depth);
    size_t values = (size_t)((out + BF16_COLUMNS - 1) / BF16_COLUMNS) * block;
    float *wide = malloc(block * sizeof *wide);
    conv->packed_bf16 = wide ? aligned_alloc(64, values * sizeof *conv->packed_bf16) : NULL;
    if (!conv->packed_bf16) {
        free(wide);
        return fail_memory(error, values * sizeof *conv->packed_bf16, "a convolution's weights");
    }
    for (int64_t j = 0; j < out; j += BF16_COLUMNS) {
        int64_t n = out - j < BF16_COLUMNS ? out - j : BF16_COLUMNS;
        row_widen((int)conv->weight->type, n * depth,
                  (const char *)conv->weight->data + j * (int64_t)conv->weight->nb[1], wide);
        bf16_pack(n, depth, wide, depth, conv->packed_bf16 + j * depth);
    }
    free(wide);
    return VALENCE_OK;
}

/* ---- Computing ------------------------------------------------------------------------------------------------- */

struct parameters {
    struct scratch *scratch;
    const struct conv2d *conv;
    const struct ggml_tensor *residual;
    bool relu;
    int64_t pictures; /* at a time */
    struct meeting meeting;
    int n_queues;
    struct task_queue queues[]; /* one for each round */
};

/* Sizes of a picture with its border. */
struct plane {
    int64_t pad, rows, row_values, values;
};

static struct plane plane_of(const struct conv2d *conv, const struct ggml_tensor *x)
{
    struct plane plane = {.pad = conv->kernel / 2};
    plane.rows = x->ne[2] + 2 * plane.pad;
    plane.row_values = (x->ne[1] + 2 * plane.pad) * conv->in;
    plane.values = plane.rows * plane.row_values;
    return plane;
}

static void round_row(const struct ggml_tensor *x, int64_t picture, int64_t row,
                      const struct plane *plane, uint16_t *padded)
{
    int64_t channels = x->ne[0], border = plane->pad * channels;
    if (row < 0 || row >= x->ne[2]) {
        memset(padded, 0, (size_t)plane->row_values * sizeof *padded);
        return;
    }
    const char *from =
        (const char *)x->data + picture * (int64_t)x->nb[3] + row * (int64_t)x->nb[2];
    memset(padded, 0, (size_t)border * sizeof *padded);
    padded += border;
    for (int64_t i = 0; i < x->ne[1]; i++, padded += channels)
        bf16_round(channels, (const float *)(const void *)(from + i * (int64_t)x->nb[1]), padded);
    memset(padded, 0, (size_t)border * sizeof *padded);
}

/* Output rows computed together. With a stride of 1 they are one run of windows, with the borders between rows as windows
 * that nobody wants; else every row is a run of its own. */
static int64_t rows_at_a_time(const struct conv2d *conv, int64_t width, const struct plane *plane)
{
    int64_t rows = conv->stride == 1 ? POSITIONS / (width + 2 * plane->pad) : 1;
    return rows < 1 ? 1 : rows;
}

/* Outputs column ... column+n-1 of `rows` output rows from `row` of a picture. */
static void compute_rows(struct ggml_tensor *y, const struct parameters *p,
                         const struct plane *plane, const uint16_t *picture_values, int64_t picture,
                         int64_t row, int64_t rows, int64_t column, int64_t n, float *room)
{
    const struct conv2d *conv = p->conv;
    int64_t width = y->ne[1], step = conv->stride == 1 ? plane->row_values / conv->in : width;
    struct bf16_shape shape = {conv->kernel, plane->row_values, conv->kernel * conv->in};
    bf16_product(bf16_best_unit(), &shape, (rows - 1) * step + width,
                 picture_values + row * conv->stride * plane->row_values, conv->stride * conv->in,
                 n, conv->packed_bf16 + column * conv->weight->ne[0], room, n);
    struct finish finish = {.bias = (const float *)conv->bias->data + column,
                            .activation = p->relu ? ACTIVATION_RELU : ACTIVATION_NONE,
                            .residual_stride = conv->out,
                            .order = RESIDUAL_BEFORE};
    for (int64_t i = 0; i < rows; i++, room += step * n) {
        int64_t place = ((picture * y->ne[2] + row + i) * width) * conv->out + column;
        float *target = (float *)y->data + place;
        for (int64_t j = 0; j < width; j++)
            memcpy(target + j * conv->out, room + j * n, (size_t)n * sizeof *room);
        if (p->residual)
            finish.residual = (const float *)p->residual->data + place;
        rows_finish(width, n, target, conv->out, &finish);
    }
}

static void compute(struct ggml_tensor *y, int ith, int nth, void *user)
{
    struct parameters *p = user;
    const struct ggml_tensor *x = y->src[0];
    struct plane plane = plane_of(p->conv, x);
    int64_t blocks = (p->conv->out + COLUMNS - 1) / COLUMNS, task;
    int64_t step = rows_at_a_time(p->conv, y->ne[1], &plane);
    uint16_t *padded = (uint16_t *)(void *)scratch_shared(p->scratch);
    float *room = scratch_floats(p->scratch, ith);
    for (int round = 0; round < p->n_queues; round++) {
        int64_t first = round * p->pictures;
        int64_t n = x->ne[3] - first < p->pictures ? x->ne[3] - first : p->pictures;
        struct share share = share_of(n * plane.rows, 1, ith, nth);
        for (int64_t i = share.begin; i < share.end; i++)
            round_row(x, first + i / plane.rows, i % plane.rows - plane.pad, &plane,
                      padded + i * plane.row_values);
        meet(&p->meeting, nth);
        int64_t chunks = (y->ne[2] + step - 1) / step;
        while (take_task(&p->queues[round], blocks * n * chunks, &task)) {
            int64_t column = task / (n * chunks) * COLUMNS, picture = task / chunks % n;
            int64_t row = task % chunks * step;
            compute_rows(y, p, &plane, padded + picture * plane.values, first + picture, row,
                         y->ne[2] - row < step ? y->ne[2] - row : step, column,
                         p->conv->out - column < COLUMNS ? p->conv->out - column : COLUMNS, room);
        }
        meet(&p->meeting, nth); /* before the borders are made for others */
    }
}

struct ggml_tensor *cpu_conv2d_bf16(struct graph *graph, const struct conv2d *conv,
                                    struct ggml_tensor *x, struct ggml_tensor *residual, bool relu)
{
    struct plane plane = plane_of(conv, x);
    int64_t width = conv2d_output_size(conv, x->ne[1]);
    int64_t pictures = PADDED_VALUES / plane.values;
    pictures = pictures < 1 ? 1 : pictures < x->ne[3] ? pictures : x->ne[3];
    int n_queues = (int)((x->ne[3] + pictures - 1) / pictures);
    struct parameters *p =
        scratch_parameters(graph->scratch, sizeof *p + (size_t)n_queues * sizeof *p->queues);
    p->scratch = graph->scratch;
    p->conv = conv;
    p->residual = residual;
    p->relu = relu;
    p->pictures = pictures;
    p->n_queues = n_queues;
    scratch_want(graph->scratch,
                 rows_at_a_time(conv, width, &plane) * (width + 2 * plane.pad) * COLUMNS);
    scratch_want_shared(graph->scratch, (pictures * plane.values + 1) / 2);
    struct ggml_tensor *operands[] = {x, conv->bias, residual};
    return ggml_custom_4d(graph->context, GGML_TYPE_F32, conv->out, width,
                          conv2d_output_size(conv, x->ne[2]), x->ne[3], operands, residual ? 3 : 2,
                          compute, GGML_N_TASKS_MAX, p);
}
