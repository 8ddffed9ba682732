/* Transcripts as text, SubRip, WebVTT, JSON and CSV. */
#ifndef VALENCE_TRANSCRIPT_FORMATS_H
#define VALENCE_TRANSCRIPT_FORMATS_H

#include <stdbool.h>
#include <stdio.h>

#include "valence/api.h"
#include "valence/error.h"
#include "valence/transcript.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The text, a line for each segment. */
VALENCE_API void valence_transcript_write_text(FILE *stream,
                                               const struct valence_transcript *transcript);

/* SubRip, or WebVTT where `is_vtt`, a cue for each segment. */
VALENCE_API void valence_transcript_write_cues(FILE *stream,
                                               const struct valence_transcript *transcript,
                                               bool is_vtt);

/* CSV: the line of names (file, start, end, text, confidence, language), and the rows of the
 * transcript of `name`: one for each word, or for each segment without words. */
VALENCE_API void valence_transcript_write_csv_head(FILE *stream);
VALENCE_API void valence_transcript_write_csv(FILE *stream, const char *name,
                                              const struct valence_transcript *transcript);

/* One JSON object on one line, with the names of Whisper's verbose_json, and what that lacks: the
 * file's name, confidences. Bytes that are not UTF-8 are replaced by U+FFFD; NaN is null. Failed
 * writes stay in the stream's error flag. Errors: MEMORY, and then nothing is written. */
VALENCE_API int valence_transcript_write_json(FILE *stream, const char *name, bool is_translation,
                                              const struct valence_transcript *transcript,
                                              struct valence_error *error);

#ifdef __cplusplus
}
#endif
#endif
