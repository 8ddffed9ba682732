/* A service whose work the test controls. */
#ifndef VALENCE_TESTS_HTTP_FIXTURE_H
#define VALENCE_TESTS_HTTP_FIXTURE_H

#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#include "http_client.h"

#include "http/http.h"
#include "http/options.h"

/* ---- The service ---- */

static atomic_int n_loads, n_works, n_idles, n_cancelled; /* that ended so */
static atomic_bool may_load, load_fails, idles_long, is_held;
static struct http_server *server;
static char log_lines[1 << 16];
static pthread_mutex_t log_lock = PTHREAD_MUTEX_INITIALIZER;

static inline void pause_ms(int ms)
{
    const struct timespec time = {ms / 1000, ms % 1000 * 1000000L};
    nanosleep(&time, NULL);
}

static int load_nothing(void *user, struct valence_error *error)
{
    (void)user;
    while (!atomic_load(&may_load))
        pause_ms(2);
    atomic_fetch_add(&n_loads, 1);
    return atomic_load(&load_fails)
               ? valence_fail(error, VALENCE_ERROR_NOT_FOUND, NULL, "no such model")
               : VALENCE_OK;
}

/* Works until the job is cancelled, or as many milliseconds as the field `ms` says, and as long as
 * `is_held`. */
static bool work_for(struct http_job *job)
{
    const struct http_field *ms = http_form_field(http_job_form(job), "ms");
    for (int left = ms ? atoi(ms->text) : 0; left > 0 || atomic_load(&is_held); left -= 2) {
        if (http_job_is_cancelled(job))
            return false;
        pause_ms(2);
    }
    return !http_job_is_cancelled(job);
}

/* Answers with the field `text`, and the bytes of the upload `file`. */
static void work_on_form(void *user, struct http_job *job, struct http_reply *reply)
{
    const struct http_form *form = http_job_form(job);
    const struct http_field *text = http_form_field(form, "text");
    const struct http_field *file = http_form_field(form, "file");
    const struct http_field *events = http_form_field(form, "events");
    (void)user;
    atomic_fetch_add(&n_works, 1);
    bool goes_on = true;
    for (int i = 0; events && i < atoi(events->text) && goes_on; i++) {
        goes_on = work_for(job) && http_job_event(job, "segment", "{\"i\":1}", 7);
    }
    if (goes_on && !events)
        goes_on = work_for(job);
    if (!goes_on) {
        atomic_fetch_add(&n_cancelled, 1);
        http_reply_error(reply, 503, "cancelled", "it was cancelled");
        return;
    }
    char *body = malloc(4096);
    assert_non_null(body);
    int n = snprintf(body, 4096, "[%.1000s]", text ? text->text : "");
    if (file) {
        char bytes[64] = "";
        ssize_t n_read = pread(file->descriptor, bytes, sizeof bytes - 1, 0);
        n += snprintf(body + n, 2000, " %s of %zu bytes, %zd read: %s", file->file_name,
                      file->n_bytes, n_read, bytes);
    }
    http_job_count_media(job, 1.5);
    http_server_count_stage(server, "thinking", 0.25);
    if (text && strcmp(text->text, "fail") == 0) {
        free(body);
        http_reply_error(reply, 422, "no_words", "there is nothing in it");
    } else {
        http_reply_body(reply, 200, "text/plain", body, (size_t)n);
    }
}

static bool check_form(void *user, const struct http_form *form, void **settings,
                       struct http_reply *reply)
{
    (void)user;
    *settings = malloc(8); /* freed by the job */
    if (http_form_field(form, "text") || http_form_field(form, "file") ||
        http_form_field(form, "events"))
        return false;
    free(*settings);
    *settings = NULL;
    http_reply_error(reply, 400, "no_text", "there is no text and no file");
    return true;
}

static bool answer_static(void *user, const struct http_form *form, void **settings,
                          struct http_reply *reply)
{
    static char text[] = "a page";
    (void)user, (void)form, (void)settings;
    *reply = (struct http_reply){.status = 200,
                                 .type = "text/html",
                                 .body = text,
                                 .n_bytes = sizeof text - 1,
                                 .is_static = true};
    return true;
}

/* What follows the route's path, and where that is. */
static bool answer_rest(void *user, const struct http_form *form, void **settings,
                        struct http_reply *reply)
{
    char *body = strdup(form->rest);
    (void)user, (void)settings;
    http_reply_body(reply, 202, "text/plain", body, body ? strlen(body) : 0);
    snprintf(reply->location, sizeof reply->location, "/things/%.32s", form->rest);
    return true;
}

/* Works beside the requests, a long time each, unless a request waits. */
static double count_idle(void *user)
{
    (void)user;
    atomic_fetch_add(&n_idles, 1);
    while (atomic_load(&idles_long) && !http_server_is_wanted(server))
        pause_ms(2);
    return 0.01;
}

static const struct http_route routes[] = {
    {.method = "GET", .path = "/", .is_open = true, .answer = answer_static},
    {.method = "GET", .path = "/models", .answer = answer_static},
    {.method = "GET", .path = "/things/", .has_rest = true, .answer = answer_rest},
    {.method = "DELETE", .path = "/things/", .has_rest = true, .answer = answer_rest},
    {.method = "POST", .path = "/work", .has_body = true, .answer = check_form},
    {.method = "POST", .path = "/stream", .has_body = true, .streams = true, .answer = check_form},
};
static const struct http_service service = {.routes = routes,
                                            .n_routes = sizeof routes / sizeof *routes,
                                            .load = load_nothing,
                                            .work = work_on_form,
                                            .idle = count_idle};

static void keep_line(void *user, const char *line)
{
    (void)user;
    pthread_mutex_lock(&log_lock);
    size_t used = strlen(log_lines);
    if (used + strlen(line) + 2 < sizeof log_lines)
        snprintf(log_lines + used, sizeof log_lines - used, "%s\n", line);
    pthread_mutex_unlock(&log_lock);
}

/* Whether a line of the log holds all of these, within some seconds; NULL ends them. */
static inline bool log_has(const char *one, const char *two)
{
    for (int i = 0; i < 500; i++) {
        bool found = false;
        pthread_mutex_lock(&log_lock);
        for (char *line = log_lines; *line && !found;) {
            char *end = strchr(line, '\n');
            *end = '\0';
            found = strstr(line, one) && strstr(line, two);
            *end = '\n';
            line = end + 1;
        }
        pthread_mutex_unlock(&log_lock);
        if (found)
            return true;
        pause_ms(10);
    }
    return false;
}

static struct valence_server_options options;

/* Options with short times, for a test to change before start(). */
static inline int reset(void **state)
{
    (void)state;
    valence_server_options_default(&options);
    options.port = 0;
    options.log = keep_line;
    options.metrics = true;
    log_lines[0] = '\0';
    atomic_store(&n_loads, 0);
    atomic_store(&n_works, 0);
    atomic_store(&n_cancelled, 0);
    atomic_store(&may_load, true);
    atomic_store(&load_fails, false);
    atomic_store(&idles_long, false);
    atomic_store(&is_held, false);
    server = NULL;
    return 0;
}

static inline int tear_down(void **state)
{
    (void)state;
    http_server_free(server);
    server = NULL;
    return 0;
}

static inline void begin(void)
{
    struct valence_error error;
    if (http_server_create(&service, &options, &server, &error))
        fail_msg("%s", error.text);
    http_port = http_server_port(server);
}

/* Until the server's metrics hold this line. */
static inline void await_metric(const char *line)
{
    while (!strstr(ask("GET", "/metrics", "", ""), line))
        pause_ms(2);
}

static inline void start(void)
{
    struct valence_error error;
    begin();
    if (http_server_wait(server, 10, &error))
        fail_msg("%s", error.text);
}

#endif
