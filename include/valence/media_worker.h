/* Decoding media files in processes of their own, so that a file that was made to break a decoder
 * breaks a process that holds nothing else.
 *
 *     const char *const command[] = {"/usr/bin/my-program", "decode", NULL};
 *     struct valence_media_worker_options options;
 *     valence_media_worker_options_default(&options);
 *     options.command = command;
 *     valence_media_workers_create(&options, &workers, &error);
 *     media_options.workers = workers;    (struct valence_media_options, valence/media.h)
 *
 * where `my-program decode` calls valence_media_worker_run(). That program is started once, as the
 * *helper*. It never looks into a file: for each file that is opened, it forks a *worker*, which
 * gets the file's descriptor and a socket, gives up all other rights, and ends with the file. A
 * worker has limits on memory and time. Where the kernel allows, seccomp leaves it only what
 * decoding needs (no files, no network, no other processes, no new code), and Landlock closes the
 * file system. The helper has one thread and none of the caller's memory, so that forking it is
 * safe and cheap: 1 to 2 ms a file, where starting a program takes 50. */
#ifndef VALENCE_MEDIA_WORKER_H
#define VALENCE_MEDIA_WORKER_H

#include <stddef.h>
#include <stdint.h>

#include "valence/api.h"
#include "valence/error.h"

#ifdef __cplusplus
extern "C" {
#endif

struct valence_media_workers;

/* Start from valence_media_worker_options_default(). The names of members are also the keys of
 * errors. */
struct valence_media_worker_options {
    size_t size;

    /* The program and its arguments, NULL at the end; copied. It is started by its path. */
    const char *const *command;

    int64_t max_memory_bytes; /* of a worker, beyond what the helper has (2 GiB) */
    double max_cpu_seconds;   /* of processor time that a file may take (600) */
    double max_wait_seconds;  /* in which a worker gives no sign of life (30) */
};

VALENCE_API void valence_media_worker_options_default(struct valence_media_worker_options *options);

/* Starts the helper. It is started again when it has ended. *workers is NULL on failure. Any number
 * of threads may open files with the same workers.
 *
 * Errors: ARGUMENT for options out of range or without a command; IO where the program cannot be
 * started; UNSUPPORTED where it is none that calls valence_media_worker_run() of this version;
 * MEMORY. */
VALENCE_API int valence_media_workers_create(const struct valence_media_worker_options *options,
                                             struct valence_media_workers **workers,
                                             struct valence_error *error);

/* Ends the helper; files that were opened with it must be closed before. Takes NULL. */
VALENCE_API void valence_media_workers_free(struct valence_media_workers *workers);

/* In the program: what the helper does, on the socket that is its standard input, until the caller
 * is gone. Call it in main() while there is one thread, and end the program with what it returns:
 * 0, or 1 where standard input is not such a socket. */
VALENCE_API int valence_media_worker_run(void);

#ifdef __cplusplus
}
#endif
#endif
