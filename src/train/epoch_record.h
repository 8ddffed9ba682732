/* What an epoch came to: the one record that the logs, and the caller's callback, are given. */
#ifndef VALENCE_TRAIN_EPOCH_RECORD_H
#define VALENCE_TRAIN_EPOCH_RECORD_H

#include "train/trainer_private.h"

#define EPOCH_N_LOSSES 7

struct epoch_record {
    struct valence_train_epoch shown; /* points into this struct and the trainer's */
    struct valence_train_loss losses[EPOCH_N_LOSSES];
    double mae[VALENCE_MAX_FLOWS];
};

/* Of the epoch whose steps are done and whose validation errors are `mae`; not yet how long it
 * took. */
void epoch_record_make(const struct trainer *trainer, const double *mae,
                       struct epoch_record *record);

/* A line of log.jsonl and one of timing.jsonl; NULL if memory is short. */
json_t *epoch_to_json(const struct valence_train_epoch *epoch);
json_t *epoch_times_to_json(const struct valence_train_epoch *epoch);

#endif
