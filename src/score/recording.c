/* A recording: its segments one after the other, and their mean. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/fail.h"
#include "base/memory.h"
#include "score/journal.h"
#include "score/recording.h"
#include "score/scorer.h"

#define MAX_SEGMENTS ((int64_t)1 << 20)

/* ---- Keeping ---- */

struct kept {
    struct valence_recording_score score; /* what the caller gets */
    int64_t n, capacity;
    struct score_made *made;
    struct valence_scored_segment *segments;
    char *language, *warning;
};

void valence_recording_score_free(struct valence_recording_score *score)
{
    struct kept *kept = (struct kept *)score; /* its first member */
    if (!kept)
        return;
    for (int64_t i = 0; i < kept->n; i++)
        score_made_free(&kept->made[i]);
    free(kept->made);
    free(kept->segments);
    free(kept->language);
    free(kept->warning);
    free(kept);
}

/* Gives the segment to the receiver and keeps it; takes over `made`. */
int score_keep(struct scoring_run *run, struct score_made *made, struct valence_error *error)
{
    struct kept *kept = run->kept;
    const struct valence_scorer_options *options = &run->scorer->options;
    score_made_seal(made, kept->n, options->signals && run->scorer->observer, options->explain);
    int status = VALENCE_OK;
    if (run->receive && run->receive(run->user, &made->is))
        status = fail(error, VALENCE_ERROR_CANCELLED, "stopped after %lld segments",
                      (long long)kept->n + 1);
    if (!status)
        status = grow_array((void **)&kept->made, &kept->capacity, kept->n + 1, sizeof *kept->made,
                            MAX_SEGMENTS, "segments", error);
    if (!status && *made->language && !kept->language)
        status = score_set_text(made->language, &kept->language, error);
    if (status)
        score_made_free(made);
    else
        kept->made[kept->n++] = *made;
    return status;
}

/* ---- The mean ---- */

static double weight_of(const struct valence_scored_segment *segment)
{
    double seconds = segment->end - segment->start;
    return seconds > 0 ? seconds : segment->n_words > 0 ? (double)segment->n_words : 1;
}

static void take_mean(struct kept *kept)
{
    struct valence_recording_score *score = &kept->score;
    double weights = 0, sum = 0, squares = 0;
    score->lowest = INFINITY;
    score->highest = -INFINITY;
    for (int64_t i = 0; i < kept->n; i++) {
        const struct valence_scored_segment *segment = &kept->made[i].is;
        if (isnan(segment->score)) {
            score->n_unscored++;
            continue;
        }
        double weight = weight_of(segment);
        weights += weight;
        sum += weight * segment->score;
        score->lowest = fmin(score->lowest, segment->score);
        score->highest = fmax(score->highest, segment->score);
    }
    score->score = sum / weights;
    for (int64_t i = 0; i < kept->n; i++) {
        double off = kept->made[i].is.score - score->score;
        if (!isnan(off))
            squares += weight_of(&kept->made[i].is) * off * off;
    }
    score->spread = sqrt(squares / weights);
}

/* Of classes: the weighted mean of their probabilities, and the most probable one. */
static void take_class(const struct valence_model *model, struct kept *kept)
{
    struct valence_recording_score *score = &kept->score;
    int n_classes = (int)valence_model_get_config(model)->n_classes, best = 0;
    double weights = 0, sums[VALENCE_MAX_CLASSES] = {0};
    for (int64_t i = 0; i < kept->n; i++) {
        const struct valence_scored_segment *segment = &kept->made[i].is;
        double weight = isnan(segment->score) ? 0 : weight_of(segment);
        score->n_unscored += weight == 0;
        weights += weight;
        for (int c = 0; c < n_classes && weight > 0; c++)
            sums[c] += weight * (double)segment->probabilities[c];
    }
    for (int c = 0; c < n_classes; c++) {
        score->probabilities[c] = (float)(sums[c] / weights);
        best = sums[c] > sums[best] ? c : best;
    }
    score->score = best;
    score->class_name = valence_model_class_name(model, best);
    score->spread = score->lowest = score->highest = NAN;
}

static int finish(struct scoring_run *run, const char *name, struct valence_error *error)
{
    struct kept *kept = run->kept;
    const struct valence_scorer_options *options = &run->scorer->options;
    if (valence_model_get_config(run->scorer->model)->n_classes)
        take_class(run->scorer->model, kept);
    else
        take_mean(kept);
    if (kept->n == kept->score.n_unscored)
        return fail(error, VALENCE_ERROR_DATA, "%s: %s", name,
                    kept->n ? kept->made[0].is.reason : "it holds nothing to score");
    kept->segments = allocate(kept->n, sizeof *kept->segments);
    if (!kept->segments)
        return fail_memory(error, (size_t)kept->n * sizeof *kept->segments, "segments");
    for (int64_t i = 0; i < kept->n; i++) {
        score_made_seal(&kept->made[i], i, options->signals && run->scorer->observer,
                        options->explain);
        kept->segments[i] = kept->made[i].is;
    }
    kept->score.n_segments = kept->n;
    kept->score.segments = kept->segments;
    kept->score.language = kept->language ? kept->language : "";
    kept->score.warning = kept->warning ? kept->warning : "";
    return VALENCE_OK;
}

/* ---- A file, or what is in memory ---- */

/* The latest time of what is decoded. */
static int see_samples(void *user, const struct valence_media_samples *piece,
                       struct valence_error *error)
{
    (void)error;
    *(double *)user = piece->time + (double)piece->n_samples / SCORE_RATE_HZ;
    return VALENCE_OK;
}

static int see_picture(void *user, const struct valence_media_picture *picture,
                       struct valence_error *error)
{
    (void)error;
    *(double *)user = picture->time;
    return VALENCE_OK;
}

/* How long a file is that does not say so: it is decoded. */
static int measure(struct valence_media *media, const struct valence_progress *progress,
                   double *seconds, struct valence_error *error)
{
    bool hears = valence_media_get_info(media)->n_audio_streams > 0;
    const struct valence_media_sink sink = {hears ? see_samples : NULL, hears ? NULL : see_picture,
                                            seconds};
    *seconds = 0;
    return valence_media_decode(media, NULL, 0, &sink, progress, error);
}

/* Whether the file has sound and pictures, and how long it is. */
static int probe(struct scoring_run *run, const struct valence_recording *recording,
                 const struct valence_progress *progress, struct valence_error *error)
{
    struct valence_recording_score *score = &run->kept->score;
    struct valence_media *media;
    if (!recording->path) {
        score->has_sound = recording->samples && recording->n_samples > 0;
        score->has_pictures = recording->pixels && recording->n_pictures > 0;
        score->seconds = score->has_sound      ? (double)recording->n_samples / SCORE_RATE_HZ
                         : score->has_pictures ? recording->times[recording->n_pictures - 1]
                                               : 0;
        return VALENCE_OK;
    }
    int status = valence_media_open(recording->path, &run->scorer->media, &media, error);
    if (status)
        return status;
    const struct valence_media_info *info = valence_media_get_info(media);
    score->has_sound = info->n_audio_streams > 0;
    score->has_pictures = info->n_video_streams > 0;
    score->seconds = info->duration;
    if (!isfinite(info->duration))
        status = measure(media, progress, &score->seconds, error);
    valence_media_close(media);
    return status;
}

/* Says how far the recording is, in seconds. */
static int report(const struct valence_progress *progress, double done, double total,
                  struct valence_error *error)
{
    const struct valence_progress_event event = {"scoring", (int64_t)done, (int64_t)total,
                                                 "seconds", NULL};
    if (progress && progress->report(progress->user, &event))
        return fail(error, VALENCE_ERROR_CANCELLED, "cancelled");
    return VALENCE_OK;
}

/* Scores a span, or takes what an interrupted call made of it. */
static int score_part(struct scoring_run *run, const struct valence_recording *recording,
                      const struct score_timeline *timeline, const struct score_span *span,
                      struct score_journal *journal, const struct valence_progress *progress,
                      struct score_made *made, struct valence_error *error)
{
    struct kept *kept = run->kept;
    if (score_journal_take(journal, span, made, &kept->warning)) {
        kept->score.resumed_seconds = span->end;
        return VALENCE_OK;
    }
    int status =
        score_span(run->scorer, recording, timeline, span, progress, made, &kept->warning, error);
    if (!status)
        score_journal_keep(journal, made, kept->warning);
    return status;
}

static int score_parts(struct scoring_run *run, const struct valence_recording *recording,
                       const struct score_timeline *timeline, struct score_journal *journal,
                       const struct valence_progress *progress, struct valence_error *error)
{
    int status = VALENCE_OK;
    bool is_long = timeline->n > 1;
    double total = timeline->n ? timeline->spans[timeline->n - 1].end : 0;
    for (int64_t i = 0; i < timeline->n && !status; i++) {
        struct score_made made;
        if (is_long)
            status = report(progress, timeline->spans[i].start, total, error);
        if (!status)
            status = score_part(run, recording, timeline, &timeline->spans[i], journal,
                                is_long ? NULL : progress, &made, error);
        if (!status)
            status = score_keep(run, &made, error);
    }
    return status;
}

static int score_media(struct scoring_run *run, const struct valence_recording *recording,
                       const struct valence_progress *progress, struct valence_error *error)
{
    struct score_timeline timeline = {0};
    struct score_journal *journal = NULL;
    struct valence_recording_score *score = &run->kept->score;
    int status = valence_scorer_load(run->scorer, VALENCE_SCORER_RECORDINGS, error);
    const double begin = seconds_now();
    if (!status)
        status = probe(run, recording, progress, error);
    if (!status)
        status = score_journal_open(run->scorer, recording, score->seconds, &journal, error);
    if (!status)
        status = score_timeline_make(run->scorer, recording, score->seconds, score->has_sound,
                                     journal, progress, &timeline, error);
    score_end_stage(run->scorer, VALENCE_STAGE_SEGMENT, begin);
    if (!status)
        status = score_parts(run, recording, &timeline, journal, progress, error);
    score_journal_close(journal, !status);
    if (timeline.language) { /* of the whole recording; a segment has said its own */
        free(run->kept->language);
        run->kept->language = timeline.language;
        timeline.language = NULL;
    }
    score_timeline_free(&timeline);
    return status;
}

/* ---- All of it ---- */

static int check(const struct valence_recording *recording, struct valence_error *error)
{
    bool is_memory = recording->samples || recording->pixels;
    if (recording->path && is_memory)
        return fail(error, VALENCE_ERROR_ARGUMENT,
                    "a recording is a file or in memory, and not both");
    if (!recording->path && !is_memory && !recording->text)
        return fail(error, VALENCE_ERROR_ARGUMENT, "there is no recording and no text");
    if (recording->n_samples < 0 || recording->n_pictures < 0 ||
        (recording->pixels && (!recording->times || recording->width < 1 || recording->height < 1)))
        return fail(error, VALENCE_ERROR_ARGUMENT,
                    "the recording's numbers of samples and pictures do not fit its data");
    return VALENCE_OK;
}

static const char *name_of(const struct valence_recording *recording)
{
    return recording->name   ? recording->name
           : recording->path ? recording->path
           : recording->text ? "the text"
                             : "the recording";
}

int valence_score_recording(struct valence_scorer *scorer,
                            const struct valence_recording *recording,
                            const struct valence_progress *progress,
                            valence_segment_receiver receive, void *user,
                            struct valence_recording_score **score, struct valence_error *error)
{
    double begin = seconds_now();
    if (score)
        *score = NULL;
    int status = check(recording, error);
    if (status)
        return status;
    struct kept *kept = allocate(1, sizeof *kept);
    struct scoring_run run = {scorer, kept, receive, user};
    if (!kept)
        return fail_memory(error, sizeof *kept, "a score");
    if (recording->path || recording->samples || recording->pixels)
        status = score_media(&run, recording, progress, error);
    else
        status = score_document(&run, recording->text, progress, error);
    if (!status)
        status = finish(&run, name_of(recording), error);
    kept->score.work_seconds = seconds_now() - begin;
    if (status || !score)
        valence_recording_score_free(&kept->score);
    else
        *score = &kept->score;
    return status;
}
