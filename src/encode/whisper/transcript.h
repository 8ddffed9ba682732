/* What whisper.cpp has heard, as segments of a transcript. */
#ifndef VALENCE_ENCODE_WHISPER_TRANSCRIPT_H
#define VALENCE_ENCODE_WHISPER_TRANSCRIPT_H

#include <stdbool.h>

#include <whisper.h>

#include "encode/whisper/speech.h"
#include "format/transcripts/transcript_list.h"

/* A token that whisper.cpp has heard. */
struct heard_token {
    const char *text;
    whisper_token_data data;
    bool is_spoken; /* not a time or another mark */
};

/* A segment of whisper.cpp's. Times, those of the tokens too, are of the samples that were
 * transcribed. */
struct heard_segment {
    const struct heard_token *tokens; /* (n_tokens) */
    int n_tokens;
    double start, end; /* seconds */
    double no_speech_prob;
};

/* The sound that they are of. */
struct heard_sound {
    double begin;                /* its first sample's time, seconds */
    const struct speech *speech; /* all that was transcribed of it; NULL: everything was */
};

/* Adds a segment, with its words where `words` is true. With `speech`, tokens must have times; the
 * segment then lies where its words' speech is, and becomes several where it goes on behind a pause
 * of more than a second. */
int transcript_add_heard(struct transcript_list *list, const struct heard_segment *heard,
                         const struct heard_sound *sound, bool words, struct valence_error *error);

/* Adds all segments of a state. */
int transcript_add_block(struct transcript_list *list, struct whisper_context *context,
                         struct whisper_state *state, const struct heard_sound *sound, bool words,
                         struct valence_error *error);

#endif
