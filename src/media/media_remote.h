/* A media file that a worker decodes: the side that gives what it says to the caller. */
#ifndef VALENCE_MEDIA_REMOTE_H
#define VALENCE_MEDIA_REMOTE_H

#include "media/media_private.h"
#include "valence/media_worker.h"

/* The worker of an open file. */
struct media_remote {
    struct valence_media_worker_options limits;
    int socket;
    int process;   /* a pidfd, or -1 */
    bool is_lost;  /* it died, or was killed */
    double waited; /* seconds, since it was asked for something */
    char format[64], audio_codec[64], video_codec[64]; /* of the file's info */
    void *payload;                                     /* of the message at hand */
    int64_t capacity;
};

/* A remote with `limits` and no worker yet; NULL where memory is short. */
struct media_remote *media_remote_create(const struct valence_media_worker_options *limits);

/* Opens the file's input (a descriptor, or memory) in a worker, and fills the file's info. Errors:
 * those of opening; FORMAT where the worker dies; LIMIT where it lacks memory. */
int media_remote_open(struct valence_media *media, struct valence_error *error);

/* valence_media_decode() by the file's worker. Errors: the same; FORMAT where the worker dies or
 * says what no worker says; LIMIT where it lacks memory. */
int media_remote_decode(struct valence_media *media, const struct valence_media_segment *segments,
                        int64_t n_segments, const struct valence_media_sink *sink,
                        const struct valence_progress *progress, struct valence_error *error);

/* Ends the worker. */
void media_remote_close(struct media_remote *remote);

#endif
