/* How well the network does on clips it does not learn from. */
#ifndef VALENCE_TRAIN_VALIDATION_H
#define VALENCE_TRAIN_VALIDATION_H

#include "model/network.h"
#include "data/batches.h"

/* What the network learns is (label - offset) / factor; scores are factor * its output + offset. */
struct label_transform {
    float factor, offset;
};

/* Scores `n` labelled clips in each flow on the labels' scale: scores[n_flows][n], and their mean
 * absolute errors in mae[n_flows]; of `n_classes` classes (0: scores) the numbers of the most
 * probable ones, and the mean cross-entropies. Sums in the clips' order, so that they do not depend
 * on threads.
 */
int validate(struct network *network, const float *parameters,
             const struct standardisation *standardisation, const struct label_transform *labels,
             struct batch_loader *loader, const int64_t *clips, int64_t n, int64_t batch_size,
             const unsigned *flows, int n_flows, int64_t n_classes, float *scores, double *mae,
             struct valence_error *error);

#endif
