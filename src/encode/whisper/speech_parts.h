/* The parts of a sound in which there is speech, by Silero's voice activity detection.
 *
 * whisper.cpp's public whisper_full() has this for a state of its own only, and
 * whisper_full_with_state() ignores it. This cuts and joins as whisper_full() does, with the same
 * times. */
#ifndef VALENCE_ENCODE_WHISPER_SPEECH_PARTS_H
#define VALENCE_ENCODE_WHISPER_SPEECH_PARTS_H

#include <stdint.h>
#include <whisper.h>

#include "valence/error.h"

/* A time of the joined sound and the time of the whole one that it stands for, in 1/100 s. */
struct speech_point {
    int64_t joined, whole;
};

/* Start from zeros. */
struct speech_parts {
    float *samples; /* (n_samples), the parts with 0.1 s of silence between them */
    int64_t n_samples;
    struct speech_point *points; /* in order */
    int64_t n_points;
};

/* Finds and joins the parts; n_samples is 0 where nobody speaks. Errors: MEMORY; FORMAT where
 * whisper.cpp fails. */
int speech_parts_find(struct whisper_vad_context *vad, const float *samples, int64_t n,
                      struct speech_parts *parts, struct valence_error *error);
void speech_parts_free(struct speech_parts *parts);

/* The time of the whole sound at a time of the joined one, both in 1/100 s. */
int64_t speech_parts_time(const struct speech_parts *parts, int64_t joined);

#endif
