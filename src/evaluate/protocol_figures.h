/* Figures of conditions, which evaluations of one model and of chosen epochs make alike. */
#ifndef VALENCE_EVALUATE_PROTOCOL_FIGURES_H
#define VALENCE_EVALUATE_PROTOCOL_FIGURES_H

#include "collective/collective.h"
#include "valence/protocol.h"

/* Intervals of all metrics, whose resamples the ranks share; as they are without resamples or
 * clips. */
int condition_intervals(const struct valence_collective *collective, const float *scores,
                        const float *labels, int64_t n, enum valence_scale scale,
                        int64_t n_resamples, uint64_t seed, struct valence_interval *intervals,
                        struct valence_error *error);

/* The scores and labels of the clips that have a score under a condition; gives their number. */
int64_t scored_clips(const struct valence_protocol_evaluation *of,
                     const struct valence_condition *condition, float *scores, float *labels);

/* Area and mean over the conditions, from their metrics. */
void protocol_summarise(struct valence_protocol_evaluation *to);

#endif
