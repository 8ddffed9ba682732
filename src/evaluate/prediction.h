/* Scores of clips, each in the flow that fits what it has. */
#ifndef VALENCE_EVALUATE_PREDICTION_H
#define VALENCE_EVALUATE_PREDICTION_H

#include "evaluate/scoring.h"
#include "valence/reliability.h"

#define PREDICTION_AUTO (-1)

struct prediction {
    int64_t clip;  /* the store's index */
    unsigned flow; /* the one it was scored in */
    /* modalities the score came about without: the flow's and those the clip lacks */
    unsigned missing;
    bool fitting; /* the clip has all that the model reads in this flow */
    struct clip_score score;
    /* NaN where the model has no calibration set for such clips */
    struct valence_estimate estimate;
};

struct predictions {
    int64_t n;
    struct prediction *predictions; /* in the store's order */
    bool trained;                   /* the model was trained with the flows it was used in */
    int64_t n_unfitting;            /* clips that lack more than their flow misses */
    int64_t n_empty;                /* clips left out: no features that the model reads */
    int64_t n_cut;                  /* clips of which some stream is longer than max_rows */
};

/* Scores the clips of one split, or of all where `split` is VALENCE_N_SPLITS, in `flow` or, where
 * that is PREDICTION_AUTO, each in scoring_flow_for() what it lacks. Intervals are of `level`; a
 * clip that lacks more than its flow misses has none, since the calibration set has no such clips.
 * Errors: as scoring_run(). Empty on failure; free with predictions_free(). */
int predictions_make(const struct scoring *scoring, enum valence_split split, int flow,
                     double level, struct predictions *predictions, struct valence_error *error);
void predictions_free(struct predictions *predictions);

#endif
