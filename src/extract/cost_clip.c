#include "extract/cost_clip.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/memory.h"
#include "valence/media.h"

const uint8_t *cost_clip_picture(const struct cost_clip *clip, int64_t i)
{
    return clip->pixels + i * clip->width * clip->height * 3;
}

void cost_clip_free(struct cost_clip *clip)
{
    free(clip->samples);
    free(clip->pixels);
    *clip = (struct cost_clip){0};
}

static int make_room(struct cost_clip *clip, int64_t n_samples, int64_t n_pictures,
                     struct valence_error *error)
{
    int64_t bytes = n_pictures * clip->width * clip->height * 3;
    clip->samples = allocate(n_samples, sizeof *clip->samples);
    clip->pixels = allocate(bytes, 1);
    return clip->samples && clip->pixels
               ? VALENCE_OK
               : fail_memory(error, (size_t)n_samples * sizeof(float) + (size_t)bytes, "a clip");
}

/* ---- Made up ---- */

#define PI 3.14159265358979323846

/* Harmonics of 120 Hz, four syllables a second, and pictures of a moving slope. */
static int make_up(double seconds, double fps, struct cost_clip *clip, struct valence_error *error)
{
    clip->width = 320;
    clip->height = 240;
    clip->n_samples = (int64_t)(seconds * COST_CLIP_RATE_HZ);
    clip->n_pictures = (int64_t)ceil(seconds * fps);
    int status = make_room(clip, clip->n_samples, clip->n_pictures, error);
    if (status)
        return status;
    for (int64_t i = 0; i < clip->n_samples; i++) {
        double t = (double)i / COST_CLIP_RATE_HZ, sum = 0;
        for (int k = 1; k <= 20; k++)
            sum += sin(2 * PI * 120 * k * t) / k;
        clip->samples[i] = (float)(0.1 * sum * (1 + sin(2 * PI * 4 * t)) / 2);
    }
    int64_t size = clip->width * clip->height;
    for (int64_t i = 0; i < clip->n_pictures * size; i++)
        memset(clip->pixels + 3 * i, (int)((i % clip->width + i / size) % 256), 3);
    return VALENCE_OK;
}

/* ---- Of a file ---- */

static int take_samples(void *user, const struct valence_media_samples *samples,
                        struct valence_error *error)
{
    struct cost_clip *clip = user;
    int64_t n = clip->n_samples + samples->n_samples;
    float *grown = realloc(clip->samples, (size_t)n * sizeof *grown);
    if (!grown)
        return fail_memory(error, (size_t)n * sizeof *grown, "a clip's sound");
    clip->samples = grown;
    memcpy(grown + clip->n_samples, samples->samples, (size_t)samples->n_samples * sizeof *grown);
    clip->n_samples = n;
    return VALENCE_OK;
}

static int take_picture(void *user, const struct valence_media_picture *picture,
                        struct valence_error *error)
{
    struct cost_clip *clip = user;
    int64_t bytes = picture->width * picture->height * 3;
    if (clip->n_pictures && (picture->width != clip->width || picture->height != clip->height))
        return VALENCE_OK; /* of another size than the first: left out */
    uint8_t *grown = realloc(clip->pixels, (size_t)((clip->n_pictures + 1) * bytes));
    if (!grown)
        return fail_memory(error, (size_t)((clip->n_pictures + 1) * bytes), "a clip's pictures");
    clip->pixels = grown;
    clip->width = picture->width;
    clip->height = picture->height;
    memcpy(grown + clip->n_pictures++ * bytes, picture->pixels, (size_t)bytes);
    return VALENCE_OK;
}

static int read_file(const char *path, double seconds, double fps, struct cost_clip *clip,
                     struct valence_error *error)
{
    const struct valence_media_segment segment = {0, seconds};
    struct valence_media_sink sink = {.user = clip};
    struct valence_media_options options;
    struct valence_media *media;
    valence_media_options_default(&options);
    options.rate_hz = COST_CLIP_RATE_HZ;
    options.fps = fps;
    int status = valence_media_open(path, &options, &media, error);
    if (status)
        return status;
    const struct valence_media_info *info = valence_media_get_info(media);
    sink.samples = info->n_audio_streams ? take_samples : NULL;
    sink.picture = info->n_video_streams ? take_picture : NULL;
    status = valence_media_decode(media, &segment, 1, &sink, NULL, error);
    valence_media_close(media);
    return status;
}

int cost_clip_make(const char *path, double seconds, double fps, struct cost_clip *clip,
                   struct valence_error *error)
{
    *clip = (struct cost_clip){0};
    return path ? read_file(path, seconds, fps, clip, error) : make_up(seconds, fps, clip, error);
}
