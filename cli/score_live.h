/* `valence score - --live`: sound from standard input, scored as it comes. */
#ifndef VALENCE_CLI_SCORE_LIVE_H
#define VALENCE_CLI_SCORE_LIVE_H

#include "score_output.h"
#include "valence/media.h"

/* Writes a line for each utterance until the input ends or Ctrl-C. `raw`: 16-bit little-endian
 * samples, mono, at 16 kHz, without a header; else what FFmpeg reads from a pipe (WAV). */
int score_live(struct valence_scorer *scorer, struct score_output *output, bool raw,
               const struct valence_media_options *media, struct valence_error *error);

#endif
