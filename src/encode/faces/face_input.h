/* From a part of an RGB picture to a network's input: made square with black, resized, shifted and
 * scaled. */
#ifndef VALENCE_ENCODE_FACES_FACE_INPUT_H
#define VALENCE_ENCODE_FACES_FACE_INPUT_H

#include <stdint.h>

#define FACE_MAX_INPUT 1024 /* the longest side of a network's input */

/* Rows of packed RGB, or a rectangle of them: `stride` pixels lie between the rows. */
struct face_picture {
    const uint8_t *pixels;
    int64_t width, height, stride;
};

/* Where the picture lies in its square: at the top left, or in the middle, with the odd pixel of
 * black on the left or above. */
enum face_placing { FACE_AT_THE_CORNER, FACE_CENTRED };

/* y: (size, size, 3) floats, (value - mean) / 255 by channel, black included; size is at most
 * FACE_MAX_INPUT. Resizing is bilinear: the source position of index i is i * side / size, in
 * float; columns first, then rows. */
void face_input(const struct face_picture *picture, enum face_placing placing, int64_t size,
                const float mean[3], float *y);

#endif
