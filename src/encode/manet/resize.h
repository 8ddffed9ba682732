/* Pillow's antialiased bilinear resize of 8-bit RGB pictures, byte for byte.
 *
 * Two passes, rows then columns, each rounding to bytes; weights of a triangle as wide as the
 * shrinking, in fixed point of 22 bits. What Image.resize((side, side), Image.BILINEAR) gives for
 * Pillow up to 12, and for 13 where it goes along rows first. Source: Pillow,
 * src/libImaging/Resample.c. */
#ifndef VALENCE_ENCODE_MANET_RESIZE_H
#define VALENCE_ENCODE_MANET_RESIZE_H

#include <stdint.h>

#include "valence/error.h"

#define RESIZE_MAX_SIDE 16384

/* `pixels`: (height, width, 3), packed; `resized`: (side, side, 3). Errors: LIMIT for a side of 0
 * or beyond RESIZE_MAX_SIDE; MEMORY. */
int resize_rgb(const uint8_t *pixels, int64_t width, int64_t height, int64_t side, uint8_t *resized,
               struct valence_error *error);

#endif
