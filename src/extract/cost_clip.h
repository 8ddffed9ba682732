/* The clip that encoders are measured on: the beginning of a media file, or made up. */
#ifndef VALENCE_EXTRACT_COST_CLIP_H
#define VALENCE_EXTRACT_COST_CLIP_H

#include <stdint.h>

#include "valence/error.h"

#define COST_CLIP_RATE_HZ 16000

struct cost_clip {
    float *samples; /* mono, full scale 1 */
    int64_t n_samples;
    uint8_t *pixels; /* (n_pictures, height, width, 3), RGB */
    int64_t n_pictures, width, height;
};

/* `path` may be NULL. Free with cost_clip_free(), also after an error. Errors: as
 * valence_media_open() and valence_media_decode(); MEMORY. */
int cost_clip_make(const char *path, double seconds, double fps, struct cost_clip *clip,
                   struct valence_error *error);
void cost_clip_free(struct cost_clip *clip);

const uint8_t *cost_clip_picture(const struct cost_clip *clip, int64_t i);

#endif
