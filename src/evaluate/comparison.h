/* Two runs on the same clips: how their figures differ, and whether by more than the choice of
 * clips explains. */
#ifndef VALENCE_EVALUATE_COMPARISON_H
#define VALENCE_EVALUATE_COMPARISON_H

#include "evaluate/evaluation.h"

struct metric_difference {
    double value;                     /* NaN where a metric is undefined in any of the models */
    struct valence_interval interval; /* of EVALUATION_LEVEL; NaN without resamples */
};

struct comparison {
    int n_flows; /* those of the evaluations */
    struct metric_difference differences[VALENCE_MAX_FLOWS][VALENCE_N_METRICS];
};

/* The mean over the n models of a run less the mean over the `n_others` of another. Intervals are
 * paired: every model of both is measured on the same resamples of the clips; they say nothing
 * about other seeds. Resampling as in `options`. Errors: DATA where the evaluations are not of the
 * same clips and flows; MEMORY. */
int comparison_make(const struct evaluation *evaluations, int n, const struct evaluation *others,
                    int n_others, const struct evaluation_options *options,
                    struct comparison *comparison, struct valence_error *error);

/* {FLOW: {METRIC: {"value", "interval"}}} with the flows of `evaluation`; NULL where memory is
 * short. */
json_t *comparison_to_json(const struct comparison *comparison,
                           const struct evaluation *evaluation);

#endif
