/* Segments on their way into a recording's score. */
#ifndef VALENCE_SCORE_RECORDING_H
#define VALENCE_SCORE_RECORDING_H

#include "score/scorer.h"

struct kept; /* what the caller of valence_score_recording() gets */

struct scoring_run {
    struct valence_scorer *scorer;
    struct kept *kept;
    valence_segment_receiver receive;
    void *user;
};

/* Gives a segment to the receiver and keeps it. Takes over `made`, also on failure. */
int score_keep(struct scoring_run *run, struct score_made *made, struct valence_error *error);

/* Scores a text, or the sentences of a long one. */
int score_document(struct scoring_run *run, const char *text,
                   const struct valence_progress *progress, struct valence_error *error);

#endif
