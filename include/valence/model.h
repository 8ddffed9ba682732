/* The double-flow network: its configuration, its file, and what the file says about it.
 *
 * Source: arXiv 2410.15029, section 2. A *flow* is one pass through the shared network with a given
 * set of missing modalities: `complete` misses none, `text_missing` misses text and reads
 * simulated_text in its place, if there is any. What a flow misses is imagined (MIA, section 2.3)
 * from what it has. */
#ifndef VALENCE_MODEL_H
#define VALENCE_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "valence/api.h"
#include "valence/error.h"
#include "valence/stream.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Flows that a model is trained with, or that are measured at once. */
#define VALENCE_MAX_FLOWS 32

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
extern VALENCE_API const char *const valence_view_names[VALENCE_MAX_NAMES];

/* What MIA's residual is added to: its transition layer's output, the missing modality's own
 * (simulated) input, or no imagination at all. The first two are the published variants. */
enum valence_imagination {
    VALENCE_IMAGINATION_TRANSITION,
    VALENCE_IMAGINATION_TEXT,
    VALENCE_IMAGINATION_OFF,
    VALENCE_N_IMAGINATIONS
};
/* "transition", ... */
extern VALENCE_API const char *const valence_imagination_names[VALENCE_MAX_NAMES];

/* Simpler networks to compare with. In each list the published network comes first. */

/* How the modalities are joined:
 *
 * cross_attention  the query views ask every modality's rows
 * concatenation    an MLP reads the three representations side by side
 * linear           the score is a linear function of each modality's mean row
 * constant         it is the same for every clip
 * late             each modality has a score of its own, and these are averaged
 * transformer      rows are first read by cross-modal transformers, each modality's by those of the
 *                  two others; then concatenation
 *
 * Only the first has views, and it and `late` have weights of the modalities. What a network does
 * not have is zero in all that a pass computes. `linear` and `constant` are nothing but the score:
 * `d` and `o` mean nothing there. `late` has no feature. */
enum valence_fusion {
    VALENCE_FUSION_CROSS_ATTENTION,
    VALENCE_FUSION_CONCATENATION,
    VALENCE_FUSION_LINEAR,
    VALENCE_FUSION_CONSTANT,
    VALENCE_FUSION_LATE,
    VALENCE_FUSION_TRANSFORMER,
    VALENCE_N_FUSIONS
};
/* Which views ask: all seven, or the fused one alone. */
enum valence_view_set { VALENCE_VIEWS_ALL, VALENCE_VIEWS_FUSED, VALENCE_N_VIEW_SETS };
/* Where the weights of modalities, or of views, come from: they are learned, or all are 1 / n.
 * Learned are those of cross-attention by an MLP, clip by clip, and those of `late` as a softmax of
 * three parameters. Of `late`, modalities that a clip has no rows of weigh nothing, and the others
 * sum to 1. */
enum valence_weighting { VALENCE_WEIGHTS_LEARNED, VALENCE_WEIGHTS_MEAN, VALENCE_N_WEIGHTINGS };
/* "cross_attention", ...; "all", ...; "learned", ... */
extern VALENCE_API const char *const valence_fusion_names[VALENCE_MAX_NAMES];
extern VALENCE_API const char *const valence_view_set_names[VALENCE_MAX_NAMES];
extern VALENCE_API const char *const valence_weighting_names[VALENCE_MAX_NAMES];

struct valence_model_config {
    int64_t widths[VALENCE_MAX_MODALITIES]; /* columns of the audio, text and video streams */
    int64_t d;                              /* model width, 256; even */
    int64_t o;                              /* output width, 128; even */
    enum valence_imagination imagination;
    double dropout;                    /* after each MLP layer, 0.3 */
    double attention_dropout;          /* in the two attentions, 0.5 */
    int n_flows;                       /* flows trained, 1 ... 7, the first of them complete */
    unsigned flows[VALENCE_MAX_FLOWS]; /* each the set of missing modalities; 0 is complete */
    enum valence_fusion fusion;
    enum valence_view_set views;
    enum valence_weighting modality_weights, view_weights;
    /* Of `transformer` alone: blocks in each of its six transformers, 2 (1 ... VALENCE_MAX_LAYERS),
     * and their attention's heads, 4, which must divide d. */
    int64_t n_layers, n_heads;
    /* Classes to tell apart, 2 ... VALENCE_MAX_CLASSES (valence/store.h), each with an output of
     * its own whose softmax is its probability; 0: the output is a score. Not for `linear` and
     * `late`.
     */
    int64_t n_classes;
};
#define VALENCE_MAX_LAYERS 4

/* The paper's sizes and flows, with widths 0 to be filled in. */
VALENCE_API void valence_model_config_default(struct valence_model_config *config);

/* ERROR_CONFIG with the reason where a value is out of range. */
VALENCE_API int valence_model_config_check(const struct valence_model_config *config,
                                           struct valence_error *error);

/* "complete", "text_missing", "audio_video_missing" (both are missing), ...: the name of a set of
 * missing modalities, and back (-1 where the text names none). The set of all three is no flow. */
VALENCE_API const char *valence_flow_name(unsigned missing);
VALENCE_API int valence_flow_from_name(const char *name);

/* ---- Loading ---- */

/* Parameters, standardisation, calibration and configuration. Only read once loaded: any number of
 * threads may share it. Score with it through a workspace (valence/score.h), which keeps it alive.
 */
struct valence_model;

/* Read a checkpoint (safetensors, docs/file-formats.md): from a file, from memory, or from a file
 * descriptor, which is read to its end and stays open. `name` stands for the source in errors and
 * may be NULL; the memory is not needed afterwards. *model is NULL on failure.
 *
 * Errors: IO, NOT_FOUND; FORMAT, SHAPE where the file is no checkpoint or its tensors do not fit;
 * UNSUPPORTED for a newer version; DATA where a value is not finite or the content does not match
 * the digest in the file, which older files lack; ARGUMENT for NULL; MEMORY. */
VALENCE_API int valence_model_load(const char *path, struct valence_model **model,
                                   struct valence_error *error);
VALENCE_API int valence_model_load_memory(const void *data, size_t size, const char *name,
                                          struct valence_model **model,
                                          struct valence_error *error);
VALENCE_API int valence_model_load_descriptor(int descriptor, const char *name,
                                              struct valence_model **model,
                                              struct valence_error *error);

/* Gives up the caller's reference: workspaces and groups made from the model keep theirs. Takes
 * NULL. */
VALENCE_API void valence_model_free(struct valence_model *model);

/* Several models as one, whose score is the mean of theirs: the seeds of a run. They must read the
 * same streams and widths and be trained with the same flows; d and o may differ. The group keeps
 * the members alive. Where all members were calibrated on the same clips, the group's intervals
 * come from the mean of their scores of these clips; else it gives none. *group is NULL on failure.
 * Errors: ARGUMENT for members that do not fit together, naming the first, or are groups; MEMORY.
 */
VALENCE_API int valence_model_group(struct valence_model *const *members, int n,
                                    struct valence_model **group, struct valence_error *error);
VALENCE_API int
valence_model_n_members(const struct valence_model *model); /* 1 of a single model */

/* ---- Describing ---- */

/* Of a group: of its first member, but the number of parameters is that of all together. */
VALENCE_API const struct valence_model_config *
valence_model_get_config(const struct valence_model *model);
VALENCE_API int64_t valence_model_n_parameters(const struct valence_model *model);

/* The names of the store's streams that the model was trained on; "" where it uses none. */
VALENCE_API const char *valence_model_stream_name(const struct valence_model *model,
                                                  enum valence_stream stream);

/* The set of modalities that the model has a stream for: no clip that it was trained on had others,
 * and the weights of those mean nothing. And the set that a view sums. */
VALENCE_API unsigned valence_model_modalities(const struct valence_model *model);
VALENCE_API unsigned valence_view_modalities(enum valence_view view);

/* The range that the labels lie in, as training knew it: -3 ... 3, or more. False, and NaN in both,
 * where the checkpoint does not say: only a run's best model does. */
VALENCE_API bool valence_model_label_range(const struct valence_model *model, double *minimum,
                                           double *maximum);

/* The name of one of the classes that a model tells apart, 0 ... config's n_classes - 1; NULL for
 * another number. Lives as long as the model. */
VALENCE_API const char *valence_model_class_name(const struct valence_model *model,
                                                 int class_number);

/* Where a model comes from. Each text is "" where the checkpoint does not say. */
struct valence_model_provenance {
    const char *version;        /* of valence, that trained or converted it */
    const char *configuration;  /* of the training: a JSON object of keys as in its config.yaml */
    const char *store;          /* the path that the training read */
    const char *source;         /* that store's "source", a JSON object (valence/store.h) */
    const char *data;           /* fingerprint of the data trained on (valence/evaluate.h) */
    const char *converted_from; /* name of the foreign file it was converted from */
};

/* Lives as long as the model. */
VALENCE_API const struct valence_model_provenance *
valence_model_get_provenance(const struct valence_model *model);

/* How the stream that the model reads was encoded: a JSON object, or "" where that is not recorded.
 * Lives as long as the model. */
VALENCE_API const char *valence_model_encoder(const struct valence_model *model,
                                              enum valence_stream stream);

/* ---- Published checkpoints ---- */

struct valence_published_options {
    size_t size; /* set by valence_published_options_default() */
    /* The variant that the file was trained with, which its tensors do not tell: transition. */
    enum valence_imagination imagination;
    bool overwrite; /* replace an existing file; false */
    /* Receives the names of the layers that the published model never uses, separated by ", " and
     * cut to the room there is; NULL. */
    char *left_out;
    size_t left_out_bytes;
};
VALENCE_API void valence_published_options_default(struct valence_published_options *options);

/* Converts the PyTorch checkpoint of the paper's authors (a torch.save file, which is read without
 * executing anything in it, or safetensors with the same names) into one of valence at `path`.
 * Sizes follow from the shapes. It has no standardisation: rows go in as they are. `options` may be
 * NULL. *model, where `model` is not NULL, receives the converted model, NULL on failure.
 *
 * Errors: FORMAT where a tensor is missing, unknown or of another shape, naming them; DATA where
 * one holds NaN or an infinity; EXISTS with key "overwrite"; ARGUMENT; IO, UNSUPPORTED, MEMORY.
 * Nothing is written on failure. */
VALENCE_API int valence_model_convert_published(const char *source, const char *path,
                                                const struct valence_published_options *options,
                                                struct valence_model **model,
                                                struct valence_error *error);

#ifdef __cplusplus
}
#endif
#endif
