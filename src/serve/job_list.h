/* The jobs of a server, in memory: the oldest first, under a lock that is held for moments. Nobody
 * reads or writes a file with it, so that no answer waits for the disk. A job whose files are to be
 * removed is taken out of the list with the lock held, and removed without it. */
#ifndef VALENCE_SERVE_JOB_LIST_H
#define VALENCE_SERVE_JOB_LIST_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "serve/job_files.h"
#include "serve/job_turns.h"

/* A job. All members are guarded by the list's lock; the worker, which alone changes the facts
 * and the turn, reads these without it. */
struct kept_job {
    struct kept_job *next; /* of those that were taken out */
    struct job_facts facts;
    double done;     /* seconds of the recording */
    double turn;     /* the length of its next one: struct job_turns */
    int64_t n_kept;  /* bytes of what is finished, when its last turn ended */
    bool is_running; /* the worker has it, and takes it out if it is deleted meanwhile */
    bool is_deleted;
};

struct serve_jobs {
    char *folder;
    int lock_file;
    double threshold, keep_seconds, wait_seconds;
    struct http_server *const *http;

    pthread_mutex_t lock;  /* guards what follows */
    struct kept_job **all; /* by their age */
    int64_t n, capacity, maximum;
    struct job_turns turns;
};

/* ---- All with the lock held ---- */

/* Errors: LIMIT beyond the maximum; MEMORY. */
int job_list_add(struct serve_jobs *jobs, const struct job_facts *facts,
                 struct valence_error *error);

/* The job with this id of `n` characters, or NULL. */
struct kept_job *job_list_find(const struct serve_jobs *jobs, const char *id, size_t n);

/* The oldest that is not done, or NULL. */
struct kept_job *job_list_next(const struct serve_jobs *jobs);

/* When its result is removed or, of one that is not done, when it will have waited too long: in
 * milliseconds since 1970. */
int64_t job_list_expiry(const struct serve_jobs *jobs, const struct kept_job *job);
bool job_list_is_over(const struct serve_jobs *jobs, const struct kept_job *job);

/* Takes a job out that is not running. */
void job_list_take(struct serve_jobs *jobs, struct kept_job *job);

/* Takes out those whose results have expired; they are linked by `next`. */
struct kept_job *job_list_take_expired(struct serve_jobs *jobs);

/* ---- Without the lock ---- */

/* Removes the files of jobs that were taken out, and frees them. Takes NULL. */
void job_list_remove(const struct serve_jobs *jobs, struct kept_job *taken);

#endif
