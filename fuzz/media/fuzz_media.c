/* Media files: whatever the bytes, they are decoded or refused within the limits; what is decoded
 * can be read through and is finite. */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>

#include "valence/media.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int take_samples(void *user, const struct valence_media_samples *samples,
                        struct valence_error *error)
{
    (void)user, (void)error;
    for (int64_t i = 0; i < samples->n_samples; i++)
        if (!isfinite(samples->samples[i]))
            abort();
    return 0;
}

/* A few are enough: a hostile file has one picture's bytes and the times of thousands. */
static int take_picture(void *user, const struct valence_media_picture *picture,
                        struct valence_error *error)
{
    unsigned sum = 0;
    int *n = user;
    (void)error;
    for (int64_t i = 0; i < picture->width * picture->height * 3; i++)
        sum += picture->pixels[i];
    volatile unsigned seen = sum;
    (void)seen;
    return ++*n < 16 ? 0 : 1;
}

/* The last byte chooses the options. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct valence_error error;
    struct valence_media *media;
    struct valence_media_options options;
    unsigned choice = size ? data[size - 1] : 0;
    int n_pictures = 0;
    valence_media_options_default(&options);
    options.max_pixels = 512 * 512;
    options.max_seconds = 60;
    options.max_bytes = 64 << 20;
    options.threads = 1;
    options.accept_damaged = choice & 1;
    options.attached_pictures = choice & 2;
    options.fps = choice & 4 ? 3 : 0;
    if (valence_media_open_memory(data, size, "fuzz", &options, &media, &error))
        return 0;
    const struct valence_media_info *info = valence_media_get_info(media);
    const struct valence_media_sink sink = {info->audio_codec ? take_samples : NULL,
                                            info->video_codec ? take_picture : NULL, &n_pictures};
    const struct valence_media_segment segments[] = {{0.1, 0.5}, {0.3, 2}, {30, INFINITY}};
    valence_media_decode(media, segments, choice & 8 ? 3 : 0, &sink, NULL, &error);
    valence_media_close(media);
    return 0;
}
