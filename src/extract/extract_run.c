/* One store of an extraction: its clips one after the other. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/memory.h"
#include "base/options.h"
#include "base/threads.h"
#include "encode/files/encode_report.h"
#include "extract/extraction.h"
#include "extract/pipeline.h"
#include "extract/target.h"

void valence_extract_options_default(struct valence_extract_options *options)
{
    *options = (struct valence_extract_options){.size = sizeof *options, .shard = 1, .n_shards = 1};
}

/* The making of one store. */
struct run {
    struct extraction *extraction;
    struct target target;
    int64_t *todo, n_todo;
    struct pipeline *pipeline;
    struct extract_report *report;
    struct valence_error first; /* why the first clip failed */
    double begin;
};

/* ---- Clips ---- */

/* What the store keeps about a clip: what was found in it, and where it comes from. */
static char *join_records(const char *found, json_t *origin)
{
    json_t *record = found ? json_loads(found, 0, NULL) : json_object();
    bool is_whole = record && origin && json_object_set(record, "extraction", origin) == 0;
    char *text = is_whole ? json_dumps(record, JSON_COMPACT | JSON_REAL_PRECISION(9)) : NULL;
    json_decref(record);
    json_decref(origin);
    return text;
}

static struct valence_clip record_of(const struct planned_clip *clip, const char *transcript,
                                     const char *metadata)
{
    return (struct valence_clip){.id = clip->id,
                                 .group = clip->group,
                                 .transcript = transcript,
                                 .metadata = metadata,
                                 .split = clip->split,
                                 .label = clip->label};
}

static int store_clip(struct run *run, int64_t i, const struct valence_extracted *extracted,
                      struct valence_error *error)
{
    const struct planned_clip *planned = &run->extraction->plan.clips[i];
    const struct valence_extracted_facts *facts = valence_extracted_get_facts(extracted);
    struct valence_clip_rows rows[VALENCE_N_STREAMS];
    int n = 0;
    char *metadata =
        join_records(valence_extracted_record(extracted),
                     target_record(&run->target, planned, run->target.clips[i].digest));
    if (!metadata)
        return fail_memory(error, 0, "a clip's record");
    for (int s = 0; s < run->extraction->n_streams; s++) {
        int64_t n_rows;
        const float *values = valence_extracted_rows(extracted, run->extraction->kinds[s], &n_rows);
        if (n_rows)
            rows[n++] = (struct valence_clip_rows){s, n_rows, values};
    }
    struct valence_clip clip = record_of(planned, facts->transcript, metadata);
    int status = valence_store_writer_add(run->target.writer, &clip, rows, n, error);
    free(metadata);
    run->report->public.media_seconds += facts->seconds;
    run->report->public.sound_work += facts->sound_work;
    run->report->public.picture_work += facts->picture_work;
    run->report->public.n_made++;
    return status;
}

static int store_failure(struct run *run, int64_t i, int failed, const struct valence_error *reason,
                         struct valence_error *error)
{
    const struct planned_clip *planned = &run->extraction->plan.clips[i];
    char *metadata =
        join_records(NULL, target_record(&run->target, planned, run->target.clips[i].digest));
    const struct valence_store_failure failure = {planned->id, failed, reason->text, metadata};
    int status = metadata ? extract_report_fail(run->report, &failure, error)
                          : fail_memory(error, 0, "a failure");
    if (!status)
        status = valence_store_writer_add_failure(run->target.writer, &failure, error);
    if (!run->first.status)
        run->first = *reason;
    free(metadata);
    return status;
}

/* Which lane has taken longest, for people. */
static const char *slowest(const struct run *run)
{
    const struct valence_extract_report *report = &run->report->public;
    return report->picture_work > report->sound_work ? "pictures" : "sound and words";
}

/* A clip that the pipeline makes. */
static int make_clip(struct run *run, int64_t i, struct valence_error *error)
{
    const struct valence_extract_report *report = &run->report->public;
    struct pipeline_result result;
    char detail[160];
    double seconds = seconds_now() - run->begin;
    snprintf(detail, sizeof detail, "%.2f x real time, slowest: %s",
             seconds > 0 ? report->media_seconds / seconds : 0, slowest(run));
    const struct valence_progress_event event = {"extracting", i - run->target.first, run->target.n,
                                                 "clips", report->n_made ? detail : NULL};
    int status =
        pipeline_take(run->pipeline, run->extraction->options->progress, &event, &result, error);
    if (status)
        return status;
    struct valence_error reason = result.error;
    int failed = result.status;
    /* What cannot be read has failed already. */
    int unread = target_digest(&run->target, &run->extraction->plan, i, failed ? NULL : &reason);
    failed = failed ? failed : unread;
    if (!failed)
        status = extract_previews_draw(&run->extraction->previews, &run->extraction->plan.clips[i],
                                       valence_extracted_get_facts(result.extracted), error);
    if (!failed && !status)
        status = store_clip(run, i, result.extracted, error);
    else if (failed && encode_may_skip(failed))
        status = store_failure(run, i, failed, &reason, error);
    else if (failed && (status = failed) && error)
        *error = reason;
    valence_extracted_free(result.extracted);
    return status;
}

static int copy_clip(struct run *run, int64_t i, struct valence_error *error)
{
    const struct target *target = &run->target;
    const struct valence_clip *old = valence_store_clip(target->old, target->clips[i].index);
    struct valence_clip clip =
        record_of(&run->extraction->plan.clips[i], old->transcript, old->metadata);
    run->report->public.n_kept++;
    run->report->public.n_copied++;
    return valence_store_writer_add_from(target->writer, target->old, target->clips[i].index, &clip,
                                         error);
}

static int take_clip(struct run *run, int64_t i, struct valence_error *error)
{
    const struct target_clip *clip = &run->target.clips[i];
    int status = VALENCE_OK;
    switch (clip->state) {
    case CLIP_STORED:
        run->report->public.n_kept++;
        return VALENCE_OK;
    case CLIP_FAILED:
        status = extract_report_fail(run->report, &clip->failure, error);
        return status ? status
                      : valence_store_writer_add_failure(run->target.writer, &clip->failure, error);
    case CLIP_COPIED:
        return copy_clip(run, i, error);
    default:
        status = make_clip(run, i, error);
        /* What is made is kept whatever comes. */
        return status ? status : valence_store_writer_commit(run->target.writer, error);
    }
}

/* ---- The run ---- */

static int list_todo(struct run *run, struct valence_error *error)
{
    run->todo = allocate(run->target.n + 1, sizeof *run->todo);
    if (!run->todo)
        return fail_memory(error, (size_t)run->target.n * sizeof *run->todo, "the clips");
    for (int64_t i = run->target.first; i < run->target.first + run->target.n; i++)
        if (run->target.clips[i].state == CLIP_TO_DO)
            run->todo[run->n_todo++] = i;
    return VALENCE_OK;
}

static int take_clips(struct run *run, struct valence_error *error)
{
    int status = list_todo(run, error);
    run->begin = seconds_now();
    if (!status)
        status = pipeline_start(run->extraction->extractor, &run->extraction->plan, run->todo,
                                run->n_todo, &run->pipeline, error);
    for (int64_t i = run->target.first; i < run->target.first + run->target.n && !status; i++)
        status = take_clip(run, i, error);
    pipeline_stop(run->pipeline);
    return status;
}

int extraction_check(const struct valence_extract_report *report, const struct valence_error *first,
                     struct valence_error *error)
{
    if (report->n_made + report->n_kept > 0 || report->n_failed == 0)
        return VALENCE_OK;
    if (!first->status)
        return fail(error, report->failures[0].status, "%s", report->failures[0].reason);
    return fail_key(error, first->status, extraction_key(first->key),
                    "none of %" PRId64 " clips could be made: %s", report->n_clips, first->text);
}

static int make_store(struct run *run, const char *path, const struct plan_part *part,
                      struct valence_error *error)
{
    struct extraction *e = run->extraction;
    const char *settings = valence_extractor_settings(e->extractor);
    int status = target_open(&run->target, &e->plan, part, path, e->options, e->streams,
                             e->n_streams, settings, error);
    if (!status)
        status = extract_report_create(&run->report, path, part->n, e->streams, e->n_streams,
                                       settings, error);
    if (!status)
        status = take_clips(run, error);
    if (!status)
        status = target_finish(&run->target, error);
    return status ? status : extract_report_count(run->report, run->target.path, error);
}

int extraction_make(struct extraction *extraction, const char *path, const struct plan_part *part,
                    struct extract_report **report, struct valence_error *first,
                    struct valence_error *error)
{
    struct run run = {.extraction = extraction};
    int status = make_store(&run, path, part, error);
    target_close(&run.target);
    free(run.todo);
    *report = run.report;
    if (first)
        *first = run.first;
    return status;
}

static int extract_whole(const struct valence_extract_config *config,
                         const struct valence_extract_options *options,
                         struct extract_report **report, struct valence_error *error)
{
    struct extraction extraction;
    struct valence_error first = {0};
    int status = extraction_open(&extraction, config, options, error);
    if (!status) {
        struct plan_part part = plan_even_part(&extraction.plan, options->shard, options->n_shards);
        status = extraction_make(&extraction, config->output, &part, report, &first, error);
    }
    extraction_close(&extraction);
    return status ? status : extraction_check(&(*report)->public, &first, error);
}

int valence_extract(const struct valence_extract_config *config,
                    const struct valence_extract_options *options,
                    struct valence_extract_report **report, struct valence_error *error)
{
    struct valence_extract_options own;
    struct extract_report *made = NULL;
    *report = NULL;
    if (!config)
        return fail(error, VALENCE_ERROR_ARGUMENT, "no configuration");
    valence_extract_options_default(&own);
    int status = options_read(&own, sizeof own, options, error);
    if (!status && (own.n_shards < 1 || own.shard < 1 || own.shard > own.n_shards))
        status =
            fail_key(error, VALENCE_ERROR_ARGUMENT, "shard",
                     "part %" PRId64 " of %" PRId64 " does not exist", own.shard, own.n_shards);
    double begin = seconds_now();
    int threads = threads_enter((int)config->threads);
    if (!status)
        status = extract_whole(config, &own, &made, error);
    threads_leave(threads);
    if (status) {
        extract_report_free(made);
        return status;
    }
    made->public.seconds = seconds_now() - begin;
    *report = &made->public;
    return VALENCE_OK;
}
