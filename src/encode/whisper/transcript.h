/* What whisper.cpp has heard, as segments of a transcript. */
#ifndef VALENCE_ENCODE_WHISPER_TRANSCRIPT_H
#define VALENCE_ENCODE_WHISPER_TRANSCRIPT_H

#include <whisper.h>

#include "format/transcripts/transcript_list.h"

/* Adds the segments of the last whisper_full(), whose sound began at `begin`. */
int transcript_add_block(struct transcript_list *list, struct whisper_context *context, bool words,
                         double begin, struct valence_error *error);

#endif
