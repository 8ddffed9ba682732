/* Faces as MANet was trained on them: turned upright and cut to one frame. */
#ifndef VALENCE_EXTRACT_FACE_CROP_H
#define VALENCE_EXTRACT_FACE_CROP_H

#include "valence/faces.h"

#define FACE_CROP_SIDE  112
#define FACE_CROP_BYTES (3 * FACE_CROP_SIDE * FACE_CROP_SIDE)

/* The face in a picture (height, width, 3), as FACE_CROP_SIDE rows of RGB: the similarity transform
 * that brings eyes, nose and corners of the mouth nearest to their places in the template of
 * RetinaFace (arXiv 1905.00641, 112 x 112), with bilinear samples; black beyond the picture. */
void face_crop(const uint8_t *pixels, int64_t width, int64_t height,
               const struct valence_face *face, uint8_t crop[FACE_CROP_BYTES]);

#endif
