/* Where the network looks among the rows of the clips that a run's model scores. */
#ifndef VALENCE_REPORT_SCORE_ATTENTION_H
#define VALENCE_REPORT_SCORE_ATTENTION_H

#include "report/scored.h"
#include "valence/evaluate.h"

/* One run at work. */
struct scoring_run {
    struct report_builder *builder;
    const struct run_source *run;
    const struct valence_report_options *options;
    const struct valence_progress *progress;
    const struct valence_model *model;
    const struct valence_store *store;
    const struct valence_evaluation *evaluation;
    struct scored_set *set;
    const int64_t *places; /* (evaluation->n_clips): where each clip stands in the set */
    int64_t n_kept;        /* clips whose attention is kept, of each flow */
};

/* Of how many clips of each list the attention is kept: those with the largest errors. */
int64_t score_attention_clips(const struct sources *sources);

/* Adds the attention to the lists of the evaluation's flows, for networks that attend. Errors:
 * those of reading the store; CANCELLED; MEMORY. */
int score_attention(const struct scoring_run *run, struct scored_list *const *lists,
                    struct valence_error *error);

#endif
