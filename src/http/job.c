/* Jobs: the queue, the worker, and what they tell the requests that wait for them. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "http/server.h"
#include "valence/runtime.h"

/* Beyond its time, other work waits so long for requests that never cease. */
#define BUSY_SECONDS 1.0

/* That a client did not read yet; one that lets more pile up is too slow. */
#define MAX_EVENT_BYTES ((size_t)16 << 20)

/* ---- Making and freeing ---- */

struct http_job *job_create(struct http_server *server, const struct http_route *route,
                            struct http_form *form, void *settings, struct http_client *client)
{
    struct http_job *job = calloc(1, sizeof *job);
    if (!job)
        return NULL;
    *job = (struct http_job){.references = 1,
                             .server = server,
                             .route = route,
                             .form = *form,
                             .settings = settings,
                             .client = client,
                             .events = {.maximum = MAX_EVENT_BYTES},
                             .created = seconds_now()};
    job->last_event = job->created;
    *form = (struct http_form){0};
    pthread_mutex_lock(&server->jobs_lock);
    job->next = server->all_jobs;
    if (job->next)
        job->next->previous = job;
    server->all_jobs = job;
    pthread_mutex_unlock(&server->jobs_lock);
    return job;
}

void job_release(struct http_job *job)
{
    if (--job->references > 0)
        return;
    struct http_server *server = job->server;
    if (job->previous)
        job->previous->next = job->next;
    else
        server->all_jobs = job->next;
    if (job->next)
        job->next->previous = job->previous;
    form_free(&job->form);
    free(job->settings);
    http_reply_free(&job->reply);
    text_free(&job->events);
    free(job);
}

/* ---- The queue ---- */

bool server_takes_work(struct http_server *server, struct http_reply *reply)
{
    pthread_mutex_lock(&server->jobs_lock);
    const enum http_state state = server->state;
    const bool stops = server->is_stopping, is_full = server->n_jobs >= server->options->max_queue;
    pthread_mutex_unlock(&server->jobs_lock);
    if (stops)
        http_reply_error(reply, 503, "stopping", "the server is stopping");
    else if (state == HTTP_LOADING)
        http_reply_error(reply, 503, "loading", "the model is still being loaded");
    else if (state == HTTP_FAILED)
        http_reply_error(reply, 503, "no_model", "the model could not be loaded");
    else if (is_full)
        http_reply_error(reply, 429, "queue_full",
                         "%d requests are waiting already; try again later",
                         server->options->max_queue);
    return !reply->status;
}

bool job_queue(struct http_job *job, struct http_reply *reply)
{
    struct http_server *server = job->server;
    if (!server_takes_work(server, reply))
        return false;
    pthread_mutex_lock(&server->jobs_lock);
    const bool is_full = server->n_jobs >= server->options->max_queue; /* since a moment ago */
    if (!is_full) {
        server->n_jobs++;
        job->references++;
        job->is_queued = true;
        if (server->last_queued)
            server->last_queued->next_queued = job;
        else
            server->first_queued = job;
        server->last_queued = job;
        pthread_cond_signal(&server->work_comes);
    }
    pthread_mutex_unlock(&server->jobs_lock);
    if (is_full)
        http_reply_error(reply, 429, "queue_full", "too many requests are waiting already");
    return !is_full;
}

/* There is one. */
static struct http_job *take_first(struct http_server *server)
{
    struct http_job *job = server->first_queued;
    server->first_queued = job->next_queued;
    if (!server->first_queued)
        server->last_queued = NULL;
    job->next_queued = NULL;
    job->is_queued = false;
    return job;
}

/* Takes a job out of the queue, wherever it stands. */
static void leave_queue(struct http_job *job)
{
    struct http_server *server = job->server;
    struct http_job **link = &server->first_queued, *before = NULL;
    if (!job->is_queued)
        return;
    while (*link != job) {
        before = *link;
        link = &before->next_queued;
    }
    *link = job->next_queued;
    if (server->last_queued == job)
        server->last_queued = before;
    job->next_queued = NULL;
    job->is_queued = false;
    server->n_jobs--;
    job->references--; /* the caller has another */
    pthread_cond_broadcast(&server->state_changes);
}

/* ---- What happens to a job ---- */

void job_wake(struct http_job *job)
{
    if (job->waiting)
        MHD_resume_connection(job->waiting);
    job->waiting = NULL;
}

static void append_event(struct http_job *job, const char *event, const char *data, size_t n_bytes)
{
    text_format(&job->events, "event: %s\ndata: ", event);
    text_append(&job->events, data, n_bytes);
    text_format(&job->events, "\n\n");
    job->has_events = true;
    job->last_event = seconds_now();
}

void job_finish(struct http_job *job, struct http_reply *reply)
{
    if (job->is_done) { /* answered without it: its time was over */
        http_reply_free(reply);
        return;
    }
    job->is_done = true;
    job->ended = seconds_now();
    job->reply = *reply;
    *reply = (struct http_reply){0};
    if (job->route->streams && (job->has_events || job->reply.status == 200))
        append_event(job, job->reply.status == 200 ? "done" : "error", job->reply.body,
                     job->reply.n_bytes);
    job_wake(job);
}

void job_cancel(struct http_job *job)
{
    job->is_cancelled = true;
    leave_queue(job);
}

/* With jobs_lock held. False where the work is to stop. */
static bool add_event(struct http_job *job, const char *event, const char *data, size_t n_bytes)
{
    if (job->is_cancelled || job->is_done)
        return false;
    append_event(job, event, data, n_bytes);
    if (job->events.failed)
        job->is_cancelled = true;
    job_wake(job);
    return !job->is_cancelled;
}

/* ---- What the work sees ---- */

const struct http_form *http_job_form(const struct http_job *job)
{
    return &job->form;
}

void *http_job_settings(const struct http_job *job)
{
    return job->settings;
}

const struct http_route *http_job_route(const struct http_job *job)
{
    return job->route;
}

bool http_job_is_cancelled(struct http_job *job)
{
    pthread_mutex_lock(&job->server->jobs_lock);
    bool is_cancelled = job->is_cancelled;
    pthread_mutex_unlock(&job->server->jobs_lock);
    return is_cancelled;
}

bool http_job_event(struct http_job *job, const char *event, const char *data, size_t n_bytes)
{
    pthread_mutex_lock(&job->server->jobs_lock);
    bool goes_on = add_event(job, event, data, n_bytes);
    pthread_mutex_unlock(&job->server->jobs_lock);
    return goes_on;
}

void http_job_count_media(struct http_job *job, double seconds)
{
    pthread_mutex_lock(&job->server->jobs_lock);
    job->media_seconds += seconds;
    pthread_mutex_unlock(&job->server->jobs_lock);
}

void http_server_count_stage(struct http_server *server, const char *stage, double seconds)
{
    pthread_mutex_lock(&server->jobs_lock);
    metrics_count_stage(&server->metrics, stage, seconds);
    pthread_mutex_unlock(&server->jobs_lock);
}

void http_server_count_media(struct http_server *server, double seconds)
{
    pthread_mutex_lock(&server->jobs_lock);
    server->metrics.media_seconds += seconds;
    pthread_mutex_unlock(&server->jobs_lock);
}

/* ---- The worker ---- */

static void load(struct http_server *server)
{
    struct valence_error error = {0};
    int status = server->service->load(server->service->user, &error);
    pthread_mutex_lock(&server->jobs_lock);
    if (status && server->state == HTTP_READY)
        log_line(VALENCE_LOG_WARNING, "the model is kept, since loading it again failed: %s",
                 error.text);
    else
        server->state = status ? HTTP_FAILED : HTTP_READY;
    server->failure = error;
    pthread_cond_broadcast(&server->state_changes);
    pthread_mutex_unlock(&server->jobs_lock);
}

/* Does the first job; jobs_lock is held before and after. */
static void work(struct http_server *server, struct http_job *job)
{
    struct http_reply reply = {0};
    job->started = seconds_now();
    pthread_mutex_unlock(&server->jobs_lock);
    server->service->work(server->service->user, job, &reply);
    pthread_mutex_lock(&server->jobs_lock);
    job_finish(job, &reply);
    job_release(job);
    server->n_jobs--;
    pthread_cond_broadcast(&server->state_changes);
}

/* Whether the service's other work is to be called now: when nothing waits, at the time that it
 * asked for; between requests that never cease, a little later. */
static bool is_idle_due(const struct http_server *server)
{
    const bool is_busy = server->first_queued || server->reloads;
    return server->service->idle && server->state == HTTP_READY &&
           seconds_now() >= server->next_idle + (is_busy ? BUSY_SECONDS : 0);
}

/* That work. jobs_lock is held before and after. */
static void idle(struct http_server *server)
{
    pthread_mutex_unlock(&server->jobs_lock);
    const double next = server->service->idle(server->service->user);
    pthread_mutex_lock(&server->jobs_lock);
    server->next_idle = seconds_now() + next;
}

/* Waits for requests, or for the time of other work. With jobs_lock held. */
static void wait_for_work(struct http_server *server)
{
    const double until = server->next_idle;
    const struct timespec time = {(time_t)until, (long)((until - floor(until)) * 1e9)};
    if (server->service->idle && server->state == HTTP_READY)
        pthread_cond_timedwait(&server->work_comes, &server->jobs_lock, &time);
    else
        pthread_cond_wait(&server->work_comes, &server->jobs_lock);
}

bool http_server_is_wanted(struct http_server *server)
{
    pthread_mutex_lock(&server->jobs_lock);
    bool is_wanted = server->first_queued || server->reloads || server->is_stopping;
    pthread_mutex_unlock(&server->jobs_lock);
    return is_wanted;
}

bool http_server_is_ending(struct http_server *server)
{
    pthread_mutex_lock(&server->jobs_lock);
    bool is_ending = server->is_stopping;
    pthread_mutex_unlock(&server->jobs_lock);
    return is_ending;
}

void *worker_run(void *user)
{
    struct http_server *server = user;
    if (server->options->threads)
        valence_set_threads(server->options->threads);
    load(server);
    pthread_mutex_lock(&server->jobs_lock);
    while (!server->ends) {
        if (is_idle_due(server)) {
            idle(server);
        } else if (server->reloads) {
            server->reloads = false;
            pthread_mutex_unlock(&server->jobs_lock);
            load(server);
            pthread_mutex_lock(&server->jobs_lock);
        } else if (server->first_queued) {
            work(server, take_first(server));
        } else {
            wait_for_work(server);
        }
    }
    pthread_mutex_unlock(&server->jobs_lock);
    return NULL;
}
