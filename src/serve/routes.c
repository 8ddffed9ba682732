#include <stdlib.h>
#include <string.h>

#include "report/page.h"
#include "serve/jobs.h"
#include "serve/serve.h"
#include "serve/transcription.h"

/* docs/openapi.yaml; made at build time. */
extern const struct page_file serve_openapi;

/* ---- What is there already ---- */

static bool answer_page(void *user, const struct http_form *form, void **settings,
                        struct http_reply *reply)
{
    const struct valence_server *server = user;
    (void)form, (void)settings;
    *reply = (struct http_reply){.status = 200,
                                 .type = "text/html; charset=utf-8",
                                 .body = server->page,
                                 .n_bytes = server->n_page_bytes,
                                 .is_static = true};
    return true;
}

static bool answer_openapi(void *user, const struct http_form *form, void **settings,
                           struct http_reply *reply)
{
    (void)user, (void)form, (void)settings;
    *reply = (struct http_reply){.status = 200,
                                 .type = "application/yaml; charset=utf-8",
                                 .body = (char *)(uintptr_t)serve_openapi.bytes,
                                 .n_bytes = serve_openapi.n_bytes,
                                 .is_static = true};
    return true;
}

static bool answer_models(void *user, const struct http_form *form, void **settings,
                          struct http_reply *reply)
{
    struct valence_server *server = user;
    (void)form, (void)settings;
    pthread_mutex_lock(&server->models_lock);
    if (server->models) {
        char *copy = strdup(server->models);
        http_reply_body(reply, 200, "application/json", copy, copy ? strlen(copy) : 0);
    } else {
        http_reply_error(reply, 503, "loading", "the model is still being loaded");
    }
    pthread_mutex_unlock(&server->models_lock);
    return true;
}

/* ---- What the worker does ---- */

static bool take_score(const struct valence_server *server, const struct http_form *form,
                       bool streams, void **settings, struct http_reply *reply)
{
    struct serve_settings *read = malloc(sizeof *read);
    if (!read) {
        http_reply_body(reply, 503, NULL, NULL, 0);
        return true;
    }
    if (!serve_read_settings(server, form, streams, read, reply)) {
        free(read);
        return true;
    }
    *settings = read;
    return false;
}

static bool answer_score(void *user, const struct http_form *form, void **settings,
                         struct http_reply *reply)
{
    return take_score(user, form, false, settings, reply);
}

static bool answer_stream(void *user, const struct http_form *form, void **settings,
                          struct http_reply *reply)
{
    return take_score(user, form, true, settings, reply);
}

const struct http_route serve_routes[] = {
    {.method = "GET", .path = "/", .is_open = true, .answer = answer_page},
    {.method = "GET", .path = "/openapi.yaml", .is_open = true, .answer = answer_openapi},
    {.method = "GET", .path = "/v1/models", .answer = answer_models},
    {.method = "POST", .path = "/v1/score", .has_body = true, .answer = answer_score},
    {.method = "POST",
     .path = "/v1/score/stream",
     .has_body = true,
     .streams = true,
     .answer = answer_stream},
    {.method = "GET", .path = "/v1/jobs/", .has_rest = true, .answer = serve_job_answer},
    {.method = "DELETE", .path = "/v1/jobs/", .has_rest = true, .answer = serve_job_delete},
    {.method = "POST",
     .path = "/v1/audio/transcriptions",
     .has_body = true,
     .answer = transcription_answer},
};
const int n_serve_routes = sizeof serve_routes / sizeof *serve_routes;
