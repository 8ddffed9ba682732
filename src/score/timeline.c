/* Where a recording is cut: windows, sentences, pauses, or not at all. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/memory.h"
#include "base/text.h"
#include "format/transcripts/transcript_list.h"
#include "score/journal.h"
#include "score/scorer.h"

#define MAX_SPANS      ((int64_t)1 << 20)
#define MAX_TEXT_BYTES (1 << 24)

/* A sentence shorter than this is joined with the next; a pause longer than that ends one. */
#define SHORTEST_SECONDS 1.0
#define PAUSE_SECONDS    0.8

void score_timeline_free(struct score_timeline *timeline)
{
    for (int64_t i = 0; i < timeline->n; i++) {
        free(timeline->spans[i].text);
        score_words_free(timeline->spans[i].words, timeline->spans[i].n_words);
    }
    free(timeline->spans);
    free(timeline->language);
    *timeline = (struct score_timeline){0};
}

/* Adds a span, without words. */
static int add_span(struct score_timeline *timeline, double start, double end,
                    struct valence_error *error)
{
    int status = grow_array((void **)&timeline->spans, &timeline->capacity, timeline->n + 1,
                            sizeof *timeline->spans, MAX_SPANS, "segments", error);
    if (!status)
        timeline->spans[timeline->n++] =
            (struct score_span){.start = start, .end = end, .confidence = NAN};
    return status;
}

/* ---- Windows ---- */

static int cut_windows(struct score_timeline *timeline, double seconds, double window,
                       struct valence_error *error)
{
    int status = VALENCE_OK;
    /* A last piece of less than half a window is part of the one before. */
    for (double start = 0; start < seconds && !status;) {
        double end = start + window;
        if (seconds - end < window / 2)
            end = seconds;
        status = add_span(timeline, start, end, error);
        start = end;
    }
    return status;
}

/* ---- Sentences ---- */

/* The smallest pieces that the transcript times: words, or segments without words. */
struct unit {
    const char *text;
    double start, end, confidence;
    bool is_word;
};

static int list_units(const struct valence_transcript *transcript, struct unit **units, int64_t *n,
                      struct valence_error *error)
{
    int64_t most = 0;
    for (int64_t i = 0; i < transcript->n_segments; i++)
        most += transcript->segments[i].n_words + 1;
    *units = allocate(most + 1, sizeof **units);
    *n = 0;
    if (!*units)
        return fail_memory(error, (size_t)most * sizeof **units, "words");
    for (int64_t i = 0; i < transcript->n_segments; i++) {
        const struct valence_speech_segment *segment = &transcript->segments[i];
        for (int64_t j = 0; j < segment->n_words; j++) {
            const struct valence_word *word = &segment->words[j];
            (*units)[(*n)++] =
                (struct unit){word->text, word->start, word->end, word->confidence, true};
        }
        const char *text = segment->text + strspn(segment->text, " ");
        if (segment->n_words == 0 && *text)
            (*units)[(*n)++] =
                (struct unit){text, segment->start, segment->end, segment->confidence, false};
    }
    return VALENCE_OK;
}

static int set_words(struct score_span *span, const struct unit *units, int64_t n,
                     struct valence_error *error)
{
    struct text text = {.maximum = MAX_TEXT_BYTES};
    double confidence = 0;
    int status = VALENCE_OK;
    for (int64_t i = 0; i < n; i++) {
        text_format(&text, "%s%s", i ? " " : "", units[i].text);
        confidence += units[i].confidence;
    }
    span->text = text.failed ? NULL : text.data;
    if (!span->text) {
        text_free(&text);
        return fail_memory(error, text.length, "a transcript");
    }
    span->confidence = confidence / (double)n;
    if (!units[0].is_word)
        return score_words_split(span->text, &span->words, &span->n_words, error);
    struct valence_word *words = allocate(n, sizeof *words);
    if (!words)
        return fail_memory(error, (size_t)n * sizeof *words, "words");
    for (int64_t i = 0; i < n; i++)
        words[i] =
            (struct valence_word){units[i].text, units[i].start, units[i].end, units[i].confidence};
    status = score_words_copy(words, n, &span->words, error);
    span->n_words = status ? 0 : n;
    free(words);
    return status;
}

static bool ends_utterance(const struct unit *first, const struct unit *last,
                           const struct unit *next, double longest)
{
    double so_far = last->end - first->start;
    return next->start - last->end > PAUSE_SECONDS || next->end - first->start > longest ||
           (score_ends_sentence(last->text) && so_far >= SHORTEST_SECONDS);
}

/* Utterances are sentences, cut at long pauses and where they are too long. */
static int cut_sentences(struct score_timeline *timeline,
                         const struct valence_transcript *transcript, double longest,
                         struct valence_error *error)
{
    struct unit *units;
    int64_t n, first = 0;
    int status = list_units(transcript, &units, &n, error);
    for (int64_t i = 0; i < n && !status; i++) {
        if (i + 1 < n && !ends_utterance(&units[first], &units[i], &units[i + 1], longest))
            continue;
        double start = units[first].start, end = units[i].end;
        status = add_span(timeline, start, end > start ? end : start + 0.02, error);
        if (!status)
            status =
                set_words(&timeline->spans[timeline->n - 1], units + first, i + 1 - first, error);
        first = i + 1;
    }
    free(units);
    return status;
}

/* ---- What is said ---- */

/* Gives each window the words whose middle lies in it. */
static int fill_windows(struct score_timeline *timeline,
                        const struct valence_transcript *transcript, struct valence_error *error)
{
    struct unit *units;
    int64_t n, next = 0;
    int status = list_units(transcript, &units, &n, error);
    for (int64_t s = 0; s < timeline->n && !status; s++) {
        int64_t from = next;
        while (next < n && (units[next].start + units[next].end) / 2 < timeline->spans[s].end)
            next++;
        if (next > from)
            status = set_words(&timeline->spans[s], units + from, next - from, error);
    }
    free(units);
    return status;
}

static int copy_transcript(const struct valence_transcript *from, struct valence_transcript **to,
                           struct valence_error *error)
{
    struct transcript_list list = {0};
    int status = transcript_list_copy(&list, from, error);
    if (!status)
        status = transcript_list_finish(&list, from->language, from->duration, to, error);
    transcript_list_free(&list);
    return status;
}

static int keep_block(void *user, const struct valence_transcript *so_far)
{
    score_journal_keep_heard(user, so_far, false);
    return 0;
}

static int listen(struct valence_scorer *scorer, const struct valence_recording *recording,
                  const struct valence_transcribe_options *options,
                  const struct valence_progress *progress, struct valence_transcript **transcript,
                  struct valence_error *error)
{
    struct valence_transcriber *transcriber = valence_extractor_transcriber(scorer->extractor);
    struct valence_media *media;
    if (recording->samples)
        return valence_transcribe_samples(transcriber, recording->samples, recording->n_samples, 0,
                                          options, progress, transcript, error);
    int status = valence_media_open(recording->path, &scorer->media, &media, error);
    if (status)
        return status;
    status = valence_transcribe(transcriber, media, NULL, options, progress, transcript, error);
    valence_media_close(media);
    return status ? fail_within(status, error, "%s", recording->path) : VALENCE_OK;
}

/* What the journal has of it is not listened to again. */
static int recognise(struct valence_scorer *scorer, const struct valence_recording *recording,
                     struct score_journal *journal, const struct valence_progress *progress,
                     struct valence_transcript **transcript, struct valence_error *error)
{
    struct valence_transcribe_options options = scorer->plan.recognition;
    bool is_all;
    options.so_far = score_journal_heard(journal, &is_all);
    if (is_all)
        return copy_transcript(options.so_far, transcript, error);
    if (journal) {
        options.receive = keep_block;
        options.user = journal;
    }
    int status = listen(scorer, recording, &options, progress, transcript, error);
    if (!status)
        score_journal_keep_heard(journal, *transcript, true);
    return status;
}

/* ---- Pauses ---- */

struct pausing {
    struct pause_finder finder;
    struct score_timeline *timeline;
};

static int add_utterance(void *user, double start, double end, struct valence_error *error)
{
    return add_span(((struct pausing *)user)->timeline, start, end, error);
}

static int take_samples(void *user, const struct valence_media_samples *piece,
                        struct valence_error *error)
{
    struct pausing *pausing = user;
    if (piece->first == 0)
        pausing->finder.begin = piece->time;
    return pause_finder_add(&pausing->finder, piece->samples, piece->n_samples, add_utterance,
                            pausing, error);
}

static int cut_pauses(struct valence_scorer *scorer, const struct valence_recording *recording,
                      const struct valence_progress *progress, struct score_timeline *timeline,
                      struct valence_error *error)
{
    struct pausing pausing = {.timeline = timeline};
    struct valence_media *media;
    const struct valence_media_sink sink = {take_samples, NULL, &pausing};
    int status;
    pause_finder_begin(&pausing.finder, 0, scorer->options.longest_seconds);
    if (recording->samples) {
        status = pause_finder_add(&pausing.finder, recording->samples, recording->n_samples,
                                  add_utterance, &pausing, error);
    } else {
        status = valence_media_open(recording->path, &scorer->media, &media, error);
        if (status)
            return status;
        status = valence_media_decode(media, NULL, 0, &sink, progress, error);
        valence_media_close(media);
    }
    return status ? status : pause_finder_end(&pausing.finder, add_utterance, &pausing, error);
}

/* ---- All of it ---- */

static int make_whole(const struct valence_recording *recording, double seconds,
                      struct score_timeline *timeline, struct valence_error *error)
{
    const struct valence_media_segment *range = recording->range;
    const bool has_text = recording->text && *recording->text;
    timeline->is_whole = true;
    int status = add_span(timeline, range ? range->start : 0,
                          range && range->end < seconds ? range->end : seconds, error);
    if (status || !has_text)
        return status;
    timeline->words_from = VALENCE_WORDS_GIVEN;
    struct score_span *span = timeline->spans;
    span->text = strdup(recording->text);
    return span->text ? score_words_split(span->text, &span->words, &span->n_words, error)
                      : fail_memory(error, strlen(recording->text), "a transcript");
}

/* With a transcript, which may be NULL: sentences or windows; else pauses or windows. */
static int make_parts(struct valence_scorer *scorer, const struct valence_recording *recording,
                      const struct valence_transcript *transcript, double seconds, bool has_sound,
                      const struct valence_progress *progress, struct score_timeline *timeline,
                      struct valence_error *error)
{
    const struct valence_scorer_options *options = &scorer->options;
    int status = VALENCE_OK;
    if (options->window_seconds > 0) {
        status = cut_windows(timeline, seconds, options->window_seconds, error);
        return status || !transcript ? status : fill_windows(timeline, transcript, error);
    }
    if (transcript)
        status = cut_sentences(timeline, transcript, options->longest_seconds, error);
    else if (has_sound)
        status = cut_pauses(scorer, recording, progress, timeline, error);
    if (!status && timeline->n == 0) /* nothing is said, or it never pauses */
        status = cut_windows(timeline, seconds, options->longest_seconds, error);
    return status;
}

static bool has_times(const struct valence_transcript *transcript)
{
    return transcript && transcript->n_segments > 0 && !isnan(transcript->segments[0].start);
}

int score_timeline_make(struct valence_scorer *scorer, const struct valence_recording *recording,
                        double seconds, bool has_sound, struct score_journal *journal,
                        const struct valence_progress *progress, struct score_timeline *timeline,
                        struct valence_error *error)
{
    const struct valence_scorer_options *options = &scorer->options;
    const struct valence_transcript *given = recording->transcript;
    struct valence_transcript *recognised = NULL;
    bool is_short = options->window_seconds == 0 && seconds <= options->whole_seconds && !given;
    int status = VALENCE_OK;
    if (recording->range || (recording->text && *recording->text) || is_short)
        return make_whole(recording, seconds, timeline, error);
    if (given && !has_times(given))
        return fail(error, VALENCE_ERROR_ARGUMENT, "the given transcript has no times");
    bool hears = has_sound && !given && options->recognise && scorer->plan.needs_words;
    if (hears)
        status = recognise(scorer, recording, journal, progress, &recognised, error);
    if (recognised && !(timeline->language = strdup(recognised->language)))
        status = fail_memory(error, 16, "a language");
    timeline->words_from = given        ? VALENCE_WORDS_GIVEN
                           : recognised ? VALENCE_WORDS_RECOGNISED
                                        : VALENCE_WORDS_NONE;
    if (!status)
        status = make_parts(scorer, recording, given ? given : recognised, seconds, has_sound,
                            progress, timeline, error);
    valence_transcript_free(recognised);
    return status;
}
