/* The network's activations: what network_memory.c lays out, forward fills and backward reads. B:
 * clips, Q: views that ask (network_kept_views()). */
#ifndef VALENCE_MODEL_NETWORK_PRIVATE_H
#define VALENCE_MODEL_NETWORK_PRIVATE_H

#include "base/memory.h"
#include "kernels/attention.h"
#include "kernels/projection.h"
#include "kernels/sequence_attention.h"
#include "model/layout.h"
#include "model/network.h"

#define N_MODALITIES VALENCE_N_MODALITIES
#define N_STREAMS    VALENCE_N_STREAMS
#define N_VIEWS      VALENCE_N_VIEWS
#define MAX_FLOWS    VALENCE_MAX_FLOWS

/* Where masks of dropout are drawn; with the flow's missing set they make a site of
 * kernels/dropout.h. Sites with a modality or view have room for all of them. */
enum dropout_site {
    SITE_POOL_VALUES = 0,
    SITE_POOL_OUTPUT = 4,
    SITE_MODALITY_MLP = 8,
    SITE_WEIGHT_MLP = 16,
    SITE_QUERY_MLP = 20,
    SITE_CROSS_VALUES = 28,
    SITE_CROSS_OUTPUT = 32,
    SITE_CROSS_MLP = 36,
    SITE_VIEW_MLP = 44,
    SITES_PER_FLOW = 64
};

/* One use of a modality's two attentions: the keys and values of one stream, asked by the flows
 * that read it. In training every flow draws its own dropout, so a use has one flow; without
 * dropout all flows that read a stream share one. */
struct attention_use {
    int modality;
    int stream; /* -1: nothing, an empty sequence */
    int n_flows;
    int flows[MAX_FLOWS];
    struct attention pool;
    struct attention cross;
    real *asked;    /* (B, n_flows, Q, d): the flows' queries after query_proj */
    real *gathered; /* (B, n_flows, Q, d): the cross output after dropout */
    real *pooled;   /* (B, pool width): the pooled output after dropout */

    /* Of transformers, in training of each block, else one buffer for all: what came in and went
     * out of the last, (rows, d), and what attention answered, (rows, d) and (rows, heads); and the
     * rows that are pooled, (rows, 2 d). */
    real *inputs[N_OTHERS][VALENCE_MAX_LAYERS + 1];
    real *answers[N_OTHERS][VALENCE_MAX_LAYERS];
    real *log_sums[N_OTHERS][VALENCE_MAX_LAYERS];
    real *context;
};

/* Activations of one block of a transformer at a time, and gradients on their way back through it;
 * rows: of the longer of its two sequences. */
struct transformer_state {
    real *normed, *other; /* (rows, d): x and s after the first norm */
    real *q, *k, *v;      /* (rows, d) */
    real *middle;         /* (rows, d): the first sum */
    real *hidden_in;      /* (rows, d): it after the second norm */
    real *hidden;         /* (rows, 4 d) */
    real *dy, *dterm, *dnormed, *dother, *dq, *dk, *dv, *danswer; /* (rows, d) */
    real *dhidden;                                                /* (rows, 4 d) */
    real *dcontext;                                               /* (rows, 2 d) */
};

/* Activations of one imagination; `rows` is B for representations and B * Q for cross outputs. */
struct imagination_state {
    real *transition[2]; /* (rows, width): hidden after ReLU, and its output x */
    real *encoded;       /* (rows, width / 2) */
};

struct flow_state {
    unsigned missing;
    int use[N_MODALITIES];  /* index of its attention uses */
    int slot[N_MODALITIES]; /* its place among that use's flows */

    real *hidden[N_MODALITIES]; /* (B, d): first layers of the modality MLPs */
    real *seen;                 /* (B, 3, d): modality MLPs' outputs */
    /* (B, 3, d): the same with what is missing imagined; == seen where nothing is */
    real *representations;
    struct imagination_state imagined[N_MODALITIES];
    real *weight_hidden[2];       /* (B, d) */
    real *modality_weights;       /* (B, 3) */
    real *views;                  /* (B, Q, d) */
    real *queries;                /* (B, Q, d) */
    real *asked[N_MODALITIES];    /* (B, Q, d); in the use's memory where that has one flow */
    real *gathered[N_MODALITIES]; /* (B, Q, d) likewise */
    real *weights_of_cross[N_MODALITIES]; /* as flow_output.cross_weights */
    real *cross_hidden[N_MODALITIES];     /* (B * Q, 2 o) */
    real *seen_cross;                     /* (B * Q, 3, o) */
    real *cross;                          /* the same with what is missing imagined */
    struct imagination_state imagined_cross[N_MODALITIES];
    real *mixed;            /* (B, Q, o) */
    real *view_hidden[2];   /* (B, 2 o), (B, o) */
    real *view_weights;     /* (B, Q) */
    real *feature;          /* (B, o) */
    real *score;            /* (B) */
    real *outputs;          /* (B, outputs): the score itself, or a class's each */
    real *probabilities;    /* (B, classes); NULL of scores */
    real *modality_outputs; /* of late fusion, (B, 3, outputs): each modality's */
    real *contrast_hidden;  /* (B, o / 2) */
    real *contrast;         /* (B, o / 2) */

    /* Gradients that the losses write and backward adds to; training only. */
    real *doutputs;          /* (B, outputs): dscore itself, or a class's each */
    real *dscore;            /* (B) */
    real *dmodality_outputs; /* (B, 3, outputs) */
    real *dfeature;          /* (B, o) */
    real *dcontrast;         /* (B, o / 2) */
    real *dqueries;          /* (B, Q, d) */
    /* (B, 3, d); NULL where the single modalities' views have what distillation compares */
    real *dcompared;
    real *dcross; /* (B * Q, 3, o) */
};

/* Gradients on their way back through one flow, shared by the flows one after the other. */
struct backward_state {
    real *dmodality_weights; /* (B, 3) */
    real *drepresentations;  /* (B, 3, d) */
    real *dseen;             /* (B, 3, d) */
    real *dhidden;           /* (B, d) */
    real *dpooled;           /* (B, pool width) */
    real *dweight_hidden[2]; /* (B, d) */
    real *dviews;            /* (B, Q, d) */
    real *dasked;            /* (B, Q, d) */
    real *dgathered;         /* (B, Q, d) */
    real *dcross_hidden;     /* (B * Q, 2 o) */
    real *dseen_cross;       /* (B * Q, 3, o) */
    real *dmixed;            /* (B, Q, o) */
    real *dview_hidden[2];   /* (B, 2 o), (B, o) */
    real *dview_weights;     /* (B, Q) */
    real *dcontrast_hidden;  /* (B, o / 2) */
    real *dimagined[3];      /* max(B d, B Q o): of an imagination's hidden layer, x and code */
};

struct network {
    struct valence_model_config config;
    struct network_layout layout;
    struct arena arena;
    /* Multiply-adds for each row of a stream, in scoring and in training, of all flows. */
    double row_work[2][N_STREAMS];

    /* The batch being computed. */
    const struct valence_batch *batch;
    int64_t n_whole; /* clips of the batch that it is a part of, or its own */
    bool training;
    enum precision training_precision;
    enum precision precision; /* that, or f32 where nothing is trained */
    struct dropout dropout;
    struct dropout attention_dropout;
    struct ragged sequences[N_STREAMS + 1]; /* the last is the empty one, for stream -1 */
    real *x[N_STREAMS + 1];                 /* projected streams (rows, d) */
    real *dx[N_STREAMS + 1];
    real *mean_rows[N_STREAMS + 1]; /* of linear: (B, width), standardised, 0 of an empty clip */
    struct projection_scratch projection_scratch;
    struct attention_scratch attention_scratch;
    struct sequence_attention_scratch sequence_scratch;
    struct transformer_state transformer;
    struct backward_state backward;
    void *contrast_scratch;
    int n_flows;
    struct flow_state flows[MAX_FLOWS];
    int n_uses;
    struct attention_use uses[MAX_FLOWS * N_MODALITIES];
};

/* A layer in the precision of the pass at hand. */
static inline struct linear layer_of(const struct network *network, struct layer layer,
                                     const real *parameters)
{
    return (struct linear){parameters + layer.weight,
                           layer.bias < 0 ? NULL : parameters + layer.bias, layer.in, layer.out,
                           network->precision};
}

/* Index into sequences[], x[] and dx[] of a use's stream. */
static inline int stream_index(int stream)
{
    return stream < 0 ? N_STREAMS : stream;
}

static inline uint32_t site_of(const struct flow_state *flow, int site)
{
    return flow->missing * SITES_PER_FLOW + (uint32_t)site;
}

/* True if this flow imagines this modality. */
static inline bool imagines(const struct network *network, const struct flow_state *flow,
                            int modality)
{
    return flow->missing & VALENCE_BIT(modality) && network->layout.has_imagination[modality];
}

static inline bool imagines_any(const struct network *network, const struct flow_state *flow)
{
    for (int m = 0; m < N_MODALITIES; m++)
        if (imagines(network, flow, m))
            return true;
    return false;
}

/* Views of a clip that the network computes (layout.h). */
static inline int views_of(const struct network *network)
{
    return network_kept_views(&network->config);
}

/* True if distillation compares representations, since there are no views of single modalities. */
static inline bool compares_representations(const struct network *network)
{
    return network_n_views(&network->config) < N_VIEWS;
}

/* Whether an MLP reads the representations side by side. */
static inline bool concatenates(const struct network *network)
{
    return network->config.fusion == VALENCE_FUSION_CONCATENATION ||
           network_has_transformers(&network->config);
}

static inline bool has_views(const struct network *network)
{
    return network->config.fusion == VALENCE_FUSION_CROSS_ATTENTION;
}

/* What a batch needs: from the batch itself, or a bound to measure for. */
struct extent {
    int64_t n_clips;
    int64_t n_rows[N_STREAMS];
    const int64_t *offsets[N_STREAMS]; /* NULL while measuring */
};

/* network_memory.c: makes the arena large enough for an extent, where a larger one stays, and sets
 * the flows; lays out everything for these. */
int memory_reserve(struct network *network, const struct extent *extent, const unsigned *flows,
                   int n_flows, bool training, struct valence_error *error);
void memory_lay_out(struct network *network, const struct extent *extent);

/* network_forward.c: all flows of the batch laid out. */
void forward_all(struct network *network, const real *parameters,
                 const struct standardisation *standardisation);

/* losses.c: what the batch adds to the terms, with the squared errors' gradients into the flows;
 * then, once the sums over all parts of the batch are known, the other gradients but those of the
 * contrast, which losses_contrast() adds: (n_clips, width) features and gradients of each flow. */
void losses_begin(struct network *network, const struct loss_weights *weights,
                  struct loss_sums *sums);
void losses_backward(struct network *network, const struct loss_weights *weights,
                     const struct loss_sums *whole);

/* network_backward.c: from the flows' gradients to those of all parameters but the projections',
 * and to the projected rows'; then to those of the projections, which flows share. */
void backward_flows(struct network *network, const real *parameters, real *gradients);
void backward_projections(struct network *network, const real *parameters,
                          const struct standardisation *standardisation, real *gradients);

/* network_transformer.c: from a use's projected rows to those that are pooled, in `context`; back
 * from transformer.dcontext, adding to dx of all streams that the flow reads. Positions are added
 * to the projected rows of all streams, once for all flows. */
void transform_positions(struct network *network);
void transform_forward(struct network *network, struct attention_use *use, const real *parameters);
void transform_backward(struct network *network, const struct attention_use *use,
                        const real *parameters, real *gradients);
void transform_lay_out_use(struct network *network, struct attention_use *use,
                           const struct ragged *sequence);
void transform_lay_out(struct network *network);

/* network_forward.c: of classes, probabilities from the outputs, and the most probable one as the
 * score; of scores nothing. */
void network_classify(struct network *network, struct flow_state *flow);

/* network_late.c: from the representations to own outputs, weights and score, and back. The error
 * of the own outputs (squared, or cross-entropy), a mean over the modalities that count, whose
 * gradient, times `weight`, is added to dmodality_outputs. */
void late_forward(struct network *network, struct flow_state *flow, const real *parameters);
void late_backward(struct network *network, struct flow_state *flow, const real *parameters,
                   real *gradients);
double late_own_error(const struct network *network, const struct flow_state *flow,
                      const float *labels, double weight, real *dmodality_outputs);

/* network_batch.c: ERROR_DATA naming the place where a clip's rows hold NaN or an infinity. */
int network_check_finite(const struct valence_batch *batch, int64_t clip,
                         struct valence_error *error);

/* The projection of one stream, for forward and backward. */
struct projection stream_projection(const struct network *network, int stream,
                                    const real *parameters,
                                    const struct standardisation *standardisation);

#endif
