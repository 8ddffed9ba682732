/* One run with one seed: the loop over epochs, its checkpoints and its logs. */
#ifndef VALENCE_TRAIN_TRAINER_H
#define VALENCE_TRAIN_TRAINER_H

#include "train/train_config.h"

/* As valence_train(), for config->seed alone in config->output. `stage` names the run in progress
 * reports. */
int train_one_seed(const struct valence_train_config *config, bool resume, const char *stage,
                   const struct valence_progress *progress, struct valence_train_run *run,
                   struct valence_error *error);

/* {flow: {"mae"}, ...} */
json_t *train_mae_to_json(const unsigned *flows, int n_flows, const double *mae);

/* Mean and sample standard deviation of a flow's validation error over n runs, n > 1. */
struct train_summary {
    double mean, deviation;
};
struct train_summary train_summarise(const struct valence_train_run *runs, int64_t n, int flow);

/* {"seeds", "validation": {flow: {"mae": {"mean", "sd"}}}, "runs": [...]} of several runs, and
 * {"seed", "best_epoch", "validation": {flow: {"mae"}}, "clips": {...}, ...}; NULL where memory is
 * short. */
json_t *train_runs_to_json(const struct valence_train_run *runs, int64_t n);
json_t *train_run_to_json(const struct valence_train_run *run);

#endif
