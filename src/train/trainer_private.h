/* What the files of the trainer share: trainer_open.c takes hold of everything, trainer.c works
 * with it. */
#ifndef VALENCE_TRAIN_TRAINER_PRIVATE_H
#define VALENCE_TRAIN_TRAINER_PRIVATE_H

#include <stdio.h>

#include "model/checkpoint.h"
#include "data/batches.h"
#include "run/run_folder.h"
#include "train/train_config.h"
#include "train/train_state.h"

/* Purposes that keep the draws of one seed apart. */
enum { PURPOSE_INITIAL = 1, PURPOSE_ORDER, PURPOSE_DROPOUT, PURPOSE_FLOWS };

struct trainer {
    const struct valence_train_config *config;
    const struct valence_progress *progress;
    const char *stage;
    struct valence_store *store;
    struct stream_map map;
    struct clip_selection training, validation;
    struct run_folder folder;
    struct checkpoint checkpoint;   /* the parameters and moments being trained */
    struct calibration calibration; /* what the last validation gave; the best model keeps it */
    double constant_mae;            /* on the validation part, of the training labels' median */
    struct train_state state;
    struct network *network;
    struct batch_loader *loader;
    float *gradients;
    int64_t *order; /* the training clips as this epoch takes them */
    FILE *log, *timing;
    char detail[160]; /* of the progress reports */
};

/* Opens store and folder, makes or loads the state, and makes room for the work. Whatever it
 * returns, trainer_close() must follow. The members above `store` are the caller's to set. */
int trainer_open(struct trainer *trainer, bool resume, struct valence_error *error);
void trainer_close(struct trainer *trainer);

#endif
