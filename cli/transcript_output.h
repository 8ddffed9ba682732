/* Transcripts as files: text, SRT, VTT, JSON with the names of Whisper's verbose_json, CSV. */
#ifndef VALENCE_CLI_TRANSCRIPT_OUTPUT_H
#define VALENCE_CLI_TRANSCRIPT_OUTPUT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

struct valence_error;
struct valence_transcript; /* of valence/transcribe.h, which a build without encoders lacks */

/* "text", "srt", "vtt", "json", "csv"; the index is a format, and the ending of its files beside.
 */
extern const char *const transcript_formats[];
extern const char *const transcript_endings[];
#define N_TRANSCRIPT_FORMATS 5

/* Writes the transcript of `name`, which the CSV says. `is_first`: the CSV's header goes before.
 * ERROR_MEMORY if JSON cannot be made; failed writes stay in the stream. */
int transcript_write(FILE *stream, int format, const char *name, bool is_first, bool is_translation,
                     const struct valence_transcript *transcript, struct valence_error *error);

/* With the names of Whisper's verbose_json, and what that lacks: the file, confidences. NULL if
 * memory is short or a name is not UTF-8. */
json_t *transcript_to_json(const char *name, bool is_translation,
                           const struct valence_transcript *transcript);

#endif
