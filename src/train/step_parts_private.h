/* What the files of a batch's parts share: step_parts.c cuts batches and goes forward,
 * step_backward.c goes backward and sums the gradients. */
#ifndef VALENCE_TRAIN_STEP_PARTS_PRIVATE_H
#define VALENCE_TRAIN_STEP_PARTS_PRIVATE_H

#include "train/batch_slice.h"
#include "train/step_parts.h"

/* What a rank tells of its share before anything is compared; its sums follow. */
struct share_report {
    int status;
    struct loss_sums sums[];
};

struct step_parts {
    const struct valence_collective *collective;
    bool ordered;
    int64_t part_clips; /* where ordered */
    enum collective_wire wire;
    int64_t max_clips, n_parameters, width; /* width: of the compared features */
    int max_flows;

    int64_t most; /* parts that a rank has at most, and so networks */
    struct network **networks;
    struct batch_slice *slices;
    struct valence_error *errors; /* (most) */
    int *statuses;                /* (most) */

    int64_t n_blocks; /* of gradients that are kept at once */
    float **blocks;   /* (n_blocks), each a parameter block; none where it is the caller's */

    struct share_report *report, *reports; /* one, and that of each rank */
    int *all_statuses;                     /* (n_ranks) */
    float *sent, *received;      /* features: (flows, clips of a share, width), of ranks */
    float *features, *gradients; /* (flows, max_clips, width) */
    void *contrast_scratch;
    struct sum_buffers buffers;
};

/* What the parts of a step work with. */
struct step {
    const struct checkpoint *checkpoint;
    const struct loss_weights *weights;
    const struct step_batch *batch;
    struct loss_sums whole;
    int64_t first_block; /* the part whose gradients go to the first block */
    float *gradients;    /* where there are no blocks */
};

/* The parts of a batch, and those of them that the calling rank has. */
int64_t step_count_parts(const struct step_parts *p, int64_t n_clips);
int64_t step_own_parts(const struct step_parts *p, int64_t n_clips);

/* Calls do_part() for the parts from `first` to before `end`: ordered ones beside each other, each
 * with one thread. Gives the first failure. */
int step_each_part(struct step_parts *p, int64_t first, int64_t end,
                   int (*do_part)(struct step_parts *p, int64_t part, void *user,
                                  struct valence_error *error),
                   void *user, struct valence_error *error);

/* Computes the gradients of the own parts in step->gradients and, where they are ordered or
 * `reduced`, sums those of all parts. */
int step_backward(struct step_parts *p, struct step *step, bool reduced,
                  struct valence_error *error);

#endif
