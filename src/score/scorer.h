/* A model with the encoders that its training used, and the steps from a recording to its scores.
 *
 *     plan         what the checkpoint records -> the extractor's options, with files
 *     timeline     a recording -> the spans of its segments
 *     segment      one span -> rows -> a score
 *     recording    all of them, and their mean */
#ifndef VALENCE_SCORE_SCORER_H
#define VALENCE_SCORE_SCORER_H

#include <jansson.h>

#include "valence/extract.h"
#include "valence/predict.h"
#include "valence/scorer.h"

#define SCORE_RATE_HZ 16000

/* As valence_predict_options has it: longer streams are cut. */
#define SCORE_MAX_ROWS 10000

/* Texts that a segment is read as anew to tell what its words add: with more words, neighbours are
 * left out together. Reading is what takes time, and of n words it takes as many texts of n words.
 */
#define MAX_EXPLAINED_TEXTS 32
#define MAX_EXPLAINED_WORDS 400

/* ---- Plan ---- */

/* How the model's streams were encoded, and how to encode so again. */
struct score_plan {
    json_t *encoders; /* of the checkpoint's source; an object that is NULL where there is none */
    const json_t *streams[VALENCE_N_STREAMS]; /* that are made; borrowed; NULL: not */
    unsigned modalities;                      /* that the model is fed */
    bool needs_words; /* text or recognised simulated text is among the streams */
    char names[VALENCE_N_MODALITIES][96]; /* of the encoders */
    /* options.media, recorded settings and paths point into what follows */
    struct valence_extractor_options options;
    struct valence_transcribe_options recognition;
    char *recorded_text;
    char *paths[8];
    int n_paths;
};

struct valence_scorer {
    struct valence_scorer_options options;
    struct valence_media_options media;
    char *texts[11]; /* that the options point to */
    struct valence_model *model;
    struct valence_workspace *workspace;
    struct score_plan plan;
    struct valence_extractor *extractor;     /* NULL before a recording is scored */
    struct valence_extractor *observer;      /* of signals */
    struct valence_transcript_encoder *text; /* before the extractor, which has its own */
    double stage_seconds[VALENCE_N_SCORE_STAGES];
};

/* Adds the time since `begin`, of seconds_now(), to a stage; gives the time now. */
double score_end_stage(struct valence_scorer *scorer, enum valence_score_stage stage, double begin);

/* Reads the checkpoint's record and says what can be encoded. */
int score_plan_make(struct valence_scorer *scorer, struct valence_error *error);
void score_plan_free(struct score_plan *plan);

/* Finds the files of the encoders that recordings need, or the text's alone. */
int score_plan_find(struct valence_scorer *scorer, enum valence_scorer_source source,
                    struct valence_error *error);

/* The file of one encoder: `given` (may be NULL), or the first of the known models `names` (ending
 * in NULL) that is in the folder. `key` is the option's name; `what` says what needs it. */
int score_find_encoder(struct valence_scorer *scorer, const char *given, const char *const *names,
                       const char *key, const char *what, const char **path,
                       struct valence_error *error);
extern const char *const score_face_models[];

/* Whether an opened extractor gives the rows that the model was trained on. */
int score_plan_check(const struct valence_scorer *scorer, const char *settings,
                     struct valence_error *error);

/* The encoder of text rows that is loaded, or NULL. */
struct valence_transcript_encoder *score_text_encoder(const struct valence_scorer *scorer);

/* ---- Timeline ---- */

/* A part of a recording that is scored by itself. */
struct score_span {
    double start, end;
    char *text; /* what is said in it; NULL: nothing, or it is not known (is_whole, words_from) */
    int64_t n_words;
    struct valence_word *words; /* in memory of their own, as their texts */
    double confidence;          /* NAN where it is not known */
};

struct score_timeline {
    int64_t n, capacity;
    struct score_span *spans;
    bool is_whole; /* one span, that the extractor recognises the words of */
    enum valence_word_source words_from;
    char *language;
};

struct score_journal; /* score/journal.h; NULL: nothing is kept */

int score_timeline_make(struct valence_scorer *scorer, const struct valence_recording *recording,
                        double seconds, bool has_sound, struct score_journal *journal,
                        const struct valence_progress *progress, struct score_timeline *timeline,
                        struct valence_error *error);
void score_timeline_free(struct score_timeline *timeline);

/* Words in fresh memory; each has its text in memory of its own. */
int score_words_copy(const struct valence_word *words, int64_t n, struct valence_word **copy,
                     struct valence_error *error);
void score_words_free(struct valence_word *words, int64_t n);

/* Bytes of the blanks that a text begins with, and of what stands before the next blank. */
size_t score_blanks(const char *text);
size_t score_letters(const char *text);

/* The words of a text, split at blanks, without times. */
int score_words_split(const char *text, struct valence_word **words, int64_t *n,
                      struct valence_error *error);

/* Whether a sentence ends with the text. */
bool score_ends_sentence(const char *text);

/* ---- Pauses ---- */

/* Finds utterances between pauses, as samples come. A level that rises `PAUSE_RISE_DB` above the
 * quietest of the last seconds is speech; PAUSE_SECONDS without any end an utterance. */
struct pause_finder {
    double longest; /* seconds; a longer utterance is cut at its quietest */
    double begin;   /* seconds of the first sample */
    int64_t n_frames;
    double sum; /* of squares in the frame at hand */
    int n_in_frame;
    double floor;                   /* dB */
    int64_t speech_from, speech_to; /* frames of the utterance at hand; -1: there is none */
    int64_t quietest;               /* frame in the last third before `longest` */
    double quietest_level;
};

/* Receives the utterance that ended, in seconds. */
typedef int (*pause_receiver)(void *user, double start, double end, struct valence_error *error);

void pause_finder_begin(struct pause_finder *finder, double begin, double longest);
int pause_finder_add(struct pause_finder *finder, const float *samples, int64_t n,
                     pause_receiver receive, void *user, struct valence_error *error);
int pause_finder_end(struct pause_finder *finder, pause_receiver receive, void *user,
                     struct valence_error *error);

/* ---- A segment ---- */

/* What a segment's score is made of. */
struct score_made {
    struct valence_scored_segment is; /* pointers are to what follows */
    char *text, *reason;
    char language[8]; /* that was recognised in it by itself, or "" */
    struct valence_word *words;
    struct valence_signals signals;
    bool is_observed; /* the signals are there: a text has none */
    struct valence_explanation explanation;
    double *without_word, *word_attention;
    float *row_attention; /* of all modalities, one behind the other */
};

void score_made_free(struct score_made *made);

/* Scores one span. What cannot be scored (no words, no face) gets a reason and is no error.
 * *warning, where it is still NULL, receives what is wrong with the file, in fresh memory. */
int score_span(struct valence_scorer *scorer, const struct valence_recording *recording,
               const struct score_timeline *timeline, const struct score_span *span,
               const struct valence_progress *progress, struct score_made *made, char **warning,
               struct valence_error *error);

/* Points the segment at its parts, which stand where they will be read. */
void score_made_seal(struct score_made *made, int64_t index, bool has_signals, bool is_explained);

/* Scores a batch of one clip, in the flow that fits it or in `flow`. */
int score_batch(struct valence_scorer *scorer, const struct valence_batch *batch, int flow,
                struct valence_scored_segment *segment, struct valence_error *error);

/* The segment has no score, and why. */
int score_no_score(struct score_made *made, const char *reason, struct valence_error *error);

/* Replaces *to by a copy of the text; NULL counts as "". */
int score_set_text(const char *from, char **to, struct valence_error *error);

/* The set of modalities that the batch has rows of. */
unsigned score_present(const struct valence_batch *batch);

/* ---- Beside the score ---- */

int score_explain(struct valence_scorer *scorer, const struct valence_batch *batch,
                  struct score_made *made, struct valence_error *error);

/* Part of score_explain(): where the network looked. */
int score_attend(struct valence_scorer *scorer, const struct valence_batch *batch,
                 struct score_made *made, struct valence_error *error);

int score_observe(struct valence_scorer *scorer, const struct valence_clip_input *input,
                  const struct valence_progress *progress, struct score_made *made,
                  struct valence_error *error);

#endif
