/* Scoring jobs, on the worker's thread: in turns, between requests. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "http/form.h"
#include "serve/job_list.h"
#include "serve/jobs.h"

/* Beginnings after which the server died. */
#define MAX_DEATHS 5

#define IDLE_SECONDS 1.0

struct running {
    struct serve_jobs *jobs;
    struct kept_job *job;
    double began;
    bool is_put_off;
};

/* Whether the scoring goes on; and what is known of it. */
static int report(void *user, const struct valence_progress_event *event)
{
    struct running *running = user;
    struct serve_jobs *jobs = running->jobs;
    struct http_server *http = *jobs->http;
    const bool had_turn = seconds_now() - running->began > running->job->turn;
    running->is_put_off = http_server_is_ending(http) || (had_turn && http_server_is_wanted(http));
    pthread_mutex_lock(&jobs->lock);
    struct kept_job *expired = job_list_take_expired(jobs);
    if (event->unit && strcmp(event->unit, "seconds") == 0 && event->stage &&
        strcmp(event->stage, "scoring") == 0)
        running->job->done = (double)event->done;
    const bool is_deleted = running->job->is_deleted;
    pthread_mutex_unlock(&jobs->lock);
    job_list_remove(jobs, expired);
    return is_deleted || running->is_put_off;
}

/* Scores what its folder holds. */
static int score(struct valence_server *server, struct running *running, struct http_reply *reply)
{
    const struct valence_progress progress = {report, running};
    const char *id = running->job->facts.id;
    struct serve_settings settings;
    struct valence_error error;
    struct http_form form;
    int status = job_files_read_form(running->jobs->folder, id, &form, &error);
    if (status) {
        serve_fail(reply, &error, running->jobs->folder, "jobs");
        return status;
    }
    char *journal = NULL;
    if (asprintf(&journal, "%s/%s/journal", running->jobs->folder, id) < 0)
        journal = NULL; /* then it is scored in one piece, or not at all */
    struct serve_scoring scoring = {.progress = &progress, .journal_folder = journal};
    if (serve_read_settings(server, &form, false, &settings, reply))
        status = serve_score_form(server, &settings, &scoring, reply);
    http_server_count_media(server->http, scoring.media_seconds);
    free(journal);
    form_free(&form);
    return status;
}

/* Scores it, or says why it will not be scored. */
static int work(struct valence_server *server, struct running *running, struct http_reply *reply)
{
    const struct serve_jobs *jobs = running->jobs;
    const struct kept_job *job = running->job;
    if (job_list_is_over(jobs, job))
        http_reply_error(reply, 503, "waited_too_long",
                         "the job waited for more than %g seconds and was not scored",
                         jobs->wait_seconds);
    else if (job_files_begin(jobs->folder, job->facts.id) >= MAX_DEATHS)
        http_reply_error(reply, 500, "internal", "the server ended %d times while it scored this",
                         MAX_DEATHS);
    else
        return score(server, running, reply);
    return VALENCE_OK;
}

/* Keeps the result. False where that cannot be, and the job is lost. */
static bool keep_result(const struct serve_jobs *jobs, struct job_facts *facts,
                        const struct http_reply *reply)
{
    struct valence_error error;
    facts->status = reply->status;
    facts->ended = unix_milliseconds();
    if (!job_files_finish(jobs->folder, facts, reply, &error))
        return true;
    log_line(VALENCE_LOG_WARNING, "a job's result cannot be kept, and the job is removed: %s",
             error.text);
    return false;
}

static bool was_deleted(struct serve_jobs *jobs, const struct kept_job *job)
{
    pthread_mutex_lock(&jobs->lock);
    const bool is_deleted = job->is_deleted;
    pthread_mutex_unlock(&jobs->lock);
    return is_deleted;
}

/* What became of it: a result, or another turn. */
static void settle(struct running *running, int status, const struct http_reply *reply)
{
    struct serve_jobs *jobs = running->jobs;
    struct kept_job *job = running->job;
    struct job_facts facts = job->facts;
    const bool is_put_off = status == VALENCE_ERROR_CANCELLED && running->is_put_off;
    const int64_t n_kept = is_put_off ? job_files_kept_bytes(jobs->folder, facts.id) : 0;
    bool is_kept = true;
    if (is_put_off)
        job_files_end(jobs->folder, facts.id);
    else
        is_kept = !was_deleted(jobs, job) && keep_result(jobs, &facts, reply);
    pthread_mutex_lock(&jobs->lock);
    job->is_running = false;
    job->facts = facts;
    jobs->turns.last_end = seconds_now();
    if (is_put_off)
        job->turn = job_turns_next(&jobs->turns, job->turn, n_kept > job->n_kept);
    job->n_kept = n_kept;
    const bool is_over = job->is_deleted || !is_kept; /* it may have been deleted just now */
    if (is_over)
        job_list_take(jobs, job);
    pthread_mutex_unlock(&jobs->lock);
    if (is_over)
        job_list_remove(jobs, job);
}

/* Whether the job is worked on now: no request waits, it has its turn, or it only has to be given
 * up. With the lock held. */
static bool is_next(const struct serve_jobs *jobs, const struct kept_job *job, bool is_wanted)
{
    return !is_wanted || job_list_is_over(jobs, job) ||
           job_turns_are_due(&jobs->turns, job->turn, seconds_now());
}

double serve_jobs_idle(void *user)
{
    struct valence_server *server = user;
    struct serve_jobs *jobs = server->jobs;
    struct http_reply reply = {0};
    if (http_server_is_ending(server->http))
        return IDLE_SECONDS;
    const bool is_wanted = http_server_is_wanted(server->http);
    pthread_mutex_lock(&jobs->lock);
    struct kept_job *expired = job_list_take_expired(jobs);
    struct kept_job *job = job_list_next(jobs);
    if (job && !is_next(jobs, job, is_wanted))
        job = NULL;
    if (job)
        job->is_running = true;
    pthread_mutex_unlock(&jobs->lock);
    job_list_remove(jobs, expired);
    if (!job)
        return IDLE_SECONDS;
    struct running running = {.jobs = jobs, .job = job, .began = seconds_now()};
    int status = work(server, &running, &reply);
    settle(&running, status, &reply);
    http_reply_free(&reply);
    return 0;
}
