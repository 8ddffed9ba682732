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
#include "train/step_parts.h"
#include "train/train_state.h"
#include "train/validation.h"
#include "train/trainer.h"

/* Purposes that keep the draws of one seed apart. */
enum { PURPOSE_INITIAL = 1, PURPOSE_ORDER, PURPOSE_DROPOUT, PURPOSE_FLOWS, PURPOSE_MISSING };

struct trainer {
    const struct train_job *job;
    const struct valence_train_config *config;   /* the job's */
    const struct valence_progress *progress;     /* the options' */
    const struct valence_collective *collective; /* the options', or NULL */
    char stage[64];                              /* names the run in progress reports */
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
    struct step_parts *parts; /* computes the batches instead, where there are several ranks or sums
                                 are ordered; else NULL */
    struct batch_loader *loader;
    struct missing missing; /* what the clips of the pass at hand lose */
    float *gradients;
    bool alone;                   /* the step's batches were too small for more than one thread */
    float *batch_gradients;       /* of one batch, where a step has several; else NULL */
    int64_t *order;               /* the training clips as this epoch takes them */
    int64_t *share, *share_sizes; /* those of this rank, and how many in each batch */
    FILE *log, *timing;
    char detail[160]; /* of the progress reports */
};

/* Opens store and folder, makes or loads the state, and makes room for the work; in a dry run
 * opens the store alone. Whatever it returns, trainer_close() must follow. The members above
 * `store` are the caller's to set. */
int trainer_open(struct trainer *trainer, struct valence_error *error);
void trainer_close(struct trainer *trainer);

/* Whether this rank is the one that writes files and tells the caller. */
static inline bool trainer_is_first(const struct trainer *trainer)
{
    return collective_is_first(trainer->collective);
}

/* trainer_labels.c: whether the store has the labels that are asked for. */
int trainer_check_labels(struct trainer *trainer, struct valence_error *error);

/* The classes' shares of the training clips; one without any cannot be learnt. */
int trainer_count_classes(struct trainer *trainer, struct valence_error *error);

/* The classes' names; NULL without classes, too short an array if memory is short. */
json_t *trainer_classes_to_json(const struct trainer *trainer);

/* The mean and the deviation of the training labels; what is computed in closed form needs none. */
void trainer_measure_labels(struct trainer *trainer);

/* The validation clips' labels, the error of the best constant on them, and the range of all
 * labels: the declared one, else -3 ... 3, or more where some lie beyond. */
int trainer_open_calibration(struct trainer *trainer, struct valence_error *error);

/* trainer_share.c: gives what the first rank began, or loaded, to all others. */
int trainer_share(struct trainer *trainer, struct valence_error *error);

/* Lets the loader's next pass, of these clips, lose what is to be missing: in training by epoch, in
 * validation always the same. */
int trainer_draw_missing(struct trainer *trainer, const struct clip_selection *clips,
                         struct valence_error *error);

/* trainer_step.c: takes one, of the next batches of the epoch. CANCELLED where the caller asks for
 * it, nothing having changed. The flows that a step trains. */
int trainer_step(struct trainer *trainer, struct valence_error *error);
int trainer_draw_flows(const struct trainer *trainer, int64_t step,
                       unsigned flows[VALENCE_MAX_FLOWS]);

/* Adds to an error in the numbers (ERROR_DATA) when it came up and what can be done; others pass as
 * they are. */
int trainer_fail_in_numbers(const struct trainer *trainer, int status, const char *doing,
                            struct valence_error *error);
int trainer_fail_cancelled(const struct trainer *trainer, struct valence_error *error);

/* The batches of an epoch, and the clips of one of them. */
static inline int64_t trainer_n_batches(const struct trainer *trainer)
{
    int64_t size = trainer->config->batch_size;
    return (trainer->training.n + size - 1) / size;
}

static inline int64_t trainer_clips_of_batch(const struct trainer *trainer, int64_t batch)
{
    int64_t size = trainer->config->batch_size, left = trainer->training.n - batch * size;
    return left < size ? left : size;
}

/* Of the epoch that the state is in. */
double trainer_learning_rate(const struct trainer *trainer);

/* Tells the caller something that may spoil the result (struct valence_train_note). */
void trainer_note(const struct trainer *trainer, const char *key, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
