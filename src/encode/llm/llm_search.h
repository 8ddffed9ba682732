/* Beam search with a language model: passes over the running hypotheses, each in a sequence of its
 * own. */
#ifndef VALENCE_ENCODE_LLM_LLM_SEARCH_H
#define VALENCE_ENCODE_LLM_LLM_SEARCH_H

#include "encode/llm/beam.h"
#include "encode/llm/llm_context.h"

struct llm_search {
    struct llm_context *context;
    struct beam_search beams;
    int64_t n_prompt;                  /* positions */
    int64_t sequences[BEAM_MAX_BEAMS]; /* of the running hypotheses */
    float *scores;                     /* (n_beams, n_vocab), log-probabilities of the last pass */
};

/* The sequence that keeps the prompt alone. */
#define LLM_SEARCH_PROMPT(search) ((search)->beams.n_beams)

/* Starts from a prompt that lies in sequence 0, `n_prompt` positions, the last of which is the last
 * row of the batch just computed and an output. The model's tokens that end a generation end a
 * hypothesis. The context has n_beams + 1 sequences and room for n_beams * max_tokens positions
 * more. *search is cleared on failure. Errors: DATA where the model's scores are not finite;
 * MEMORY. */
int llm_search_begin(struct llm_search *search, struct llm_context *context, int64_t n_prompt,
                     int64_t n_beams, int64_t max_tokens, struct valence_error *error);
void llm_search_free(struct llm_search *search);

/* One more pass, while search->beams.over is false. The taps of running hypothesis b go to rows[b];
 * NULL: nowhere. */
int llm_search_pass(struct llm_search *search, const struct llm_row *rows,
                    struct valence_error *error);

#endif
