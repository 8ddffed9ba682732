/* How much a pass of the network computes, from the shapes alone. */
#ifndef VALENCE_MODEL_OPERATIONS_H
#define VALENCE_MODEL_OPERATIONS_H

#include <stdbool.h>

#include "valence/cost.h"
#include "valence/model.h"

/* Multiplications and additions of one pass over `n_clips` clips, all as long as the others, with
 * `n_rows` rows of each stream together (VALENCE_N_STREAMS), in flows that are computed at once: of
 * the matrix products, of which attention is made, too, each product of (m, k) and (k, n) as 2 m n
 * k. What is done to single values (biases, activations, softmax, dropout, losses, the optimizer)
 * is not counted, as is usual. With `training` forward and backward of a step, else a forward pass
 * for scoring, in which flows that read the same stream share its attention keys. Writes
 * VALENCE_N_COST_PARTS values. */
void network_operations(const struct valence_model_config *config, double n_clips,
                        const double *n_rows, const unsigned *flows, int n_flows, bool training,
                        double *parts);

#endif
