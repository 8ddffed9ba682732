/* A picture as a JPEG file in memory, by FFmpeg's encoder. */
#ifndef VALENCE_MEDIA_JPEG_WRITE_H
#define VALENCE_MEDIA_JPEG_WRITE_H

#include <stddef.h>
#include <stdint.h>

#include "valence/error.h"

/* Scales RGB pixels, (height, width, 3), to (to_height, to_width), and encodes them. *bytes is
 * fresh memory: free() it. Errors: UNSUPPORTED where FFmpeg was built without its JPEG encoder;
 * MEMORY. */
int jpeg_write(const uint8_t *pixels, int64_t width, int64_t height, int64_t to_width,
               int64_t to_height, uint8_t **bytes, size_t *n_bytes, struct valence_error *error);

#endif
