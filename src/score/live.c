/* Sound as it comes: each utterance is scored when the pause behind it is long enough. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/memory.h"
#include "score/scorer.h"

/* Kept beside an utterance: its margins, and the pause that ends it. */
#define SLACK_SECONDS 2

struct valence_live {
    struct valence_scorer *scorer;
    valence_segment_receiver receive;
    void *user;
    struct pause_finder finder;
    /* The last samples: a ring would not be contiguous, so the front is dropped now and then. */
    float *samples;
    int64_t n, capacity, first; /* `first`: index of samples[0] in the whole sound */
    int64_t n_utterances;
};

int valence_live_open(struct valence_scorer *scorer, valence_segment_receiver receive, void *user,
                      struct valence_live **live, struct valence_error *error)
{
    *live = NULL;
    int status = valence_scorer_load(scorer, VALENCE_SCORER_RECORDINGS, error);
    if (status)
        return status;
    struct valence_live *opened = allocate(1, sizeof *opened);
    if (!opened)
        return fail_memory(error, sizeof *opened, "live scoring");
    const double longest = scorer->options.longest_seconds;
    *opened = (struct valence_live){.scorer = scorer, .receive = receive, .user = user};
    opened->capacity = 2 * (int64_t)((longest + SLACK_SECONDS) * SCORE_RATE_HZ);
    opened->samples = allocate(opened->capacity, sizeof *opened->samples);
    pause_finder_begin(&opened->finder, 0, longest);
    if (!opened->samples) {
        valence_live_close(opened);
        return fail_memory(error, (size_t)opened->capacity * sizeof(float), "live scoring");
    }
    *live = opened;
    return VALENCE_OK;
}

void valence_live_close(struct valence_live *live)
{
    if (!live)
        return;
    free(live->samples);
    free(live);
}

static int give(struct valence_live *live, struct score_made *made, struct valence_error *error)
{
    const struct valence_scorer_options *options = &live->scorer->options;
    score_made_seal(made, live->n_utterances++, options->signals, options->explain);
    int stop = live->receive ? live->receive(live->user, &made->is) : 0;
    score_made_free(made);
    return stop ? fail(error, VALENCE_ERROR_CANCELLED, "stopped after %lld utterances",
                       (long long)live->n_utterances)
                : VALENCE_OK;
}

static int score_utterance(void *user, double start, double end, struct valence_error *error)
{
    struct valence_live *live = user;
    int64_t from = (int64_t)(start * SCORE_RATE_HZ) - live->first;
    int64_t to = (int64_t)(end * SCORE_RATE_HZ) - live->first;
    from = from > 0 ? from : 0;
    to = to < live->n ? to : live->n;
    struct valence_recording recording = {
        .name = "live sound", .samples = live->samples + from, .n_samples = to - from};
    struct score_span span = {.start = start, .end = end};
    struct score_timeline timeline = {.n = 1, .spans = &span, .is_whole = true};
    struct score_made made;
    char *warning = NULL;
    if (to <= from)
        return VALENCE_OK;
    int status =
        score_span(live->scorer, &recording, &timeline, &span, NULL, &made, &warning, error);
    free(warning);
    return status ? status : give(live, &made, error);
}

/* Makes room for a second more, by what no utterance can need. */
static void drop_front(struct valence_live *live)
{
    int64_t kept = live->capacity / 2;
    if (live->n <= live->capacity - SCORE_RATE_HZ)
        return;
    memmove(live->samples, live->samples + live->n - kept, (size_t)kept * sizeof *live->samples);
    live->first += live->n - kept;
    live->n = kept;
}

int valence_live_feed(struct valence_live *live, const float *samples, int64_t n,
                      struct valence_error *error)
{
    int status = VALENCE_OK;
    for (int64_t i = 0; i < n; i++)
        if (!isfinite(samples[i]))
            return fail(error, VALENCE_ERROR_DATA, "sample %lld of those given is not finite",
                        (long long)i);
    while (n > 0 && !status) {
        int64_t piece = n < SCORE_RATE_HZ / 10 ? n : SCORE_RATE_HZ / 10;
        drop_front(live);
        memcpy(live->samples + live->n, samples, (size_t)piece * sizeof *samples);
        live->n += piece;
        status = pause_finder_add(&live->finder, samples, piece, score_utterance, live, error);
        samples += piece;
        n -= piece;
    }
    return status;
}

int valence_live_end(struct valence_live *live, struct valence_error *error)
{
    return pause_finder_end(&live->finder, score_utterance, live, error);
}
