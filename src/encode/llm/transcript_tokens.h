/* A transcript as the tokens that a language model reads: what stands before it, and which of the
 * tokens have rows. */
#ifndef VALENCE_ENCODE_LLM_TRANSCRIPT_TOKENS_H
#define VALENCE_ENCODE_LLM_TRANSCRIPT_TOKENS_H

#include <stdbool.h>

#include "encode/llm/language_model.h"

#define PREFIX_TEXT_BYTES 256

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

struct transcript_tokens {
    llama_token *tokens;
    int64_t n;
    int64_t lead;       /* the first ones that are no part of the transcript: prefix, BOS */
    int64_t first, end; /* of those that have rows */
    int64_t n_bytes;    /* of the text, without the white space at its ends */
};

/* The tokens of a text without the white space at its ends; none where nothing is left. Those of a
 * prefix have no rows, those that the tokenizer adds none where `drop_special`. Errors: those of
 * language_model_tokenize(). free(transcript->tokens). */
int transcript_tokens_read(struct transcript_tokens *transcript, const struct language_model *model,
                           const struct transcript_prefix *prefix, const char *text,
                           bool drop_special, struct valence_error *error);

/* The word that each token is of, (n): words stand between blanks and are counted from 0; -1 for a
 * token of none (prefix, BOS). A token of several words counts for the first. */
void transcript_tokens_find_words(const struct transcript_tokens *transcript,
                                  const struct language_model *model, int64_t *words);

#endif
