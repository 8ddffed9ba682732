/* What the three sides of decoding in a process of its own say to each other: the server's side
 * (media_remote.c), the helper and the worker (media_worker.c).
 *
 * A message is a head and `n_bytes` bytes behind it. All sides are the same version of the same
 * program (struct worker_hello), so that numbers go as they are in memory. The server's side trusts
 * nothing that a worker says. */
#ifndef VALENCE_MEDIA_WORKER_MESSAGE_H
#define VALENCE_MEDIA_WORKER_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "valence/error.h"
#include "valence/media.h"

/* ---- To and from the helper ---- */

#define WORKER_VERSION_BYTES 32

/* The helper's first words. */
struct worker_hello {
    char version[WORKER_VERSION_BYTES];
    uint32_t head_bytes, options_bytes;
    bool has_seccomp, has_landlock;
};

/* Asks for a worker; the worker's end of a socket and the file go with it. The answer is an errno,
 * 0 for success, with a pidfd of the worker where the kernel has those. */
struct worker_request {
    int64_t max_memory_bytes;
    double max_cpu_seconds;
};

/* Sends or receives `n_bytes` and up to two descriptors, which the receiver owns; missing ones are
 * -1. False where the other side is gone. */
bool worker_send_descriptors(int socket, const void *data, size_t n_bytes, const int *descriptors,
                             int n);
bool worker_receive_descriptors(int socket, void *data, size_t n_bytes, int descriptors[2]);

/* ---- Between the server's side and a worker ---- */

enum worker_message_kind {
    /* to the worker */
    WORKER_OPEN = 1, /* struct valence_media_options, then the file's name */
    WORKER_DECODE,   /* segments; integers: wants samples, wants pictures */
    WORKER_STOP,     /* decode no further */

    /* from the worker */
    WORKER_OPENED,   /* struct worker_opened */
    WORKER_SAMPLES,  /* floats; integers: segment, first; reals: time */
    WORKER_PICTURE,  /* RGB; integers: segment, index, width, height; reals: time, source_time */
    WORKER_PROGRESS, /* integers: done, total */
    WORKER_END       /* struct worker_end: of what was asked for */
};

struct worker_head {
    uint32_t kind, n_bytes;
    int64_t integers[4];
    double reals[2];
};

#define WORKER_NAME_BYTES    64
#define WORKER_WARNING_BYTES 256

/* The pointers of `info` mean nothing; its texts follow it. */
struct worker_opened {
    struct valence_media_info info;
    char format[WORKER_NAME_BYTES], audio_codec[WORKER_NAME_BYTES], video_codec[WORKER_NAME_BYTES];
    char warning[WORKER_WARNING_BYTES];
};

struct worker_end {
    struct valence_error error; /* status 0: it is done */
    char warning[WORKER_WARNING_BYTES];
};

#define WORKER_MAX_SEGMENTS     (1 << 20)
#define WORKER_MAX_SAMPLE_BYTES (1 << 26)

#endif
