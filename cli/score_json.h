/* The JSON of `valence score`: docs/json/score.schema.json. */
#ifndef VALENCE_CLI_SCORE_JSON_H
#define VALENCE_CLI_SCORE_JSON_H

#include <jansson.h>

#include "valence/scorer.h"

/* NULL where memory is short. */
json_t *score_segment_to_json(const struct valence_scorer *scorer,
                              const struct valence_scored_segment *segment);
json_t *score_recording_to_json(const struct valence_scorer *scorer, const char *id,
                                const struct valence_recording_score *score);

/* "text", "audio text", or `none`. */
void score_format_modalities(char text[32], unsigned modalities, const char *none);

#endif
