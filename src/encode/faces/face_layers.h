/* The layers of the small face networks: 3 x 3 convolutions, plain or separable, and max pooling,
 * on pictures in the order (row, column, channel) of 32-bit floats. Channels are the fastest, so
 * that a pixel's channels are one row of a matrix product. One picture at a time; threads share its
 * rows. */
#ifndef VALENCE_ENCODE_FACES_FACE_LAYERS_H
#define VALENCE_ENCODE_FACES_FACE_LAYERS_H

#include "encode/faces/face_product.h"

/* A convolution as it is stored: plain, y = sum over the window of filter (3, 3, in, out), where
 * `depthwise` is NULL; else separable: depthwise (3, 3, in), then pointwise (in, out), with nothing
 * between. Then the bias (out). */
struct face_conv {
    int64_t in, out;
    const float *depthwise; /* (9, in) or NULL */
    const float *weight;    /* (9 * in, out), or (in, out) of a separable one; for packing alone */
    const float *bias;      /* (out) */
    struct face_product product; /* the packed weight, owned */
};

/* Packs the weight. ERROR_MEMORY. */
int face_conv_pack(struct face_conv *conv, enum face_arithmetic arithmetic,
                   struct valence_error *error);

enum face_finish {
    FACE_FINISH_NONE,  /* y = v */
    FACE_FINISH_RELU,  /* y = max(v, 0) */
    FACE_FINISH_LEAKY, /* y = max(v - a v, 0) + a v, a = 0.1 */
    FACE_FINISH_START, /* y = sum = max(v, 0) */
    FACE_FINISH_ADD    /* sum += v, y = max(sum, 0) */
};

enum face_padding {
    FACE_PADDING_NONE, /* the window stays within the picture: sides shrink by 2 */
    FACE_PADDING_SAME  /* TensorFlow's: sides / stride, rounded up; an odd pixel of padding goes
                          below and to the right */
};

/* What a convolution needs besides its operands, for all threads. Grows as needed. */
struct face_scratch {
    float *memory;
    int64_t capacity; /* floats */
};
void face_scratch_free(struct face_scratch *scratch);

/* The side that a convolution makes of a side of n. */
int64_t face_conv_side(int64_t n, int64_t stride, enum face_padding padding);

/* x: (height, width, in) to y: (rows, columns, out) by face_conv_side(). `sum` as `finish` says, of
 * y's size, or NULL. ERROR_MEMORY. */
int face_conv(const struct face_conv *conv, int64_t height, int64_t width, const float *x,
              int64_t stride, enum face_padding padding, enum face_finish finish,
              struct face_scratch *scratch, float *sum, float *y, struct valence_error *error);

/* 2 x 2 maxima, 'same': a window reaches below and to the right of the picture, where nothing wins.
 * y: sides divided by the stride, rounded up. */
void face_max_pool(int64_t height, int64_t width, int64_t channels, const float *x, int64_t stride,
                   float *y);

/* Means over all pixels: y (channels). */
void face_mean(int64_t pixels, int64_t channels, const float *x, float *y);

#endif
