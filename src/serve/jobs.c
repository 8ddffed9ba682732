#include "serve/jobs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <math.h>
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
#include "serve/job_list.h"

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
        return job_list_add(jobs, &facts, error);
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
    jobs->wait_seconds = options->job_wait_seconds;
    job_turns_begin(&jobs->turns, seconds_now());
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
        (json_int_t)(job_list_expiry(jobs, job) / 1000), "seconds", json_of_seconds(facts->seconds),
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

static void reply_unknown(struct http_reply *reply)
{
    http_reply_error(reply, 404, "job_not_found", "there is no such job, or it has expired");
}

/* The score, or the error, of a job that has ended. It may be removed at this moment. */
static void reply_result(const struct serve_jobs *jobs, const struct job_facts *facts,
                         struct http_reply *reply)
{
    struct valence_error error;
    int status = job_files_open_result(jobs->folder, facts, reply, &error);
    if (status == VALENCE_ERROR_NOT_FOUND)
        reply_unknown(reply);
    else if (status)
        serve_fail(reply, &error, jobs->folder, "jobs");
}

bool serve_job_answer(void *user, const struct http_form *form, void **settings,
                      struct http_reply *reply)
{
    struct serve_jobs *jobs = ((const struct valence_server *)user)->jobs;
    const size_t n = strcspn(form->rest, "/");
    const bool wants_result = strcmp(form->rest + n, "/result") == 0;
    struct job_facts facts = {0}; /* of a result that is wanted and there */
    (void)settings;
    if (!jobs) {
        http_reply_error(reply, 404, "not_found", "this server keeps no jobs");
        return true;
    }
    pthread_mutex_lock(&jobs->lock);
    const struct kept_job *job = job_list_find(jobs, form->rest, n);
    if (!job || (form->rest[n] && !wants_result) ||
        (job->facts.ended && job_list_is_over(jobs, job)))
        reply_unknown(reply);
    else if (wants_result && job->facts.ended)
        facts = job->facts;
    else if (wants_result)
        http_reply_error(reply, 404, "not_done", "the job is %s; it has no result yet",
                         state_of(job));
    else
        reply_job(jobs, job, 200, reply);
    pthread_mutex_unlock(&jobs->lock);
    if (facts.ended)
        reply_result(jobs, &facts, reply);
    return true;
}

/* Takes the job out of the list, or leaves that to the worker, which scores it. False: there is no
 * such job. */
static bool delete_job(struct serve_jobs *jobs, const char *id)
{
    pthread_mutex_lock(&jobs->lock);
    struct kept_job *job = job_list_find(jobs, id, strlen(id));
    const bool is_there = job != NULL, is_running = job && job->is_running;
    if (is_running)
        job->is_deleted = true;
    else if (job)
        job_list_take(jobs, job);
    pthread_mutex_unlock(&jobs->lock);
    if (is_running)
        job_files_forget(jobs->folder, id);
    else
        job_list_remove(jobs, job);
    return is_there;
}

bool serve_job_delete(void *user, const struct http_form *form, void **settings,
                      struct http_reply *reply)
{
    struct serve_jobs *jobs = ((const struct valence_server *)user)->jobs;
    (void)settings;
    if (!jobs || !delete_job(jobs, form->rest)) {
        reply_unknown(reply);
        return true;
    }
    json_t *json = json_pack("{s:s,s:s,s:b}", "id", form->rest, "object", "job", "deleted", 1);
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
    const bool is_made = !status;
    pthread_mutex_lock(&jobs->lock);
    if (!status)
        status = job_list_add(jobs, facts, &error);
    if (!status)
        reply_job(jobs, job_list_find(jobs, facts->id, JOB_ID_BYTES - 1), 202, reply);
    pthread_mutex_unlock(&jobs->lock);
    if (status && is_made)
        job_files_remove(jobs->folder, facts->id);
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
    struct kept_job *expired = job_list_take_expired(jobs);
    const bool is_full = jobs->n >= jobs->maximum;
    pthread_mutex_unlock(&jobs->lock);
    job_list_remove(jobs, expired);
    if (is_full)
        http_reply_error(reply, 429, "too_many_jobs",
                         "%lld jobs are kept already; try again later, or delete some",
                         (long long)jobs->maximum);
    else
        keep(jobs, &facts, form, reply);
    return true;
}
