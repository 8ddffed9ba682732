/* Text rows of transcripts, made the same way wherever they are made: for a store that is trained
 * on, and for a sentence that is scored. The settings go with the store and the checkpoint as
 * JSON. */
#ifndef VALENCE_ENCODE_LLM_TRANSCRIPTS_H
#define VALENCE_ENCODE_LLM_TRANSCRIPTS_H

#include <jansson.h>
#include <stdbool.h>

#include "valence/encoder.h"

/* How a transcript is written before the model reads it. Data sets spell theirs in capitals or
 * without marks, which a model has hardly seen; only A-Z are changed, other alphabets stay as they
 * are. */
enum transcript_spelling {
    TRANSCRIPT_AS_IS,
    TRANSCRIPT_LOWER,    /* lower-case */
    TRANSCRIPT_SENTENCE, /* lower-case, a capital at the beginning and in I, and a period where no
                            mark ends it */
    TRANSCRIPT_N_SPELLINGS
};
extern const char *const transcript_spelling_names[TRANSCRIPT_N_SPELLINGS];

/* Which rows a transcript has. */
enum transcript_rows {
    TRANSCRIPT_TOKENS, /* one a token */
    TRANSCRIPT_MEAN,   /* their mean */
    TRANSCRIPT_LAST,   /* the last token's, which has read all of it */
    TRANSCRIPT_N_ROWS
};
extern const char *const transcript_rows_names[TRANSCRIPT_N_ROWS];

struct transcript_settings {
    const char *layers; /* as in struct valence_encoder_options */
    enum transcript_spelling spelling;
    enum transcript_rows rows;
    bool drop_special; /* no rows for the tokens that the tokenizer adds */
    /* Nor for the first one that is left: models keep there what they attend to by default, with
     * values a thousand times the others'. A transcript of that token alone has no rows. */
    bool drop_first;
};

struct transcript_encoder;

/* Loads the language model at `path`. `device` as in struct valence_encoder_options. *encoder is
 * NULL on failure. Errors: those of valence_encoder_load(); ARGUMENT where the file holds another
 * kind of encoder. */
int transcript_encoder_open(const char *path, const struct transcript_settings *settings,
                            const char *device, struct transcript_encoder **encoder,
                            struct valence_error *error);
void transcript_encoder_close(struct transcript_encoder *encoder);

int64_t transcript_encoder_width(const struct transcript_encoder *encoder);

/* The settings and the model that they are used with, as an object of the caller's; NULL where
 * memory is short. */
json_t *transcript_encoder_describe(const struct transcript_encoder *encoder);

/* The settings in such an object, which must outlive them. ERROR_FORMAT where it is none. */
int transcript_settings_from_json(const json_t *description, struct transcript_settings *settings,
                                  struct valence_error *error);

/* The rows of `n` transcripts; NULL or a blank one has none. Free with valence_features_free().
 * Errors: those of valence_encoder_encode(), an input's number counted from 0. */
int transcript_encoder_encode(struct transcript_encoder *encoder, const char *const *transcripts,
                              int64_t n, const struct valence_progress *progress,
                              struct valence_features *features, struct valence_error *error);

/* The transcript as the model reads it, in fresh memory (free() it); NULL where memory is short. */
char *transcript_spell(const char *transcript, enum transcript_spelling spelling);

#endif
