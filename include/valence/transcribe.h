/* Speech to text by Whisper, with times: whisper.cpp on the same ggml as the language models.
 *
 * A transcriber holds a model, the GGUF file that valence_convert() makes
 * with its vocabulary. Memory does not grow with the sound's length: sound is transcribed in blocks
 * (block_seconds), cut where it is quietest; what was said before is the context of the next.
 *
 * A transcriber is used by one thread at a time; it uses the library's number of threads. */
#ifndef VALENCE_TRANSCRIBE_H
#define VALENCE_TRANSCRIBE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "valence/api.h"
#include "valence/error.h"
#include "valence/media.h"
#include "valence/progress.h"
#include "valence/transcript.h"

#ifdef __cplusplus
extern "C" {
#endif

struct valence_transcriber;

/* Errors: NOT_FOUND, IO; FORMAT, SHAPE for damaged files; UNSUPPORTED for another kind of model, or
 * one that was converted without its vocabulary; MEMORY. *transcriber is NULL on failure. */
VALENCE_API int valence_transcriber_load(const char *path, struct valence_transcriber **transcriber,
                                         struct valence_error *error);
VALENCE_API void valence_transcriber_free(struct valence_transcriber *transcriber);

/* SHA-256 of the checkpoint that the model was converted from, hexadecimal: the same as the
 * encoder's (valence/encoder.h). It belongs to the transcriber. */
VALENCE_API const char *
valence_transcriber_fingerprint(const struct valence_transcriber *transcriber);

/* Start from valence_transcribe_options_default(). */
struct valence_transcribe_options {
    size_t size; /* of this struct, as the caller knows it */

    /* "en", "de", ..., or NULL (the default): detected in the first 30 s. Models for English
     * alone take "en" or NULL. */
    const char *language;

    bool translate; /* into English (false) */
    bool words;     /* each word with its times (false) */
    int beams;      /* 1 ... 8; 1 is greedy (5) */

    /* Silero's voice activity detection, v6.2.0 in ggml's format (share/valence/silero-vad.bin of
     * an installation; its digest is checked): only speech is transcribed. Segments and words then
     * lie where speech was found; a segment that continues after a pause of more than a second is
     * split. NULL (the default): all sound is transcribed. */
    const char *vad;

    const char *prompt; /* names and terms that may occur, or NULL */

    double block_seconds; /* of sound transcribed at once, and held in memory; 2 ... 3600 (600) */

    /* Receives what was heard so far after each block but the last, for the call. A
     * value other than 0 stops: ERROR_CANCELLED. NULL (the default): nothing is handed out. */
    int (*receive)(void *user, const struct valence_transcript *so_far);
    void *user;
    /* What `receive` was given last for the same sound and options: transcription continues from
     * there, with the result of an uninterrupted call. NULL (the default): from the beginning. */
    const struct valence_transcript *so_far;
};

VALENCE_API void valence_transcribe_options_default(struct valence_transcribe_options *options);

/* Transcribes the sound of a media file, or a part of it where `range` is not NULL. `options` and
 * `progress` may be NULL. `media` must have been opened with a rate of 16000. *transcript is NULL
 * on failure; free it with valence_transcript_free().
 *
 * Errors: as valence_media_decode(); ARGUMENT for an unknown language (key "language"), a
 * translation by a model for English alone, options out of range; NOT_FOUND, UNSUPPORTED
 * for the VAD model (key "vad"); CANCELLED; MEMORY. */
VALENCE_API int valence_transcribe(struct valence_transcriber *transcriber,
                                   struct valence_media *media,
                                   const struct valence_media_segment *range,
                                   const struct valence_transcribe_options *options,
                                   const struct valence_progress *progress,
                                   struct valence_transcript **transcript,
                                   struct valence_error *error);

/* The same for `n_samples` mono samples at 16 kHz, full scale 1, the first of them at `start`
 * seconds. Errors: also DATA for a sample that is not finite. */
VALENCE_API int valence_transcribe_samples(struct valence_transcriber *transcriber,
                                           const float *samples, int64_t n_samples, double start,
                                           const struct valence_transcribe_options *options,
                                           const struct valence_progress *progress,
                                           struct valence_transcript **transcript,
                                           struct valence_error *error);

#ifdef __cplusplus
}
#endif
#endif
