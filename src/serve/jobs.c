#include "serve/jobs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fail.h"
#include "base/file.h"
#include "base/file_writer.h"
#include "base/log.h"
#include "base/memory.h"
#include "http/form.h"
#include "serve/job_files.h"

/* A job goes on for so long before it makes room for requests. Each time costs it the way back to
 * where it was, so its turns become longer. */
#define TURN_SECONDS     5.0
#define MAX_TURN_SECONDS 30.0

/* Beginnings after which the server died. */
#define MAX_DEATHS 5

#define IDLE_SECONDS 1.0

struct kept_job {
    struct job_facts facts;
    double done; /* seconds of the recording */
    double turn; /* seconds */
    bool is_running, is_deleted;
};

struct serve_jobs {
    char *folder;
    int lock_file;
    double threshold, keep_seconds;
    int64_t maximum;
    struct http_server *const *http;

    pthread_mutex_t lock;  /* guards what follows */
    struct kept_job **all; /* by their age */
    int64_t n, capacity;
};

/* ---- The list: all with the lock held ---- */

static int add(struct serve_jobs *jobs, const struct job_facts *facts, struct valence_error *error)
{
    struct kept_job *job = malloc(sizeof *job);
    int status = job ? grow_array((void **)&jobs->all, &jobs->capacity, jobs->n + 1,
                                  sizeof(struct kept_job *), jobs->maximum + 1, "jobs", error)
                     : fail_memory(error, sizeof *job, "a job");
    if (status) {
        free(job);
        return status;
    }
    *job = (struct kept_job){.facts = *facts, .turn = TURN_SECONDS};
    int64_t at = jobs->n++;
    for (; at > 0 && jobs->all[at - 1]->facts.created > facts->created; at--)
        jobs->all[at] = jobs->all[at - 1];
    jobs->all[at] = job;
    return VALENCE_OK;
}

static struct kept_job *find(const struct serve_jobs *jobs, const char *id, size_t n)
{
    for (int64_t i = 0; i < jobs->n; i++)
        if (n == JOB_ID_BYTES - 1 && strncmp(jobs->all[i]->facts.id, id, n) == 0 &&
            !jobs->all[i]->is_deleted)
            return jobs->all[i];
    return NULL;
}

/* Takes it out of list and folder; of one that is running, the worker does so when it has stopped.
 */
static void discard(struct serve_jobs *jobs, struct kept_job *job)
{
    if (job->is_running) {
        job->is_deleted = true;
        job_files_forget(jobs->folder, job->facts.id);
        return;
    }
    job_files_remove(jobs->folder, job->facts.id);
    int64_t at = 0;
    while (jobs->all[at] != job)
        at++;
    memmove(&jobs->all[at], &jobs->all[at + 1],
            (size_t)(jobs->n - at - 1) * sizeof(struct kept_job *));
    jobs->n--;
    free(job);
}

/* Milliseconds since 1970. */
static int64_t expiry_of(const struct serve_jobs *jobs, const struct kept_job *job)
{
    int64_t from = job->facts.ended ? job->facts.ended : job->facts.created;
    return from + (int64_t)(jobs->keep_seconds * 1e3);
}

static void discard_expired(struct serve_jobs *jobs)
{
    const int64_t now = unix_milliseconds();
    for (int64_t i = jobs->n - 1; i >= 0; i--)
        if (now >= expiry_of(jobs, jobs->all[i]) && !jobs->all[i]->is_deleted)
            discard(jobs, jobs->all[i]);
}

/* ---- Opening ---- */

static bool is_id(const char *name)
{
    return strlen(name) == JOB_ID_BYTES - 1 && strspn(name, "0123456789abcdef") == JOB_ID_BYTES - 1;
}

/* What an earlier server left. */
static int take_job(struct serve_jobs *jobs, const char *id, struct valence_error *error)
{
    struct job_facts facts;
    struct valence_error why;
    int status = job_files_read(jobs->folder, id, &facts, &why);
    if (status == VALENCE_ERROR_MEMORY)
        return fail_memory(error, 0, "a job");
    if (!status)
        return add(jobs, &facts, error);
    if (status != VALENCE_ERROR_NOT_FOUND) /* else it was deleted while it was being scored */
        log_line(VALENCE_LOG_WARNING, "a job cannot be read, and is removed: %s", why.text);
    job_files_remove(jobs->folder, id);
    return VALENCE_OK;
}

static int take_jobs(struct serve_jobs *jobs, struct valence_error *error)
{
    DIR *folder = opendir(jobs->folder);
    int status = VALENCE_OK;
    if (!folder)
        return fail_errno(error, errno, "%s: cannot be read", jobs->folder);
    jobs->maximum = INT32_MAX; /* those that are there are kept, whatever the limit is now */
    for (const struct dirent *entry; !status && (entry = readdir(folder));)
        if (is_id(entry->d_name))
            status = take_job(jobs, entry->d_name, error);
    closedir(folder);
    return status;
}

static int lock_folder(struct serve_jobs *jobs, struct valence_error *error)
{
    char *path = path_join(jobs->folder, "lock");
    if (!path)
        return fail_memory(error, strlen(jobs->folder), "a path");
    jobs->lock_file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    free(path);
    if (jobs->lock_file < 0)
        return fail_errno(error, errno, "%s: jobs cannot be kept there", jobs->folder);
    if (flock(jobs->lock_file, LOCK_EX | LOCK_NB) == 0)
        return VALENCE_OK;
    return fail_key(error, VALENCE_ERROR_BUSY, "job_folder",
                    "%s: another server keeps its jobs there", jobs->folder);
}

int serve_jobs_open(struct valence_server *server, struct valence_error *error)
{
    const struct valence_server_options *options = &server->options;
    struct serve_jobs *jobs = allocate(1, sizeof *jobs);
    server->jobs = jobs;
    if (!jobs)
        return fail_memory(error, sizeof *jobs, "jobs");
    pthread_mutex_init(&jobs->lock, NULL);
    jobs->lock_file = -1;
    jobs->threshold = options->job_seconds;
    jobs->keep_seconds = options->job_keep_seconds;
    jobs->http = &server->http;
    int status = (jobs->folder = strdup(options->job_folder)) ? make_folders(jobs->folder, error)
                                                              : fail_memory(error, 0, "a path");
    if (!status)
        status = lock_folder(jobs, error);
    if (status)
        return status;
    file_remove_leftovers(jobs->folder);
    status = take_jobs(jobs, error);
    jobs->maximum = options->max_jobs;
    return status;
}

void serve_jobs_close(struct serve_jobs *jobs)
{
    if (!jobs)
        return;
    for (int64_t i = 0; i < jobs->n; i++)
        free(jobs->all[i]);
    free(jobs->all);
    if (jobs->lock_file >= 0)
        close(jobs->lock_file);
    pthread_mutex_destroy(&jobs->lock);
    free(jobs->folder);
    free(jobs);
}

/* ---- Answers ---- */

static const char *state_of(const struct kept_job *job)
{
    return job->facts.ended  ? (job->facts.status == 200 ? "done" : "failed")
           : job->is_running ? "running"
                             : "queued";
}

static json_t *json_of_seconds(double seconds)
{
    return isfinite(seconds) ? json_real(round(seconds * 1e3) / 1e3) : json_null();
}

/* What is known of a job, as JSON. */
static void reply_job(const struct serve_jobs *jobs, const struct kept_job *job, int status,
                      struct http_reply *reply)
{
    const struct job_facts *facts = &job->facts;
    char path[64];
    snprintf(path, sizeof path, "/v1/jobs/%s", facts->id);
    json_t *json = json_pack(
        "{s:s,s:s,s:s,s:I,s:I,s:o,s:o}", "id", facts->id, "object", "job", "status", state_of(job),
        "created", (json_int_t)(facts->created / 1000), "expires",
        (json_int_t)(expiry_of(jobs, job) / 1000), "seconds", json_of_seconds(facts->seconds),
        "done", json_of_seconds(facts->ended && facts->status == 200 ? facts->seconds : job->done));
    if (facts->ended) {
        char result[80];
        snprintf(result, sizeof result, "%s/result", path);
        json_object_set_new(json, "result", json_string(result));
    }
    char *text = json ? json_dumps(json, JSON_COMPACT | JSON_REAL_PRECISION(9)) : NULL;
    json_decref(json);
    http_reply_body(reply, status, "application/json", text, text ? strlen(text) : 0);
    if (status == 202)
        snprintf(reply->location, sizeof reply->location, "%s", path);
}

/* The score, or the error. It is read with the lock held, so that it is not removed meanwhile. */
static void reply_result(const struct serve_jobs *jobs, const struct kept_job *job,
                         struct http_reply *reply)
{
    struct valence_error error;
    if (!job->facts.ended)
        http_reply_error(reply, 404, "not_done", "the job is %s; it has no result yet",
                         state_of(job));
    else if (job_files_read_result(jobs->folder, &job->facts, reply, &error))
        serve_fail(reply, &error, jobs->folder, "jobs");
}

static void reply_unknown(struct http_reply *reply)
{
    http_reply_error(reply, 404, "job_not_found", "there is no such job, or it has expired");
}

bool serve_job_answer(void *user, const struct http_form *form, void **settings,
                      struct http_reply *reply)
{
    struct serve_jobs *jobs = ((const struct valence_server *)user)->jobs;
    const size_t n = strcspn(form->rest, "/");
    const bool wants_result = strcmp(form->rest + n, "/result") == 0;
    (void)settings;
    if (!jobs) {
        http_reply_error(reply, 404, "not_found", "this server keeps no jobs");
        return true;
    }
    pthread_mutex_lock(&jobs->lock);
    const struct kept_job *job = find(jobs, form->rest, n);
    if (!job || unix_milliseconds() >= expiry_of(jobs, job) || (form->rest[n] && !wants_result))
        reply_unknown(reply);
    else if (wants_result)
        reply_result(jobs, job, reply);
    else
        reply_job(jobs, job, 200, reply);
    pthread_mutex_unlock(&jobs->lock);
    return true;
}

bool serve_job_delete(void *user, const struct http_form *form, void **settings,
                      struct http_reply *reply)
{
    struct serve_jobs *jobs = ((const struct valence_server *)user)->jobs;
    struct kept_job *job = NULL;
    char id[JOB_ID_BYTES];
    (void)settings;
    if (jobs) {
        pthread_mutex_lock(&jobs->lock);
        job = find(jobs, form->rest, strlen(form->rest));
        if (job) {
            memcpy(id, job->facts.id, sizeof id);
            discard(jobs, job);
        }
        pthread_mutex_unlock(&jobs->lock);
    }
    if (!job) {
        reply_unknown(reply);
        return true;
    }
    json_t *json = json_pack("{s:s,s:s,s:b}", "id", id, "object", "job", "deleted", 1);
    char *text = json ? json_dumps(json, JSON_COMPACT) : NULL;
    json_decref(json);
    http_reply_body(reply, 200, "application/json", text, text ? strlen(text) : 0);
    return true;
}

/* ---- Accepting ---- */

/* How long what is to be scored is: NAN where the header does not tell; 0 where it cannot be
 * opened, which scoring says better. */
static double length_of(const struct valence_server *server, const struct serve_settings *settings)
{
    struct valence_media *media;
    char path[SERVE_PATH_BYTES];
    serve_upload_path(settings->file, path);
    if (valence_media_open(path, &server->media, &media, NULL))
        return 0;
    double duration = valence_media_get_info(media)->duration;
    valence_media_close(media);
    double end = settings->end > 0 ? fmin(settings->end, duration) : duration;
    return isnan(duration) ? duration : end - settings->start;
}

static bool make_id(char id[JOB_ID_BYTES])
{
    unsigned char bytes[(JOB_ID_BYTES - 1) / 2];
    if (getrandom(bytes, sizeof bytes, 0) != (ssize_t)sizeof bytes)
        return false;
    for (size_t i = 0; i < sizeof bytes; i++)
        snprintf(id + 2 * i, 3, "%02x", bytes[i]);
    return true;
}

/* Writes it, and adds it to the list. */
static void keep(struct serve_jobs *jobs, struct job_facts *facts, const struct http_form *form,
                 struct http_reply *reply)
{
    struct valence_error error;
    facts->created = unix_milliseconds();
    int status = make_id(facts->id) ? job_files_make(jobs->folder, facts, form, &error)
                                    : fail(&error, VALENCE_ERROR_IO, "there is no random number");
    pthread_mutex_lock(&jobs->lock);
    if (!status && (status = add(jobs, facts, &error)))
        job_files_remove(jobs->folder, facts->id);
    if (!status)
        reply_job(jobs, find(jobs, facts->id, JOB_ID_BYTES - 1), 202, reply);
    pthread_mutex_unlock(&jobs->lock);
    if (status)
        serve_fail(reply, &error, jobs->folder, "jobs");
}

bool serve_job_accept(struct valence_server *server, const struct http_form *form,
                      const struct serve_settings *settings, struct http_reply *reply)
{
    struct serve_jobs *jobs = server->jobs;
    struct job_facts facts = {0};
    if (!settings->file)
        return false;
    facts.seconds = length_of(server, settings);
    if (facts.seconds <= jobs->threshold)
        return false;
    if (facts.seconds > server->media.max_seconds)
        return false; /* refused, with the library's words */
    pthread_mutex_lock(&jobs->lock);
    discard_expired(jobs);
    const bool is_full = jobs->n >= jobs->maximum;
    pthread_mutex_unlock(&jobs->lock);
    if (is_full)
        http_reply_error(reply, 429, "too_many_jobs",
                         "%lld jobs are kept already; try again later, or delete some",
                         (long long)jobs->maximum);
    else
        keep(jobs, &facts, form, reply);
    return true;
}

/* ---- Scoring ---- */

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
    discard_expired(jobs);
    if (event->unit && strcmp(event->unit, "seconds") == 0 && event->stage &&
        strcmp(event->stage, "scoring") == 0)
        running->job->done = (double)event->done;
    const bool is_deleted = running->job->is_deleted;
    pthread_mutex_unlock(&jobs->lock);
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
    free(journal);
    form_free(&form);
    return status;
}

/* What became of it: a result, or another turn. With the lock held. */
static void settle(struct running *running, int status, struct http_reply *reply)
{
    struct serve_jobs *jobs = running->jobs;
    struct kept_job *job = running->job;
    struct valence_error error;
    job->is_running = false;
    if (job->is_deleted) {
        discard(jobs, job);
    } else if (status == VALENCE_ERROR_CANCELLED && running->is_put_off) {
        job->turn = fmin(job->turn + TURN_SECONDS, MAX_TURN_SECONDS);
        job_files_end(jobs->folder, job->facts.id);
    } else {
        job->facts.status = reply->status;
        job->facts.ended = unix_milliseconds();
        if (job_files_finish(jobs->folder, &job->facts, reply, &error)) {
            log_line(VALENCE_LOG_WARNING,
                     "a job's result cannot be kept, and the job is removed: %s", error.text);
            discard(jobs, job);
        }
    }
}

static void run(struct valence_server *server, struct kept_job *job)
{
    struct running running = {.jobs = server->jobs, .job = job, .began = seconds_now()};
    struct http_reply reply = {0};
    int status = VALENCE_OK;
    if (job_files_begin(server->jobs->folder, job->facts.id) < MAX_DEATHS)
        status = score(server, &running, &reply);
    else
        http_reply_error(&reply, 500, "internal", "the server ended %d times while it scored this",
                         MAX_DEATHS);
    pthread_mutex_lock(&server->jobs->lock);
    settle(&running, status, &reply);
    pthread_mutex_unlock(&server->jobs->lock);
    http_reply_free(&reply);
}

double serve_jobs_idle(void *user)
{
    struct valence_server *server = user;
    struct serve_jobs *jobs = server->jobs;
    struct kept_job *job = NULL;
    if (http_server_is_ending(server->http))
        return IDLE_SECONDS;
    pthread_mutex_lock(&jobs->lock);
    discard_expired(jobs);
    for (int64_t i = 0; i < jobs->n && !job; i++)
        if (!jobs->all[i]->facts.ended)
            job = jobs->all[i];
    if (job)
        job->is_running = true;
    pthread_mutex_unlock(&jobs->lock);
    if (!job)
        return IDLE_SECONDS;
    run(server, job);
    return 0;
}
