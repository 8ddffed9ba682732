/* Scores as CSV, subtitles and plain text: what `valence score` prints with --csv, --srt and --vtt,
 * and what the server answers. valence/score_json.h writes JSON.
 *
 * Failed writes stay in the stream's error flag. Numbers have a point in every locale. */
#ifndef VALENCE_SCORE_FORMATS_H
#define VALENCE_SCORE_FORMATS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "valence/api.h"
#include "valence/scorer.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The line of names, and a row for a segment; `number` counts a recording's segments from 1. What
 * is not known is empty. The columns: id, score, low, high, expected_error, raw_score, outside,
 * flow, missing, segment, start, end, words_from, text, reason, and the weight of each modality
 * that the model reads. */
VALENCE_API void valence_score_write_csv_head(FILE *stream, const struct valence_scorer *scorer);
VALENCE_API void valence_score_write_csv_row(FILE *stream, const struct valence_scorer *scorer,
                                             const char *id,
                                             const struct valence_scored_segment *segment,
                                             int64_t number);

/* SubRip, or WebVTT where `is_vtt`: a cue for each segment, which begins with its score. The line
 * WEBVTT that a file begins with is not among them. */
VALENCE_API void valence_score_write_cues(FILE *stream, const struct valence_recording_score *score,
                                          bool is_vtt);

/* A line for each segment: its score or "-", a tab, what is said. */
VALENCE_API void valence_score_write_text(FILE *stream,
                                          const struct valence_recording_score *score);

#ifdef __cplusplus
}
#endif
#endif
