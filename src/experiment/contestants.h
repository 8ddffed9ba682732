/* What is compared: trained variants, each with the models of its seeds, measured on the same
 * clips. */
#ifndef VALENCE_EXPERIMENT_CONTESTANTS_H
#define VALENCE_EXPERIMENT_CONTESTANTS_H

#include "experiment/statistics.h"
#include "valence/evaluate.h"
#include "valence/experiment.h"

/* A model of a contestant. */
struct contestant_model {
    char *path; /* of its checkpoint */
    int64_t seed, n_parameters;
    const struct valence_evaluation *evaluation;
    float *scores; /* (n_flows, n_clips of the comparison) */
};

struct contestant {
    char *name;
    int n_models;
    struct contestant_model *models;
};

struct contest {
    const struct valence_store *store;
    int n_contestants;
    struct contestant *contestants; /* the others are compared with the first */
    int n_flows;
    unsigned flows[VALENCE_MAX_FLOWS];
    enum valence_split split;
    enum valence_scale scale;
    bool synthetic;
    /* The clips that all models score; those that some contestant has no rows of are left out. */
    int64_t n_clips, n_left_out;
    int64_t *clips;
    float *labels;
    struct clusters clusters;
    char *data;          /* the fingerprint of the first model's training data */
    char clips_hash[65]; /* SHA-256 of the clips' ids and labels */
};

/* Adds a contestant without models, or a model to the last contestant. */
int contest_add(struct contest *contest, const char *name, struct valence_error *error);
int contest_add_model(struct contest *contest, const char *path, struct valence_error *error);

/* Loads each model and measures it on the store. Errors: DATA where a model was trained on other
 * data than the store, or no clip is left; those of valence_evaluate(), naming the model. */
int contest_measure(struct contest *contest, const struct valence_evaluate_options *options,
                    const struct valence_progress *progress, struct valence_error *error);

void contest_free(struct contest *contest);

#endif
