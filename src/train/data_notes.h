/* What in the data may spoil a result, said before it is computed. */
#ifndef VALENCE_TRAIN_DATA_NOTES_H
#define VALENCE_TRAIN_DATA_NOTES_H

#include "train/trainer_private.h"

/* Labels that are all equal, or all of one sign in the validation part alone. */
void note_labels(const struct trainer *trainer);

/* A stream whose columns are all constant over the training clips. */
void note_columns(const struct trainer *trainer, enum valence_stream stream, int64_t n,
                  const float *deviation);

#endif
