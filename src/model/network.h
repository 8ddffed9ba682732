/* The network's forward and backward pass over packed batches.
 *
 * One `struct network` holds the activations of one batch at a time; parameters and gradients are
 * blocks of parameters.h that the caller owns. Everything is float in the product and double in the
 * test build
 * (kernels/real.h). */
#ifndef VALENCE_MODEL_NETWORK_H
#define VALENCE_MODEL_NETWORK_H

#include "kernels/linear.h"
#include "model/losses.h"
#include "valence/model.h"

struct network;

/* Per stream and column: rows enter the network as z = clip((row - mean) * scale, low, high). NULL
 * arrays mean as they are. Simulated text uses its own statistics where it has them. */
struct standardisation {
    const float *mean[VALENCE_N_STREAMS]; /* (width) or NULL */
    /* (width) or NULL: 1 / deviation, 0 for a constant column */
    const float *scale[VALENCE_N_STREAMS];
    /* (width) or NULL, both or none, only with mean: the range of z over the training rows */
    const float *low[VALENCE_N_STREAMS];
    const float *high[VALENCE_N_STREAMS];
};

/* How far the rows of each clip of a batch lie outside low ... high (projection_distance()):
 * `distances` receives (VALENCE_N_STREAMS, n_clips) values. */
void standardisation_distances(const struct standardisation *standardisation,
                               const struct valence_batch *batch, float *distances);

/* The column whose values lie furthest outside low ... high in `n` rows of one stream, and by how
 * much; *distance is 0 and the column -1 if none does. */
int64_t standardisation_furthest(const struct standardisation *standardisation,
                                 enum valence_stream stream, const void *rows,
                                 enum valence_dtype type, int64_t n, int64_t width,
                                 float *distance);

/* Of a group: of its first member. Lives with the model. */
const struct standardisation *model_standardisation(const struct valence_model *model);

/* The stream that a flow reads for a modality, -1 for none. */
int network_stream_read(unsigned missing, int modality);

int network_create(const struct valence_model_config *config, struct network **network,
                   struct valence_error *error);
void network_free(struct network *network);

/* ERROR_CONFIG, with the key "precision", if the processor has no units for it. */
int network_check_precision(enum precision precision, struct valence_error *error);

/* What the products of network_gradients() are computed in from now on, one that passed the check:
 * with PRECISION_BF16 those with weights round their operands (kernels/linear.h); sums, parameters
 * and everything else stay float. Scoring is float in any case. */
void network_set_precision(struct network *network, enum precision precision);

/* Makes room for the given flows of a batch of `n_clips` clips with `n_rows` rows of each stream,
 * for training or for scoring alone. Grows only; calling it beforehand with the largest batch means
 * that no later step allocates. */
int network_reserve(struct network *network, int64_t n_clips,
                    const int64_t n_rows[VALENCE_N_STREAMS], const unsigned *flows, int n_flows,
                    bool training, struct valence_error *error);

/* One training step's loss and gradients over the given flows, the complete one first: writes
 * `gradients` (a whole parameter block) and `terms`. `batch->labels` and `batch->keys` are needed.
 * `dropout_key` names this step's masks (mix_keys(seed, step)); 0 means no dropout. ERROR_ARGUMENT
 * of networks whose parameters are computed in closed form. */
int network_gradients(struct network *network, const real *parameters,
                      const struct standardisation *standardisation,
                      const struct valence_batch *batch, const unsigned *flows, int n_flows,
                      const struct loss_weights *weights, uint64_t dropout_key, real *gradients,
                      struct loss_terms *terms, struct valence_error *error);

/* ---- A batch in parts ---- */

/* A batch may be computed in parts, each by a network of its own, wherever these are. First all
 * parts go forward; then what each adds to the losses, in the order of the parts, and the features
 * of the rank-n-contrast loss are brought together; then all parts go backward. Their gradients add
 * up to those of the batch. network_gradients() is this with one part. */

/* `n_whole` is the number of clips of the whole batch, `batch` a part of it. `sums` receives what
 * the part adds to the losses. The part must live until it has gone backward. */
int network_part_forward(struct network *network, const real *parameters,
                         const struct standardisation *standardisation,
                         const struct valence_batch *batch, int64_t n_whole, const unsigned *flows,
                         int n_flows, const struct loss_weights *weights, uint64_t dropout_key,
                         struct loss_sums *sums, struct valence_error *error);

/* The part's features for the contrast in one of its flows, (n_clips, o / 2), and where their
 * gradients belong. */
const real *network_part_features(const struct network *network, int flow);
real *network_part_feature_gradients(struct network *network, int flow);

/* The rank-n-contrast loss of a whole batch from all flows' features, (n_clips, width) each; adds
 * `weight` times its gradients. Where that is 0, it is not computed, and 0 is returned. `scratch`
 * has rank_n_contrast_scratch_bytes(). */
double losses_contrast(int64_t n_clips, int64_t width, int n_flows, const float *labels,
                       double weight, const real *const *features, real *const *gradients,
                       void *scratch);

/* Writes the part's `gradients`, a whole parameter block, once `whole` has the sums of all parts
 * and the gradients of the contrast are in place: first all but those of the projections, then
 * these, which are the first values of the block. In between, others can work with the former. */
void network_part_backward(struct network *network, const real *parameters,
                           const struct loss_weights *weights, const struct loss_sums *whole,
                           real *gradients);
void network_part_project_backward(struct network *network, const real *parameters,
                                   const struct standardisation *standardisation, real *gradients);
int64_t network_n_projection_values(const struct network *network);

/* ERROR_DATA for a batch whose losses are not finite, naming the value where it holds one. */
int network_fail_not_finite(const struct valence_batch *batch, struct valence_error *error);

/* ---- Outputs ---- */

/* Threads for a pass over a batch, which network_gradients() and network_forward() use and what
 * follows a step should: one where the rows are too few to repay waking others, otherwise all. It
 * depends on sizes alone, so a run's bytes do not depend on the machine's load. */
int network_threads(const struct network *network, const struct valence_batch *batch,
                    bool training);

/* What a flow computed for a batch, in the network's memory until its next use; shapes with B
 * clips, Q = network_kept_views(), 7 or 1. */
struct flow_output {
    const real *score;            /* (B): of classes, the number of the most probable one */
    const real *outputs;          /* (B, classes): what the probabilities are the softmax of, */
    const real *probabilities;    /* and these; both NULL where the network gives scores */
    const real *feature;          /* (B, o) */
    const real *rnc_feature;      /* (B, o/2) */
    const real *modality_weights; /* (B, 3) */
    const real *view_weights;     /* (B, Q) */
    const real *queries;          /* (B, Q, d) */
    const real *cross;            /* (B, Q, 3, o) by modality, imagined where missing */
    const real *seen_cross;       /* the same before imagination; == cross where nothing is */
    const real *representations;  /* (B, 3, d) by modality, imagined where missing */
    const real *seen;             /* the same before imagination */
    const real *pool_weights[VALENCE_N_MODALITIES];  /* (rows of the stream used) */
    const real *cross_weights[VALENCE_N_MODALITIES]; /* clip i: (Q, T_i) at Q * offsets[i] */
    /* of linear: (B, width) of the stream used, standardised; NULL of one without rows */
    const real *mean_rows[VALENCE_N_MODALITIES];
};

/* Forward without dropout of the `n_flows` given flows; what they share is computed once. `outputs`
 * receives one structure a flow. ERROR_DATA if a score is not finite. */
int network_forward(struct network *network, const real *parameters,
                    const struct standardisation *standardisation,
                    const struct valence_batch *batch, const unsigned *flows, int n_flows,
                    struct flow_output *outputs, struct valence_error *error);

/* The same, but a clip whose values are too large for the network gets a score that is not finite,
 * and the others theirs. ERROR_DATA if the rows of such a clip hold NaN or an infinity. */
int network_forward_each(struct network *network, const real *parameters,
                         const struct standardisation *standardisation,
                         const struct valence_batch *batch, const unsigned *flows, int n_flows,
                         struct flow_output *outputs, struct valence_error *error);

/* Whether `batch` is one that a network of this configuration can read: n_clips, and each stream's
 * width, type, rows and offsets. Errors: ARGUMENT, SHAPE. */
int network_check_batch(const struct valence_model_config *config,
                        const struct valence_batch *batch, struct valence_error *error);

/* Where a clip's rows begin in a batch that was checked; only of a clip with rows. */
const void *network_clip_rows(const struct valence_rows *rows, int64_t clip);

#endif
