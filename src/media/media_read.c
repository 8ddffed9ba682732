/* A whole sound, or one picture, in memory. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/memory.h"
#include "media/media_private.h"

/* ---- Sound ---- */

struct sound_room {
    const struct valence_media *media;
    struct valence_sound *sound;
    int64_t capacity;
};

static int keep_samples(void *user, const struct valence_media_samples *samples,
                        struct valence_error *error)
{
    struct sound_room *room = user;
    struct valence_sound *sound = room->sound;
    int64_t most = room->media->options.max_bytes / (int64_t)sizeof *sound->samples;
    if (samples->n_samples > most - sound->n_samples)
        return fail_key(error, VALENCE_ERROR_LIMIT, "max_bytes",
                        "%s: its sound takes more than %.1f MiB of memory (after %.0f seconds)",
                        room->media->name, (double)room->media->options.max_bytes / (1 << 20),
                        samples->time);
    int status =
        grow_array((void **)&sound->samples, &room->capacity, sound->n_samples + samples->n_samples,
                   sizeof *sound->samples, most, "samples", error);
    if (status)
        return fail_within(status, error, "%s", room->media->name);
    memcpy(sound->samples + sound->n_samples, samples->samples,
           (size_t)samples->n_samples * sizeof *sound->samples);
    sound->n_samples += samples->n_samples;
    return VALENCE_OK;
}

int valence_media_read_sound(struct valence_media *media,
                             const struct valence_media_segment *segment,
                             struct valence_sound **sound, struct valence_error *error)
{
    *sound = NULL;
    struct valence_sound *made = allocate(1, sizeof *made);
    if (!made)
        return fail_memory(error, sizeof *made, "sound");
    made->rate_hz = media->options.rate_hz;
    struct sound_room room = {media, made, 0};
    const struct valence_media_sink sink = {keep_samples, NULL, &room};
    int status = valence_media_decode(media, segment, segment ? 1 : 0, &sink, NULL, error);
    if (!status && made->n_samples == 0)
        status = fail(error, VALENCE_ERROR_DATA, "%s: its sound has no samples%s", media->name,
                      segment ? " in the segment" : "");
    if (status)
        valence_sound_free(made);
    else
        *sound = made;
    return status;
}

void valence_sound_free(struct valence_sound *sound)
{
    if (!sound)
        return;
    free(sound->samples);
    free(sound);
}

/* ---- A picture ---- */

/* What stops the decoding after the first picture. */
#define HAS_PICTURE 1

static int keep_picture(void *user, const struct valence_media_picture *picture,
                        struct valence_error *error)
{
    struct valence_picture *made = user;
    size_t bytes = (size_t)(picture->width * picture->height) * 3;
    made->width = picture->width;
    made->height = picture->height;
    made->pixels = allocate(1, bytes);
    if (!made->pixels)
        return fail_memory(error, bytes, "a picture");
    memcpy(made->pixels, picture->pixels, bytes);
    return HAS_PICTURE;
}

int valence_media_read_picture(struct valence_media *media, struct valence_picture **picture,
                               struct valence_error *error)
{
    *picture = NULL;
    struct valence_picture *made = allocate(1, sizeof *made);
    if (!made)
        return fail_memory(error, sizeof *made, "a picture");
    const struct valence_media_sink sink = {NULL, keep_picture, made};
    int status = valence_media_decode(media, NULL, 0, &sink, NULL, error);
    if (status == VALENCE_OK)
        status = fail(error, VALENCE_ERROR_DATA, "%s: holds no picture", media->name);
    if (status == HAS_PICTURE) {
        *picture = made;
        return VALENCE_OK;
    }
    valence_picture_free(made);
    return status;
}

void valence_picture_free(struct valence_picture *picture)
{
    if (!picture)
        return;
    free(picture->pixels);
    free(picture);
}
