/* Checks of what transcribes: whisper.cpp on the file that valence converted, as valence loads it.
 * It rounds to f16 on the way, so that the description asks for cosines and for equal tokens where
 * the stored gaps allow. */
#ifndef VALENCE_TESTS_GOLDEN_WHISPER_CPP_H
#define VALENCE_TESTS_GOLDEN_WHISPER_CPP_H

#include "golden_whisper_decoding.h"

#include <whisper.h>

#include "valence/transcribe.h"

#define LEAST_COSINE 0.9995
#define CLOSE_GAP    0.25 /* of logits that rounding to f16 may turn round */
#define N_THREADS    2

/* What a pass over the stored tokens found. */
struct product_pass {
    double cosine, difference; /* least; largest of a logit */
    double turned;             /* largest stored gap where another token was ahead */
    int64_t n_turned, n;
};

static inline void decode_one(const struct fixture *fixture, const int64_t *tokens, int64_t n,
                              int64_t n_past)
{
    whisper_token ids[MAX_DECODED];
    for (int64_t i = 0; i < n; i++)
        ids[i] = (whisper_token)tokens[i];
    if (whisper_decode_with_state(fixture->product, fixture->product_state, ids, (int)n,
                                  (int)n_past, N_THREADS) != 0) {
        fprintf(stderr, "whisper_decode failed\n");
        exit(1);
    }
}

/* One step: whisper.cpp's logits beside ours, and the token that they choose. */
static inline void compare_step(const struct run *run, const json_t *facts, bool has_times,
                                const struct forced *forced, int64_t step,
                                struct product_pass *pass)
{
    const struct fixture *fixture = run->fixture;
    int64_t vocabulary = fixture->decoder.vocabulary;
    const float *own = forced->logits + (forced->n_prompt - 1 + step) * vocabulary;
    float *theirs = must_have(malloc((size_t)vocabulary * sizeof *theirs));
    int64_t row = step == 0 ? forced->n_prompt - 1 : 0; /* of those decoded at once, the last */
    memcpy(theirs, whisper_get_logits_from_state(fixture->product_state) + row * vocabulary,
           (size_t)vocabulary * sizeof *theirs);
    pass->cosine = fmin(pass->cosine, least_cosine(1, vocabulary, own, theirs));
    for (int64_t i = 0; i < vocabulary; i++)
        pass->difference = fmax(pass->difference, fabs((double)own[i] - theirs[i]));
    forbid_tokens(&fixture->rules, has_times, vocabulary, step, forced->tokens + forced->n_prompt,
                  theirs);
    bool is_end = step == forced->n;
    int64_t want = is_end ? fixture->rules.eot : forced->tokens[forced->n_prompt + step];
    if ((!is_end || json_is_true(json_object_get(facts, "ended"))) &&
        largest_token(vocabulary, theirs, -1) != want) {
        const json_t *gap = json_array_get(json_object_get(facts, "gaps"), (size_t)step);
        pass->n_turned++;
        pass->turned = fmax(pass->turned, json_number_value(gap));
    }
    pass->n++;
    free(theirs);
}

static inline void check_product_mode(const struct run *run, const char *name, const json_t *facts,
                                      const struct forced *forced)
{
    struct product_pass pass = {.cosine = 1};
    bool has_times = strcmp(name, "timestamps") == 0;
    char what[96], note[128];
    decode_one(run->fixture, forced->tokens, forced->n_prompt, 0);
    for (int64_t step = 0; step <= forced->n; step++) {
        compare_step(run, facts, has_times, forced, step, &pass);
        int64_t at = forced->n_prompt + step;
        if (step < forced->n)
            decode_one(run->fixture, forced->tokens + at, 1, at);
    }
    snprintf(what, sizeof what, "whisper.cpp %s.logits", name);
    snprintf(note, sizeof note, "least cosine %.6f (limit %.4f), max %.2e", pass.cosine,
             LEAST_COSINE, pass.difference);
    judge_equal(run, what, pass.cosine >= LEAST_COSINE, note);
    snprintf(what, sizeof what, "whisper.cpp %s.tokens", name);
    snprintf(note, sizeof note, "%" PRId64 " of %" PRId64 " differ, largest gap %.4f (limit %.2f)",
             pass.n_turned, pass.n, pass.turned, CLOSE_GAP);
    judge_equal(run, what, pass.turned <= CLOSE_GAP, note);
}

/* ---- The public function ---- */

static inline char *joined_text(const struct valence_transcript *transcript)
{
    size_t length = 1;
    for (int64_t i = 0; i < transcript->n_segments; i++)
        length += strlen(transcript->segments[i].text);
    char *text = must_have(calloc(1, length)), *end = text;
    for (int64_t i = 0; i < transcript->n_segments; i++)
        end = stpcpy(end, transcript->segments[i].text);
    return text;
}

/* The least gap of the two modes: below CLOSE_GAP another text is within rounding. */
static inline double least_gap(const json_t *facts)
{
    const json_t *plain = json_object_get(facts, "plain"),
                 *timed = json_object_get(facts, "timestamps");
    return fmin(json_number_value(json_object_get(plain, "min_gap")),
                json_number_value(json_object_get(timed, "min_gap")));
}

static inline void check_transcription(const struct run *run, const json_t *facts, int64_t n,
                                       const float *samples)
{
    struct valence_error error;
    struct valence_transcriber *transcriber;
    struct valence_transcript *transcript;
    struct valence_transcribe_options options;
    valence_transcribe_options_default(&options);
    options.beams = 1;
    must_work(valence_transcriber_load(run->fixture->gguf, &transcriber, &error), &error);
    must_work(
        valence_transcribe_samples(transcriber, samples, n, 0, &options, NULL, &transcript, &error),
        &error);
    char *text = joined_text(transcript), note[400];
    bool is_equal = false;
    const char *modes[] = {"plain", "timestamps"};
    for (int i = 0; i < 2; i++) {
        const char *want =
            json_string_value(json_object_get(json_object_get(facts, modes[i]), "text"));
        is_equal = is_equal || (want && strcmp(want, text) == 0);
    }
    double end = transcript->n_segments ? transcript->segments[transcript->n_segments - 1].end : 0;
    snprintf(note, sizeof note, "'%.200s' up to %.2f s (least gap %.4f)", text, end,
             least_gap(facts));
    judge_equal(run, "valence_transcribe_samples text", is_equal || least_gap(facts) < CLOSE_GAP,
                note);
    const char *language = json_string_value(json_object_get(facts, "language"));
    if (language)
        judge_equal(run, "valence_transcribe_samples language",
                    strcmp(language, transcript->language) == 0, transcript->language);
    free(text);
    valence_transcript_free(transcript);
    valence_transcriber_free(transcriber);
}

/* Lets whisper.cpp hear the sound, for check_product_mode(). */
static inline void product_hear(const struct fixture *fixture, int64_t n, const float *samples)
{
    if (whisper_pcm_to_mel_with_state(fixture->product, fixture->product_state, samples, (int)n,
                                      N_THREADS) != 0 ||
        whisper_encode_with_state(fixture->product, fixture->product_state, 0, N_THREADS) != 0) {
        fprintf(stderr, "whisper_encode failed\n");
        exit(1);
    }
}

#endif
