/* Pictures as PNG files: 256 colours, one byte a pixel. */
#ifndef VALENCE_FORMAT_PNG_WRITE_H
#define VALENCE_FORMAT_PNG_WRITE_H

#include <stdint.h>
#include <stdio.h>

#include "valence/error.h"

#define PNG_MAX_SIDE 16384

/* Writes `pixels`, (height, width) indices of `palette`, 256 colours of red, green and blue. A
 * failed write stays in the stream's error flag. Errors: ARGUMENT for a side of 0 or more than
 * PNG_MAX_SIDE; MEMORY.
 *
 * Source: Portable Network Graphics (PNG) Specification, W3C, colour type 3. */
int png_write(FILE *stream, int64_t width, int64_t height, const uint8_t *pixels,
              const uint8_t palette[256 * 3], struct valence_error *error);

#endif
