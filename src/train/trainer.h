/* One run with one seed: the loop over epochs, its checkpoints and its logs. */
#ifndef VALENCE_TRAIN_TRAINER_H
#define VALENCE_TRAIN_TRAINER_H

#include "train/train_config.h"

/* As valence_train(), for config->seed alone in config->output. `stage` names the run in progress reports. */
int train_one_seed(const struct valence_train_config *config, bool resume, const char *stage,
                   const struct valence_progress *progress, struct valence_train_run *run,
                   struct valence_error *error);

/* {"seed", "best_epoch", "validation": {flow: {"mae"}}, "clips": {...}, ...}; NULL where memory is short. */
json_t *train_run_to_json(const struct valence_train_run *run);

#endif
