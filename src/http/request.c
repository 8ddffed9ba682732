/* A request, from its head to the end of its answer. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "http/head.h"
#include "http/log.h"
#include "http/server.h"

/* What is read and dropped of a body that is refused, so that the client reads the answer; of a
 * longer one the connection is closed, for which clients wait with "Expect: 100-continue". */
#define MAX_DROPPED_BYTES ((int64_t)1 << 20)

struct http_request {
    struct http_server *server;
    struct http_client *client;
    const struct http_route *route; /* NULL: none fits */
    const char *method;             /* for the log: a known one */
    struct form_reader reader;
    struct http_form form;
    bool reads;              /* the body is read into the form */
    struct http_reply early; /* why the request is refused; status 0: it is not */
    struct http_job *job;
    int64_t n_received, n_sent;
    int status; /* of the answer; 0: there is none yet */
    double began;
};

/* ---- Routes ---- */

static bool answer_health(void *user, const struct http_form *form, void **settings,
                          struct http_reply *reply);
static bool answer_metrics(void *user, const struct http_form *form, void **settings,
                           struct http_reply *reply);

/* Those of the service itself, which are given the server. */
static const struct http_route own_routes[] = {
    {.method = "GET", .path = "/health", .is_open = true, .answer = answer_health},
    {.method = "GET", .path = "/metrics", .answer = answer_metrics}};
#define N_OWN_ROUTES ((int)(sizeof own_routes / sizeof *own_routes))

static bool is_own(const struct http_route *route)
{
    return route >= own_routes && route < own_routes + N_OWN_ROUTES;
}

static bool answer_health(void *user, const struct http_form *form, void **settings,
                          struct http_reply *reply)
{
    static char texts[][24] = {"{\"status\":\"ok\"}\n", "{\"status\":\"loading\"}\n",
                               "{\"status\":\"failed\"}\n", "{\"status\":\"stopping\"}\n"};
    struct http_server *server = user;
    (void)form, (void)settings;
    pthread_mutex_lock(&server->jobs_lock);
    int which = server->is_stopping             ? 3
                : server->state == HTTP_FAILED  ? 2
                : server->state == HTTP_LOADING ? 1
                                                : 0;
    pthread_mutex_unlock(&server->jobs_lock);
    *reply = (struct http_reply){.status = which ? 503 : 200,
                                 .type = "application/json",
                                 .body = texts[which],
                                 .n_bytes = strlen(texts[which]),
                                 .is_static = true};
    return true;
}

static bool answer_metrics(void *user, const struct http_form *form, void **settings,
                           struct http_reply *reply)
{
    struct http_server *server = user;
    struct text text = {.maximum = (size_t)1 << 20};
    (void)form, (void)settings;
    if (!server->options->metrics) {
        http_reply_error(reply, 404, "not_found", "this server does not publish its metrics");
        return true;
    }
    pthread_mutex_lock(&server->jobs_lock);
    metrics_write(&server->metrics, server->n_jobs, server->state == HTTP_READY, &text);
    pthread_mutex_unlock(&server->jobs_lock);
    http_reply_body(reply, 200, "text/plain; version=0.0.4", text.data, text.length);
    return true;
}

static const struct http_route *route_at(const struct http_server *server, int i)
{
    return i < N_OWN_ROUTES ? &own_routes[i]
           : i < N_OWN_ROUTES + server->service->n_routes
               ? &server->service->routes[i - N_OWN_ROUTES]
               : NULL;
}

static bool has_path(const struct http_route *route, const char *path)
{
    size_t n = strlen(route->path);
    return route->has_rest ? strncmp(route->path, path, n) == 0 && path[n]
                           : strcmp(route->path, path) == 0;
}

/* The route, or NULL and the reason. */
static const struct http_route *find_route(const struct http_server *server, const char *path,
                                           const char *method, struct http_reply *reply)
{
    const struct http_route *route;
    bool is_there = false;
    if (strcmp(method, "HEAD") == 0)
        method = "GET";
    for (int i = 0; (route = route_at(server, i)); i++) {
        if (!has_path(route, path))
            continue;
        if (strcmp(route->method, method) == 0)
            return route;
        is_there = true;
    }
    if (is_there)
        http_reply_error(reply, 405, "method_not_allowed", "this path does not take %.16s", method);
    else
        http_reply_error(
            reply, 404, "not_found",
            "there is nothing at this path; GET /openapi.yaml describes what there is");
    return NULL;
}

/* The methods that a path takes, for the header Allow. */
static void list_methods(const struct http_server *server, const char *path, char text[64])
{
    const struct http_route *route;
    text[0] = '\0';
    for (int i = 0; (route = route_at(server, i)); i++)
        if (has_path(route, path)) {
            size_t used = strlen(text);
            snprintf(text + used, 64 - used, "%s%s", used ? ", " : "", route->method);
        }
}

/* ---- Answers ---- */

static void add_headers(const struct http_server *server, struct MHD_Response *response,
                        const char *type, int status)
{
    MHD_add_response_header(response, "Content-Type", type);
    MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
    MHD_add_response_header(response, "Cache-Control", "no-store");
    if (status == 401)
        MHD_add_response_header(response, "WWW-Authenticate", "Bearer");
    if (status == 429 || status == 503)
        MHD_add_response_header(response, "Retry-After", "2");
    if (server->options->origin) {
        MHD_add_response_header(response, "Access-Control-Allow-Origin", server->options->origin);
        MHD_add_response_header(response, "Vary", "Origin");
    }
}

static enum MHD_Result send_reply(struct http_request *request, struct MHD_Connection *connection,
                                  struct http_reply *reply, const char *allow)
{
    struct MHD_Response *response =
        reply->is_file ? MHD_create_response_from_fd(reply->n_bytes, reply->descriptor)
                       : MHD_create_response_from_buffer(reply->n_bytes, reply->body,
                                                         reply->is_static ? MHD_RESPMEM_PERSISTENT
                                                                          : MHD_RESPMEM_MUST_FREE);
    if (!response) {
        http_reply_free(reply);
        return MHD_NO;
    }
    add_headers(request->server, response, reply->type, reply->status);
    if (allow)
        MHD_add_response_header(response, "Allow", allow);
    if (*reply->location)
        MHD_add_response_header(response, "Location", reply->location);
    request->status = reply->status;
    request->n_sent = (int64_t)reply->n_bytes;
    enum MHD_Result result = MHD_queue_response(connection, (unsigned)reply->status, response);
    MHD_destroy_response(response);
    *reply = (struct http_reply){0};
    return result;
}

/* A page of another origin asks whether it may. */
static enum MHD_Result answer_preflight(struct http_request *request,
                                        struct MHD_Connection *connection)
{
    struct MHD_Response *response =
        MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT);
    if (!response)
        return MHD_NO;
    add_headers(request->server, response, "text/plain", 204);
    MHD_add_response_header(response, "Access-Control-Allow-Methods", "GET, POST, DELETE");
    MHD_add_response_header(response, "Access-Control-Allow-Headers",
                            "Authorization, Content-Type");
    MHD_add_response_header(response, "Access-Control-Max-Age", "600");
    request->status = 204;
    enum MHD_Result result = MHD_queue_response(connection, 204, response);
    MHD_destroy_response(response);
    return result;
}

/* ---- Streams ---- */

/* Gives libmicrohttpd what events there are; suspends the connection where there are none. */
static ssize_t read_events(void *user, uint64_t position, char *buffer, size_t room)
{
    struct http_job *job = user;
    ssize_t n = 0;
    (void)position;
    pthread_mutex_lock(&job->server->jobs_lock);
    const size_t left = job->events.length - job->n_read;
    if (left > 0) {
        n = (ssize_t)(left < room ? left : room);
        memcpy(buffer, job->events.data + job->n_read, (size_t)n);
        job->n_read += (size_t)n;
        if (job->n_read == job->events.length)
            job->n_read = job->events.length = 0;
    } else if (job->is_done || job->is_cancelled) {
        n = job->is_done && !job->events.failed ? MHD_CONTENT_READER_END_OF_STREAM
                                                : MHD_CONTENT_READER_END_WITH_ERROR;
    } else {
        job->waiting = job->connection;
        MHD_suspend_connection(job->connection);
    }
    pthread_mutex_unlock(&job->server->jobs_lock);
    return n;
}

static enum MHD_Result begin_stream(struct http_request *request, struct MHD_Connection *connection)
{
    struct MHD_Response *response =
        MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, 8192, read_events, request->job, NULL);
    if (!response)
        return MHD_NO;
    request->job->connection = connection;
    request->status = 200;
    request->n_sent = -1;
    add_headers(request->server, response, "text/event-stream", 200);
    MHD_add_response_header(response, "X-Accel-Buffering", "no"); /* nginx hands events on */
    enum MHD_Result result = MHD_queue_response(connection, 200, response);
    MHD_destroy_response(response);
    return result;
}

/* ---- The end of a body ---- */

/* The job has come further: answers, or waits on. */
static enum MHD_Result answer_job(struct http_request *request, struct MHD_Connection *connection)
{
    struct http_server *server = request->server;
    struct http_job *job = request->job;
    struct http_reply reply = {0};
    pthread_mutex_lock(&server->jobs_lock);
    const bool is_gone = job->client && atomic_load(&job->client->gone);
    const bool streams = !is_gone && job->route->streams && job->has_events;
    const bool is_whole = !is_gone && !streams && job->is_done;
    if (is_whole) {
        reply = job->reply;
        job->reply = (struct http_reply){0};
    } else if (!is_gone && !streams) {
        job->waiting = connection;
        MHD_suspend_connection(connection);
    }
    pthread_mutex_unlock(&server->jobs_lock);
    return is_gone    ? MHD_NO
           : streams  ? begin_stream(request, connection)
           : is_whole ? send_reply(request, connection, &reply, NULL)
                      : MHD_YES;
}

static enum MHD_Result hand_over(struct http_request *request, struct MHD_Connection *connection,
                                 void *settings)
{
    struct http_reply reply = {0};
    struct http_job *job =
        job_create(request->server, request->route, &request->form, settings, request->client);
    if (!job) {
        free(settings);
        http_reply_body(&reply, 503, NULL, NULL, 0);
        return send_reply(request, connection, &reply, NULL);
    }
    request->job = job;
    return job_queue(job, &reply) ? answer_job(request, connection)
                                  : send_reply(request, connection, &reply, NULL);
}

/* What is wrong with a body or with what is asked for, as a code. */
static void refuse(struct http_reply *reply, int status, const struct valence_error *error)
{
    const bool is_full = status == VALENCE_ERROR_MEMORY || status == VALENCE_ERROR_DISK_FULL ||
                         status == VALENCE_ERROR_IO;
    http_reply_error(reply,
                     status == VALENCE_ERROR_LIMIT ? 413
                     : is_full                     ? 503
                                                   : 400,
                     status == VALENCE_ERROR_LIMIT ? "too_large"
                     : is_full                     ? "no_room"
                                                   : "malformed",
                     "%s", error->text);
}

/* The request is whole. */
static enum MHD_Result dispatch(struct http_request *request, struct MHD_Connection *connection,
                                const char *url)
{
    struct http_server *server = request->server;
    struct http_reply reply = request->early;
    struct valence_error error;
    void *settings = NULL;
    char allow[64];
    request->early = (struct http_reply){0};
    client_set(server, request->client, false);
    if (!reply.status && request->reads) {
        int status = form_reader_end(&request->reader, &error);
        if (status)
            refuse(&reply, status, &error);
    }
    if (reply.status == 405)
        list_methods(server, url, allow);
    if (reply.status)
        return send_reply(request, connection, &reply, reply.status == 405 ? allow : NULL);
    request->form.rest = request->route->has_rest ? url + strlen(request->route->path) : NULL;
    const bool is_answered = request->route->answer(
        is_own(request->route) ? server : server->service->user, &request->form, &settings, &reply);
    request->form.rest = NULL;
    if (is_answered)
        return send_reply(request, connection, &reply, NULL);
    return hand_over(request, connection, settings);
}

/* ---- Bodies ---- */

static enum MHD_Result receive(struct http_request *request, const char *bytes, size_t *n_bytes)
{
    struct http_server *server = request->server;
    const int64_t limit = server->options->max_body_bytes;
    const size_t n = *n_bytes;
    struct valence_error error;
    *n_bytes = 0;
    request->n_received += (int64_t)n;
    client_received(server, request->client, n);
    if (!request->early.status && request->n_received > limit)
        http_reply_error(&request->early, 413, "too_large",
                         "the body has more than the %lld bytes that this server takes",
                         (long long)limit);
    if (!request->early.status && request->reads) {
        int status = form_reader_feed(&request->reader, bytes, n, &error);
        if (status)
            refuse(&request->early, status, &error);
    }
    if (request->n_received <= limit + MAX_DROPPED_BYTES)
        return MHD_YES;
    pthread_mutex_lock(&server->clients_lock);
    client_cut(request->client, 413, "too_large", "the body is too large");
    pthread_mutex_unlock(&server->clients_lock);
    request->status = 413;
    return MHD_NO;
}

/* ---- Heads ---- */

/* Whether this client may ask at all. */
static void check_client(struct http_request *request, struct MHD_Connection *connection)
{
    struct http_server *server = request->server;
    const struct valence_server_options *options = server->options;
    bool may = true;
    if (request->route->is_open)
        return;
    if (options->api_key && !head_has_key(connection, server->key_digest)) {
        http_reply_error(&request->early, 401, "no_key",
                         "send the server's key as 'Authorization: Bearer KEY'");
        return;
    }
    if (options->requests_per_minute) {
        pthread_mutex_lock(&server->jobs_lock);
        may = rate_take(&server->rates, request->client->address, options->requests_per_minute,
                        seconds_now());
        pthread_mutex_unlock(&server->jobs_lock);
    }
    if (!may)
        http_reply_error(&request->early, 429, "too_many_requests",
                         "more than %d requests a minute come from this address",
                         options->requests_per_minute);
}

/* Everything that can be refused before the body comes. */
static void check_head(struct http_request *request, struct MHD_Connection *connection,
                       const char *url, const char *method, int64_t n_declared)
{
    struct http_server *server = request->server;
    struct valence_error error;
    const char *type =
        MHD_lookup_connection_value(connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_CONTENT_TYPE);
    request->route = find_route(server, url, method, &request->early);
    if (!request->early.status && n_declared == HEAD_LENGTH_UNCLEAR)
        http_reply_error(&request->early, 400, "malformed",
                         "send one Content-Length, or 'Transfer-Encoding: chunked' alone");
    if (!request->early.status)
        check_client(request, connection);
    if (request->early.status || !request->route->has_body)
        return;
    if (form_kind_of(type) == FORM_NONE) {
        http_reply_error(&request->early, 415, "content_type",
                         "send multipart/form-data or application/json");
    } else if (n_declared > server->options->max_body_bytes) {
        http_reply_error(&request->early, 413, "too_large",
                         "the body has %lld bytes, and this server takes %lld",
                         (long long)n_declared, (long long)server->options->max_body_bytes);
    } else if (server_takes_work(server, &request->early)) {
        int status =
            form_reader_begin(&request->reader, &request->form, type, server->options, &error);
        request->reads = !status;
        if (status)
            refuse(&request->early, status, &error);
    }
}

static const char *known_method(const char *method)
{
    static const char *const known[] = {"GET", "POST", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH"};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strcmp(known[i], method) == 0)
            return known[i];
    return "-";
}

static enum MHD_Result begin(struct http_server *server, struct MHD_Connection *connection,
                             const char *url, const char *method, void **context)
{
    struct http_client *client = client_of(connection);
    struct http_request *request = client ? calloc(1, sizeof *request) : NULL;
    if (!request)
        return MHD_NO;
    *context = request;
    *request = (struct http_request){
        .server = server, .client = client, .method = known_method(method), .began = seconds_now()};
    pthread_mutex_lock(&server->jobs_lock);
    server->n_requests++;
    pthread_mutex_unlock(&server->jobs_lock);
    if (server->options->origin && strcmp(method, "OPTIONS") == 0)
        return answer_preflight(request, connection);
    const int64_t n_declared = head_body_bytes(connection);
    check_head(request, connection, url, method, n_declared);
    if (request->early.status && n_declared > MAX_DROPPED_BYTES)
        return dispatch(request, connection, url);
    return MHD_YES;
}

enum MHD_Result request_handle(void *user, struct MHD_Connection *connection, const char *url,
                               const char *method, const char *version, const char *data,
                               size_t *n_bytes, void **context)
{
    struct http_request *request = *context;
    (void)version;
    return !request       ? begin(user, connection, url, method, context)
           : *n_bytes     ? receive(request, data, n_bytes)
           : request->job ? answer_job(request, connection)
                          : dispatch(request, connection, url);
}

/* ---- The end ---- */

/* The code for the log: the answer's, or what became of a request that got none. */
static int status_of(const struct http_request *request, enum MHD_RequestTerminationCode code)
{
    if (code == MHD_REQUEST_TERMINATED_COMPLETED_OK && request->status)
        return request->status;
    if (code == MHD_REQUEST_TERMINATED_TIMEOUT_REACHED && !request->job)
        return 408;
    return request->status == 413 ? 413 : 499;
}

/* The request's part of its job ends; what the job took goes to log and metrics. */
static void leave_job(struct http_request *request, struct http_event *event)
{
    struct http_job *job = request->job;
    const double now = seconds_now();
    job->waiting = NULL;
    job->client = NULL;
    if (!job->is_done)
        job_cancel(job);
    const double ended = job->is_done ? job->ended : now;
    const double started = job->started > 0 ? job->started : ended;
    event->queue_seconds = started - job->created;
    event->work_seconds = ended > started ? ended - started : 0;
    event->media_seconds = job->media_seconds;
    job_release(job);
}

void request_completed(void *user, struct MHD_Connection *connection, void **context,
                       enum MHD_RequestTerminationCode code)
{
    struct http_server *server = user;
    struct http_request *request = *context;
    (void)connection;
    if (!request)
        return;
    struct http_log_entry entry = {.event = {.route = request->route ? request->route->path : "-",
                                             .status = status_of(request, code),
                                             .seconds = seconds_now() - request->began},
                                   .client = request->client->address,
                                   .method = request->method,
                                   .received = request->n_received,
                                   .sent = request->status ? request->n_sent : 0};
    pthread_mutex_lock(&server->jobs_lock);
    if (request->job)
        leave_job(request, &entry.event);
    metrics_count(&server->metrics, &entry.event);
    server->n_requests--;
    pthread_cond_broadcast(&server->state_changes);
    pthread_mutex_unlock(&server->jobs_lock);
    log_request(server->options, &entry);
    client_set(server, request->client, true);
    form_reader_free(&request->reader);
    form_free(&request->form);
    http_reply_free(&request->early);
    free(request);
    *context = NULL;
}
