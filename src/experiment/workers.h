/* The processes of an experiment. */
#ifndef VALENCE_EXPERIMENT_WORKERS_H
#define VALENCE_EXPERIMENT_WORKERS_H

#include "experiment/plan.h"

struct worker_process {
    int64_t process; /* 0: free */
    int variant;
    int64_t seed;
    int64_t epochs; /* that the run had when the process was started */
};

#define MAX_WORKERS 1024

struct workers {
    const struct valence_experiment *experiment;
    const struct valence_experiment_options *options;
    int n;             /* that may work at once */
    int64_t n_threads; /* of each */
    struct worker_process processes[MAX_WORKERS];
};

/* Starts one; a place must be free. */
int workers_start(struct workers *workers, int variant, int64_t seed, struct valence_error *error);

/* Starts one for a measurement. */
int workers_start_trial(struct workers *workers, int trial, double seconds,
                        struct valence_error *error);

int workers_busy(const struct workers *workers);

enum worker_end {
    WORKER_WORKS,  /* none has ended */
    WORKER_DONE,   /* its work is done */
    WORKER_KILLED, /* by a signal, or asked to stop */
    WORKER_FAILED
};

/* Looks whether one has ended, does not wait, and frees its place. `ended` is which it was.
 * WORKER_FAILED: *status is the library's. */
enum worker_end workers_reap(struct workers *workers, struct worker_process *ended, int *status);

/* Asks all to save and end, and waits until they have. */
void workers_stop(struct workers *workers);

/* Waits a moment. */
void workers_pause(void);

#endif
