/* Workers for the files that are opened (valence/media_worker.h). */
#ifndef VALENCE_MEDIA_WORKERS_H
#define VALENCE_MEDIA_WORKERS_H

#include "valence/media_worker.h"

/* A worker for the file. *socket talks with it; *process is a pidfd of it, or -1 where the kernel
 * has none. Both are the caller's. Errors: IO, UNSUPPORTED; MEMORY. */
int media_workers_hire(struct valence_media_workers *workers, int file, int *socket, int *process,
                       struct valence_error *error);

const struct valence_media_worker_options *
media_workers_options(const struct valence_media_workers *workers);

#endif
