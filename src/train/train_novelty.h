/* What tells clips that are unlike the training data (model/novelty.h). */
#ifndef VALENCE_TRAIN_TRAIN_NOVELTY_H
#define VALENCE_TRAIN_TRAIN_NOVELTY_H

#include "train/trainer_private.h"

/* Sets the checkpoint's novelty, each stream's, from training and validation clips, unless it came
 * with it. A stream that no training or no validation clip has gets none. */
int train_novelty_measure(struct trainer *trainer, struct valence_error *error);

#endif
