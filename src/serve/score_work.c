/* Scoring for a request, on the worker's thread. */
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fail.h"
#include "serve/jobs.h"
#include "serve/serve.h"
#include "valence/score_formats.h"
#include "valence/score_json.h"
#include "valence/text.h"

/* ---- What is scored ---- */

/* A request as a recording, with what that points to. */
struct scored {
    struct valence_recording recording;
    struct valence_media_segment range;
    struct valence_transcript *transcript;
    char *text;                  /* of the transcript, where it has no times or a part is scored */
    char path[SERVE_PATH_BYTES]; /* of the upload */
    const char *name;
};

/* The whole of an upload as a text of its own. */
static int read_upload(const struct http_field *field, char **bytes, struct valence_error *error)
{
    *bytes = malloc(field->n_bytes + 1);
    if (!*bytes)
        return fail_memory(error, field->n_bytes, "a transcript");
    ssize_t n = pread(field->descriptor, *bytes, field->n_bytes, 0);
    if (n == (ssize_t)field->n_bytes)
        return VALENCE_OK;
    free(*bytes);
    *bytes = NULL;
    return fail(error, VALENCE_ERROR_IO, "the upload cannot be read again");
}

static int read_transcript(const struct valence_server *server,
                           const struct serve_settings *settings, struct scored *scored,
                           struct valence_error *error)
{
    const struct http_field *field = settings->transcript;
    struct valence_transcript_read_options options;
    const bool is_part = scored->recording.range != NULL;
    const char *name = field->file_name ? field->file_name : "transcript";
    char *bytes = NULL;
    int status = VALENCE_OK;
    valence_transcript_read_options_default(&options);
    options.format = settings->transcript_format;
    if (field->file_name && (int64_t)field->n_bytes > server->options.max_text_bytes)
        return fail(error, VALENCE_ERROR_LIMIT, "%s: it is longer than %lld bytes", name,
                    (long long)server->options.max_text_bytes);
    if (field->file_name)
        status = read_upload(field, &bytes, error);
    if (!status)
        status = valence_transcript_read_memory(bytes ? bytes : field->text, field->n_bytes, name,
                                                &options, &scored->transcript, error);
    free(bytes);
    if (status)
        return status;
    scored->recording.transcript = scored->transcript;
    if (!is_part && scored->transcript->n_segments > 0 &&
        !isnan(scored->transcript->segments[0].start))
        return VALENCE_OK;
    status = valence_transcript_text(scored->transcript, is_part ? scored->range.start : 0,
                                     is_part ? scored->range.end : (double)INFINITY, &scored->text,
                                     error);
    scored->recording.transcript = NULL;
    scored->recording.text = scored->text;
    return status;
}

static int make_recording(const struct valence_server *server,
                          const struct serve_settings *settings, struct scored *scored,
                          struct valence_error *error)
{
    struct valence_recording *recording = &scored->recording;
    *scored = (struct scored){.name = settings->file ? settings->file->file_name : "text"};
    recording->name = scored->name;
    recording->text = settings->text ? settings->text->text : NULL;
    if (settings->file) {
        serve_upload_path(settings->file, scored->path);
        recording->path = scored->path;
    }
    if (settings->start > 0 || settings->end > 0) {
        scored->range = (struct valence_media_segment){settings->start,
                                                       settings->end > 0 ? settings->end : 1e300};
        recording->range = &scored->range;
    }
    return settings->transcript ? read_transcript(server, settings, scored, error) : VALENCE_OK;
}

/* ---- Answers ---- */

static int write_json(FILE *stream, const struct valence_server *server, const char *name,
                      const struct valence_recording_score *score, struct valence_error *error)
{
    struct valence_score_json *json;
    int status =
        valence_score_json_open(stream, server->scorer, server->options.model, &json, error);
    if (!status)
        status = valence_score_json_add(json, name, score, error);
    valence_score_json_close(json);
    return status;
}

static int write_score(FILE *stream, const struct valence_server *server, enum serve_format format,
                       const char *name, const struct valence_recording_score *score,
                       struct valence_error *error)
{
    switch (format) {
    case SERVE_CSV:
        valence_score_write_csv_head(stream, server->scorer);
        for (int64_t i = 0; i < score->n_segments; i++)
            valence_score_write_csv_row(stream, server->scorer, name, &score->segments[i], i + 1);
        return VALENCE_OK;
    case SERVE_VTT:
        fputs("WEBVTT\n\n", stream);
        valence_score_write_cues(stream, score, true);
        return VALENCE_OK;
    case SERVE_SRT:
        valence_score_write_cues(stream, score, false);
        return VALENCE_OK;
    case SERVE_TEXT:
        valence_score_write_text(stream, score);
        return VALENCE_OK;
    default:
        return write_json(stream, server, name, score, error);
    }
}

static const char *const types[SERVE_N_FORMATS] = {
    "application/json",        "application/json",        "application/x-subrip; charset=utf-8",
    "text/vtt; charset=utf-8", "text/csv; charset=utf-8", "text/plain; charset=utf-8"};

static void reply_whole(const struct valence_server *server, enum serve_format format,
                        const char *name, const struct valence_recording_score *score,
                        struct http_reply *reply)
{
    struct valence_error error;
    char *text = NULL;
    size_t n_bytes = 0;
    FILE *stream = open_memstream(&text, &n_bytes);
    int status = stream ? write_score(stream, server, format, name, score, &error) : VALENCE_OK;
    serve_reply_stream(reply, types[format], stream, &text, &n_bytes);
    if (status)
        serve_fail(reply, &error, NULL, NULL);
}

/* The last event of a stream: the whole without its segments, which were sent. */
static void reply_summary(const struct valence_recording_score *score, struct http_reply *reply)
{
    json_t *json =
        json_pack("{s:f,s:f,s:f,s:f,s:f,s:I,s:I,s:s,s:s}", "score", score->score, "spread",
                  score->spread, "lowest", score->lowest, "highest", score->highest, "seconds",
                  isfinite(score->seconds) ? score->seconds : 0.0, "segments",
                  (json_int_t)score->n_segments, "unscored", (json_int_t)score->n_unscored,
                  "language", score->language, "warning", score->warning);
    char *text = json ? json_dumps(json, JSON_COMPACT | JSON_REAL_PRECISION(9)) : NULL;
    json_decref(json);
    http_reply_body(reply, 200, "application/json", text, text ? strlen(text) : 0);
}

/* ---- The work ---- */

struct working {
    const struct valence_server *server;
    struct http_job *job;
};

static int report(void *user, const struct valence_progress_event *event)
{
    const struct working *working = user;
    (void)event;
    return http_job_is_cancelled(working->job);
}

/* A segment as an event. */
static int send_segment(void *user, const struct valence_scored_segment *segment)
{
    const struct working *working = user;
    char *text = NULL;
    size_t n_bytes = 0;
    FILE *stream = open_memstream(&text, &n_bytes);
    int status = stream ? valence_score_json_segment(stream, working->server->scorer, segment, NULL)
                        : VALENCE_ERROR_MEMORY;
    if (stream && fclose(stream) != 0)
        status = VALENCE_ERROR_MEMORY;
    bool goes_on = !status && n_bytes > 0 &&
                   http_job_event(working->job, "segment", text, n_bytes - 1); /* without newline */
    free(text);
    return !goes_on;
}

static int adjust(const struct valence_server *server, const struct serve_settings *settings,
                  const char *journal_folder, struct valence_error *error)
{
    struct valence_scorer_options options = server->scorer_options;
    options.level = settings->level > 0 ? settings->level : options.level;
    options.window_seconds = settings->window > 0 ? settings->window : options.window_seconds;
    options.explain = settings->explain || options.explain;
    options.signals = settings->signals || options.signals;
    options.journal_folder = journal_folder;
    return valence_scorer_adjust(server->scorer, &options, error);
}

/* Scores the recording, and counts what took how long. */
static int score_and_count(struct valence_server *server, const struct scored *scored,
                           const struct serve_scoring *scoring,
                           struct valence_recording_score **score, struct valence_error *error)
{
    const struct valence_scorer *scorer = server->scorer;
    double before[VALENCE_N_SCORE_STAGES];
    for (int s = 0; s < VALENCE_N_SCORE_STAGES; s++)
        before[s] = valence_scorer_stage_seconds(scorer, (enum valence_score_stage)s);
    int status = valence_score_recording(server->scorer, &scored->recording, scoring->progress,
                                         scoring->receive, scoring->user, score, error);
    for (int s = 0; s < VALENCE_N_SCORE_STAGES; s++)
        http_server_count_stage(server->http, valence_score_stage_names[s],
                                valence_scorer_stage_seconds(scorer, (enum valence_score_stage)s) -
                                    before[s]);
    return status;
}

int serve_score_form(struct valence_server *server, const struct serve_settings *settings,
                     struct serve_scoring *scoring, struct http_reply *reply)
{
    struct scored scored = {0};
    struct valence_recording_score *score = NULL;
    struct valence_error error = {0};
    int status = adjust(server, settings, scoring->journal_folder, &error);
    if (!status)
        status = make_recording(server, settings, &scored, &error);
    if (!status)
        status = score_and_count(server, &scored, scoring, &score, &error);
    if (status) {
        serve_fail(reply, &error, *scored.path ? scored.path : NULL, scored.name);
    } else {
        scoring->media_seconds = isfinite(score->seconds) ? score->seconds : 0;
        if (scoring->is_summed_up)
            reply_summary(score, reply);
        else
            reply_whole(server, settings->format, scored.name, score, reply);
    }
    valence_recording_score_free(score);
    valence_transcript_free(scored.transcript);
    valence_text_free(scored.text);
    return status;
}

void serve_score(struct valence_server *server, struct http_job *job, struct http_reply *reply)
{
    const struct serve_settings *settings = http_job_settings(job);
    struct working working = {server, job};
    const struct valence_progress progress = {report, &working};
    const bool streams = http_job_route(job)->streams;
    struct serve_scoring scoring = {.progress = &progress,
                                    .receive = streams ? send_segment : NULL,
                                    .user = &working,
                                    .is_summed_up = streams};
    if (!streams && server->jobs && serve_job_accept(server, http_job_form(job), settings, reply))
        return;
    serve_score_form(server, settings, &scoring, reply);
    http_job_count_media(job, scoring.media_seconds);
}
