/* Which flows a training step takes.
 *
 * The complete flow is always among them: the others are distilled from it and contrasted with it,
 * and it is what a model is used for most. Every loss is a mean over the others, and a mean over
 * some of them, drawn without preference, has the mean over all as its expectation: training less
 * of it a step changes the noise, not what is minimised. */
#ifndef VALENCE_TRAIN_FLOW_DRAW_H
#define VALENCE_TRAIN_FLOW_DRAW_H

#include "valence/model.h"

/* Writes the flows of step `step` to `flows` and gives their number: the complete one and `n_drawn`
 * others, each set of so many being equally likely, in the configuration's order; all of them where
 * n_drawn is 0 or there are no more. A function of its arguments alone. */
int draw_flows(const struct valence_model_config *config, int64_t n_drawn, uint64_t seed,
               int64_t step, unsigned flows[VALENCE_MAX_FLOWS]);

#endif
