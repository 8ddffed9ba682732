/* The processes that train an experiment's runs: this command itself, as `valence runs FOLDER
 * --train RUN`. */
#ifndef VALENCE_CLI_EXPERIMENT_WORKER_H
#define VALENCE_CLI_EXPERIMENT_WORKER_H

#include "valence/experiment.h"

/* struct valence_experiment_options' start(). */
int experiment_worker_start(void *user, const struct valence_worker *worker, int64_t *process,
                            struct valence_error *error);

/* The worker's side: works, and stops where the process `scheduler` is no longer its parent (0: has
 * none). Gives the exit code; with a scheduler that is minus the library's status. */
int experiment_worker_run(const struct valence_worker *worker, int64_t scheduler, bool quiet);

#endif
