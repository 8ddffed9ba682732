/* Scores of recordings and texts: from a media file to how positive or negative each utterance is.
 *
 *     valence_scorer_options_default(&options);
 *     options.folder = "/home/me/.cache/valence/models";
 *     valence_scorer_open("run", &options, &scorer, &error);
 *     valence_score_recording(scorer, &(struct valence_recording){.path = "clip.mp4"}, NULL, NULL,
 *                             NULL, &score, &error);
 *     printf("%+.2f\n", score->score);
 *     valence_recording_score_free(score);
 *     valence_scorer_close(scorer);
 *
 * In place of "run", valence_default_model_path() (valence/models.h) gives the model that comes
 * with valence.
 *
 * A scorer is a model together with the encoders that its training used, which the checkpoint
 * records. It encodes as `valence extract` does, so that a clip gets the score that
 * valence_evaluate() would give it.
 *
 * A recording that is longer than an utterance is cut into *segments*, and each is scored by
 * itself. The cuts are, in this order: windows of a given length; sentences of the transcript,
 * given with times or recognised; pauses in the sound; equal pieces.
 *
 * A scorer is used by one thread at a time. */
#ifndef VALENCE_SCORER_H
#define VALENCE_SCORER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "valence/api.h"
#include "valence/error.h"
#include "valence/faces.h"
#include "valence/media.h"
#include "valence/model.h"
#include "valence/models.h"
#include "valence/progress.h"
#include "valence/reliability.h"
#include "valence/store.h"
#include "valence/stream.h"
#include "valence/transcribe.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- The scorer ---- */

/* Set it with valence_scorer_options_default(), then change what you need. The names of members are
 * also the keys of errors. All of it is copied but what `fetch` points to. */
struct valence_scorer_options {
    size_t size;

    /* GGUF files of the encoders. One that is NULL is looked for in `folder` under the names of the
     * known models (valence/models.h). Those that the model does not need are not read. */
    const char *whisper_model, *wavlm_model, *faces_model, *manet_model;
    const char *text_model;
    /* Known models by their file names, as the command keeps them in ~/.cache/valence/models.
     * NULL: there is no such folder. */
    const char *folder;
    /* How a known model that is needed and not in `folder` is fetched; what it points to must live
     * as long as the scorer. NULL: nothing is downloaded. */
    const struct valence_model_fetch_options *fetch;

    /* Where words are needed and none are given (true): with one beam, or as recorded where the
     * model was trained on recognised words. */
    bool recognise;
    const char *language; /* of the speech: "en"; NULL: detected, or as in training */
    const char *vad;      /* struct valence_transcribe_options, vad; not for recorded settings */

    double level; /* of the intervals, 0.9; valence/reliability.h has the limits */

    double whole_seconds;   /* a recording up to this is one segment (15) */
    double window_seconds;  /* > 0: segments are windows of this length (0: utterances) */
    double longest_seconds; /* a longer utterance is cut (30) */

    bool signals; /* observe voice and face beside the score (false); needs the model of faces */
    /* what each modality and word adds to the score, and where the network looked (false) */
    bool explain;

    /* Limits for media; NULL: the defaults. */
    const struct valence_media_options *media;
    const char *device, *memory; /* struct valence_encoder_options */

    /* A folder, made where it does not exist, that keeps the finished part of a recording of more
     * than a minute until all of it is finished. A call that was interrupted, even killed, then
     * continues where it stopped and gives the same scores as an uninterrupted one. The file holds
     * what was said, only its owner can read it, and it is removed after 30 days without use. NULL:
     * nothing is kept. */
    const char *journal_folder;
};

VALENCE_API void valence_scorer_options_default(struct valence_scorer_options *options);

struct valence_scorer;

/* Opens the model at `path`: a checkpoint, a run or a folder of seeds (valence/run.h). `options`
 * may be NULL. The encoders are loaded when they are first needed, or by valence_scorer_load().
 * *scorer is NULL on failure.
 *
 * Errors: those of valence_run_open() and valence_run_load(); UNSUPPORTED where valence encoded no
 * stream that the model reads, naming what it was trained on; ARGUMENT for options out of range. */
VALENCE_API int valence_scorer_open(const char *path, const struct valence_scorer_options *options,
                                    struct valence_scorer **scorer, struct valence_error *error);
VALENCE_API void valence_scorer_close(struct valence_scorer *scorer); /* takes NULL */

enum valence_scorer_source { VALENCE_SCORER_TEXTS, VALENCE_SCORER_RECORDINGS };

/* Loads the encoders for texts, or for recordings, where they are not loaded already. Errors:
 * NOT_FOUND where an encoder is not in the folder (key: the option that would name it); those of
 * fetching it; DATA where one is not the one that training used, naming both; those of loading;
 * ARGUMENT where the model does not read text, or reads nothing that a recording has. */
VALENCE_API int valence_scorer_load(struct valence_scorer *scorer,
                                    enum valence_scorer_source source, struct valence_error *error);

/* Changes what may differ from one recording to the next: takes over level, whole_seconds,
 * window_seconds, longest_seconds, signals, explain and journal_folder from `options`, and nothing
 * else. Errors: ARGUMENT for options out of range; MEMORY; and then nothing is changed. */
VALENCE_API int valence_scorer_adjust(struct valence_scorer *scorer,
                                      const struct valence_scorer_options *options,
                                      struct valence_error *error);

/* What recognises speech, where the encoders for recordings are loaded and the model reads words;
 * else NULL. It belongs to the scorer, and is used by the same thread. */
VALENCE_API struct valence_transcriber *
valence_scorer_transcriber(const struct valence_scorer *scorer);

/* The model, which belongs to the scorer. */
VALENCE_API const struct valence_model *valence_scorer_model(const struct valence_scorer *scorer);

/* The modalities that the scorer feeds to the model. The model may read others, which valence did
 * not encode for its training: these are missing from each score. */
VALENCE_API unsigned valence_scorer_modalities(const struct valence_scorer *scorer);

/* The encoder of a modality in a few words: "whisper, prosody"; "" where there is none. It lives as
 * long as the scorer. */
VALENCE_API const char *valence_scorer_encoder(const struct valence_scorer *scorer,
                                               enum valence_modality modality);

/* What takes a scorer's time: finding the segments (decoding, and recognising speech of a long
 * recording); making their rows (decoding, recognising and encoding); the network, with
 * explanations; and looking at voice and face (the option `signals`). */
enum valence_score_stage {
    VALENCE_STAGE_SEGMENT,
    VALENCE_STAGE_ENCODE,
    VALENCE_STAGE_PREDICT,
    VALENCE_STAGE_OBSERVE
};
#define VALENCE_N_SCORE_STAGES 4
extern VALENCE_API const char
    *const valence_score_stage_names[VALENCE_MAX_NAMES]; /* "segment", "encode", ... */

/* Seconds that the stage took in all that was scored with this scorer; 0 for no stage. */
VALENCE_API double valence_scorer_stage_seconds(const struct valence_scorer *scorer,
                                                enum valence_score_stage stage);

/* ---- What is scored ---- */

/* A recording, or a text alone. Start from zeros. */
struct valence_recording {
    const char *name; /* in errors; NULL: the path */

    /* A file, */
    const char *path;
    /* or sound and pictures in memory, each where it is not NULL; */
    const float *samples; /* mono, at 16 kHz, full scale 1 */
    int64_t n_samples;
    const uint8_t *pixels; /* (n_pictures, height, width, 3), RGB */
    int64_t n_pictures, width, height;
    const double *times; /* (n_pictures) seconds, rising */
    /* with neither, `text` alone is scored. */

    /* The part of the file to score; NULL: all of it. It is one segment, however long. */
    const struct valence_media_segment *range;

    /* What is said, UTF-8: in all of it, which makes one segment of a recording; NULL or "" where
     * it is not known. A text alone of more than 40 words is cut into sentences. */
    const char *text;
    /* Or with times, where `text` is NULL. */
    const struct valence_transcript *transcript;
};

/* ---- Results ---- */

enum valence_word_source { VALENCE_WORDS_NONE, VALENCE_WORDS_GIVEN, VALENCE_WORDS_RECOGNISED };
extern VALENCE_API const char
    *const valence_word_source_names[VALENCE_MAX_NAMES]; /* "none", "given", ... */

/* What voice and face look like, as observed: not a score. NAN where it is not known. */
struct valence_signals {
    double expressions[VALENCE_FACE_EXPRESSIONS]; /* mean probabilities of the faces found */
    double face_coverage;                         /* share of the pictures that show the person */
    double pitch_hz, pitch_range;                 /* median; semitones from 10 % to 90 % */
    double voiced;                                /* share of the sound */
    double energy_db;                             /* mean of what is voiced, full scale 0 */
    double words_per_second;
};

/* Where the network looked (valence_attend()): how its attention is shared out over the rows of one
 * modality. It says what was gathered; only leaving it out shows what that did to the score. */
struct valence_row_attention {
    int64_t n;            /* rows; 0, and NULL, for a modality that the flow reads no rows of */
    const float *weights; /* (n): 0 ... 1, together 1 */
    /* Row i is of the seconds from i / rows_per_second on, counted from the segment's start. NAN
     * where rows do not go with the time: those of text, and of pictures without even steps. */
    double rows_per_second;
};

/* What a segment's score rests on. */
struct valence_explanation {
    /* What the score would be without a modality, in the trained flow that misses it too. NAN for a
     * modality that is missing already, or that no trained flow misses beside. */
    double without[VALENCE_MAX_MODALITIES];
    /* (n_words): the score without each word, the text read anew in the same flow. With more than
     * 32 words, 2 neighbours or more are left out together, so that there are at most 32 texts.
     * NULL where the segment has no words that the model reads, or more than 400. */
    const double *without_word;
    /* (n_words): the share of the attention to text that each word has, over all its rows. Their
     * sum is less than 1 where the tokenizer adds tokens of its own. NULL where the model reads no
     * words, or its rows cannot be told apart by words. */
    const double *word_attention;
    struct valence_row_attention attention[VALENCE_MAX_MODALITIES];
};

struct valence_scored_segment {
    int64_t index;
    double start, end; /* seconds from the file's beginning; 0 for texts */

    /* struct valence_prediction; NAN, and the reason, for a segment that has no score */
    double score, raw_score;
    struct valence_estimate estimate;
    double distance, novelty;
    bool outside, trained, fitting;
    const char *reason; /* why there is no score: "no words were recognised"; "" where there is */

    /* With a model of classes, the score is the number of the most probable class, this is its
     * name, and there is no estimate. NULL with a model of scores, and where there is no score. */
    const char *class_name;
    float probabilities[VALENCE_MAX_CLASSES]; /* of each class; NAN where there is no score */

    unsigned flow;     /* that it was scored in */
    unsigned missing;  /* modalities of the model that it was scored without */
    unsigned imagined; /* those of them that the flow imagines */
    double modality_weights[VALENCE_MAX_MODALITIES];

    enum valence_word_source words_from;
    const char *text; /* what is said, as the model read it; "" */
    int64_t n_words;
    const struct valence_word *words; /* their times are 0 where they are not known */
    double confidence;                /* mean of the recognised words', else NAN */

    bool has_sound, has_pictures;          /* that were encoded */
    struct valence_face_summary faces;     /* where the model reads faces or signals are observed */
    const struct valence_signals *signals; /* NULL without options.signals */
    const struct valence_explanation *explanation; /* NULL without options.explain */
};

/* Made by the library; free with valence_recording_score_free(). */
struct valence_recording_score {
    /* The mean of the segments' scores, weighted by their durations; of a text alone, by their
     * numbers of words. `spread` is the weighted standard deviation, 0 for one segment. Segments
     * without a score do not count. Of classes the mean is that of the probabilities, and the most
     * probable class is the score; the other three are NAN. */
    double score, spread, lowest, highest;
    const char *class_name;                   /* as in a segment */
    float probabilities[VALENCE_MAX_CLASSES]; /* likewise */
    int64_t n_segments, n_unscored;
    const struct valence_scored_segment *segments;

    double seconds;               /* of the recording; 0 for a text */
    bool has_sound, has_pictures; /* what the file has, whether the model uses it or not */
    const char *language;         /* recognised, or "" */
    const char *warning;          /* what is wrong with a file that was used nevertheless, or "" */
    double work_seconds;          /* how long it took */
    double resumed_seconds; /* up to here, the scores are those that an interrupted call kept; 0 */
};
VALENCE_API void valence_recording_score_free(struct valence_recording_score *score); /* or NULL */

/* Receives a segment as soon as it is scored. The segment is valid until the function returns; a
 * value other than 0 stops the scoring: ERROR_CANCELLED. */
typedef int (*valence_segment_receiver)(void *user, const struct valence_scored_segment *segment);

/* Scores a recording, or a text. Memory grows with the number of segments, not with the sound or
 * the pictures: one segment's are held at a time. `progress`, `receive` and `score` may be NULL;
 * *score is NULL on failure.
 *
 * Errors: those of valence_scorer_load(); those of decoding and encoding, naming the recording;
 * DATA where no segment has a score, saying why; CANCELLED; MEMORY. */
VALENCE_API int valence_score_recording(struct valence_scorer *scorer,
                                        const struct valence_recording *recording,
                                        const struct valence_progress *progress,
                                        valence_segment_receiver receive, void *user,
                                        struct valence_recording_score **score,
                                        struct valence_error *error);

/* Scores `n` texts, one segment each, whose index is the text's; several are encoded together.
 * Texts without words have no score and a reason. Errors: as above, but a text without a score is
 * no error. */
VALENCE_API int valence_score_texts(struct valence_scorer *scorer, const char *const *texts,
                                    int64_t n, const struct valence_progress *progress,
                                    valence_segment_receiver receive, void *user,
                                    struct valence_error *error);

/* ---- Live ---- */

/* Sound as it comes: an utterance is scored when a pause of half a second has followed it, or it is
 * `longest_seconds` long. Memory stays the same however long it lasts. */
struct valence_live;

/* Each utterance goes to `receive`, with times from the first sample fed. *live is NULL on failure.
 * Errors: those of valence_scorer_load(); MEMORY. */
VALENCE_API int valence_live_open(struct valence_scorer *scorer, valence_segment_receiver receive,
                                  void *user, struct valence_live **live,
                                  struct valence_error *error);
VALENCE_API void valence_live_close(struct valence_live *live); /* takes NULL */

/* More samples: mono, at 16 kHz, full scale 1, any number of them. Returns when the utterances that
 * end in them are scored. Errors: DATA for a sample that is not finite; those of encoding;
 * CANCELLED where the receiver stops. */
VALENCE_API int valence_live_feed(struct valence_live *live, const float *samples, int64_t n,
                                  struct valence_error *error);

/* Ends the sound: scores the utterance that has begun. */
VALENCE_API int valence_live_end(struct valence_live *live, struct valence_error *error);

#ifdef __cplusplus
}
#endif
#endif
