#include "encode/faces/face_layers.h"

#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/memory.h"
#include "base/threads.h"
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

/* A side with its padding: the picture's pixels and all that windows see. */
static int64_t padded_side(const struct geometry *g, int64_t side, int64_t windows)
{
    int64_t seen = (windows - 1) * g->stride + 3;
    return seen > g->before + side ? seen : g->before + side;
}

/* One pixel of depthwise sums, (channels), whose window is cut by the border. */
VALENCE_INLINE void depthwise_pixel(const struct geometry *g, int64_t top, int64_t left,
                                    int64_t channels, const float *x, const float *filter, float *y)
{
    memset(y, 0, (size_t)channels * sizeof *y);
    for (int64_t i = 0; i < 9; i++) {
        int64_t r = top + i / 3, c = left + i % 3;
        if (r < 0 || r >= g->height || c < 0 || c >= g->width)
            continue;
        const float *from = x + (r * g->width + c) * channels, *w = filter + i * channels;
        for (int64_t k = 0; k < channels; k++)
            y[k] += from[k] * w[k];
    }
}

/* The same of a window that the picture holds, whose rows are `row` floats apart. */
VALENCE_INLINE void depthwise_window(int64_t channels, int64_t row, const float *restrict x,
                                     const float *restrict filter, float *restrict y)
{
    for (int64_t k = 0; k < channels; k++) {
        float sum = 0;
        for (int64_t i = 0; i < 3; i++)
            for (int64_t j = 0; j < 3; j++)
                sum += x[i * row + j * channels + k] * filter[(3 * i + j) * channels + k];
        y[k] = sum;
    }
}

/* One row of depthwise sums, (columns, channels). */
VALENCE_CLONES static void depthwise_row(const struct geometry *g, int64_t row, int64_t channels,
                                         const float *x, const float *filter, float *y)
{
    int64_t top = row * g->stride - g->before, floats = g->width * channels;
    bool inside = top >= 0 && top + 3 <= g->height;
    for (int64_t column = 0; column < g->columns; column++, y += channels) {
        int64_t left = column * g->stride - g->before;
        if (inside && left >= 0 && left + 3 <= g->width)
            depthwise_window(channels, floats, x + top * floats + left * channels, filter, y);
        else
            depthwise_pixel(g, top, left, channels, x, filter, y);
    }
}

/* The picture with zeros around it, as far as the windows reach: (height, width, channels) to the
 * sides of padded_side(). */
static void pad_picture(const struct geometry *g, int64_t channels, const float *x, float *padded)
{
    int64_t width = padded_side(g, g->width, g->columns);
    int64_t height = padded_side(g, g->height, g->rows);
    memset(padded, 0, (size_t)(height * width * channels) * sizeof *padded);
    for (int64_t row = 0; row < g->height; row++)
        memcpy(padded + ((row + g->before) * width + g->before) * channels,
               x + row * g->width * channels, (size_t)(g->width * channels) * sizeof *padded);
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
    free(scratch->memory);
    *scratch = (struct face_scratch){0};
}

static int make_room(struct face_scratch *scratch, int64_t floats, struct valence_error *error)
{
    if (floats <= scratch->capacity)
        return VALENCE_OK;
    face_scratch_free(scratch);
    scratch->memory = allocate(floats, sizeof *scratch->memory);
    if (!scratch->memory)
        return fail_memory(error, (size_t)floats * sizeof(float), "a convolution");
    scratch->capacity = floats;
    return VALENCE_OK;
}

int face_conv_pack(struct face_conv *conv, enum face_arithmetic arithmetic,
                   struct valence_error *error)
{
    int64_t taps = conv->depthwise ? 1 : 3;
    return face_product_pack(&conv->product, arithmetic, taps, taps * conv->in, conv->out,
                             conv->weight, error);
}

/* What follows the product in some rows of y. */
struct finish_of {
    const float *bias;
    enum face_finish finish;
    float *sum; /* or NULL */
    float *y;
};

/* Windows are stretches of the picture with its border. */
static int convolve_plain(const struct face_conv *conv, const struct geometry *g, const float *x,
                          const struct finish_of *after, struct face_scratch *scratch,
                          struct valence_error *error)
{
    int64_t width = padded_side(g, g->width, g->columns) * conv->in;
    int64_t n = padded_side(g, g->height, g->rows) * width, out = g->columns * conv->out;
    int status = make_room(scratch, n + face_operand_floats(&conv->product, n), error);
    if (status)
        return status;
    pad_picture(g, conv->in, x, scratch->memory);
    const void *operand = face_operand(&conv->product, n, scratch->memory, scratch->memory + n);
#pragma omp parallel for schedule(static)
    for (int64_t row = 0; row < g->rows; row++) {
        float *y = after->y + row * out;
        face_product(&conv->product, operand, row * g->stride * width, g->columns,
                     g->stride * conv->in, width, y);
        finish_rows(g->columns, conv->out, after->bias, after->finish,
                    after->sum ? after->sum + row * out : NULL, y);
    }
    return VALENCE_OK;
}

/* A tile of depthwise sums at a time. */
static int convolve_separable(const struct face_conv *conv, const struct geometry *g,
                              const float *x, const struct finish_of *after,
                              struct face_scratch *scratch, struct valence_error *error)
{
    int64_t per_row = g->columns * conv->in, tile_rows = TILE_FLOATS / per_row;
    tile_rows = tile_rows < 1 ? 1 : tile_rows > g->rows ? g->rows : tile_rows;
    int64_t tile = tile_rows * per_row;
    int64_t floats = tile + face_operand_floats(&conv->product, tile);
    int status = make_room(scratch, floats * threads_count(), error);
    if (status)
        return status;
#pragma omp parallel for schedule(static)
    for (int64_t row = 0; row < g->rows; row += tile_rows) {
        int64_t rows = g->rows - row < tile_rows ? g->rows - row : tile_rows;
        int64_t pixels = rows * g->columns, at = row * g->columns * conv->out;
        float *sums = scratch->memory + thread_index() * floats;
        for (int64_t i = 0; i < rows; i++)
            depthwise_row(g, row + i, conv->in, x, conv->depthwise, sums + i * per_row);
        const void *operand = face_operand(&conv->product, pixels * conv->in, sums, sums + tile);
        face_product(&conv->product, operand, 0, pixels, conv->in, 0, after->y + at);
        finish_rows(pixels, conv->out, after->bias, after->finish,
                    after->sum ? after->sum + at : NULL, after->y + at);
    }
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
    struct finish_of after = {conv->bias, finish, sum, y};
    return conv->depthwise ? convolve_separable(conv, &g, x, &after, scratch, error)
                           : convolve_plain(conv, &g, x, &after, scratch, error);
}

/* ---- Pooling ---- */

VALENCE_INLINE void maximum(int64_t n, const float *restrict x, float *restrict y)
{
    for (int64_t i = 0; i < n; i++)
        y[i] = x[i] > y[i] ? x[i] : y[i];
}

/* A row of maxima of the picture's row at x, and of the one below unless that is the `last`. */
VALENCE_CLONES static void pool_row(int64_t width, int64_t channels, const float *x, int64_t stride,
                                    bool last, float *y)
{
    for (int64_t c = 0; c < width; c += stride, y += channels) {
        const float *from = x + c * channels;
        memcpy(y, from, (size_t)channels * sizeof *y);
        if (c + 1 < width)
            maximum(channels, from + channels, y);
        if (!last)
            maximum(channels, from + width * channels, y);
        if (c + 1 < width && !last)
            maximum(channels, from + (width + 1) * channels, y);
    }
}

void face_max_pool(int64_t height, int64_t width, int64_t channels, const float *x, int64_t stride,
                   float *y)
{
    int64_t rows = (height + stride - 1) / stride, columns = (width + stride - 1) / stride;
#pragma omp parallel for schedule(static)
    for (int64_t row = 0; row < rows; row++)
        pool_row(width, channels, x + row * stride * width * channels, stride,
                 row * stride + 1 >= height, y + row * columns * channels);
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
