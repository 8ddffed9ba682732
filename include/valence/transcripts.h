/* Text rows of transcripts, made the same way wherever they are made: for a store that is trained
 * on, and for a sentence that is scored.
 *
 * A transcript encoder is a language model together with its settings: how a transcript is spelt,
 * what the model reads before and after it, and which rows are kept. The settings are recorded as
 * JSON with a store and with what is trained on it, so that the same rows can be made again. */
#ifndef VALENCE_TRANSCRIPTS_H
#define VALENCE_TRANSCRIPTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "valence/api.h"
#include "valence/encoder.h"
#include "valence/error.h"
#include "valence/progress.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Settings ---- */

/* How a transcript is written before the model reads it. Data sets publish transcripts in capitals
 * or without punctuation, which a model has rarely seen. Of letters, only A-Z change; other
 * alphabets stay as they are. */
enum valence_spelling {
    VALENCE_SPELLING_AS_IS,
    VALENCE_SPELLING_LOWER, /* lower-case */
    /* lower-case, a capital at the beginning and in I, and a period where no mark ends it */
    VALENCE_SPELLING_SENTENCE,
    /* the same, with every run of exclamation marks as a period and "?!" as "?": emphasis that few
     * transcripts write does not move the rows */
    VALENCE_SPELLING_PLAIN,
    /* as a sentence, with about 190 emoji as English words after a comma: "late 😡" becomes "Late,
     * angry."; small language models tell few emoji apart */
    VALENCE_SPELLING_WORDS,
    VALENCE_N_SPELLINGS
};
/* VALENCE_N_SPELLINGS */
extern VALENCE_API const char *const valence_spelling_names[VALENCE_MAX_NAMES];

/* Which rows a transcript has. */
enum valence_transcript_rows {
    VALENCE_ROWS_TOKENS, /* one for each token */
    VALENCE_ROWS_MEAN,   /* one, their mean */
    VALENCE_ROWS_LAST,   /* one, the last token's, which has read everything */
    VALENCE_N_TRANSCRIPT_ROWS
};
extern VALENCE_API const char *const valence_transcript_rows_names[VALENCE_MAX_NAMES];

/* The prefix that suits best in docs/text-features.md. */
#define VALENCE_PREFIX_DEFAULT VALENCE_PREFIX_BOS "\n"

struct valence_transcript_options {
    size_t size;
    const char *device; /* as in struct valence_encoder_options, as the next two */
    const char *layers;
    const char *memory;
    /* What the model reads before each transcript, as in struct valence_encoder_options; its rows
     * are dropped. The row of a language model's first token says next to nothing about the word
     * there, so without a prefix that word is lost. Default: VALENCE_PREFIX_DEFAULT; "": none. */
    const char *prefix;
    enum valence_spelling spelling;    /* default: VALENCE_SPELLING_AS_IS */
    enum valence_transcript_rows rows; /* default: VALENCE_ROWS_TOKENS */
    bool drop_special; /* no rows for the tokens that the tokenizer adds around a text */
    /* no row for the first token that is left: for stores made before there were prefixes */
    bool drop_first;
    /* What the model reads after each transcript, e.g. " Overall, the feeling here is". Its tokens
     * have rows too, after the transcript's: they have read all of it, and belong to no word. Begin
     * it with a blank or a new line. An empty transcript stays empty. Default: NULL, as "": none.
     */
    const char *suffix;
};

VALENCE_API void valence_transcript_options_default(struct valence_transcript_options *options);

/* ---- The encoder ---- */

struct valence_transcript_encoder; /* one per thread */

/* Loads the language model in the GGUF file at `path`. `options` may be NULL, and is not kept.
 * *encoder is NULL on failure. Errors: those of valence_encoder_load(); ARGUMENT where the file
 * holds another kind of encoder, or a setting is out of range. Close with
 * valence_transcript_encoder_close(), which takes NULL too. */
VALENCE_API int valence_transcript_encoder_open(const char *path,
                                                const struct valence_transcript_options *options,
                                                struct valence_transcript_encoder **encoder,
                                                struct valence_error *error);

/* The same with the settings that `recorded` gives: a JSON object as
 * valence_transcript_encoder_settings() writes it. Of `options` (which may be NULL) only the device
 * and the memory are used.
 * Errors: also FORMAT where `recorded` is no such object; DATA, naming what differs, where the
 * model at `path` is not the one recorded. */
VALENCE_API int valence_transcript_encoder_open_recorded(
    const char *path, const char *recorded, const struct valence_transcript_options *options,
    struct valence_transcript_encoder **encoder, struct valence_error *error);
VALENCE_API void valence_transcript_encoder_close(struct valence_transcript_encoder *encoder);

/* The language model behind it; it belongs to the transcript encoder. */
VALENCE_API const struct valence_encoder *
valence_transcript_encoder_model(const struct valence_transcript_encoder *encoder);

/* The settings and the model's fingerprint, a JSON object as text that belongs to the encoder. */
VALENCE_API const char *
valence_transcript_encoder_settings(const struct valence_transcript_encoder *encoder);

/* The rows of `n` transcripts, UTF-8. NULL, "" and blanks have no rows; a byte-order mark at the
 * beginning is not part of the text. `progress` may be NULL. Free with valence_features_free().
 * *features is cleared on failure. Errors: those of valence_encoder_encode(), which count
 * transcripts from 0. */
VALENCE_API int valence_transcript_encoder_encode(struct valence_transcript_encoder *encoder,
                                                  const char *const *transcripts, int64_t n,
                                                  const struct valence_progress *progress,
                                                  struct valence_features *features,
                                                  struct valence_error *error);

/* Which word each of the first `n_rows` rows of a transcript is of: words stand between blanks and
 * are counted from 0; -1 for a row of no word (of the suffix, or a token that the tokenizer adds),
 * or of all (VALENCE_ROWS_MEAN, VALENCE_ROWS_LAST). `words` is (n_rows). Errors: DATA for text that
 * is not UTF-8; LIMIT; MEMORY. */
VALENCE_API int
valence_transcript_encoder_find_words(const struct valence_transcript_encoder *encoder,
                                      const char *transcript, int64_t n_rows, int64_t *words,
                                      struct valence_error *error);

/* The transcript as the model reads it, in fresh memory: free it with
 * valence_text_free() (valence/text.h). NULL where memory is short or
 * `spelling` is out of range. */
VALENCE_API char *valence_spell(const char *transcript, enum valence_spelling spelling);

#ifdef __cplusplus
}
#endif
#endif
