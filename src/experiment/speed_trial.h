/* Measuring how fast runs train, side by side or alone. */
#ifndef VALENCE_EXPERIMENT_SPEED_TRIAL_H
#define VALENCE_EXPERIMENT_SPEED_TRIAL_H

#include "experiment/plan.h"

struct trial_figures {
    double clips_per_second;
    int64_t bytes; /* the most that the process had in memory */
};

/* In the worker: trains for worker->trial_seconds in a folder of its own, which it removes, and
 * leaves the figures for trial_read(). Errors: those of training. */
int speed_trial_run(const struct valence_experiment *experiment,
                    const struct valence_worker *worker, const struct valence_train_config *config,
                    const struct valence_progress *progress, struct valence_error *error);

/* Takes the figures of a trial and removes their file. Errors: NOT_FOUND, FORMAT. */
int speed_trial_take(const struct valence_experiment *experiment, int trial,
                     struct trial_figures *figures, struct valence_error *error);

/* Removes what killed trials left. */
void speed_trial_clear(const struct valence_experiment *experiment);

#endif
