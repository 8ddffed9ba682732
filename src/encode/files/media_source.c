#include "encode/files/media_source.h"

#include <string.h>
#include <unistd.h>

#include "base/options.h"

static int open_media(const char *path, const struct valence_media_options *options,
                      struct valence_media **media, struct valence_error *error)
{
    return strcmp(path, "-") == 0 ? valence_media_open_descriptor(STDIN_FILENO, "standard input",
                                                                  options, media, error)
                                  : valence_media_open(path, options, media, error);
}

/* A copy of what is wrong with a file that was taken nevertheless; NULL where nothing is. */
static char *copy_warning(const struct valence_media *media)
{
    const char *warning = valence_media_warning(media);
    return *warning ? strdup(warning) : NULL;
}

int read_sound(const char *path, const struct valence_media_options *options, int64_t rate_hz,
               struct valence_sound **sound, char **warning, struct valence_error *error)
{
    struct valence_media *media;
    struct valence_media_options own;
    *sound = NULL;
    *warning = NULL;
    valence_media_options_default(&own);
    int status = options_read(&own, sizeof own, options, error);
    own.rate_hz = rate_hz;
    if (!status)
        status = open_media(path, &own, &media, error);
    if (status)
        return status;
    status = valence_media_read_sound(media, NULL, sound, error);
    if (!status)
        *warning = copy_warning(media);
    valence_media_close(media);
    return status;
}

int read_picture(const char *path, const struct valence_media_options *options,
                 struct valence_picture **picture, char **warning, struct valence_error *error)
{
    struct valence_media *media;
    struct valence_media_options own;
    *picture = NULL;
    *warning = NULL;
    valence_media_options_default(&own);
    int status = options_read(&own, sizeof own, options, error);
    own.upright = own.square_pixels = false; /* as the encoder's training saw them */
    if (!status)
        status = open_media(path, &own, &media, error);
    if (status)
        return status;
    status = valence_media_read_picture(media, picture, error);
    if (!status)
        *warning = copy_warning(media);
    valence_media_close(media);
    return status;
}
