/* Sound and pictures of files, as encoders take them. */
#ifndef VALENCE_ENCODE_FILES_MEDIA_SOURCE_H
#define VALENCE_ENCODE_FILES_MEDIA_SOURCE_H

#include "valence/media.h"

/* `options` may be NULL; the rate is the encoder's, and pictures are not turned. "-" is standard
 * input. *warning: what is wrong with a file that was taken nevertheless, in fresh memory, or NULL.
 * Errors: those of valence/media.h, naming the file. */
int read_sound(const char *path, const struct valence_media_options *options, int64_t rate_hz,
               struct valence_sound **sound, char **warning, struct valence_error *error);
int read_picture(const char *path, const struct valence_media_options *options,
                 struct valence_picture **picture, char **warning, struct valence_error *error);

#endif
