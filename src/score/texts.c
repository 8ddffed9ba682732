/* Texts alone: many at once, and the sentences of one. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/fail.h"
#include "base/memory.h"
#include "base/text.h"
#include "score/recording.h"

/* Encoded together. */
#define TEXTS_TOGETHER 32

/* A text of more words is cut into sentences; a sentence of more is cut too. */
#define WHOLE_WORDS        40
#define LONGEST_SENTENCE   100
#define MAX_SENTENCES      ((int64_t)1 << 20)
#define MAX_SENTENCE_BYTES (1 << 20)

/* ---- One text ---- */

static int score_text(struct valence_scorer *scorer, const char *text,
                      const struct valence_features *features, int64_t i, struct score_made *made,
                      struct valence_error *error)
{
    int64_t n = features->offsets[i + 1] - features->offsets[i];
    const int64_t offsets[2] = {0, n < SCORE_MAX_ROWS ? n : SCORE_MAX_ROWS};
    struct valence_batch batch = {.n_clips = 1};
    batch.streams[VALENCE_STREAM_TEXT] =
        (struct valence_rows){.data = features->rows + features->offsets[i] * features->width,
                              .type = VALENCE_F32,
                              .width = features->width,
                              .offsets = offsets};
    *made = (struct score_made){.is = {.confidence = NAN, .words_from = VALENCE_WORDS_GIVEN}};
    int status = score_set_text(text, &made->text, error);
    if (!status)
        status = score_words_split(made->text, &made->words, &made->is.n_words, error);
    if (!status && n == 0)
        status = score_no_score(made, "it has no words", error);
    else if (!status)
        status = score_batch(scorer, &batch, VALENCE_FLOW_AUTO, &made->is, error);
    if (!status && n > 0 && isnan(made->is.score))
        status = score_no_score(made, "its values are too large for the network", error);
    else if (!status && n > 0 && scorer->options.explain)
        status = score_explain(scorer, &batch, made, error);
    if (status)
        score_made_free(made);
    return status;
}

/* ---- Many ---- */

typedef int (*made_receiver)(void *user, struct score_made *made, struct valence_error *error);

static int report(const struct valence_progress *progress, int64_t done, int64_t total,
                  struct valence_error *error)
{
    const struct valence_progress_event event = {"scoring", done, total, "texts", NULL};
    if (progress && progress->report(progress->user, &event))
        return fail(error, VALENCE_ERROR_CANCELLED, "cancelled");
    return VALENCE_OK;
}

/* The receiver takes over what it gets. */
static int score_all(struct valence_scorer *scorer, const char *const *texts, int64_t n,
                     const struct valence_progress *progress, made_receiver take, void *user,
                     struct valence_error *error)
{
    int status = valence_scorer_load(scorer, VALENCE_SCORER_TEXTS, error);
    for (int64_t first = 0; first < n && !status; first += TEXTS_TOGETHER) {
        int64_t m = n - first < TEXTS_TOGETHER ? n - first : TEXTS_TOGETHER;
        struct valence_features features;
        status = report(progress, first, n, error);
        if (status)
            break;
        double begin = seconds_now();
        status = valence_transcript_encoder_encode(score_text_encoder(scorer), texts + first, m,
                                                   NULL, &features, error);
        begin = score_end_stage(scorer, VALENCE_STAGE_ENCODE, begin);
        for (int64_t i = 0; i < m && !status; i++) {
            struct score_made made;
            status = score_text(scorer, texts[first + i], &features, i, &made, error);
            if (!status)
                status = take(user, &made, error);
        }
        score_end_stage(scorer, VALENCE_STAGE_PREDICT, begin);
        valence_features_free(&features);
    }
    return status;
}

struct giving {
    struct valence_scorer *scorer;
    valence_segment_receiver receive;
    void *user;
    int64_t n;
};

static int give(void *user, struct score_made *made, struct valence_error *error)
{
    struct giving *giving = user;
    score_made_seal(made, giving->n++, false, giving->scorer->options.explain);
    int stop = giving->receive ? giving->receive(giving->user, &made->is) : 0;
    score_made_free(made);
    return stop ? fail(error, VALENCE_ERROR_CANCELLED, "stopped after %lld texts",
                       (long long)giving->n)
                : VALENCE_OK;
}

int valence_score_texts(struct valence_scorer *scorer, const char *const *texts, int64_t n,
                        const struct valence_progress *progress, valence_segment_receiver receive,
                        void *user, struct valence_error *error)
{
    struct giving giving = {scorer, receive, user, 0};
    return score_all(scorer, texts, n, progress, give, &giving, error);
}

/* ---- The sentences of a text ---- */

struct sentences {
    char **list;
    int64_t n, capacity;
};

static int add_sentence(struct sentences *sentences, const struct valence_word *words, int64_t n,
                        struct valence_error *error)
{
    struct text text = {.maximum = MAX_SENTENCE_BYTES};
    int status = grow_array((void **)&sentences->list, &sentences->capacity, sentences->n + 1,
                            sizeof *sentences->list, MAX_SENTENCES, "sentences", error);
    for (int64_t i = 0; i < n; i++)
        text_format(&text, "%s%s", i ? " " : "", words[i].text);
    if (!status && text.failed)
        status = fail(error, VALENCE_ERROR_LIMIT, "a word is longer than 1 MiB");
    if (status)
        text_free(&text);
    else
        sentences->list[sentences->n++] = text.data;
    return status;
}

static int list_sentences(const char *text, struct sentences *sentences,
                          struct valence_error *error)
{
    struct valence_word *words;
    int64_t n, first = 0;
    int status = score_words_split(text, &words, &n, error);
    if (!status && n <= WHOLE_WORDS) {
        status = grow_array((void **)&sentences->list, &sentences->capacity, 1,
                            sizeof *sentences->list, MAX_SENTENCES, "sentences", error);
        if (!status && !(sentences->list[0] = strdup(text)))
            status = fail_memory(error, strlen(text), "a text");
        sentences->n = !status;
    } else {
        for (int64_t i = 0; i < n && !status; i++) {
            if (i + 1 < n && i + 1 - first < LONGEST_SENTENCE &&
                !score_ends_sentence(words[i].text))
                continue;
            status = add_sentence(sentences, words + first, i + 1 - first, error);
            first = i + 1;
        }
    }
    score_words_free(words, n);
    return status;
}

static int keep(void *user, struct score_made *made, struct valence_error *error)
{
    return score_keep(user, made, error);
}

int score_document(struct scoring_run *run, const char *text,
                   const struct valence_progress *progress, struct valence_error *error)
{
    struct sentences sentences = {0};
    int status = list_sentences(text, &sentences, error);
    if (!status)
        status = score_all(run->scorer, (const char *const *)sentences.list, sentences.n, progress,
                           keep, run, error);
    for (int64_t i = 0; i < sentences.n; i++)
        free(sentences.list[i]);
    free(sentences.list);
    return status;
}
