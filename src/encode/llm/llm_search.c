#include "encode/llm/llm_search.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/memory.h"

/* The tokens that end a generation, as many as the search can know. */
static int find_ends(const struct language_model *model, int32_t ends[BEAM_MAX_ENDS])
{
    int n = 0;
    for (int64_t token = 0; token < model->n_vocab && n < BEAM_MAX_ENDS; token++)
        if (llama_vocab_is_eog(model->vocab, (llama_token)token))
            ends[n++] = (int32_t)token;
    return n;
}

/* Row `first` ... of the batch are the running hypotheses' last tokens. */
static int take_step(struct llm_search *search, int64_t first, struct valence_error *error)
{
    struct beam_search *beams = &search->beams;
    int64_t n = beams->n_running, n_vocab = beams->n_vocab;
    bool finite = true;
    for (int64_t b = 0; b < n; b++)
        memcpy(search->scores + b * n_vocab, llm_batch_logits(search->context, first + b),
               (size_t)n_vocab * sizeof *search->scores);
#pragma omp parallel for if (n > 1) schedule(static)
    for (int64_t b = 0; b < n; b++)
        log_softmax(n_vocab, search->scores + b * n_vocab);
    for (int64_t b = 0; b < n; b++) /* one value that is not makes all so */
        finite = finite && isfinite(search->scores[b * n_vocab]);
    if (!finite)
        return fail(error, VALENCE_ERROR_DATA,
                    "%s: the model gives scores that are not finite (is the file damaged?)",
                    search->context->model->source);
    beam_step(beams, search->scores);
    return VALENCE_OK;
}

int llm_search_begin(struct llm_search *search, struct llm_context *context, int64_t n_prompt,
                     int64_t n_beams, int64_t max_tokens, struct valence_error *error)
{
    const struct language_model *model = context->model;
    int32_t ends[BEAM_MAX_ENDS];
    int n_ends = find_ends(model, ends);
    *search = (struct llm_search){.context = context, .n_prompt = n_prompt};
    int status =
        beam_create(&search->beams, model->n_vocab, n_beams, max_tokens, n_ends, ends, error);
    if (status)
        return status;
    search->scores = allocate(n_beams * model->n_vocab, sizeof *search->scores);
    if (!search->scores)
        status = fail_memory(error, (size_t)(n_beams * model->n_vocab) * sizeof *search->scores,
                             "a beam search");
    if (!status)
        status = take_step(search, llm_batch_n(context) - 1, error);
    if (status) {
        llm_search_free(search);
        return status;
    }
    llm_sequence_copy(context, 0, LLM_SEARCH_PROMPT(search));
    for (int64_t b = 0; b < n_beams; b++) {
        search->sequences[b] = b;
        if (b > 0)
            llm_sequence_copy(context, 0, b);
    }
    return VALENCE_OK;
}

void llm_search_free(struct llm_search *search)
{
    beam_free(&search->beams);
    free(search->scores);
    *search = (struct llm_search){0};
}

/* Sequences follow the hypotheses that the last step kept: the first child of a parent goes on in
 * its sequence, the others copy it into those of parents without children. */
static void move_sequences(struct llm_search *search)
{
    const struct beam_search *beams = &search->beams;
    int64_t parents[BEAM_MAX_BEAMS], next[BEAM_MAX_BEAMS];
    bool kept[BEAM_MAX_BEAMS] = {false};
    int heirs[BEAM_MAX_BEAMS], n_heirs = 0;
    for (int b = 0; b < beams->n_running; b++) {
        const struct beam_hypothesis *hypothesis = &beams->running[b];
        parents[b] = search->sequences[hypothesis->parents[hypothesis->length - 1]];
        if (kept[parents[b]])
            heirs[n_heirs++] = b;
        else
            next[b] = parents[b];
        kept[parents[b]] = true;
    }
    for (int64_t sequence = 0; sequence < beams->n_beams; sequence++) {
        if (kept[sequence])
            continue;
        if (n_heirs > 0) {
            int b = heirs[--n_heirs];
            llm_sequence_copy(search->context, parents[b], sequence);
            next[b] = sequence;
        } else {
            llm_sequence_remove(search->context, sequence);
        }
    }
    memcpy(search->sequences, next, (size_t)beams->n_running * sizeof *next);
}

int llm_search_pass(struct llm_search *search, const struct llm_row *rows,
                    struct valence_error *error)
{
    const struct beam_search *beams = &search->beams;
    if (beams->n_steps > 1) /* after the first step all sequences are the prompt */
        move_sequences(search);
    llm_batch_begin(search->context, false);
    for (int b = 0; b < beams->n_running; b++) {
        const struct beam_hypothesis *hypothesis = &beams->running[b];
        struct llm_row row = {NULL, 1};
        llm_batch_add_token(search->context, hypothesis->tokens[hypothesis->length - 1],
                            search->n_prompt + hypothesis->length - 1, search->sequences[b], true,
                            rows ? rows[b] : row);
    }
    int status = llm_batch_compute(search->context, error);
    return status ? status : take_step(search, 0, error);
}
