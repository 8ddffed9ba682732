/* Where a run stands: together with parameters and moments, all that its future depends on. */
#ifndef VALENCE_TRAIN_TRAIN_STATE_H
#define VALENCE_TRAIN_TRAIN_STATE_H

#include <jansson.h>

#include "model/losses.h"
#include "valence/model.h"

struct train_state {
    int64_t epoch;     /* finished */
    int64_t n_batches; /* done of the next one */
    int64_t step;      /* optimizer steps so far */
    /* Over those batches, weighted by their clips: for the epoch's line in the log. */
    struct loss_terms sums;
    double norm_sum;
    int64_t n_clips;
    int64_t best_epoch; /* from 1; 0: none yet */
    double best_value;  /* of what `select` names */
    double best_mae[VALENCE_MAX_FLOWS];
    double ridge_penalty; /* that a linear network was trained with; 0: none */
    int64_t since_best;   /* epochs */
    int64_t log_bytes;    /* of log.jsonl that belong to this state */
    uint64_t data_key;    /* of the clips trained and validated on */
};

/* The state as the "training" object of a checkpoint; NULL if memory is short. */
json_t *train_state_to_json(const struct train_state *state, int n_flows);

/* Reads it back; FORMAT if anything is missing or impossible. `name` is the file's. */
int train_state_from_json(const json_t *object, int n_flows, const char *name,
                          struct train_state *state, struct valence_error *error);

#endif
