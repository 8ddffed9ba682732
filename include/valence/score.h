/* Scoring clips whose rows are in memory.
 *
 *     valence_model_load("run/best.safetensors", &model, &error);
 *     valence_workspace_create(model, &workspace, &error);
 *     valence_score(workspace, &batch, 0, scores, NULL, &error);
 *
 * valence/predict.h chooses the flow of each clip and adds intervals. */
#ifndef VALENCE_SCORE_H
#define VALENCE_SCORE_H

#include <stdbool.h>

#include "valence/api.h"
#include "valence/error.h"
#include "valence/model.h"
#include "valence/stream.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What scoring needs besides the model. One per thread. It keeps the model alive and grows as
 * batches need. *workspace is NULL on failure. Errors: ARGUMENT for NULL; MEMORY. */
struct valence_workspace;
VALENCE_API int valence_workspace_create(const struct valence_model *model,
                                         struct valence_workspace **workspace,
                                         struct valence_error *error);
VALENCE_API void valence_workspace_free(struct valence_workspace *workspace); /* takes NULL */

/* The model that it scores with. */
VALENCE_API const struct valence_model *
valence_workspace_model(const struct valence_workspace *workspace);

/* What scores rest on. The arrays belong to the workspace and live until its next use. */
struct valence_details {
    const float *modality_weights; /* (n_clips, 3): audio, text, video */
    const float *view_weights;     /* (n_clips, 7), by enum valence_view */
    /* (n_clips): how far the clip lies outside the training data, see
     * valence_model_distance_limit() */
    const float *distances;
    const bool *outside; /* (n_clips): the distance is beyond the limit */
    /* (n_clips): the share of the validation clips that are more like the training data, see
     * VALENCE_NOVELTY_LIMIT; NAN where the checkpoint does not say */
    const float *novelty;
    /* (n_clips, n_classes) of a model of classes, whose score is the number of the most probable
     * one; else NULL. Of a group: the means over its members. */
    const float *probabilities;
};

/* Scores a batch in one flow.
 *
 * `missing` is a set of modalities; those are imagined (MIA) and may be absent from `batch`. A flow
 * that the model was not trained with is scored too, but what only such flows miss is not imagined.
 * `batch->keys` and `labels` are not read and may be NULL. `details` may be NULL.
 *
 * `scores` receives batch->n_clips values on the scale of the labels that the model was trained on
 * (-3 ... 3 for MOSEI). They are what the network says and may lie somewhat outside that scale:
 * published figures are computed from such scores. A clip whose finite values are too large for the
 * network gets NaN, and the others their scores.
 *
 * Thread-safe for distinct workspaces. A clip's score does not depend on the other clips. Errors:
 * ARGUMENT for NULL, the set of all modalities, offsets that do not begin with 0 or decrease, rows
 * without data; SHAPE if a stream's width is not the model's; DATA where a row holds NaN or an
 * infinity, naming it; MEMORY. On an error `scores` is untouched.
 *
 * Source: arXiv 2410.15029, sections 2.2 (UMCA) and 2.3 (MIA). */
VALENCE_API int valence_score(struct valence_workspace *workspace,
                              const struct valence_batch *batch, unsigned missing, float *scores,
                              struct valence_details *details, struct valence_error *error);

/* The same batch in 1 ... VALENCE_MAX_FLOWS flows at once, computing once what they share (their
 * audio and video). `scores` and `details` (or NULL) have one entry a flow. */
VALENCE_API int valence_score_flows(struct valence_workspace *workspace,
                                    const struct valence_batch *batch, const unsigned *flows,
                                    int n_flows, float *const *scores,
                                    struct valence_details *details, struct valence_error *error);

/* ---- Attention ---- */

/* Where the network looks among the rows of one modality: weights of 0 ... 1 for the rows of the
 * stream that the flow reads. They sum to 1 over the rows of a clip. Clip i's rows stand where the
 * batch has them, at offsets[i] of that stream. */
struct valence_modality_attention {
    /* That was read: simulated_text for text in a flow that misses text. */
    enum valence_stream stream;
    int64_t n_rows; /* of all clips; 0, and NULL below, where the flow reads no rows */
    /* (n_rows): the mean of the query views' weights below, each view counted by the absolute value
     * of its view weight, as it counts in the feature that the score is read off. */
    const float *rows;
    /* Cross-attention (UMCA): clip i's (7, T_i) by enum valence_view at 7 * offsets[i]. */
    const float *views;
    const float *pooling; /* (n_rows): of the pooling that makes the modality's representation */
};

/* Belongs to the workspace and lives until its next use. */
struct valence_attention {
    struct valence_modality_attention modalities[VALENCE_MAX_MODALITIES];
};

/* Scores a batch in one flow, as valence_score() does, and hands out the attention weights. Those
 * of a clip without a score mean nothing. Of a group of models: the means over its members.
 * *attention is NULL on failure. Errors: those of valence_score().
 *
 * Attention says which rows the network gathered, not what they did to the score: that takes
 * leaving them out (valence/scorer.h).
 *
 * Source: arXiv 2410.15029, section 2.2. */
VALENCE_API int valence_attend(struct valence_workspace *workspace,
                               const struct valence_batch *batch, unsigned missing,
                               const struct valence_attention **attention,
                               struct valence_error *error);

/* A model of a training clips every standardised value to the range that its column has over the
 * training rows. How much it takes off the value that is furthest outside, in standard deviations,
 * is the clip's distance from the training data. The limit is twice the largest distance of any
 * validation clip, and at least 4: a clip beyond it is unlike anything the model has learnt from,
 * its score means little, and its interval is the labels' whole range. INFINITY where the
 * checkpoint does not say. */
VALENCE_API float valence_model_distance_limit(const struct valence_model *model, unsigned missing);

/* A clip can also be unlike the training data as a whole although none of its values is: a text in
 * another language, say. Its novelty is what lies outside the principal directions of the training
 * clips' mean rows, and is given as the share of the validation clips that have less of it. Beyond
 * this limit a clip counts as outside the training data: about one in a hundred clips of the
 * training data's kind does. With fewer than 100 validation clips none does. */
#define VALENCE_NOVELTY_LIMIT 0.99f

#ifdef __cplusplus
}
#endif
#endif
