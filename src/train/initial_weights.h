/* Starting a new run from another run's weights. */
#ifndef VALENCE_TRAIN_INITIAL_WEIGHTS_H
#define VALENCE_TRAIN_INITIAL_WEIGHTS_H

#include "train/trainer_private.h"

/* Copies those parameters of the model that options->from names whose name and shape are the same
 * here, over the random ones; notes what does not fit, and leaves in trainer->from what the
 * checkpoints' provenance says of it. Errors: those of finding and loading the model; DATA if
 * the streams were encoded otherwise; SHAPE if nothing fits. */
int initial_weights_take(struct trainer *trainer, const struct parameter_table *table,
                         struct valence_error *error);

#endif
