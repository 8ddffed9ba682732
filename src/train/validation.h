/* How well the network does on clips it does not learn from. */
#ifndef VALENCE_TRAIN_VALIDATION_H
#define VALENCE_TRAIN_VALIDATION_H

#include "data/batches.h"
#include "train/step_parts.h"

/* What the network learns is (label - offset) / factor; scores are factor * its output + offset. */
struct label_transform {
    float factor, offset;
};

struct validation {
    const struct valence_collective *collective; /* or NULL */
    const struct checkpoint *checkpoint;
    struct network *network;  /* computes whole batches, */
    struct step_parts *parts; /* or these do in parts, where it is not NULL */
    const struct label_transform *labels;
    struct batch_loader *loader;
    const int64_t *clips; /* (n), labelled */
    int64_t n, batch_size;
};

/* Scores the clips in each flow of the model on the labels' scale: scores[n_flows][n], and their
 * mean absolute errors in mae[n_flows]; of classes the numbers of the most probable ones, and the
 * mean cross-entropies. Every rank scores its share of the clips, and all get all scores. Sums in
 * the clips' order, so that they depend neither on threads nor on ranks. */
int validate(const struct validation *validation, float *scores, double *mae,
             struct valence_error *error);

#endif
