/* What a worker says of a file, where a hostile file has taken the worker over: whatever comes, the
 * side that asked reads it within its limits, and what it hands on is finite and whole. */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "media/media_remote.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int take_samples(void *user, const struct valence_media_samples *samples,
                        struct valence_error *error)
{
    int64_t *n = user;
    (void)error;
    for (int64_t i = 0; i < samples->n_samples; i++)
        if (!isfinite(samples->samples[i]))
            abort();
    if (samples->first < 0 || samples->segment < 0 || samples->segment > 1)
        abort();
    return ++*n < 16 ? 0 : 1;
}

static int take_picture(void *user, const struct valence_media_picture *picture,
                        struct valence_error *error)
{
    unsigned sum = 0;
    (void)user, (void)error;
    for (int64_t i = 0; i < picture->width * picture->height * 3; i++)
        sum += picture->pixels[i];
    volatile unsigned seen = sum;
    (void)seen;
    return 0;
}

/* The bytes are all that the worker says after it was asked to decode two segments. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct valence_media_segment segments[] = {{0, 1}, {0.5, INFINITY}};
    struct valence_media_worker_options limits;
    struct valence_media_options options;
    struct valence_media *media;
    struct valence_error error;
    int pair[2];
    int64_t n = 0;
    const struct valence_media_sink sink = {take_samples, take_picture, &n};
    valence_media_worker_options_default(&limits);
    valence_media_options_default(&options);
    options.max_pixels = 64 * 64;
    if (size > 65536 || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
        return 0;
    if (media_prepare("fuzz", &options, &media, &error) == 0 &&
        (media->remote = media_remote_create(&limits))) {
        media->remote->socket = pair[0];
        if (send(pair[1], data, size, MSG_NOSIGNAL) == (ssize_t)size) {
            shutdown(pair[1], SHUT_WR); /* the worker dies behind what it said */
            valence_media_decode(media, segments, 2, &sink, NULL, &error);
        }
        valence_media_close(media);
    }
    close(pair[1]);
    return 0;
}
