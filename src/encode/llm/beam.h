/* Beam search, apart from any model: it is given the scores of a pass and says which hypotheses go
 * on.
 *
 * The rules are those of transformers 5.24 (generation/utils.py, _beam_search; defaults, no
 * sampling). Of n_beams running hypotheses, with sums of log-probabilities s_b in float32, at
 * length n after the step:
 *
 *   1. The best max(2, 1 + n_ends) * n_beams of all s_b + log p_b(token) are the candidates, in
 * order.
 *   2. A candidate is done if its token is an end, or n is the most there may be.
 *   3. The best n_beams candidates that are not done run on; so beam 0 is always the best
 * unfinished one.
 *   4. Done candidates among the first n_beams become finished hypotheses with score sum / n, ends
 * counted; old and new together are cut to the best n_beams. Done candidates of later ranks are
 * lost.
 *   5. The search is over at the most tokens, or once n_beams are finished and the best running sum
 * / n (at the current length) is not above the worst finished score.
 *
 * With one beam it is greedy search: over with the first end. Among equal values the lower beam *
 * n_vocab + token goes first, and the earlier finished. */
#ifndef VALENCE_ENCODE_LLM_BEAM_H
#define VALENCE_ENCODE_LLM_BEAM_H

#include <stdbool.h>
#include <stdint.h>

#include "valence/error.h"

#define BEAM_MAX_BEAMS  16
#define BEAM_MAX_TOKENS 4096
#define BEAM_MAX_ENDS   15
#define BEAM_MAX_RANKS  ((1 + BEAM_MAX_ENDS) * BEAM_MAX_BEAMS)

struct beam_candidate {
    float score; /* sum of log-probabilities */
    int32_t parent, token;
};

struct beam_hypothesis {
    int64_t length;
    int32_t *tokens, *parents; /* the beam of the pass that token j was taken from */
    float *log_probabilities;
    float score; /* the sum; of a finished one divided by its length */
};

struct beam_search {
    int64_t n_vocab, n_beams, max_tokens;
    int n_ends;
    int32_t ends[BEAM_MAX_ENDS];

    int64_t n_steps; /* passes seen */
    bool over;
    int n_running, n_finished, n_candidates; /* running: 1 at first */
    struct beam_hypothesis running[BEAM_MAX_BEAMS];
    /* best first; room for one to be inserted */
    struct beam_hypothesis finished[BEAM_MAX_BEAMS + 1];
    struct beam_candidate candidates[BEAM_MAX_RANKS]; /* of the last step, best first */

    struct beam_hypothesis next[BEAM_MAX_BEAMS];
    void *memory;
};

/* A search that has seen nothing. `ends`: the end-of-sequence tokens, at most BEAM_MAX_ENDS. */
int beam_create(struct beam_search *search, int64_t n_vocab, int64_t n_beams, int64_t max_tokens,
                int n_ends, const int32_t *ends, struct valence_error *error);
void beam_free(struct beam_search *search);

/* One pass: log-probabilities of the next token for each running hypothesis, (n_running, n_vocab).
 * Afterwards either `over` is set, or search->running[b] is to be fed its last token, following
 * beam .parents[length - 1] of this pass. */
void beam_step(struct beam_search *search, const float *log_probabilities);

/* y_i = x_i - log sum_j exp x_j, in place. */
void log_softmax(int64_t n, float *x);

#endif
