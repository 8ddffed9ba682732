/* The double-flow network: its configuration, its file, and scoring with it.
 *
 * Source: arXiv 2410.15029, section 2. A *flow* is one pass through the shared network with a given
 * set of missing modalities: `complete` misses none, `text_missing` misses text and reads
 * simulated_text in its place, if there is any. What a flow misses is imagined (MIA, section 2.3)
 * from what it has. */
#ifndef VALENCE_MODEL_H
#define VALENCE_MODEL_H

#include <stdbool.h>
#include <stdint.h>

#include "valence/api.h"
#include "valence/error.h"
#include "valence/stream.h"

#ifdef __cplusplus
extern "C" {
#endif

#define VALENCE_MAX_FLOWS (1 << VALENCE_N_MODALITIES)

/* The 7 query views (section 2.2), in this order. */
enum valence_view {
    VALENCE_VIEW_FUSED,
    VALENCE_VIEW_AT,
    VALENCE_VIEW_TV,
    VALENCE_VIEW_AV,
    VALENCE_VIEW_AUDIO,
    VALENCE_VIEW_TEXT,
    VALENCE_VIEW_VIDEO,
    VALENCE_N_VIEWS
};
extern VALENCE_API const char *const valence_view_names[VALENCE_N_VIEWS];

/* What MIA's residual is added to: its transition layer's output, the missing modality's own
 * (simulated) input, or no imagination at all. The first two are the published variants. */
enum valence_imagination {
    VALENCE_IMAGINATION_TRANSITION,
    VALENCE_IMAGINATION_TEXT,
    VALENCE_IMAGINATION_OFF,
    VALENCE_N_IMAGINATIONS
};
extern VALENCE_API const char
    *const valence_imagination_names[VALENCE_N_IMAGINATIONS]; /* "transition", ... */

struct valence_model_config {
    int64_t widths[VALENCE_N_MODALITIES]; /* columns of the audio, text and video streams */
    int64_t d;                            /* model width, 256; even */
    int64_t o;                            /* output width, 128; even */
    enum valence_imagination imagination;
    double dropout;                    /* after each MLP layer, 0.3 */
    double attention_dropout;          /* in the two attentions, 0.5 */
    int n_flows;                       /* flows trained, 1 ... 7, the first of them complete */
    unsigned flows[VALENCE_MAX_FLOWS]; /* each the set of missing modalities; 0 is complete */
};

/* The paper's sizes and flows, with widths 0 to be filled in. */
VALENCE_API void valence_model_config_default(struct valence_model_config *config);

/* ERROR_CONFIG with the reason where a value is out of range. */
VALENCE_API int valence_model_config_check(const struct valence_model_config *config,
                                           struct valence_error *error);

/* "complete", "text_missing", "audio_video_missing" (both are missing), ...: the name of a set of
 * missing modalities, and back (-1 where the text names none). The set of all three is no flow. */
VALENCE_API const char *valence_flow_name(unsigned missing);
VALENCE_API int valence_flow_from_name(const char *name);

struct valence_model; /* parameters, standardisation and configuration; only read once loaded */

/* Reads a checkpoint (safetensors, see docs/file-formats.md). *model is NULL on failure. */
VALENCE_API int valence_model_load(const char *path, struct valence_model **model,
                                   struct valence_error *error);
VALENCE_API void valence_model_free(struct valence_model *model);

VALENCE_API const struct valence_model_config *
valence_model_config(const struct valence_model *model);
VALENCE_API int64_t valence_model_n_parameters(const struct valence_model *model);

/* The names of the store's streams that the model was trained on, by enum valence_stream; "" where
 * it uses none. */
VALENCE_API const char *valence_model_stream_name(const struct valence_model *model,
                                                  enum valence_stream stream);

/* What scoring needs besides the model. One per thread; grows as batches need. Free with
 * valence_workspace_free(). */
struct valence_workspace;
VALENCE_API int valence_workspace_create(const struct valence_model *model,
                                         struct valence_workspace **workspace,
                                         struct valence_error *error);
VALENCE_API void valence_workspace_free(struct valence_workspace *workspace);

/* How a score came about. Arrays belong to the workspace and live until its next use. */
struct valence_details {
    const float *modality_weights; /* (n_clips, 3): audio, text, video */
    const float *view_weights;     /* (n_clips, 7) */
};

/* Scores a batch in one flow.
 *
 * `missing` is a set of modalities; those are imagined (MIA) and may be absent from `batch`. A flow
 * the model was not trained on is scored all the same, without imagination of what only such flows
 * miss. `scores` receives batch->n_clips values on the scale of the labels the model was trained on
 * (-3 ... 3 for MOSEI), which are what the network says and may lie somewhat outside of it:
 * published figures are computed from such scores, and a clip beyond what the model knows shows.
 * valence/reliability.h gives intervals within the scale. `details` may be NULL.
 *
 * Thread-safe for distinct workspaces; `model` is only read. A clip's score does not depend on the
 * other clips. Errors: ERROR_SHAPE if a stream's width is not the model's; ERROR_ARGUMENT for the
 * set of all modalities; ERROR_DATA where a row holds NaN or an infinity; ERROR_MEMORY. On an error
 * `scores` is untouched.
 *
 * Source: arXiv 2410.15029, sections 2.2 (UMCA) and 2.3 (MIA). */
VALENCE_API int valence_model_score(const struct valence_model *model,
                                    struct valence_workspace *workspace,
                                    const struct valence_batch *batch, unsigned missing,
                                    float *scores, struct valence_details *details,
                                    struct valence_error *error);

/* The same batch in several flows at once, computing once what they share (their audio and video).
 * `scores` and `details` (or NULL) have one entry a flow. */
VALENCE_API int valence_model_score_flows(const struct valence_model *model,
                                          struct valence_workspace *workspace,
                                          const struct valence_batch *batch, const unsigned *flows,
                                          int n_flows, float *const *scores,
                                          struct valence_details *details,
                                          struct valence_error *error);

#ifdef __cplusplus
}
#endif
#endif
