/* Pictures from PNG and JPEG files, as bytes of RGB. */
#ifndef VALENCE_MEDIA_PICTURE_FILE_H
#define VALENCE_MEDIA_PICTURE_FILE_H

#include <stddef.h>
#include <stdint.h>

#include "valence/error.h"

#define PICTURE_MAX_SIDE 16384

struct picture {
    uint8_t *pixels; /* (height, width, 3); free with picture_free() */
    int64_t width, height;
};

/* Reads a picture. Grey becomes RGB, 16 bits become the upper 8, transparency is dropped, and
 * orientation tags, gamma and colour profiles are ignored, as the encoders' training did. *picture
 * is cleared on failure. Errors: IO; FORMAT for damaged files; UNSUPPORTED for other formats and
 * CMYK; LIMIT for sides beyond the above; MEMORY. */
int picture_read(const char *path, struct picture *picture, struct valence_error *error);

/* The same from memory; `name` stands for the file in errors. */
int picture_read_memory(const void *data, size_t size, const char *name, struct picture *picture,
                        struct valence_error *error);
void picture_free(struct picture *picture);

#endif
