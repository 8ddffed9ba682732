#include "encode/llm/beam.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/memory.h"
#include "kernels/simd.h"

/* ---- Memory ---- */

int beam_create(struct beam_search *search, int64_t n_vocab, int64_t n_beams, int64_t max_tokens,
                int n_ends, const int32_t *ends, struct valence_error *error)
{
    assert(n_beams >= 1 && n_beams <= BEAM_MAX_BEAMS && max_tokens >= 1 &&
           max_tokens <= BEAM_MAX_TOKENS && n_ends >= 0 && n_ends <= BEAM_MAX_ENDS);
    *search = (struct beam_search){.n_vocab = n_vocab,
                                   .n_beams = n_beams,
                                   .max_tokens = max_tokens,
                                   .n_ends = n_ends,
                                   .n_running = 1};
    for (int i = 0; i < n_ends; i++)
        search->ends[i] = ends[i];
    int64_t n_hypotheses = 3 * n_beams + 1;
    size_t each = (size_t)max_tokens * (2 * sizeof(int32_t) + sizeof(float));
    char *memory = search->memory = allocate(n_hypotheses, each);
    if (!memory)
        return fail_memory(error, (size_t)n_hypotheses * each, "a beam search");
    for (int64_t i = 0; i < n_hypotheses; i++, memory += each) {
        struct beam_hypothesis *hypothesis = i < n_beams       ? &search->running[i]
                                             : i < 2 * n_beams ? &search->next[i - n_beams]
                                                               : &search->finished[i - 2 * n_beams];
        hypothesis->tokens = (int32_t *)(void *)memory;
        hypothesis->parents = hypothesis->tokens + max_tokens;
        hypothesis->log_probabilities = (float *)(hypothesis->parents + max_tokens);
    }
    return VALENCE_OK;
}

void beam_free(struct beam_search *search)
{
    free(search->memory);
    *search = (struct beam_search){0};
}

/* ---- Candidates ---- */

VALENCE_CLONES static float largest_of(int64_t n, const float *x)
{
    float largest = x[0];
    for (int64_t i = 1; i < n; i++)
        largest = x[i] > largest ? x[i] : largest;
    return largest;
}

/* Partial sums in float stay short; they are added in double. */
VALENCE_CLONES static double sum_exp(int64_t n, const float *x, float shift)
{
    double sum = 0;
    for (int64_t i = 0; i < n;) {
        float parts[16] = {0};
        int64_t end = n - i > 1024 ? i + 1024 : n;
        for (; i + 16 <= end; i += 16)
            for (int j = 0; j < 16; j++)
                parts[j] += real_exp(x[i + j] - shift);
        for (; i < end; i++)
            parts[0] += real_exp(x[i] - shift);
        for (int j = 0; j < 16; j++)
            sum += parts[j];
    }
    return sum;
}

VALENCE_CLONES void log_softmax(int64_t n, float *x)
{
    float largest = largest_of(n, x);
    float log_sum = largest + (float)log(sum_exp(n, x, largest));
    for (int64_t i = 0; i < n; i++)
        x[i] -= log_sum;
}

/* Puts a candidate into the list, which keeps its `room` best; later ones of equal score stay
 * behind. */
static void offer(struct beam_search *search, int room, struct beam_candidate candidate)
{
    struct beam_candidate *list = search->candidates;
    int place = search->n_candidates < room ? search->n_candidates++ : room - 1;
    for (; place > 0 && list[place - 1].score < candidate.score; place--)
        list[place] = list[place - 1];
    list[place] = candidate;
}

/* Blocks without a value above the least that counts are skipped, vectorised. */
static void find_candidates(struct beam_search *search, const float *log_probabilities)
{
    int room = (int)((1 + (search->n_ends > 1 ? search->n_ends : 1)) * search->n_beams);
    search->n_candidates = 0;
    for (int b = 0; b < search->n_running; b++) {
        const float *row = log_probabilities + b * search->n_vocab;
        float sum = search->running[b].score;
        for (int64_t first = 0; first < search->n_vocab; first += 256) {
            int64_t n = search->n_vocab - first < 256 ? search->n_vocab - first : 256;
            if (search->n_candidates == room &&
                sum + largest_of(n, row + first) <= search->candidates[room - 1].score)
                continue;
            for (int64_t v = first; v < first + n; v++)
                if (search->n_candidates < room ||
                    sum + row[v] > search->candidates[room - 1].score)
                    offer(search, room, (struct beam_candidate){sum + row[v], b, (int32_t)v});
        }
    }
}

/* ---- Hypotheses ---- */

static bool is_end(const struct beam_search *search, int32_t token)
{
    for (int i = 0; i < search->n_ends; i++)
        if (search->ends[i] == token)
            return true;
    return false;
}

static void extend(const struct beam_search *search, const struct beam_candidate *candidate,
                   const float *log_probabilities, struct beam_hypothesis *extended)
{
    const struct beam_hypothesis *parent = &search->running[candidate->parent];
    size_t n = (size_t)parent->length;
    memcpy(extended->tokens, parent->tokens, n * sizeof *extended->tokens);
    memcpy(extended->parents, parent->parents, n * sizeof *extended->parents);
    memcpy(extended->log_probabilities, parent->log_probabilities,
           n * sizeof *extended->log_probabilities);
    extended->tokens[n] = candidate->token;
    extended->parents[n] = candidate->parent;
    extended->log_probabilities[n] =
        log_probabilities[candidate->parent * search->n_vocab + candidate->token];
    extended->length = parent->length + 1;
    extended->score = candidate->score;
}

/* Takes the hypothesis of the spare place behind the finished ones into their order. */
static void insert_finished(struct beam_search *search)
{
    struct beam_hypothesis *list = search->finished, inserted = list[search->n_finished];
    int place = search->n_finished;
    for (; place > 0 && list[place - 1].score < inserted.score; place--)
        list[place] = list[place - 1];
    list[place] = inserted;
    if (search->n_finished < search->n_beams)
        search->n_finished++;
}

void beam_step(struct beam_search *search, const float *log_probabilities)
{
    int64_t length = ++search->n_steps;
    bool last = length == search->max_tokens;
    int n_next = 0;
    find_candidates(search, log_probabilities);
    for (int rank = 0; rank < search->n_candidates; rank++) {
        const struct beam_candidate *candidate = &search->candidates[rank];
        if (last || is_end(search, candidate->token)) {
            struct beam_hypothesis *spare = &search->finished[search->n_finished];
            if (rank >= search->n_beams)
                continue;
            extend(search, candidate, log_probabilities, spare);
            spare->score /= (float)length;
            insert_finished(search);
        } else if (n_next < search->n_beams) {
            extend(search, candidate, log_probabilities, &search->next[n_next++]);
        }
    }
    for (int i = 0; i < n_next; i++) {
        struct beam_hypothesis used = search->running[i];
        search->running[i] = search->next[i];
        search->next[i] = used;
    }
    search->n_running = n_next;
    bool full = search->n_finished == search->n_beams;
    search->over =
        n_next == 0 ||
        (full && (search->n_beams == 1 || search->running[0].score / (float)length <=
                                              search->finished[search->n_beams - 1].score));
}
