#include "encode/compute/head_attention.h"

#include "kernels/bf16_gemm.h"
#include "kernels/panel.h"

/* In bf16 keys and values are packed for each block, so that it is larger. */
#define QUERIES 96
_Static_assert(QUERIES <= HEAD_MOST_QUERIES, "the most is of bf16");

int64_t head_queries(bool is_bf16)
{
    return is_bf16 ? HEAD_MOST_QUERIES : QUERIES;
}

/* ---- Memory ---- */

int64_t head_floats(const struct head_shape *shape)
{
    int64_t padded = panel_count(shape->frames) * PANEL;
    if (shape->is_bf16)
        return HEAD_MOST_QUERIES * padded;
    return padded * shape->width + panel_count(shape->width) * PANEL * shape->frames +
           QUERIES * (padded + PANEL);
}

struct head_memory head_memory_at(const struct head_shape *shape, float *floats)
{
    int64_t padded = panel_count(shape->frames) * PANEL;
    struct head_memory memory = {.shape = *shape, .scores = floats, .padded = padded};
    if (shape->is_bf16)
        return memory;
    memory.keys = memory.scores + QUERIES * padded;
    memory.values = memory.keys + padded * shape->width;
    memory.sums = memory.values + panel_count(shape->width) * PANEL * shape->frames;
    return memory;
}

void head_take(struct head_memory *memory, const float *key, const float *value)
{
    const struct head_shape *shape = &memory->shape;
    memory->key = key;
    memory->value = value;
    if (shape->is_bf16)
        return;
    panel_pack(shape->frames, shape->width, key, shape->stride, memory->keys);
    panel_pack_transposed(shape->width, shape->frames, value, shape->stride, memory->values);
}

/* ---- Products ---- */

static void score_panels(const struct head_memory *memory, int64_t n, const float *query)
{
    int64_t width = memory->shape.width, zero = 0;
    const float *rows[QUERIES];
    float *out[QUERIES];
    struct panel_shape shape = {1, &zero, width, 1, false};
    for (int64_t i = 0; i < n; i++)
        rows[i] = query + i * memory->shape.stride;
    for (int64_t panel = 0; panel < memory->padded / PANEL; panel++) {
        for (int64_t i = 0; i < n; i++)
            out[i] = memory->scores + i * memory->padded + panel * PANEL;
        panel_product(&shape, n, rows, memory->keys + panel * width * PANEL, out);
    }
}

void head_score(const struct head_memory *memory, int64_t n, const float *query)
{
    const struct head_shape *shape = &memory->shape;
    if (shape->is_bf16)
        bf16_gemm(AS_IS, TRANSPOSED, n, shape->frames, shape->width, query, shape->stride,
                  memory->key, shape->stride, false, memory->scores, memory->padded);
    else
        score_panels(memory, n, query);
}

static void weigh_panels(const struct head_memory *memory, int64_t n, const float *factors,
                         float *y, int64_t y_stride)
{
    int64_t frames = memory->shape.frames, width = memory->shape.width, zero = 0;
    const float *rows[QUERIES];
    float *out[QUERIES];
    struct panel_shape shape = {1, &zero, frames, 1, false};
    for (int64_t i = 0; i < n; i++) {
        rows[i] = memory->scores + i * memory->padded;
        out[i] = memory->sums + i * PANEL;
    }
    for (int64_t panel = 0; panel < panel_count(width); panel++) {
        int64_t columns = width - panel * PANEL < PANEL ? width - panel * PANEL : PANEL;
        panel_product(&shape, n, rows, memory->values + panel * frames * PANEL, out);
        for (int64_t i = 0; i < n; i++)
            for (int64_t j = 0; j < columns; j++)
                y[i * y_stride + panel * PANEL + j] = out[i][j] * factors[i];
    }
}

void head_weigh(const struct head_memory *memory, int64_t n, const float *factors, float *y,
                int64_t y_stride)
{
    const struct head_shape *shape = &memory->shape;
    if (!shape->is_bf16) {
        weigh_panels(memory, n, factors, y, y_stride);
        return;
    }
    bf16_gemm(AS_IS, AS_IS, n, shape->width, shape->frames, memory->scores, memory->padded,
              memory->value, shape->stride, false, y, y_stride);
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j < shape->width; j++)
            y[i * y_stride + j] *= factors[i];
}
