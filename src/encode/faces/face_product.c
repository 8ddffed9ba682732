#include "encode/faces/face_product.h"

#include <stdlib.h>
#include <string.h>

#include <ggml.h>

#include "base/fail.h"
#include "base/memory.h"
#include "kernels/bf16_product.h"
#include "kernels/panel.h"

enum face_arithmetic face_arithmetic_of(int ggml_type)
{
    return ggml_type == GGML_TYPE_BF16 && bf16_pays() ? FACE_BF16 : FACE_F32;
}

/* ---- Weights ---- */

static int64_t padded_length(int64_t length)
{
    return (length + BF16_DEPTH - 1) / BF16_DEPTH * BF16_DEPTH;
}

/* The transpose, (out, taps * padded), each stretch followed by zeros. */
static float *transpose(int64_t taps, int64_t length, int64_t padded, int64_t out,
                        const float *weight)
{
    float *rows = allocate(out * taps * padded, sizeof *rows);
    for (int64_t j = 0; rows && j < out; j++)
        for (int64_t t = 0; t < taps; t++)
            for (int64_t k = 0; k < padded; k++)
                rows[(j * taps + t) * padded + k] =
                    k < length ? weight[(t * length + k) * out + j] : 0;
    return rows;
}

static int pack_panels(struct face_product *product, const float *weight,
                       struct valence_error *error)
{
    int64_t depth = product->taps * product->length;
    size_t bytes = (size_t)(panel_count(product->out) * PANEL * depth) * sizeof(float);
    product->panels = aligned_alloc(64, bytes);
    if (!product->panels)
        return fail_memory(error, bytes, "a convolution's weights");
    panel_pack_transposed(product->out, depth, weight, product->out, product->panels);
    return VALENCE_OK;
}

static int pack_blocks(struct face_product *product, const float *weight,
                       struct valence_error *error)
{
    int64_t out = product->out, padded = padded_length(product->length);
    int64_t depth = product->taps * padded, blocks = (out + BF16_COLUMNS - 1) / BF16_COLUMNS;
    size_t bytes = (size_t)(blocks * BF16_COLUMNS * depth) * sizeof *product->blocks;
    float *rows = transpose(product->taps, product->length, padded, out, weight);
    product->blocks = rows ? aligned_alloc(64, bytes) : NULL;
    for (int64_t j = 0; product->blocks && j < out; j += BF16_COLUMNS)
        bf16_pack(out - j < BF16_COLUMNS ? out - j : BF16_COLUMNS, depth, rows + j * depth, depth,
                  product->blocks + j * depth);
    free(rows);
    return product->blocks ? VALENCE_OK : fail_memory(error, bytes, "a convolution's weights");
}

int face_product_pack(struct face_product *product, enum face_arithmetic arithmetic, int64_t taps,
                      int64_t length, int64_t out, const float *weight, struct valence_error *error)
{
    *product = (struct face_product){arithmetic, taps, length, out, NULL, NULL};
    return arithmetic == FACE_BF16 ? pack_blocks(product, weight, error)
                                   : pack_panels(product, weight, error);
}

void face_product_free(struct face_product *product)
{
    free(product->panels);
    free(product->blocks);
    *product = (struct face_product){0};
}

/* ---- Operands ---- */

int64_t face_operand_floats(const struct face_product *product, int64_t n)
{
    return product->arithmetic == FACE_BF16 ? (n + BF16_DEPTH + 1) / 2 : 0;
}

const void *face_operand(const struct face_product *product, int64_t n, const float *x,
                         float *memory)
{
    uint16_t *values = (uint16_t *)(void *)memory;
    if (product->arithmetic == FACE_F32)
        return x;
    bf16_round(n, x, values);
    memset(values + n, 0, BF16_DEPTH * sizeof *values);
    return values;
}

/* ---- The product ---- */

#define ROWS     96 /* at a time */
#define MAX_TAPS 3

static void multiply_panels(const struct face_product *product, const float *x, int64_t rows,
                            int64_t stride, int64_t tap_stride, float *y)
{
    int64_t offsets[MAX_TAPS], out = product->out, depth = product->taps * product->length;
    const float *starts[ROWS];
    float room[ROWS * PANEL], *results[ROWS];
    struct panel_shape shape = {(int)product->taps, offsets, product->length, 1, false};
    for (int64_t t = 0; t < product->taps; t++)
        offsets[t] = t * tap_stride;
    for (int64_t first = 0; first < rows; first += ROWS, y += ROWS * out, x += ROWS * stride) {
        int64_t n = rows - first < ROWS ? rows - first : ROWS;
        for (int64_t i = 0; i < n; i++)
            starts[i] = x + i * stride;
        for (int64_t column = 0; column < out; column += PANEL) {
            int64_t width = out - column < PANEL ? out - column : PANEL;
            for (int64_t i = 0; i < n; i++)
                results[i] = width == PANEL ? y + i * out + column : room + i * PANEL;
            panel_product(&shape, n, starts, product->panels + column * depth, results);
            for (int64_t i = 0; width < PANEL && i < n; i++)
                memcpy(y + i * out + column, room + i * PANEL, (size_t)width * sizeof *y);
        }
    }
}

void face_product(const struct face_product *product, const void *operand, int64_t first,
                  int64_t rows, int64_t stride, int64_t tap_stride, float *y)
{
    if (product->arithmetic == FACE_F32) {
        multiply_panels(product, (const float *)operand + first, rows, stride, tap_stride, y);
        return;
    }
    struct bf16_shape shape = {product->taps, tap_stride, padded_length(product->length), false};
    bf16_product(&shape, rows, (const uint16_t *)operand + first, stride, product->out,
                 product->blocks, y, product->out);
}
