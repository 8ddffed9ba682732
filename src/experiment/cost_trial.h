/* One model trained for a moment, and scoring with it, timed. */
#ifndef VALENCE_EXPERIMENT_COST_TRIAL_H
#define VALENCE_EXPERIMENT_COST_TRIAL_H

#include "train/train_config.h"
#include "valence/cost.h"
#include "valence/store.h"

/* What is measured, and with what. */
struct cost_job {
    const struct valence_cost_options *options;
    const struct valence_progress *progress; /* or NULL */
    const struct valence_store *store;
    const int64_t *clips; /* scored */
    int64_t n_clips;
    const char *name; /* of the model, for progress */
};

/* Trains in the configuration's "output", which must not exist, until there is a measurement; what
 * was trained stays there. Sets n_parameters, step_seconds, training_rate and training_bytes. */
int cost_train(const struct cost_job *job, const struct valence_train_config *config,
               struct valence_model_cost *cost, struct valence_error *error);

/* Scores the clips with the model trained there. Sets the latencies, scoring_rate and
 * scoring_bytes. */
int cost_score(const struct cost_job *job, const struct valence_train_config *config,
               struct valence_model_cost *cost, struct valence_error *error);

#endif
