/* Boxes of the tiny face detector: from its grid to faces in pixels. Everything is computed in
 * double. */
#ifndef VALENCE_ENCODE_FACES_FACE_BOXES_H
#define VALENCE_ENCODE_FACES_FACE_BOXES_H

#include <stdbool.h>
#include <stdint.h>

#include "valence/error.h"

struct face_box {
    double score;
    int row, column, anchor; /* where in the grid it comes from */
    double x, y, w, h;       /* top left corner and size, relative to the picture's or in pixels */
};

struct face_boxes {
    int64_t n, capacity;
    struct face_box *list;
};
void face_boxes_free(struct face_boxes *boxes);

/* The boxes of a grid (size / 32, size / 32, 25) whose score exceeds `threshold`, relative to a
 * picture of width x height, in the grid's order. Replaces what `boxes` holds. */
int face_boxes_decode(const float *grid, int64_t width, int64_t height, int64_t size,
                      double threshold, struct face_boxes *boxes, struct valence_error *error);

/* Non-maximum suppression: keeps the best box, drops those whose intersection with it is more than
 * `overlap` of the union, and continues with the best of what is left. The kept ones stand in
 * front, best first, and boxes->n counts them. Of equal scores the later one is the better. */
void face_boxes_suppress(struct face_boxes *boxes, double overlap);

struct face_rectangle {
    int64_t x, y, w, h;
};

/* The part of a box, in pixels, that lies in the picture, each value rounded down. False where no
 * pixel is left. */
bool face_box_clip(const struct face_box *box, int64_t width, int64_t height,
                   struct face_rectangle *crop);

#endif
