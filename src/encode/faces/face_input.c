#include "encode/faces/face_input.h"

#include <math.h>

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

static float value(const struct square *square, int64_t row, int64_t column, int channel)
{
    int64_t r = row - square->above, c = column - square->left;
    const struct face_picture *picture = square->picture;
    return r < 0 || c < 0 || r >= picture->height || c >= picture->width
               ? 0
               : picture->pixels[(r * picture->stride + c) * 3 + channel];
}

/* Between two columns of a row. */
static float across(const struct square *square, int64_t row, struct position column, int channel)
{
    float low = value(square, row, column.low, channel);
    return low + (value(square, row, column.high, channel) - low) * column.part;
}

void face_input(const struct face_picture *picture, enum face_placing placing, int64_t size,
                const float mean[3], float *y)
{
    struct square square = {.picture = picture};
    int64_t width = picture->width, height = picture->height;
    square.side = width > height ? width : height;
    int64_t black = 2 * square.side - width - height; /* on one of the two axes */
    int64_t before = placing == FACE_CENTRED ? black / 2 : 0;
    square.left = width < height ? before : 0;
    square.above = height < width ? before : 0;
#pragma omp parallel for schedule(static)
    for (int64_t i = 0; i < size; i++) {
        struct position row = position_of(i, square.side, size);
        float *to = y + i * size * 3;
        for (int64_t j = 0; j < size; j++, to += 3) {
            struct position column = position_of(j, square.side, size);
            for (int c = 0; c < 3; c++) {
                float low = across(&square, row.low, column, c);
                float high = across(&square, row.high, column, c);
                to[c] = (low + (high - low) * row.part - mean[c]) / 255.0f;
            }
        }
    }
}
