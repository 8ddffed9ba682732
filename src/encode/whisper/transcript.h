/* What whisper.cpp has heard, as segments of a transcript. */
#ifndef VALENCE_ENCODE_WHISPER_TRANSCRIPT_H
#define VALENCE_ENCODE_WHISPER_TRANSCRIPT_H

#include <whisper.h>

#include "encode/whisper/speech_parts.h"
#include "format/transcripts/transcript_list.h"

/* A model, and what it has heard: the parts of a sound, or all of it where `parts` is NULL. */
struct whisper_hearing {
    struct whisper_context *context;
    struct whisper_state *state;
    const struct speech_parts *parts;
};

/* Adds the segments that were heard last, whose sound began at `begin`. */
int transcript_add_block(struct transcript_list *list, const struct whisper_hearing *heard,
                         bool words, double begin, struct valence_error *error);

#endif
