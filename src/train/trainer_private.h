/* What the files of the trainer share: trainer_open.c takes hold of everything, trainer.c works
 * with it. */
#ifndef VALENCE_TRAIN_TRAINER_PRIVATE_H
#define VALENCE_TRAIN_TRAINER_PRIVATE_H

#include <stdio.h>

#include "model/checkpoint.h"
#include "model/parameters.h"
#include "data/batches.h"
#include "data/data_fingerprint.h"
#include "run/run_folder.h"
#include "train/train_config.h"
#include "train/train_state.h"
#include "train/validation.h"
#include "train/trainer.h"

/* Purposes that keep the draws of one seed apart. */
enum { PURPOSE_INITIAL = 1, PURPOSE_ORDER, PURPOSE_DROPOUT, PURPOSE_FLOWS, PURPOSE_MISSING };

struct trainer {
    const struct train_job *job;
    const struct valence_train_config *config; /* the job's */
    const struct valence_progress *progress;   /* the options' */
    char stage[64];                            /* names the run in progress reports */
    struct valence_store *store;
    struct stream_map map;
    struct clip_selection training, validation;
    struct run_folder folder;
    struct checkpoint checkpoint;   /* the parameters and moments being trained */
    struct calibration calibration; /* what the last validation gave; the best model keeps it */
    const struct valence_label_scale *classes; /* the store's, or NULL where labels are scores */
    double shares[VALENCE_MAX_CLASSES];        /* of the classes among the training clips */
    float median;                  /* of the training labels; of classes, the most frequent one */
    struct label_transform labels; /* 1 and 0 unless labels are standardised */
    float *learnt_labels;          /* (batch_size): a batch's, transformed */
    /* of that median on the validation part; of classes, the cross-entropy of their shares */
    double constant_mae;
    char fingerprint[DATA_FINGERPRINT_BYTES]; /* of the data */
    json_t *from; /* the provenance of initial weights that were taken, or NULL */
    struct train_state state;
    struct network *network;
    struct batch_loader *loader;
    struct missing missing; /* what the clips of the pass at hand lose */
    float *gradients;
    int64_t *order; /* the training clips as this epoch takes them */
    FILE *log, *timing;
    char detail[160]; /* of the progress reports */
};

/* Opens store and folder, makes or loads the state, and makes room for the work; in a dry run
 * opens the store alone. Whatever it returns, trainer_close() must follow. The members above
 * `store` are the caller's to set. */
int trainer_open(struct trainer *trainer, struct valence_error *error);
void trainer_close(struct trainer *trainer);

/* Lets the loader's next pass, of these clips, lose what is to be missing: in training by epoch, in
 * validation always the same. */
int trainer_draw_missing(struct trainer *trainer, const struct clip_selection *clips,
                         struct valence_error *error);

/* Of the epoch that the state is in. */
double trainer_learning_rate(const struct trainer *trainer);

/* Tells the caller something that may spoil the result (struct valence_train_note). */
void trainer_note(const struct trainer *trainer, const char *key, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
