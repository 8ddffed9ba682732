/* Decoded pictures as RGB bytes: upright, with square pixels, in the source's own colours. */
#ifndef VALENCE_MEDIA_PICTURE_CONVERTER_H
#define VALENCE_MEDIA_PICTURE_CONVERTER_H

#include <libswscale/swscale.h>

#include "media/media_private.h"

/* Start from zeros. `pixels` is (height, width, 3) and holds the last picture converted. */
struct picture_converter {
    struct SwsContext *scaler;
    uint8_t *pixels;
    int64_t width, height;

    /* what the scaler was made for */
    int source_width, source_height, source_format, matrix, is_full_range;
    int64_t scaled_width, scaled_height;
    uint8_t *scaled; /* before turning */
};

/* Converts a frame of the stream. Errors: LIMIT; UNSUPPORTED if its pixels cannot become RGB or
 * it is turned by an angle that is no multiple of 90 degrees; MEMORY. */
int picture_convert(struct picture_converter *converter, const struct media_codec *codec,
                    AVFrame *frame, struct valence_error *error);
void picture_converter_free(struct picture_converter *converter);

#endif
