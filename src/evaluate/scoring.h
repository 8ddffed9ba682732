/* A model's scores of a store's clips, the way `evaluate`, `predict` and reports get them. */
#ifndef VALENCE_EVALUATE_SCORING_H
#define VALENCE_EVALUATE_SCORING_H

#include "collective/collective.h"
#include "data/batches.h"
#include "valence/score.h"
#include "valence/progress.h"

struct clip_score {
    float score;    /* NaN if the clip's values are too large for the network */
    float distance; /* from the training data, see valence/score.h */
    bool outside;
    float novelty; /* the same */
    float modality_weights[VALENCE_N_MODALITIES];
    float view_weights[VALENCE_N_VIEWS];
    float probabilities[VALENCE_MAX_CLASSES]; /* of a model of classes */
};

/* Takes clip i's out of a batch's. */
void clip_score_take(const struct valence_details *details, int64_t i, float value,
                     int64_t n_classes, struct clip_score *score);

/* A model at work on a store: the streams that it reads, by the names it was trained with. */
struct scoring {
    const struct valence_model *model;
    const struct valence_store *store;
    struct stream_map map;
    int64_t batch_size;
    const struct valence_progress *progress; /* or NULL */
    struct valence_workspace *workspace;
    struct batch_loader *loader;
    /* Where what is scored now is part of more: clips before it, and all together; else 0. */
    int64_t before, total;
    /* The ranks that score together, or NULL; set by scoring_begin(). */
    const struct valence_collective *collective;
};

/* `text_stream` is read in place of the model's own stream for text; NULL: that.
 *
 * A store may lack any of the model's streams (its clips are then without), but not all. Zero on
 * failure; close with scoring_close(). Errors: SHAPE if a stream's width is not the model's;
 * DATA if it was encoded otherwise; NOT_FOUND if the store has none of them, or not the
 * given one; MEMORY. */
int scoring_open(struct scoring *scoring, const struct valence_model *model,
                 const struct valence_store *store, const char *text_stream, int64_t batch_size,
                 int64_t max_rows, const struct valence_progress *progress,
                 struct valence_error *error);
void scoring_close(struct scoring *scoring);

/* Lets several ranks score the clips together from now on: all have opened and prepared what they
 * need, each with the status that it passes, and all fail where one has failed, or where one has
 * another model or other clips (ERROR_DATA). `labels` may be NULL. */
int scoring_begin(struct scoring *scoring, const struct valence_collective *collective, int status,
                  const int64_t *clips, const float *labels, int64_t n,
                  struct valence_error *error);

/* What is scored from now on goes through `filter`, which must live as long; NULL: nothing does. */
void scoring_set_filter(struct scoring *scoring, const struct row_filter *filter);

/* The model's provenance, as struct valence_evaluation has it; free *configuration. Errors: MEMORY.
 */
int scoring_note_training(const struct scoring *scoring, char trained_on[64],
                          const char **configuration, struct valence_error *error);

/* The store's data are made up. */
bool store_is_synthetic(const struct valence_store *store);

/* Scores `n` clips in each of `n_flows` flows: scores[flow] has room for n. A modality that a flow
 * does not miss and a clip lacks is a sequence of length 0. Where several ranks score together,
 * each computes its share of the batches, and all get all scores, or all fail. Errors: those of
 * reading the store and of valence_score(), naming the batch's clips; CANCELLED. */
int scoring_run(const struct scoring *scoring, const int64_t *clips, int64_t n,
                const unsigned *flows, int n_flows, struct clip_score *const *scores,
                struct valence_error *error);

/* Whether a prediction says so, by distance or by novelty. */
bool scoring_is_outside(const struct clip_score *score);

/* The store's stream, of those that the flow reads, and the column in which a clip lies furthest
 * outside the training data; NULL and -1 if it lies within. */
int scoring_furthest(const struct scoring *scoring, int64_t clip, unsigned flow,
                     const char **stream, int64_t *column, struct valence_error *error);

/* The set of modalities a clip has no rows of. */
unsigned scoring_absent(const struct valence_store *store, const struct stream_map *map,
                        int64_t clip);

/* False for a flow the model was not trained with: it scores all the same, imagining nothing. */
bool scoring_flow_is_trained(const struct valence_model *model, unsigned flow);

#endif
