/* From a media file to the rows of a clip's streams: audio, text, video, simulated_text.
 *
 * An extractor holds a set of encoders, each loaded once, and encodes one clip after the other:
 * sound and pictures at the same time, on two threads. `valence extract`, which fills a store, and
 * `valence score`, which scores a file, both use it, so that the rows of a clip are the same in
 * training and afterwards.
 *
 * An extractor is used by one thread at a time. */
#ifndef VALENCE_EXTRACT_H
#define VALENCE_EXTRACT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "valence/api.h"
#include "valence/encode.h"
#include "valence/error.h"
#include "valence/faces.h"
#include "valence/media.h"
#include "valence/progress.h"
#include "valence/simulate.h"
#include "valence/stream.h"
#include "valence/transcribe.h"
#include "valence/transcripts.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- What makes the streams ---- */

/* Sound to audio rows, 50 a second. Several stand side by side in this order. WavLM gives one row
 * less than the others for most lengths: then all end with its last. */
enum valence_sound_encoder {
    VALENCE_SOUND_WHISPER,
    VALENCE_SOUND_PROSODY,
    VALENCE_SOUND_WAVLM,
    VALENCE_N_SOUND_ENCODERS
};
/* "whisper", ... */
extern VALENCE_API const char *const valence_sound_encoder_names[VALENCE_MAX_NAMES];

/* Pictures to video rows, `fps` a second. */
enum valence_picture_encoder {
    VALENCE_PICTURES_NONE,
    VALENCE_PICTURES_FACES, /* valence/faces.h; a frame without the person's face is a zero row */
    /* MANet on the person's faces, turned and cut as RetinaFace's authors do (112 x 112 pixels); a
     * frame without the person's face has no row */
    VALENCE_PICTURES_MANET,
    VALENCE_N_PICTURE_ENCODERS
};
/* "none", "faces", ... */
extern VALENCE_API const char *const valence_picture_encoder_names[VALENCE_MAX_NAMES];

/* What the language model reads for text rows. */
enum valence_text_source {
    VALENCE_TEXT_NONE,
    VALENCE_TEXT_GIVEN, /* the clip's transcript */
    VALENCE_TEXT_ASR,   /* the clip's transcript; where it has none, the recognised words */
    VALENCE_N_TEXT_SOURCES
};
/* "none", "given", "asr" */
extern VALENCE_API const char *const valence_text_source_names[VALENCE_MAX_NAMES];

enum valence_simulated_source {
    VALENCE_SIMULATED_NONE,
    VALENCE_SIMULATED_ASR,       /* the language model's rows of the recognised words */
    VALENCE_SIMULATED_PROJECTOR, /* valence/simulate.h */
    VALENCE_N_SIMULATED_SOURCES
};
/* "none", "asr", ... */
extern VALENCE_API const char *const valence_simulated_source_names[VALENCE_MAX_NAMES];

/* Set it with valence_extractor_options_default(), then change what you need. The names of members
 * are also the keys of errors. Nothing of it is kept by pointer. */
struct valence_extractor_options {
    size_t size;

    unsigned audio; /* a set of VALENCE_BIT(VALENCE_SOUND_...); default: whisper; 0: no audio */
    enum valence_picture_encoder video;           /* default: faces */
    enum valence_text_source text;                /* default: given */
    enum valence_simulated_source simulated_text; /* default: none */

    /* GGUF files of the encoders that the above need; others are not read. */
    const char *whisper_model; /* audio rows and recognition; for recognition of type f16 or f32 */
    const char *wavlm_model;   /* audio rows, and the projector's */
    const char *faces_model;   /* video rows, with MANet too */
    const char *manet_model;
    const char *text_model;      /* the language model of text and simulated_text `asr` */
    const char *projector_model; /* simulated_text `projector`, as the next */
    const char *simulator_model; /* the language model that the projector was trained with */

    const char *whisper_layers, *wavlm_layers, *manet_layers; /* valence/encoder.h; NULL: default */

    double fps;                      /* pictures a second; default 5; 0: all that the source has */
    int64_t face_size;               /* struct valence_face_options, input_size */
    double face_threshold;           /* likewise, threshold */
    enum valence_face_person person; /* default: the largest */

    /* How the language model reads; NULL: the defaults. Device and memory come from below. */
    const struct valence_transcript_options *transcripts;
    /* In its place: what valence_transcript_encoder_settings() recorded, or NULL. */
    const char *recorded_transcripts;
    /* How speech is recognised; NULL: the defaults. `words` asks for times of words. */
    const struct valence_transcribe_options *recognition;
    const struct valence_simulator_options *simulator; /* NULL: the defaults */

    /* Limits for media; NULL: the defaults. Rate and fps come from here. */
    const struct valence_media_options *media;
    double max_clip_seconds; /* a longer clip is ERROR_LIMIT: its rows are held in memory (3600) */

    const char *device, *memory; /* struct valence_encoder_options */
};

VALENCE_API void valence_extractor_options_default(struct valence_extractor_options *options);

/* ---- The extractor ---- */

struct valence_extractor;

/* Loads the encoders. NULL `options` fail, since the defaults name no model files. *extractor is
 * NULL on failure. Errors: ARGUMENT where the model of an encoder is not given (key: the option),
 * nothing is to be made, or an option is out of range; those of loading the encoders. */
VALENCE_API int valence_extractor_open(const struct valence_extractor_options *options,
                                       struct valence_extractor **extractor,
                                       struct valence_error *error);
VALENCE_API void valence_extractor_close(struct valence_extractor *extractor);

/* Columns of a stream; 0 where the extractor does not make it. */
VALENCE_API int64_t valence_extractor_width(const struct valence_extractor *extractor,
                                            enum valence_stream stream);

/* The encoders and settings of each stream, and of the recognition, with fingerprints: a JSON
 * object as text, as a store's source has it under "encoders". It belongs to the extractor. */
VALENCE_API const char *valence_extractor_settings(const struct valence_extractor *extractor);

/* The encoder of text rows, or NULL. It belongs to the extractor. */
VALENCE_API struct valence_transcript_encoder *
valence_extractor_text(const struct valence_extractor *extractor);

/* What recognises speech, or NULL. It belongs to the extractor. */
VALENCE_API struct valence_transcriber *
valence_extractor_transcriber(const struct valence_extractor *extractor);

/* ---- A clip ---- */

/* Where a clip's sound, pictures and words come from. Start from zeros. One of: */
struct valence_clip_input {
    /* a file: sound and pictures are decoded at the same time */
    const char *path;
    /* or an opened one (a pipe, memory), of 16000 samples a second, which is decoded once */
    struct valence_media *media;
    /* or sound and pictures in memory, each where it is not NULL */
    const float *samples; /* mono, at 16 kHz, full scale 1 */
    int64_t n_samples;
    const uint8_t *pixels; /* (n_pictures, height, width, 3), RGB */
    int64_t n_pictures, width, height;
    const double *times; /* (n_pictures) seconds, rising */

    /* The part of the file that is the clip; NULL: all of it. For samples in memory, `start` is the
     * time of the first. */
    const struct valence_media_segment *range;

    const char *transcript; /* what is said, UTF-8; NULL or "" where it is not known */
    bool is_silent; /* it is known that nothing is said: without a transcript, none is recognised */
};

/* What became of a clip. Everything in it belongs to it. */
struct valence_extracted;

/* Encodes a clip. A stream whose source the file does not have (no sound, no pictures, no person's
 * face, no words) is left out, and that is no error unless all are left out. `progress` may be
 * NULL; it is called from the calling thread. *extracted is NULL on failure.
 *
 * Errors: those of decoding and encoding, which name the file; DATA where no stream has a row;
 * LIMIT (key "max_clip_seconds", or "max_bytes" for sound that needs more memory); ARGUMENT;
 * CANCELLED; MEMORY. */
VALENCE_API int valence_extract_clip(struct valence_extractor *extractor,
                                     const struct valence_clip_input *input,
                                     const struct valence_progress *progress,
                                     struct valence_extracted **extracted,
                                     struct valence_error *error);
VALENCE_API void valence_extracted_free(struct valence_extracted *extracted);

/* A stream's rows, (*n_rows, width of the extractor); NULL and 0 where the clip has none. */
VALENCE_API const float *valence_extracted_rows(const struct valence_extracted *extracted,
                                                enum valence_stream stream, int64_t *n_rows);

/* What was found in a clip. */
struct valence_extracted_facts {
    double seconds; /* of sound or, without sound, of pictures */
    bool has_sound, has_pictures;
    int64_t n_samples;                 /* at 16 kHz */
    struct valence_face_summary faces; /* all 0 without pictures */
    /* What the text rows are of, given or recognised; "" where there is none. */
    const char *transcript;
    /* What was recognised; NULL where nothing was asked for. Times are seconds from the file's
     * beginning. */
    const struct valence_transcript *recognised;
    double confidence; /* mean probability of its tokens, 0 ... 1; 0 without any */
    /* What is wrong with a file that was used nevertheless, or "". */
    const char *warning;
    /* Seconds of work: sound (decoding, audio rows, recognition, text) and pictures. They overlap.
     */
    double sound_work, picture_work;
};
VALENCE_API const struct valence_extracted_facts *
valence_extracted_get_facts(const struct valence_extracted *extracted);

/* The facts as a JSON object by stream, as a store keeps them as the clip's metadata:
 *
 *     {"audio": {"seconds"}, "video": {"fps", "frames", "found", "coverage", "people", "score"},
 *      "text": {"source": "given" or "asr"},
 *      "simulated_text": {...},
 *      "recognition": {"text", "language", "confidence", "segments": [{"start", "end", "text",
 *      "confidence"}]}, "warning"}
 *
 * without what does not apply. */
VALENCE_API const char *valence_extracted_record(const struct valence_extracted *extracted);

/* ---- Files of features ---- */

/* Encodes one stream of many films or sounds and writes f32 rows to `output`, as
 * valence_encode_files() does: the same forms of output, resuming and report. What is recorded of
 * the encoder is the stream's part of valence_extractor_settings(), and an input's `notes` are its
 * valence_extracted_record(). The media options are the extractor's, not those of `options`, which
 * may be NULL. *report is NULL on failure.
 *
 * Errors: ARGUMENT for a stream that the extractor does not make; those of
 * valence_extract_clip() and valence_encode_files(). */
VALENCE_API int valence_extract_files(struct valence_extractor *extractor,
                                      enum valence_stream stream, const char *const *inputs,
                                      int64_t n_inputs, const char *output,
                                      const struct valence_encode_options *options,
                                      struct valence_encode_report **report,
                                      struct valence_error *error);

#ifdef __cplusplus
}
#endif
#endif
