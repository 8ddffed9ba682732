/* Scores of clips that need no label: each in the flow that fits what the clip has, with the error
 * to expect and an interval. Clips come from a store, or from memory. */
#ifndef VALENCE_PREDICT_H
#define VALENCE_PREDICT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "valence/api.h"
#include "valence/collective.h"
#include "valence/error.h"
#include "valence/model.h"
#include "valence/progress.h"
#include "valence/reliability.h"
#include "valence/score.h"
#include "valence/store.h"

#ifdef __cplusplus
extern "C" {
#endif

#define VALENCE_FLOW_AUTO  (-1)
#define VALENCE_ALL_SPLITS (-1)

struct valence_predict_options {
    size_t size;        /* set by valence_predict_options_default() */
    int split;          /* enum valence_split, or VALENCE_ALL_SPLITS, the default; stores only */
    int flow;           /* a set of missing modalities, or VALENCE_FLOW_AUTO, the default */
    double level;       /* of the interval, 0.9; valence/reliability.h has the limits */
    int64_t batch_size; /* clips computed together, 64; stores only */
    int64_t max_rows;   /* of a stream of a clip, 10000; longer ones are cut; stores only */
    /* The ranks that predict together (valence/collective.h); NULL: this process alone. All of them
     * call valence_predict() with the same options, model and clips, as valence_evaluate()
     * describes (valence/evaluate.h), and each can receive all predictions; stores only. */
    const struct valence_collective *collective;
};
VALENCE_API void valence_predict_options_default(struct valence_predict_options *options);

/* One clip's score. The texts and arrays live for the call that receives it. */
struct valence_prediction {
    int64_t clip;     /* its index in the store or batch */
    const char *id;   /* in the store; "" for a batch */
    unsigned flow;    /* that it was scored in */
    bool trained;     /* the model was trained with it */
    unsigned missing; /* modalities that the score was made without */
    /* The clip has everything that the model reads in this flow; only then is there an interval. */
    bool fitting;

    /* Within the range of the labels that the model was trained on, where that is known. NaN where
     * the clip's values are too large for the network. */
    float score;
    float raw_score; /* what the network says, which may lie outside the range */

    /* The error to expect and the interval, which contains the score. NaN where the model has no
     * calibration set for such clips. For a clip far outside the training data the interval is the
     * labels' whole range, and the error NaN. */
    struct valence_estimate estimate;
    float distance; /* from the training data, see valence/score.h */
    /* far outside it: by its distance, or by its novelty (VALENCE_NOVELTY_LIMIT) */
    bool outside;
    float novelty; /* 0 ... 1, or NAN, see valence/score.h */

    const float *modality_weights; /* (3), see valence_model_modalities() */
    const float *view_weights;     /* (7) */

    /* Of a model of classes the score is the number of the most probable one
     * (valence_model_class_name()), and these are all of them; no estimate is made then. Else 0 and
     * NULL. */
    int n_classes;
    const float *probabilities; /* (n_classes) */
};

/* Receives predictions in the order of the clips. A value other than 0 stops: ERROR_CANCELLED. */
typedef int (*valence_prediction_receiver)(void *user, const struct valence_prediction *prediction);

struct valence_prediction_counts {
    size_t size;         /* to be set by the caller: sizeof(struct valence_prediction_counts) */
    int64_t n;           /* predictions given */
    int64_t n_unfitting; /* clips that lack more than their flow misses */
    int64_t n_untrained; /* clips scored in a flow that the model was not trained with */
    int64_t n_outside;   /* clips far outside the training data */
    int64_t n_beyond;    /* scores that were outside the labels' range */
    int64_t n_unscored;  /* clips whose values are too large */
    int64_t n_empty;     /* clips left out: no rows that the model reads */
    int64_t n_cut;       /* clips of which some stream is longer than max_rows */
};

/* The flow for a clip that lacks the modalities `absent`: of those that the model was trained with,
 * the one that imagines the most of what is absent and nothing that is there. */
VALENCE_API unsigned valence_model_flow_for(const struct valence_model *model, unsigned absent);

/* Scores the clips of a store in its order. Memory does not grow with the number of clips.
 * `options`, `progress` and `counts` may be NULL.
 *
 * Errors: NOT_FOUND where the store has none of the model's streams; SHAPE where one has another
 * width; DATA where one was not encoded as for training, or where ranks have different models or
 * clips; RANK; ARGUMENT; CANCELLED; those of reading the store, naming the clips; MEMORY.
 * Predictions given before an error are valid. */
VALENCE_API int
valence_predict(const struct valence_model *model, const struct valence_store *store,
                const struct valence_predict_options *options,
                const struct valence_progress *progress, valence_prediction_receiver receive,
                void *user, struct valence_prediction_counts *counts, struct valence_error *error);

/* Scores clips whose rows are in memory. A clip without any rows is an error (ARGUMENT), which
 * names it. Thread-safe for distinct workspaces. */
VALENCE_API int valence_predict_batch(struct valence_workspace *workspace,
                                      const struct valence_batch *batch,
                                      const struct valence_predict_options *options,
                                      valence_prediction_receiver receive, void *user,
                                      struct valence_prediction_counts *counts,
                                      struct valence_error *error);

#ifdef __cplusplus
}
#endif
#endif
