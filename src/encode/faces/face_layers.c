#include "encode/faces/face_layers.h"

#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/memory.h"
#include "base/threads.h"
#include "kernels/gemm.h"
#include "kernels/simd.h"

#define LEAK 0.10000000149011612f

/* Floats that a tile of windows takes: a tile, its product and the weights then fit the
 * second-level cache. */
#define TILE_FLOATS 32768

/* ---- Windows ---- */

struct geometry {
    int64_t height, width, rows, columns, stride;
    int64_t before; /* padding above and on the left */
};

int64_t face_conv_side(int64_t n, int64_t stride, enum face_padding padding)
{
    return padding == FACE_PADDING_SAME ? (n + stride - 1) / stride : (n - 3) / stride + 1;
}

static int64_t padding_before(int64_t n, int64_t stride, enum face_padding padding)
{
    int64_t side = face_conv_side(n, stride, padding);
    int64_t total = (side - 1) * stride + 3 - n;
    return padding == FACE_PADDING_SAME && total > 0 ? total / 2 : 0;
}

/* y += x * w, or y = x * w for the first of a window's pixels. */
VALENCE_INLINE void add_product(int64_t n, bool first, const float *x, const float *w, float *y)
{
    if (first)
        for (int64_t i = 0; i < n; i++)
            y[i] = x[i] * w[i];
    else
        for (int64_t i = 0; i < n; i++)
            y[i] += x[i] * w[i];
}

/* One row of depthwise sums, (columns, channels). */
VALENCE_CLONES static void depthwise_row(const struct geometry *g, int64_t row, int64_t channels,
                                         const float *x, const float *filter, float *y)
{
    for (int64_t column = 0; column < g->columns; column++, y += channels) {
        bool first = true;
        for (int64_t i = 0; i < 3; i++) {
            int64_t r = row * g->stride - g->before + i;
            if (r < 0 || r >= g->height)
                continue;
            for (int64_t j = 0; j < 3; j++) {
                int64_t c = column * g->stride - g->before + j;
                if (c < 0 || c >= g->width)
                    continue;
                add_product(channels, first, x + (r * g->width + c) * channels,
                            filter + (3 * i + j) * channels, y);
                first = false;
            }
        }
    }
}

/* One row of windows, (columns, 9 * channels), zero where they leave the picture. */
static void window_row(const struct geometry *g, int64_t row, int64_t channels, const float *x,
                       float *y)
{
    for (int64_t column = 0; column < g->columns; column++)
        for (int64_t i = 0; i < 9; i++, y += channels) {
            int64_t r = row * g->stride - g->before + i / 3;
            int64_t c = column * g->stride - g->before + i % 3;
            if (r < 0 || r >= g->height || c < 0 || c >= g->width)
                memset(y, 0, (size_t)channels * sizeof *y);
            else
                memcpy(y, x + (r * g->width + c) * channels, (size_t)channels * sizeof *y);
        }
}

/* ---- Finish ---- */

VALENCE_CLONES static void finish_rows(int64_t pixels, int64_t channels, const float *bias,
                                       enum face_finish finish, float *sum, float *y)
{
    for (int64_t p = 0; p < pixels; p++, y += channels) {
        float *s = sum ? sum + p * channels : NULL;
        switch (finish) {
        case FACE_FINISH_NONE:
            for (int64_t i = 0; i < channels; i++)
                y[i] += bias[i];
            break;
        case FACE_FINISH_RELU:
            for (int64_t i = 0; i < channels; i++) {
                float v = y[i] + bias[i];
                y[i] = v > 0 ? v : 0;
            }
            break;
        case FACE_FINISH_LEAKY:
            for (int64_t i = 0; i < channels; i++) {
                float v = y[i] + bias[i], low = v * LEAK, high = v - low;
                y[i] = (high > 0 ? high : 0) + low;
            }
            break;
        case FACE_FINISH_START:
            for (int64_t i = 0; i < channels; i++) {
                float v = y[i] + bias[i];
                s[i] = y[i] = v > 0 ? v : 0;
            }
            break;
        case FACE_FINISH_ADD:
            for (int64_t i = 0; i < channels; i++) {
                float v = s[i] + (y[i] + bias[i]);
                s[i] = v;
                y[i] = v > 0 ? v : 0;
            }
            break;
        }
    }
}

/* ---- Convolution ---- */

void face_scratch_free(struct face_scratch *scratch)
{
    free(scratch->tiles);
    *scratch = (struct face_scratch){0};
}

static int make_room(struct face_scratch *scratch, int64_t floats, struct valence_error *error)
{
    if (floats <= scratch->capacity)
        return VALENCE_OK;
    face_scratch_free(scratch);
    scratch->tiles = allocate(floats, sizeof *scratch->tiles);
    if (!scratch->tiles)
        return fail_memory(error, (size_t)floats * sizeof(float), "a convolution");
    scratch->capacity = floats;
    return VALENCE_OK;
}

int face_conv(const struct face_conv *conv, int64_t height, int64_t width, const float *x,
              int64_t stride, enum face_padding padding, enum face_finish finish,
              struct face_scratch *scratch, float *sum, float *y, struct valence_error *error)
{
    struct geometry g = {.height = height,
                         .width = width,
                         .rows = face_conv_side(height, stride, padding),
                         .columns = face_conv_side(width, stride, padding),
                         .stride = stride,
                         .before = padding_before(height, stride, padding)};
    int64_t depth = conv->depthwise ? conv->in : 9 * conv->in;
    int64_t per_row = g.columns * depth, tile_rows = TILE_FLOATS / per_row;
    tile_rows = tile_rows < 1 ? 1 : tile_rows > g.rows ? g.rows : tile_rows;
    int64_t tile = tile_rows * per_row;
    int status = make_room(scratch, tile * threads_count(), error);
    if (status)
        return status;
#pragma omp parallel for schedule(static)
    for (int64_t row = 0; row < g.rows; row += tile_rows) {
        int64_t rows = g.rows - row < tile_rows ? g.rows - row : tile_rows;
        float *windows = scratch->tiles + thread_index() * tile;
        for (int64_t i = 0; i < rows; i++) {
            if (conv->depthwise)
                depthwise_row(&g, row + i, conv->in, x, conv->depthwise, windows + i * per_row);
            else
                window_row(&g, row + i, conv->in, x, windows + i * per_row);
        }
        int64_t pixels = rows * g.columns, at = row * g.columns * conv->out;
        gemm(AS_IS, AS_IS, pixels, conv->out, depth, 1, windows, depth, conv->weight, conv->out, 0,
             y + at, conv->out);
        finish_rows(pixels, conv->out, conv->bias, finish, sum ? sum + at : NULL, y + at);
    }
    return VALENCE_OK;
}

/* ---- Pooling ---- */

VALENCE_CLONES static void maximum(int64_t n, const float *x, float *y)
{
    for (int64_t i = 0; i < n; i++)
        y[i] = x[i] > y[i] ? x[i] : y[i];
}

void face_max_pool(int64_t height, int64_t width, int64_t channels, const float *x, int64_t stride,
                   float *y)
{
    int64_t rows = (height + stride - 1) / stride, columns = (width + stride - 1) / stride;
#pragma omp parallel for schedule(static)
    for (int64_t row = 0; row < rows; row++)
        for (int64_t column = 0; column < columns; column++) {
            int64_t r = row * stride, c = column * stride;
            const float *from = x + (r * width + c) * channels;
            float *to = y + (row * columns + column) * channels;
            memcpy(to, from, (size_t)channels * sizeof *to);
            if (c + 1 < width)
                maximum(channels, from + channels, to);
            if (r + 1 < height)
                maximum(channels, from + width * channels, to);
            if (c + 1 < width && r + 1 < height)
                maximum(channels, from + (width + 1) * channels, to);
        }
}

void face_mean(int64_t pixels, int64_t channels, const float *x, float *y)
{
    memset(y, 0, (size_t)channels * sizeof *y);
    for (int64_t p = 0; p < pixels; p++)
        for (int64_t i = 0; i < channels; i++)
            y[i] += x[p * channels + i];
    for (int64_t i = 0; i < channels; i++)
        y[i] /= (float)pixels;
}
