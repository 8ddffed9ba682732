/* A language model of llama.cpp: its weights, mapped from a GGUF file, its tokenizer, and what it
 * is.
 *
 * Which hidden state is which, for a model of N layers, and its tensor's name in llama.cpp's graph:
 *   0                the input embedding                      embd
 *   i, 1 ... N-1     the output of layer i, counted from 1    l_out-(i-1)
 *   N                that of the last layer, final-normed     result_norm     (transformers'
 * hidden_states[N]) "raw"            that of the last layer before the norm   l_out-(N-1) */
#ifndef VALENCE_ENCODE_LLM_LANGUAGE_MODEL_H
#define VALENCE_ENCODE_LLM_LANGUAGE_MODEL_H

#include <stdbool.h>
#include <stdint.h>

#include <llama.h>

#include "base/sha256.h"
#include "encode/taps.h"
#include "encode/compute/weights.h"

#define LANGUAGE_MODEL_NAME_BYTES 128
#define LANGUAGE_MODEL_RAW(model) ((model)->n_layers + 1) /* stands for "raw" in struct tap */

struct language_model {
    struct llama_model *model;
    const struct llama_vocab *vocab; /* within model */
    int64_t n_layers, width, n_vocab, context;
    char architecture[LANGUAGE_MODEL_NAME_BYTES], source[LANGUAGE_MODEL_NAME_BYTES],
        license[LANGUAGE_MODEL_NAME_BYTES];
    /* of what all quantisations share; see valence/encoder.h */
    char fingerprint[SHA256_TEXT_BYTES];
    const char *type;    /* of the most weights; ggml's own text */
    const char *warning; /* see struct valence_encoder_description */
};

/* Fills what the file's header says, up to the fingerprint, and the width; loads nothing. Errors:
 * FORMAT, UNSUPPORTED. */
int language_model_identify(struct language_model *model, struct weights *weights,
                            struct valence_error *error);

/* Loads the file that `weights` has open, and closes that, also on failure. Errors: FORMAT, SHAPE
 * for files that llama.cpp refuses, with its reason; UNSUPPORTED for models that are not causal, or
 * recurrent. */
int language_model_load(struct language_model *model, struct weights *weights,
                        ggml_backend_dev_t device, struct valence_error *error);
void language_model_free(struct language_model *model);

int language_model_parse_taps(const struct language_model *model, const char *text,
                              struct taps *taps, struct valence_error *error);

/* Tokens of a text, without those that surround it where not `special`; special tokens written out
 * in it are text. *tokens: free() it. Errors: DATA where it is not UTF-8; LIMIT beyond
 * TEXT_MAX_BYTES; MEMORY. */
#define TEXT_MAX_BYTES (1 << 20)
int language_model_tokenize(const struct language_model *model, const char *text, size_t length,
                            bool special, llama_token **tokens, int64_t *n,
                            struct valence_error *error);

/* The text of tokens, special ones left out, as UTF-8: other bytes become U+FFFD. *text: free()
 * it. */
int language_model_text(const struct language_model *model, int64_t n, const llama_token *tokens,
                        char **text, struct valence_error *error);

#endif
