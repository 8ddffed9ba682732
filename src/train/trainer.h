/* One run with one seed: the loop over epochs, its checkpoints and its logs. */
#ifndef VALENCE_TRAIN_TRAINER_H
#define VALENCE_TRAIN_TRAINER_H

#include "train/train_config.h"

/* What is asked of it. */
struct train_job {
    const struct valence_train_config *config;   /* of this seed and folder alone */
    const struct valence_train_options *options; /* with every member */
    bool resume;                                 /* in place of the options' */
    int64_t number, n;                           /* which of how many runs, from 1 */
};

int train_one_seed(const struct train_job *job, struct valence_train_run *run,
                   struct valence_error *error);

/* What a validation error is called for people: "MAE", or "cross-entropy" of classes. */
const char *train_error_heading(const struct valence_model_config *config);

/* {flow: {"mae"}, ...}, or {flow: {"cross_entropy"}, ...} of classes. */
json_t *train_errors_to_json(const unsigned *flows, int n_flows, int64_t n_classes,
                             const double *errors);

/* Sets means and deviations of the result from its runs. */
void train_result_summarise(struct valence_train_result *result);

/* What results.json holds: of one run {"seed", "best_epoch", "validation": {flow: {"mae"}},
 * "clips": {...}, ...}, of several {"seeds", "validation": {flow: {"mae": {"mean", "sd"}}}, "runs":
 * [...]}. NULL if memory is short. */
json_t *train_run_to_json(const struct valence_train_run *run);
json_t *train_result_to_json(const struct valence_train_result *result);

#endif
