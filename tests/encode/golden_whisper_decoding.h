/* Checks of the decoder's half: hidden states, logits, languages, greedy decoding and segments. */
#ifndef VALENCE_TESTS_GOLDEN_WHISPER_DECODING_H
#define VALENCE_TESTS_GOLDEN_WHISPER_DECODING_H

#include "golden_whisper.h"

#define MAX_DECODED 448

/* The description's limits for logits; dec.hidden.* and dec.last_hidden have the other. */
static inline double logit_limit(const struct run *run)
{
    return run->fixture->is_real ? 5e-4 : 4e-5;
}
#define DECODER_HIDDEN_LIMIT 3e-5

static inline int64_t read_tokens(const json_t *list, int64_t tokens[MAX_DECODED])
{
    int64_t n = (int64_t)json_array_size(list);
    for (int64_t i = 0; i < n && i < MAX_DECODED; i++)
        tokens[i] = json_integer_value(json_array_get(list, (size_t)i));
    return n < MAX_DECODED ? n : MAX_DECODED;
}

static inline void judge(const struct run *run, const char *what, double found, double limit)
{
    char name[160], measured[96];
    snprintf(name, sizeof name, "%s %s%s", path_name(run->fixture->folder), run->stem, what);
    snprintf(measured, sizeof measured, "max %.2e (limit %.0e)", found, limit);
    verdict(run->fixture->tally, name, found <= limit, measured);
}

static inline void judge_equal(const struct run *run, const char *what, bool is_equal,
                               const char *note)
{
    char name[160];
    snprintf(name, sizeof name, "%s %s%s", path_name(run->fixture->folder), run->stem, what);
    verdict(run->fixture->tally, name, is_equal, note);
}

/* ---- Teacher-forced ---- */

static inline void see_decoder(void *user, int64_t index, int64_t n, const float *rows)
{
    const struct run *run = user;
    char name[40] = "dec.last_hidden";
    if (index <= run->fixture->decoder.n_layers)
        snprintf(name, sizeof name, "dec.hidden.%" PRId64, index);
    check(run, name, "", n * run->fixture->decoder.width, rows, DECODER_HIDDEN_LIMIT);
}

/* The stored five largest logits of each position: their values, and that no other is larger. */
static inline void check_top(const struct run *run, int64_t n, const float *logits)
{
    const struct safetensor *ids = find(run, "dec.top5_ids"), *top = find(run, "dec.top5_logits");
    int64_t vocabulary = run->fixture->decoder.vocabulary, kept = ids ? ids->count / n : 0;
    if (!ids || !top)
        return;
    int32_t *listed = (int32_t *)bytes_of(ids);
    float *found = must_have(malloc((size_t)ids->count * sizeof *found)), *want = values_of(top);
    double beyond = 0;
    for (int64_t i = 0; i < n; i++) {
        const float *row = logits + i * vocabulary;
        for (int64_t j = 0; j < kept; j++)
            found[i * kept + j] = row[listed[i * kept + j]];
        for (int64_t id = 0; id < vocabulary; id++) {
            bool is_listed = false;
            for (int64_t j = 0; j < kept; j++)
                is_listed = is_listed || listed[i * kept + j] == id;
            if (!is_listed)
                beyond = fmax(beyond, row[id] - want[i * kept + kept - 1]);
        }
    }
    check(run, "dec.top5_logits", "", ids->count, found, logit_limit(run));
    judge(run, "dec.top5_ids (others beyond)", beyond, logit_limit(run));
    free(listed);
    free(found);
    free(want);
}

/* The logits behind each token of the prompt and of those stored after it. A decoder that chooses
 * the stored tokens one by one computes the same, as no token sees a later one. */
struct forced {
    int64_t tokens[2 * MAX_DECODED], n_prompt, n; /* prompt, then n stored ones */
    float *logits;                                /* (n_prompt + n, vocabulary) */
};

static inline struct forced force_tokens(const struct run *run, const json_t *facts,
                                         decoder_visit *visit)
{
    struct forced forced;
    const struct decoder *decoder = &run->fixture->decoder;
    forced.n_prompt = read_tokens(json_object_get(facts, "prompt"), forced.tokens);
    forced.n = read_tokens(json_object_get(facts, "tokens"), forced.tokens + forced.n_prompt);
    int64_t n = forced.n_prompt + forced.n;
    forced.logits = must_have(malloc((size_t)(n * decoder->vocabulary) * sizeof(float)));
    decoder_run(decoder, n, forced.tokens, n, visit, (void *)(uintptr_t)run, forced.logits);
    return forced;
}

static inline void check_forced(const struct run *run, const struct forced *forced)
{
    int64_t n = forced->n_prompt + forced->n, vocabulary = run->fixture->decoder.vocabulary;
    check(run, "dec.logits", "", n * vocabulary, forced->logits, logit_limit(run));
    check_top(run, n, forced->logits);
    int64_t n_every = (vocabulary + 49) / 50;
    float *every = must_have(malloc((size_t)n_every * sizeof *every));
    for (int64_t i = 0; i < n_every; i++)
        every[i] = forced->logits[(forced->n_prompt - 1) * vocabulary + 50 * i];
    check(run, "dec.logits.every50", "", n_every, every, logit_limit(run));
    free(every);
}

/* ---- Languages ---- */

static inline void check_languages(const struct run *run, const json_t *facts)
{
    const struct decoding_rules *rules = &run->fixture->rules;
    const json_t *share, *shares = json_object_get(facts, "languages");
    if (!find(run, "language_logits"))
        return;
    float *logits = must_have(malloc((size_t)run->fixture->decoder.vocabulary * sizeof *logits));
    decoder_run(&run->fixture->decoder, 1, &rules->sot, 1, NULL, NULL, logits);
    float *languages = logits + rules->lang0;
    check(run, "language_logits", "", rules->n_lang, languages, logit_limit(run));
    const char *code;
    double largest = -INFINITY, sum = 0, worst = 0, highest = 0;
    int64_t best = largest_token(rules->n_lang, languages, -1);
    for (int64_t i = 0; i < rules->n_lang; i++)
        largest = fmax(largest, languages[i]);
    for (int64_t i = 0; i < rules->n_lang; i++)
        sum += exp(languages[i] - largest);
    json_object_foreach((json_t *)(uintptr_t)shares, code, share)
    {
        int id = whisper_lang_id(code);
        double found = id < 0 ? NAN : exp(languages[id] - largest) / sum;
        worst = fmax(worst, fabs(found - json_number_value(share)));
        highest = fmax(highest, json_number_value(share));
    }
    if (shares)
        judge(run, "languages", worst, 1e-4);
    const char *language = json_string_value(json_object_get(facts, "language"));
    if (language)
        judge_equal(run, "language", whisper_lang_id(language) == best, language);
    free(logits);
}

/* ---- Greedy ---- */

/* One mode of decoding: "plain" or "timestamps", its facts, and what our decoder found. */
struct greedy {
    const struct run *run;
    const char *name;
    const json_t *facts;
    const struct forced *forced;
    bool has_times;
    int64_t n; /* tokens that are as stored */
    double sum_logprob, no_speech, gap_error;
    int64_t n_seconds; /* other runners-up than stored, where they were not close */
    bool ended;
};

/* How far the best was ahead of the second, and which that was. */
static inline void compare_gap(struct greedy *greedy, const float *logits, int64_t best)
{
    int64_t vocabulary = greedy->run->fixture->decoder.vocabulary;
    const json_t *gap = json_array_get(json_object_get(greedy->facts, "gaps"), (size_t)greedy->n);
    const json_t *stored =
        json_array_get(json_object_get(greedy->facts, "second"), (size_t)greedy->n);
    int64_t second = largest_token(vocabulary, logits, best);
    if (!json_is_number(gap) || second < 0) {
        greedy->n_seconds += json_is_number(gap) != (second >= 0);
        return;
    }
    int64_t want = json_integer_value(stored);
    greedy->gap_error =
        fmax(greedy->gap_error, fabs(logits[best] - logits[second] - json_number_value(gap)));
    greedy->n_seconds +=
        want != second && !(fabs(logits[want] - logits[second]) <= 2 * logit_limit(greedy->run));
}

/* Stops where another token than the stored one is chosen. */
static inline void decode_greedily(struct greedy *greedy)
{
    const struct fixture *fixture = greedy->run->fixture;
    const struct decoding_rules *rules = &fixture->rules;
    const struct forced *forced = greedy->forced;
    int64_t vocabulary = fixture->decoder.vocabulary,
            limit = forced->n + json_is_true(json_object_get(greedy->facts, "ended"));
    const int64_t *sampled = forced->tokens + forced->n_prompt;
    float *logits = must_have(malloc((size_t)vocabulary * sizeof *logits));
    for (int64_t i = 0; i < forced->n_prompt; i++)
        if (forced->tokens[i] == rules->sot)
            greedy->no_speech =
                exp(log_probability(vocabulary, forced->logits + i * vocabulary, rules->nospeech));
    for (; greedy->n < limit && !greedy->ended; greedy->n += !greedy->ended) {
        int64_t at = forced->n_prompt - 1 + greedy->n;
        memcpy(logits, forced->logits + at * vocabulary, (size_t)vocabulary * sizeof *logits);
        forbid_tokens(rules, greedy->has_times, vocabulary, greedy->n, sampled, logits);
        int64_t best = largest_token(vocabulary, logits, -1);
        compare_gap(greedy, logits, best);
        greedy->sum_logprob += log_probability(vocabulary, logits, best);
        greedy->ended = best == rules->eot;
        if (!greedy->ended && (greedy->n == forced->n || best != sampled[greedy->n]))
            break;
    }
    free(logits);
}

static inline void check_segments(const struct greedy *greedy, const int64_t *tokens)
{
    const struct decoding_rules *rules = &greedy->run->fixture->rules;
    const json_t *stored = json_object_get(greedy->facts, "segments");
    struct cut_segment *found = must_have(calloc((size_t)greedy->n + 1, sizeof *found));
    int64_t count = cut_segments(rules, 2 * greedy->run->n_rows, greedy->n, tokens, found);
    bool is_equal = count == (int64_t)json_array_size(stored);
    for (int64_t i = 0; is_equal && i < count; i++) {
        const json_t *segment = json_array_get(stored, (size_t)i);
        const json_t *list = json_object_get(segment, "tokens");
        size_t n = 0;
        for (int64_t j = found[i].first; j < found[i].stop; j++)
            if (tokens[j] < rules->eot)
                is_equal = is_equal && json_integer_value(json_array_get(list, n++)) == tokens[j];
        is_equal =
            is_equal && n == json_array_size(list) &&
            fabs(json_number_value(json_object_get(segment, "start")) - found[i].start) < 1e-6 &&
            fabs(json_number_value(json_object_get(segment, "end")) - found[i].end) < 1e-6;
    }
    char what[64], note[64];
    snprintf(what, sizeof what, "%s.segments", greedy->name);
    snprintf(note, sizeof note, "%" PRId64 " segments", count);
    judge_equal(greedy->run, what, is_equal, note);
    free(found);
}

static inline void check_greedy(const struct run *run, const char *name, const json_t *facts,
                                const struct forced *forced)
{
    struct greedy greedy = {.run = run, .name = name, .facts = facts, .forced = forced};
    char what[64], note[64];
    greedy.has_times = strcmp(name, "timestamps") == 0;
    decode_greedily(&greedy);
    const int64_t *sampled = forced->tokens + forced->n_prompt;
    bool is_equal =
        greedy.n == forced->n && greedy.ended == json_is_true(json_object_get(facts, "ended"));
    snprintf(what, sizeof what, "%s.tokens", name);
    snprintf(note, sizeof note, "%" PRId64 " tokens", greedy.n);
    judge_equal(run, what, is_equal, note);
    if (!is_equal)
        return;
    double limit = 2 * logit_limit(run);
#define STORED(key) json_number_value(json_object_get(facts, key))
    snprintf(what, sizeof what, "%s.gaps", name);
    judge(run, what, greedy.gap_error, limit + 5e-5); /* they are rounded to 1e-4 */
    snprintf(what, sizeof what, "%s.second (others)", name);
    judge(run, what, (double)greedy.n_seconds, 0);
    snprintf(what, sizeof what, "%s.avg_logprob", name);
    judge(run, what, fabs(greedy.sum_logprob / (double)(greedy.n + 1) - STORED("avg_logprob")),
          limit);
    snprintf(what, sizeof what, "%s.sum_logprob", name);
    judge(run, what, fabs(greedy.sum_logprob - STORED("sum_logprob")),
          limit * (double)(greedy.n + 1));
    snprintf(what, sizeof what, "%s.no_speech_prob", name);
    judge(run, what, fabs(greedy.no_speech - STORED("no_speech_prob")), limit);
#undef STORED
    if (json_object_get(facts, "segments"))
        check_segments(&greedy, sampled);
}

#endif
