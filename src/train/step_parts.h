/* A batch in parts: the loss and the gradients of a step where several ranks share a batch, or
 * where sums are ordered (`reduce`).
 *
 * A batch of n clips is cut into parts of consecutive clips: with `reduce: ordered` of reduce_part
 * clips each, else one for each rank. Each rank has consecutive parts, each computed by a network
 * of its own. A step exchanges, in this order, the sums of the losses, the features that the
 * rank-n-contrast loss compares, and the gradients.
 *
 * Ordered, every part is computed by one thread, parts beside each other, and all that is added is
 * added in the order of the parts. So neither the number of ranks nor that of threads changes a
 * bit. */
#ifndef VALENCE_TRAIN_STEP_PARTS_H
#define VALENCE_TRAIN_STEP_PARTS_H

#include "model/checkpoint.h"
#include "train/train_config.h"

struct step_parts;

/* For batches of up to `max_clips` clips. `collective` may be NULL: one rank. */
int step_parts_create(const struct valence_collective *collective,
                      const struct valence_train_config *config,
                      const struct checkpoint *checkpoint, int64_t max_clips,
                      struct step_parts **parts, struct valence_error *error);
void step_parts_free(struct step_parts *parts);

/* Which clips of a batch the calling rank has: from *begin to before *end; none where the batch has
 * fewer parts than there are ranks. */
void step_parts_share(const struct step_parts *parts, int64_t n_clips, int64_t *begin,
                      int64_t *end);

/* The calling rank's part of a batch, and what all ranks know of it. */
struct step_batch {
    int status;                        /* of reading it; others than 0 end the step in all ranks */
    const struct valence_batch *share; /* (end - begin clips); NULL after a failure */
    int64_t n_clips;                   /* of the whole batch */
    float *labels;                     /* (n_clips): what the network is to learn */
    const unsigned *flows;
    int n_flows;
    uint64_t dropout_key;
};

/* The terms and, where `reduced`, the gradients of the whole batch, the same in all ranks; else the
 * gradients of the own share alone, which ordered ones never are. Errors: what collective_agree()
 * says, so that all ranks fail together; DATA where the loss is not finite. */
int step_parts_gradients(struct step_parts *parts, const struct checkpoint *checkpoint,
                         const struct loss_weights *weights, const struct step_batch *batch,
                         bool reduced, float *gradients, struct loss_terms *terms,
                         struct valence_error *error);

/* Sums gradients that were not reduced. */
int step_parts_reduce(struct step_parts *parts, float *gradients, struct valence_error *error);

/* The clips of a part where sums are ordered; else the most that a rank has of a batch. */
int64_t step_parts_unit(const struct step_parts *parts);

/* The most clips that step_parts_forward() takes: those of a rank's parts. */
int64_t step_parts_room(const struct step_parts *parts);

/* Scores a batch of this rank's own, in parts as above, without dropout. `outputs` receives
 * (*n_parts, n_flows), `clips` how many clips each part has; both have room for
 * step_parts_most(). */
int64_t step_parts_most(const struct step_parts *parts);
int step_parts_forward(struct step_parts *parts, const struct checkpoint *checkpoint,
                       const struct valence_batch *batch, const unsigned *flows, int n_flows,
                       struct flow_output *outputs, int64_t *clips, int64_t *n_parts,
                       struct valence_error *error);

#endif
