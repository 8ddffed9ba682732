/* A transcript as the tokens that a language model reads: what stands before and behind it, and
 * which of the tokens have rows. */
#ifndef VALENCE_ENCODE_LLM_TRANSCRIPT_TOKENS_H
#define VALENCE_ENCODE_LLM_TRANSCRIPT_TOKENS_H

#include <stdbool.h>

#include "encode/llm/language_model.h"

#define PREFIX_TEXT_BYTES 256
#define SUFFIX_TEXT_BYTES 256

/* What the model reads before every transcript. A model's first token is where its attention goes
 * by default; it says next to nothing about the word that stands there, so a beginning takes its
 * place. */
struct transcript_prefix {
    bool given;                   /* else what the tokenizer adds (BOS) is all there is */
    bool bos;                     /* the model's BOS, whether or not the tokenizer adds it */
    char text[PREFIX_TEXT_BYTES]; /* after it */
    llama_token *tokens;          /* of all of it, alone */
    int64_t n;
};

/* Parses "<bos>", a text, or "<bos>" and a text; NULL and "" are no prefix. A model without BOS
 * reads the text alone. Errors: ARGUMENT where it is too long, UNSUPPORTED where nothing is left.
 * Clear in any case. */
int transcript_prefix_parse(struct transcript_prefix *prefix, const struct language_model *model,
                            const char *text, struct valence_error *error);
void transcript_prefix_clear(struct transcript_prefix *prefix);

/* What the model reads behind every transcript. A causal model's rows there have read all of it, so
 * words that ask for something gather it there. */
struct transcript_suffix {
    char text[SUFFIX_TEXT_BYTES];
    llama_token *tokens; /* of the text alone: a transcript's own tokens do not depend on it */
    int64_t n;
};

/* NULL and "" are no suffix. Errors: ARGUMENT where it is too long; DATA where it is not UTF-8.
 * Clear in any case. */
int transcript_suffix_parse(struct transcript_suffix *suffix, const struct language_model *model,
                            const char *text, struct valence_error *error);
void transcript_suffix_clear(struct transcript_suffix *suffix);

struct transcript_tokens {
    llama_token *tokens;
    int64_t n;
    int64_t lead;               /* the first ones that are no part of the transcript: prefix, BOS */
    int64_t first, end;         /* of those that have rows */
    int64_t suffix, suffix_end; /* of those that are the suffix's */
    int64_t n_bytes;            /* of the text, without the white space at its ends */
};

/* What surrounds every transcript, and whether the tokens that the tokenizer adds have no rows. */
struct transcript_frame {
    struct transcript_prefix prefix;
    struct transcript_suffix suffix;
    bool drop_special;
};

/* The tokens of a text without the white space at its ends; none where nothing is left. Those of a
 * prefix have no rows, those of a suffix do: they stand behind the text and before what the
 * tokenizer adds there. Errors: those of language_model_tokenize(). free(transcript->tokens). */
int transcript_tokens_read(struct transcript_tokens *transcript, const struct language_model *model,
                           const struct transcript_frame *frame, const char *text,
                           struct valence_error *error);

/* The word that each token is of, (n): words stand between blanks and are counted from 0; -1 for a
 * token of none (prefix, suffix, BOS). A token of several words counts for the first. */
void transcript_tokens_find_words(const struct transcript_tokens *transcript,
                                  const struct language_model *model, int64_t *words);

#endif
