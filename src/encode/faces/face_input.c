#include "encode/faces/face_input.h"

#include <assert.h>
#include <math.h>
#include <stddef.h>

struct position {
    int64_t low, high;
    float part; /* of `high` */
};

static struct position position_of(int64_t index, int64_t side, int64_t size)
{
    double at = (double)side / (double)size * (double)index;
    struct position position = {.low = (int64_t)floor(at), .high = (int64_t)ceil(at)};
    if (position.high > side - 1)
        position.high = side - 1;
    position.part = (float)(at - (double)position.low);
    return position;
}

struct square {
    const struct face_picture *picture;
    int64_t side, left, above;
};

/* The pixels of a row of the square; NULL where that is black. */
static const uint8_t *row_of(const struct square *square, int64_t row)
{
    int64_t r = row - square->above;
    const struct face_picture *picture = square->picture;
    return r < 0 || r >= picture->height ? NULL : picture->pixels + r * picture->stride * 3;
}

/* A pixel of such a row. */
static const uint8_t *pixel_of(const struct square *square, const uint8_t *row, int64_t column)
{
    static const uint8_t black[3];
    int64_t c = column - square->left;
    return !row || c < 0 || c >= square->picture->width ? black : row + 3 * c;
}

static float between(float low, float high, float part)
{
    return low + (high - low) * part;
}

/* A row of y, between the square's rows of `row`; `columns` are those of its pixels. */
static void resize_row(const struct square *square, struct position row, int64_t size,
                       const struct position *columns, const float mean[3], float *y)
{
    const uint8_t *above = row_of(square, row.low), *below = row_of(square, row.high);
    for (int64_t j = 0; j < size; j++, y += 3) {
        const struct position *column = &columns[j];
        const uint8_t *corners[4] = {
            pixel_of(square, above, column->low), pixel_of(square, above, column->high),
            pixel_of(square, below, column->low), pixel_of(square, below, column->high)};
        for (int c = 0; c < 3; c++) {
            float low = between(corners[0][c], corners[1][c], column->part);
            float high = between(corners[2][c], corners[3][c], column->part);
            y[c] = (between(low, high, row.part) - mean[c]) / 255.0f;
        }
    }
}

void face_input(const struct face_picture *picture, enum face_placing placing, int64_t size,
                const float mean[3], float *y)
{
    struct square square = {.picture = picture};
    struct position columns[FACE_MAX_INPUT];
    int64_t width = picture->width, height = picture->height;
    square.side = width > height ? width : height;
    int64_t black = 2 * square.side - width - height; /* on one of the two axes */
    int64_t before = placing == FACE_CENTRED ? black / 2 : 0;
    square.left = width < height ? before : 0;
    square.above = height < width ? before : 0;
    assert(size <= FACE_MAX_INPUT);
    for (int64_t j = 0; j < size; j++)
        columns[j] = position_of(j, square.side, size);
#pragma omp parallel for schedule(static)
    for (int64_t i = 0; i < size; i++)
        resize_row(&square, position_of(i, square.side, size), size, columns, mean,
                   y + i * size * 3);
}
