/* Where there is speech, by Silero's voice activity detection, and the sound without the rest.
 *
 * whisper.cpp detects speech by itself only in whisper_full(), which needs a context with a state
 * of its own; and the times that it gives back lie anywhere in a pause that was left out. So speech
 * is found here, with whisper.cpp's network and parameters, and the samples that are transcribed
 * are the same as its own: each span of speech with 0.1 s of what follows, and 0.1 s of silence
 * between two. What lies behind a pause of more than five seconds is transcribed on its own,
 * though: Whisper would say when a sentence begins only roughly. */
#ifndef VALENCE_ENCODE_WHISPER_SPEECH_H
#define VALENCE_ENCODE_WHISPER_SPEECH_H

#include <stdint.h>

#include <whisper.h>

#include "valence/error.h"

/* In samples at 16 kHz. */
struct speech_span {
    int64_t first, n; /* of the sound */
    int64_t n_copied; /* with what follows */
    int64_t place;    /* of the first one among the samples of speech */
};

struct speech {
    struct speech_span *spans; /* (n_spans), in order */
    int n_spans;
    float *samples; /* (n_samples), of speech */
    int64_t n_samples;
};

/* `path` must be the file that whisper.cpp brings: it aborts on a damaged one. Free with
 * whisper_vad_free(). */
int speech_detector_open(const char *path, struct whisper_vad_context **detector,
                         struct valence_error *error);

/* Finds the speech in `n` samples. Without any, there are no spans and no samples. Free with
 * speech_free(), after a failure too. Errors: MEMORY; FORMAT where whisper.cpp fails. */
int speech_find(struct whisper_vad_context *detector, const float *samples, int64_t n,
                struct speech *speech, struct valence_error *error);
void speech_free(struct speech *speech);

/* The spans from `first` to before *end, up to the next long pause, as speech of its own: its
 * samples begin with those of the first span. It points into `speech`, whose spans' places it
 * changes, and is not freed. */
struct speech speech_part(const struct speech *speech, int first, int *end);

/* The pause between two spans in the sound, seconds. */
double speech_pause(const struct speech *speech, int before, int after);

/* The span that a time (seconds) in the samples of speech belongs to; the nearer one in the silence
 * between two. There must be one. */
int speech_span_at(const struct speech *speech, double seconds);

/* The time in the sound, in seconds, of a time in the samples of speech; the span's nearer end
 * where it lies outside of the span. */
double speech_time(const struct speech *speech, int span, double seconds);

#endif
