/* How many runs train at once, and with how many threads. */
#ifndef VALENCE_EXPERIMENT_RESOURCES_H
#define VALENCE_EXPERIMENT_RESOURCES_H

#include "experiment/workers.h"

/* What resources.json says; 0 where there is no such file. Errors: FORMAT, IO, MEMORY. */
int resources_read(const struct valence_experiment *experiment, int64_t *n_jobs, int64_t *n_threads,
                   struct valence_error *error);

/* Sets workers->n and n_threads for `n_runs` runs that are still to be trained: as the options say,
 * else as resources.json does, else by measuring. Writes resources.json. */
int resources_choose(struct workers *workers, int64_t n_runs, struct valence_error *error);

#endif
