/* The configuration of a training run. One table (train_keys.c) knows every key: its place,
 * default, limits and explanation; reading, setting, printing and the comparison with a run to be
 * resumed all follow from it. */
#ifndef VALENCE_TRAIN_CONFIG_H
#define VALENCE_TRAIN_CONFIG_H

#include <jansson.h>

#include "base/text.h"
#include "kernels/linear.h"
#include "collective/sum.h"
#include "model/losses.h"
#include "train/missing.h"
#include "train/schedule.h"
#include "valence/model.h"
#include "valence/store.h"
#include "valence/train.h"

#define TRAIN_PATH_BYTES 1024

/* The stage in progress reports of one seed's training: not of what is read before it. */
#define TRAINING_STAGE "training"

/* How a batch's gradients are added up. */
enum train_reduction { TRAIN_REDUCE_LIBRARY, TRAIN_REDUCE_ORDERED, TRAIN_N_REDUCTIONS };

enum train_optimizer { TRAIN_ADAM, TRAIN_ADAMW, TRAIN_N_OPTIMIZERS };

/* Whose validation error chooses the best epoch: the complete flow's, the mean of the others', the
 * mean of all. */
enum train_selection { TRAIN_COMPLETE, TRAIN_MISSING, TRAIN_MEAN, TRAIN_N_SELECTIONS };
extern const char *const train_selection_names[TRAIN_N_SELECTIONS];

/* Where the weights of modalities and views start: at their means, 1/3 and 1/7, or at random near 0
 * like everything else, as published. */
enum train_start { TRAIN_START_MEAN, TRAIN_START_RANDOM, TRAIN_N_STARTS };

/* The error that chooses, of the errors of n flows as configured. */
double train_selected_error(enum train_selection select, const double *mae, int n_flows);

/* What the labels are. */
enum train_labels { TRAIN_SCORES, TRAIN_CLASSES, TRAIN_N_LABELS };

struct valence_train_config {
    char store[TRAIN_PATH_BYTES];
    bool accept_unfinished; /* of the store */
    char output[TRAIN_PATH_BYTES];
    char streams[VALENCE_N_STREAMS][VALENCE_STORE_NAME_BYTES]; /* "": not used */
    bool standardise[VALENCE_N_STREAMS];
    bool clip_inputs;
    bool standardise_labels;
    enum train_labels labels;
    int64_t max_rows;
    struct valence_model_config model; /* its widths and classes come from the store */
    enum train_start weights_start;
    int64_t flows_per_step; /* drawn besides the complete one; 0: all */
    struct missing_settings missing;
    struct loss_weights losses;
    int64_t epochs;
    int64_t batch_size;
    int64_t shuffle_shards;   /* that are shuffled together; 0: all */
    enum precision precision; /* of the step's products */
    int64_t accumulate;       /* batches in a step */
    enum train_reduction reduce;
    int64_t reduce_part; /* clips, where it is ordered */
    enum collective_wire reduce_wire;
    enum train_optimizer optimizer;
    double learning_rate, weight_decay, beta1, beta2, epsilon;
    double clip_norm;     /* 0: off */
    double ridge_penalty; /* 0: chosen on the validation clips */
    struct schedule schedule;
    enum train_selection select;
    int64_t early_stopping;   /* epochs without improvement; 0: off */
    int64_t checkpoint_every; /* steps; 0: at the end of epochs only */
    bool keep_epochs;         /* the model of each epoch, for a published choice among them */
    int64_t seed;
    int64_t seeds;
    int64_t threads; /* 0: one per core */
};

void train_config_defaults(struct valence_train_config *config);

/* Sets younger keys to what was done before there were such keys: for configurations that were
 * written then. */
void train_config_set_before(struct valence_train_config *config);

/* What no single key can tell: that the values fit together. */
int train_config_check(const struct valence_train_config *config, struct valence_error *error);

/* {"model.d": "256", ...}: the keys that decide what a run computes, as text; where it stops, where
 * its store and folder are and how many threads it has are not among them. NULL if memory is
 * short. */
json_t *train_config_to_json(const struct valence_train_config *config);

/* Whether a run begun with the configuration `begun` (of train_config_to_json()) may continue with
 * this one: only keys that do not change what was computed so far may differ. ERROR_CONFIG naming
 * the first other one and both values. */
int train_config_may_resume(const struct valence_train_config *config, const json_t *begun,
                            struct valence_error *error);

/* Writes it to the run's folder as config.yaml, each key with what it means. */
struct run_folder;
int train_config_write(const struct valence_train_config *config, const struct run_folder *folder,
                       struct valence_error *error);

#endif
