/* Building a transcript from what whisper.cpp has heard. */
#ifndef VALENCE_ENCODE_WHISPER_TRANSCRIPT_H
#define VALENCE_ENCODE_WHISPER_TRANSCRIPT_H

#include <whisper.h>

#include "valence/transcribe.h"

/* Start from zeros. Texts are owned; tokens and words too. */
struct transcript_builder {
    struct valence_speech_segment *segments;
    int64_t n_segments, capacity;
    const char *language; /* lives as long as the library */
    double duration;
};

/* Adds the segments of the last whisper_full(), whose sound began at `begin`. */
int transcript_add_block(struct transcript_builder *builder, struct whisper_context *context,
                         bool words, double begin, struct valence_error *error);

/* Takes the segments out of the builder. */
int transcript_finish(struct transcript_builder *builder, struct valence_transcript **transcript,
                      struct valence_error *error);
void transcript_builder_free(struct transcript_builder *builder);

#endif
