/* The clips that are to be encoded, through both lanes at once: while one clip's sound is encoded,
 * the pictures of the next may be, so that all cores are busy. */
#ifndef VALENCE_EXTRACT_PIPELINE_H
#define VALENCE_EXTRACT_PIPELINE_H

#include "base/sha256.h"
#include "extract/extractor.h"
#include "extract/plan.h"

struct pipeline;

/* Starts the lanes on clips todo[0 ... n-1] of the plan, in this order. All of it must outlive the
 * pipeline. *pipeline is NULL on failure. */
int pipeline_start(struct valence_extractor *extractor, const struct plan *plan,
                   const int64_t *todo, int64_t n, struct pipeline **pipeline,
                   struct valence_error *error);

/* What became of a clip. */
struct pipeline_result {
    int status; /* of the extraction; `error` has the reason */
    struct valence_error error;
    struct valence_extracted *extracted; /* free it */
};

/* Waits for the next clip, and asks `progress` with `event` now and then whether to go on.
 * ERROR_CANCELLED where it says no. */
int pipeline_take(struct pipeline *pipeline, const struct valence_progress *progress,
                  const struct valence_progress_event *event, struct pipeline_result *result,
                  struct valence_error *error);

/* Stops the lanes at their next safe point, and frees. NULL is fine. */
void pipeline_stop(struct pipeline *pipeline);

#endif
