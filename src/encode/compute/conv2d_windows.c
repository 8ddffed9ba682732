#include "encode/compute/conv2d_windows.h"

#include <string.h>

#define COLUMNS   64  /* outputs of a task */
#define POSITIONS 512 /* about as many windows at a time */

static struct conv2d_plane plane_of(const struct conv2d *conv, const struct ggml_tensor *x)
{
    struct conv2d_plane plane = {.pad = conv->kernel / 2};
    plane.rows = x->ne[2] + 2 * plane.pad;
    plane.row_values = (x->ne[1] + 2 * plane.pad) * conv->in;
    plane.values = plane.rows * plane.row_values;
    return plane;
}

/* Output rows computed together. With a stride of 1 they are one run of windows, with the borders
 * between rows as windows that are not used; else every row is a run of its own. */
static int64_t rows_at_a_time(const struct conv2d *conv, int64_t width,
                              const struct conv2d_plane *plane)
{
    int64_t rows = conv->stride == 1 ? POSITIONS / (width + 2 * plane->pad) : 1;
    return rows < 1 ? 1 : rows;
}

/* Windows from one output row's first to the next one's. */
static int64_t windows_of_a_row(const struct conv2d *conv, int64_t width,
                                const struct conv2d_plane *plane)
{
    return conv->stride == 1 ? width + 2 * plane->pad : width;
}

/* What follows the product, for `rows` output rows from `row` of a picture: outputs `column` ... of
 * their windows, (rows * step, n), to their places in y. */
static void finish_rows(struct ggml_tensor *y, const struct conv2d_node *node, int64_t picture,
                        int64_t row, int64_t rows, int64_t step, int64_t column, int64_t n,
                        const float *products)
{
    int64_t width = y->ne[1], out = node->conv->out;
    for (int64_t i = 0; i < rows; i++, products += step * n) {
        int64_t place = ((picture * y->ne[2] + row + i) * width) * out + column;
        float *target = (float *)y->data + place;
        for (int64_t j = 0; j < width; j++)
            memcpy(target + j * out, products + j * n, (size_t)n * sizeof *products);
        struct finish finish = conv2d_finish(node, place, column);
        rows_finish(width, n, target, out, &finish);
    }
}

void conv2d_windows_compute(struct ggml_tensor *y, int ith, int nth, struct conv2d_node *node,
                            const struct conv2d_windows *form)
{
    const struct conv2d *conv = node->conv;
    const struct ggml_tensor *x = y->src[0];
    struct conv2d_plane plane = plane_of(conv, x);
    int64_t blocks = (conv->out + COLUMNS - 1) / COLUMNS, width = y->ne[1], height = y->ne[2], task;
    int64_t most = rows_at_a_time(conv, width, &plane), chunks = (height + most - 1) / most;
    int64_t step = windows_of_a_row(conv, width, &plane);
    float *products = scratch_floats(node->scratch, ith);
    for (int round = 0; round < node->n_rounds; round++) {
        int64_t first = round * node->pictures, n = conv2d_round_size(node, x, round);
        form->convert(node, x, first, n, &plane, ith, nth);
        meet(&node->meeting, nth);
        while (take_task(&node->queues[round], blocks * n * chunks, &task)) {
            int64_t column = task / (n * chunks) * COLUMNS, picture = task / chunks % n;
            int64_t row = task % chunks * most, rows = height - row < most ? height - row : most;
            int64_t columns = conv->out - column < COLUMNS ? conv->out - column : COLUMNS;
            form->multiply(node, x, &plane, picture, row, (rows - 1) * step + width, column,
                           columns, products);
            finish_rows(y, node, first + picture, row, rows, step, column, columns, products);
        }
        meet(&node->meeting, nth); /* before others are converted */
    }
}

struct ggml_tensor *
conv2d_windows_create(struct graph *graph, const struct conv2d *conv, struct ggml_tensor *x,
                      struct ggml_tensor *residual, bool relu, const struct conv2d_windows *form,
                      void (*compute)(struct ggml_tensor *y, int ith, int nth, void *node))
{
    struct conv2d_plane plane = plane_of(conv, x);
    int64_t width = conv2d_output_size(conv, x->ne[1]);
    struct conv2d_plan plan = {
        .compute = compute,
        .picture_floats = form->picture_floats(&plane, x),
        .most_floats = form->most_floats,
        .thread_floats =
            rows_at_a_time(conv, width, &plane) * windows_of_a_row(conv, width, &plane) * COLUMNS,
        .queues_per_round = 1,
    };
    return conv2d_node_create(graph, conv, x, residual, relu, &plan);
}
