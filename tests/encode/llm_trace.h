/* What a beam search looks like step by step, as the fixtures store it. */
#ifndef VALENCE_TESTS_ENCODE_LLM_TRACE_H
#define VALENCE_TESTS_ENCODE_LLM_TRACE_H

#include <math.h>
#include <stdbool.h>
#include <stdint.h>

#include "encode/llm/beam.h"

struct trace {
    int64_t *cand_parent, *cand_token, *run_parent, *run_token, n;
    float *cand_score, *run_score;
    int64_t n_wrong;
    double largest;
};

static inline void note(struct trace *trace, bool same, double difference)
{
    trace->n_wrong += !same;
    if (!(fabs(difference) <= trace->largest))
        trace->largest = fabs(difference);
}

/* Compares the step that the search has just made. */
static inline void follow(struct trace *trace, const struct beam_search *search)
{
    int64_t step = search->n_steps - 1;
    if (step >= trace->n || search->n_candidates != 8) {
        trace->n_wrong++;
        return;
    }
    for (int64_t i = 0, at = step * 8; i < 8; i++, at++) {
        const struct beam_candidate *candidate = &search->candidates[i];
        note(trace,
             candidate->parent == trace->cand_parent[at] &&
                 candidate->token == trace->cand_token[at],
             (double)candidate->score - trace->cand_score[at]);
    }
    for (int64_t b = 0, at = step * 4; b < 4; b++, at++) {
        const struct beam_hypothesis *running = &search->running[b];
        int64_t last = running->length - 1;
        if (b >= search->n_running)
            note(trace, trace->run_parent[at] == -1 || trace->run_score[at] < -1e8, 0);
        else
            note(trace,
                 running->parents[last] == trace->run_parent[at] &&
                     running->tokens[last] == trace->run_token[at],
                 (double)running->score - trace->run_score[at]);
    }
}

#endif
