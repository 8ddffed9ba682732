#include "encode/compute/int8_matrix.h"

#include <stdlib.h>

#include "base/fail.h"
#include "encode/compute/row_ops.h"

/* ---- Weights ---- */

int int8_matrix_pack(struct int8_matrix *matrix, struct int8_shape shape, int64_t out,
                     int ggml_type, const void *rows, const char *what, struct valence_error *error)
{
    int64_t depth = shape.taps * shape.length;
    size_t panel = int8_panel_bytes(&shape), row_bytes = row_size(ggml_type, depth);
    size_t bytes = (size_t)((out + INT8_COLUMNS - 1) / INT8_COLUMNS) * panel;
    float *wide = malloc((size_t)(INT8_COLUMNS * depth) * sizeof *wide);
    *matrix = (struct int8_matrix){shape, out, wide ? aligned_alloc(64, bytes) : NULL};
    if (!matrix->panels) {
        free(wide);
        return fail_memory(error, bytes, what);
    }
    for (int64_t j = 0; j < out; j += INT8_COLUMNS) {
        int64_t n = out - j < INT8_COLUMNS ? out - j : INT8_COLUMNS;
        row_widen(ggml_type, n * depth, (const char *)rows + (size_t)j * row_bytes, wide);
        int8_pack(n, &shape, wide, depth, matrix->panels + (size_t)(j / INT8_COLUMNS) * panel);
    }
    free(wide);
    return VALENCE_OK;
}

void int8_matrix_free(struct int8_matrix *matrix)
{
    free(matrix->panels);
    matrix->panels = NULL;
}

const void *int8_matrix_panel(const struct int8_matrix *matrix, int64_t column)
{
    return matrix->panels + (size_t)(column / INT8_COLUMNS) * int8_panel_bytes(&matrix->shape);
}

/* ---- Rows ---- */

#define LINE 64 /* of the cache, where rows begin */

static int64_t stride_of(int64_t in)
{
    return (in + LINE - 1) / LINE * LINE;
}

static size_t scales_bytes(int64_t n)
{
    return ((size_t)n * sizeof(struct int8_scale) + LINE - 1) / LINE * LINE;
}

size_t int8_input_bytes(int64_t n, int64_t in)
{
    return scales_bytes(n) + (size_t)(n * stride_of(in) + INT8_SLACK);
}

struct int8_input int8_input_at(void *memory, int64_t n, int64_t in)
{
    unsigned char *bytes = memory;
    return (struct int8_input){n, in, stride_of(in), memory, bytes + scales_bytes(n)};
}

void int8_input_set(const struct int8_input *input, int64_t i, const float *row)
{
    int64_t slack = i + 1 == input->n ? INT8_SLACK : 0;
    uint8_t *values = input->values + i * input->stride;
    float least, most;
    int8_range(input->in, row, &least, &most);
    struct int8_scale scale = int8_scale_of(least, most);
    input->scales[i] = scale;
    int8_quantise(input->in, row, scale, values);
    int8_fill_zero(input->stride - input->in + slack, scale, values + input->in);
}

struct int8_rows int8_input_rows(const struct int8_input *input, int64_t first)
{
    return (struct int8_rows){input->values + first * input->stride, input->stride,
                              input->scales + first, 1};
}

/* ---- The product ---- */

#define ROWS    96 /* of a task: with the panels of its columns they stay in the cache */
#define COLUMNS 128

void int8_matrix_multiply(const struct int8_matrix *matrix, int64_t n, const float *x, void *memory,
                          float *y)
{
    int64_t in = matrix->shape.length, out = matrix->out;
    struct int8_input input = int8_input_at(memory, n, in);
#pragma omp parallel for schedule(static)
    for (int64_t i = 0; i < n; i++)
        int8_input_set(&input, i, x + i * in);
#pragma omp parallel for collapse(2) schedule(dynamic)
    for (int64_t column = 0; column < out; column += COLUMNS)
        for (int64_t first = 0; first < n; first += ROWS) {
            struct int8_rows rows = int8_input_rows(&input, first);
            int8_product(&matrix->shape, n - first < ROWS ? n - first : ROWS, &rows,
                         out - column < COLUMNS ? out - column : COLUMNS,
                         int8_matrix_panel(matrix, column), y + first * out + column, out);
        }
}
