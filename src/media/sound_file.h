/* Sound from WAV, FLAC, AIFF and AU files, as encoders take it. (libsndfile reads more, but loses
 * memory over damaged ones.) */
#ifndef VALENCE_MEDIA_SOUND_FILE_H
#define VALENCE_MEDIA_SOUND_FILE_H

#include <stddef.h>
#include <stdint.h>

#include "valence/error.h"

#define SOUND_MAX_SECONDS  (6 * 3600)
#define SOUND_MAX_CHANNELS 64

struct sound {
    float *samples; /* mono, full scale 1; free with sound_free() */
    int64_t n_samples;
    int64_t rate_hz;          /* as asked for */
    int64_t original_rate_hz; /* as in the file */
    int n_channels;           /* in the file */
};

/* Reads a whole file: channels are averaged, and another rate than `rate_hz` is converted
 * (libsamplerate's best sinc). *sound is cleared on failure. Errors: IO, FORMAT; UNSUPPORTED for
 * another format; DATA for a sample that is not finite; LIMIT beyond the above; MEMORY. */
int sound_read(const char *path, int64_t rate_hz, struct sound *sound, struct valence_error *error);

/* The same from memory; `name` stands for the file in errors. */
int sound_read_memory(const void *data, size_t size, const char *name, int64_t rate_hz,
                      struct sound *sound, struct valence_error *error);
void sound_free(struct sound *sound);

#endif
