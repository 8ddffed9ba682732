/* Scores as JSON: the document that `valence score --json` prints, and that the page of
 * valence/score_report.h reads. docs/json/score.schema.json describes it.
 *
 *     valence_score_json_open(stdout, scorer, "run", &json, &error);
 *     valence_score_json_add(json, "clip.mp4", score, &error);
 *     valence_score_json_close(json);
 *
 * Texts that are not UTF-8, as names of files may be, have U+FFFD in place of each wrong byte.
 * Numbers have 9 significant digits and a point in every locale; NaN is null. A document is written
 * by one thread. */
#ifndef VALENCE_SCORE_JSON_H
#define VALENCE_SCORE_JSON_H

#include <stdio.h>

#include "valence/api.h"
#include "valence/error.h"
#include "valence/scorer.h"

#ifdef __cplusplus
extern "C" {
#endif

struct valence_score_json;

/* Begins a document on `stream`, which stays the caller's, as `scorer` does; both must live until
 * the close. `run` is the model's name, as it should appear. *json is NULL on failure. Failed
 * writes stay in the stream's error flag. Errors: MEMORY. */
VALENCE_API int valence_score_json_open(FILE *stream, const struct valence_scorer *scorer,
                                        const char *run, struct valence_score_json **json,
                                        struct valence_error *error);

/* Adds a recording or a text, or one that could not be scored, and why. On failure nothing is
 * written. Errors: MEMORY. */
VALENCE_API int valence_score_json_add(struct valence_score_json *json, const char *id,
                                       const struct valence_recording_score *score,
                                       struct valence_error *error);
VALENCE_API int valence_score_json_add_failure(struct valence_score_json *json, const char *id,
                                               const char *why, struct valence_error *error);

/* Writes the end of the document and frees `json`. Takes NULL. */
VALENCE_API void valence_score_json_close(struct valence_score_json *json);

/* One segment alone, on a line of its own. Errors: MEMORY. */
VALENCE_API int valence_score_json_segment(FILE *stream, const struct valence_scorer *scorer,
                                           const struct valence_scored_segment *segment,
                                           struct valence_error *error);

#ifdef __cplusplus
}
#endif
#endif
