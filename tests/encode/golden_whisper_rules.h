/* The rules by which tokens are chosen: steps D2 to D9 of the fixtures' description. */
#ifndef VALENCE_TESTS_GOLDEN_WHISPER_RULES_H
#define VALENCE_TESTS_GOLDEN_WHISPER_RULES_H

#include "golden.h"

#include <jansson.h>

struct decoding_rules {
    int64_t eot, sot, lang0, n_lang, nospeech, notimestamps, time0, max_initial;
    const json_t *suppress, *suppress_begin;
};

static inline struct decoding_rules decoding_rules_read(const json_t *cases)
{
    const json_t *special = json_object_get(cases, "special"),
                 *rules = json_object_get(cases, "rules");
#define SPECIAL(name) json_integer_value(json_object_get(special, name))
    return (struct decoding_rules){
        .eot = SPECIAL("eot"),
        .sot = SPECIAL("sot"),
        .lang0 = SPECIAL("lang0"),
        .n_lang = SPECIAL("n_lang"),
        .nospeech = SPECIAL("nospeech"),
        .notimestamps = SPECIAL("notimestamps"),
        .time0 = SPECIAL("timestamp0"),
        .max_initial = json_integer_value(json_object_get(rules, "max_initial_timestamp")),
        .suppress = json_object_get(rules, "suppress"),
        .suppress_begin = json_object_get(rules, "suppress_begin")};
#undef SPECIAL
}

static inline void forbid(float *logits, int64_t from, int64_t to)
{
    for (int64_t i = from; i < to; i++)
        logits[i] = -INFINITY;
}

static inline void forbid_listed(float *logits, int64_t vocabulary, const json_t *ids)
{
    for (size_t i = 0; i < json_array_size(ids); i++) {
        int64_t id = json_integer_value(json_array_get(ids, i));
        if (id >= 0 && id < vocabulary)
            logits[id] = -INFINITY;
    }
}

/* D6 and D7. */
static inline void forbid_by_times(const struct decoding_rules *rules, int64_t vocabulary,
                                   int64_t n, const int64_t *sampled, float *logits)
{
    int64_t t0 = rules->time0;
    bool last = n > 0 && sampled[n - 1] >= t0, before = n < 2 || sampled[n - 2] >= t0;
    if (last && before)
        forbid(logits, t0, vocabulary);
    else if (last)
        forbid(logits, 0, rules->eot);
    for (int64_t i = n - 1; i >= 0; i--)
        if (sampled[i] >= t0) {
            bool is_open = last && n > 1 && !before;
            forbid(logits, t0, sampled[i] + (is_open ? 0 : 1));
            break;
        }
    if (n == 0) {
        forbid(logits, 0, t0);
        forbid(logits, t0 + rules->max_initial + 1, vocabulary);
    }
    double largest = -INFINITY, text = -INFINITY, sum = 0;
    for (int64_t i = 0; i < vocabulary; i++) {
        largest = fmax(largest, logits[i]);
        text = i < t0 ? fmax(text, logits[i]) : text;
    }
    for (int64_t i = t0; i < vocabulary; i++)
        sum += exp(logits[i] - largest);
    if (log(sum) > text - largest)
        forbid(logits, 0, t0);
}

/* Puts -INFINITY where a token is forbidden behind `sampled`. */
static inline void forbid_tokens(const struct decoding_rules *rules, bool has_times,
                                 int64_t vocabulary, int64_t n, const int64_t *sampled,
                                 float *logits)
{
    if (n == 0)
        forbid_listed(logits, vocabulary, rules->suppress_begin);
    forbid_listed(logits, vocabulary, rules->suppress);
    logits[rules->notimestamps] = -INFINITY;
    if (!has_times)
        forbid(logits, rules->time0, vocabulary);
    else
        forbid_by_times(rules, vocabulary, n, sampled, logits);
}

static inline int64_t largest_token(int64_t vocabulary, const float *logits, int64_t but)
{
    int64_t best = -1;
    for (int64_t i = 0; i < vocabulary; i++)
        if (i != but && logits[i] > -INFINITY && (best < 0 || logits[i] > logits[best]))
            best = i;
    return best;
}

/* The logarithm of a token's probability. */
static inline double log_probability(int64_t vocabulary, const float *logits, int64_t token)
{
    double largest = -INFINITY, sum = 0;
    for (int64_t i = 0; i < vocabulary; i++)
        largest = fmax(largest, logits[i]);
    for (int64_t i = 0; i < vocabulary; i++)
        sum += exp(logits[i] - largest);
    return logits[token] - largest - log(sum);
}

struct cut_segment {
    double start, end;
    int64_t first, stop; /* of the tokens, times included */
};

/* D9; room for n + 1 segments. Gives their number. */
static inline int64_t cut_segments(const struct decoding_rules *rules, int64_t n_frames, int64_t n,
                                   const int64_t *tokens, struct cut_segment *segments)
{
    int64_t t0 = rules->time0, count = 0, start = 0, last = -1;
    bool single_end = n >= 2 && tokens[n - 1] >= t0 && tokens[n - 2] < t0;
    for (int64_t i = 0; i < n; i++) {
        last = tokens[i] >= t0 ? tokens[i] - t0 : last;
        if (i + 1 < n && tokens[i] >= t0 && tokens[i + 1] >= t0) {
            segments[count++] = (struct cut_segment){0, 0, start, i + 1};
            start = i + 1;
        }
    }
    if (count == 0) {
        segments[0] =
            (struct cut_segment){0, (double)(last > 0 ? last : n_frames / 2) * 0.02, 0, n};
        return 1;
    }
    if (single_end)
        segments[count++] = (struct cut_segment){0, 0, start, n};
    for (int64_t i = 0; i < count; i++) {
        segments[i].start = (double)(tokens[segments[i].first] - t0) * 0.02;
        segments[i].end = (double)(tokens[segments[i].stop - 1] - t0) * 0.02;
    }
    return count;
}

#endif
