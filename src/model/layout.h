/* The network's layers, each a place in the parameter block: what forward and backward index
 * parameters and gradients with. Made together with the parameter table, so that a layer is named
 * in one place only. */
#ifndef VALENCE_MODEL_LAYOUT_H
#define VALENCE_MODEL_LAYOUT_H

#include <stdbool.h>

#include "kernels/linear.h"
#include "model/parameters.h"

/* Offsets of a linear layer's weight and bias. */
struct layer {
    int64_t weight, bias; /* bias -1: none */
    int64_t in, out;
};

/* Key layer of an attention; pooling adds its context vector, cross-attention its query layer. */
struct attention_layers {
    struct layer key;
    struct layer query;
    int64_t context;
};

/* MIA: x = transition(a, t, v); decoder(encoder(x)) + residual. */
struct imagination_layers {
    struct layer transition[2];
    struct layer encoder;
    struct layer decoder;
};

/* A layer norm's gain and bias. */
struct norm_place {
    int64_t gain, bias;
};

/* One block of a cross-modal transformer: attention over another modality's rows, and two layers on
 * each row; both are added to what came in. The attention's key has no bias, since softmax would
 * not see it. */
struct transformer_layers {
    struct norm_place norm[2];
    struct layer query, key, value, out;
    struct layer hidden[2];
};

#define N_OTHERS (VALENCE_N_MODALITIES - 1)

/* The modality that a modality's k-th transformer reads, k < N_OTHERS. */
static inline int network_other_modality(int modality, int k)
{
    return (modality + 1 + k) % VALENCE_N_MODALITIES;
}

struct network_layout {
    struct layer project[VALENCE_N_MODALITIES];
    bool has_imagination[VALENCE_N_MODALITIES]; /* of a modality that some flow misses */
    struct imagination_layers imagine[VALENCE_N_MODALITIES]; /* of its representation */
    /* of its cross-attention output */
    struct imagination_layers imagine_cross[VALENCE_N_MODALITIES];
    struct attention_layers pool[VALENCE_N_MODALITIES];
    struct layer modality_mlp[VALENCE_N_MODALITIES][2];
    struct layer weight_mlp[2];
    struct layer modality_weights;
    struct layer query_mlp[VALENCE_N_VIEWS];
    struct attention_layers cross[VALENCE_N_MODALITIES];
    struct layer cross_mlp[VALENCE_N_MODALITIES][2];
    struct layer view_mlp[2];
    struct layer view_weights;
    struct layer joined_mlp[2]; /* of concatenation, in place of everything from weight_mlp on */
    /* Of transformers: each modality's, of the other two. */
    struct transformer_layers transformer[VALENCE_N_MODALITIES][N_OTHERS][VALENCE_MAX_LAYERS];
    struct norm_place last_norm[VALENCE_N_MODALITIES][N_OTHERS];
    /* Of late fusion: each modality's own score, and the logits of the weights, (1, 3). */
    struct layer regressor[VALENCE_N_MODALITIES][2];
    int64_t late_weights;
    int64_t mean_row[VALENCE_N_MODALITIES]; /* of linear: offsets of the weights (outputs, width) */
    struct layer score;                     /* of linear and constant: its bias alone */
    struct layer contrast[2];
    int64_t n_values;
};

/* Networks that are nothing but a score, whose parameters are computed, not learnt by steps. */
static inline bool network_is_closed_form(const struct valence_model_config *config)
{
    return config->fusion == VALENCE_FUSION_LINEAR || config->fusion == VALENCE_FUSION_CONSTANT;
}

static inline bool network_is_late(const struct valence_model_config *config)
{
    return config->fusion == VALENCE_FUSION_LATE;
}

static inline bool network_has_transformers(const struct valence_model_config *config)
{
    return config->fusion == VALENCE_FUSION_TRANSFORMER;
}

/* The width of the rows that are pooled: a transformer's are those of its two sources side by side.
 */
static inline int64_t network_pool_width(const struct valence_model_config *config)
{
    return network_has_transformers(config) ? N_OTHERS * config->d : config->d;
}

/* Outputs of the network: the score, or one for each class. */
static inline int64_t network_n_outputs(const struct valence_model_config *config)
{
    return config->n_classes ? config->n_classes : 1;
}

/* The layers that the score is a linear function of: one, or each modality's. Gives their number.
 */
static inline int network_score_layers(const struct valence_model_config *config,
                                       const struct network_layout *layout,
                                       struct layer layers[VALENCE_N_MODALITIES])
{
    layers[0] = layout->score;
    for (int m = 0; m < VALENCE_N_MODALITIES && network_is_late(config); m++)
        layers[m] = layout->regressor[m][1];
    return network_is_late(config) ? VALENCE_N_MODALITIES : 1;
}

/* The views that ask: the first so many of enum valence_view. */
static inline int network_n_views(const struct valence_model_config *config)
{
    return config->fusion != VALENCE_FUSION_CROSS_ATTENTION ? 0
           : config->views == VALENCE_VIEWS_FUSED           ? 1
                                                            : VALENCE_N_VIEWS;
}

/* Views that queries, answers and their weights have room for, in the order of enum valence_view:
 * those that ask or, where none does, all, with zeros. */
static inline int network_kept_views(const struct valence_model_config *config)
{
    int n_views = network_n_views(config);
    return n_views ? n_views : VALENCE_N_VIEWS;
}

/* Fills both; either may be NULL. */
void network_layout_make(const struct valence_model_config *config, struct network_layout *layout,
                         struct parameter_table *table);

static inline struct linear_gradient gradient_of(struct layer layer, real *gradients)
{
    return (struct linear_gradient){gradients + layer.weight,
                                    layer.bias < 0 ? NULL : gradients + layer.bias};
}

#endif
