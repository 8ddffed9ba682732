/* The service's life: listening, its threads, its end. */
#include "http/server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fail.h"
#include "base/log.h"
#include "base/sha256.h"

/* That read requests and write answers. */
#define N_THREADS 2

/* Of a connection in which nothing moves. */
#define IDLE_SECONDS 60

/* For answers to leave when everything else has ended. */
#define LAST_SECONDS 2

/* ---- The socket ---- */

static bool is_loopback(const struct sockaddr *address)
{
    if (address->sa_family == AF_INET) {
        const struct sockaddr_in *in = (const void *)address;
        return ntohl(in->sin_addr.s_addr) >> 24 == 127;
    }
    const struct sockaddr_in6 *in6 = (const void *)address;
    return address->sa_family == AF_INET6 && IN6_IS_ADDR_LOOPBACK(&in6->sin6_addr);
}

static int fail_to_listen(const struct valence_server_options *options, int number,
                          struct valence_error *error)
{
    const int status = number == EADDRINUSE      ? VALENCE_ERROR_BUSY
                       : number == EADDRNOTAVAIL ? VALENCE_ERROR_NOT_FOUND
                                                 : VALENCE_ERROR_IO;
    return fail_key(error, status, number == EADDRNOTAVAIL ? "address" : "port",
                    "cannot listen at %s, port %d: %s", options->address, options->port,
                    strerror(number));
}

static int open_socket(struct http_server *server, const struct addrinfo *found, int *listener,
                       struct valence_error *error)
{
    const struct valence_server_options *options = server->options;
    struct sockaddr_storage bound;
    socklen_t size = sizeof bound;
    const int on = 1;
    if (!is_loopback(found->ai_addr) && !options->api_key && !options->insecure)
        return fail_key(error, VALENCE_ERROR_ARGUMENT, "api_key",
                        "other machines reach %s: a server there needs a key", options->address);
    *listener = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (*listener < 0)
        return fail_to_listen(options, errno, error);
    setsockopt(*listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(*listener, found->ai_addr, found->ai_addrlen) != 0 || listen(*listener, 1024) != 0 ||
        getsockname(*listener, (struct sockaddr *)&bound, &size) != 0) {
        int number = errno;
        close(*listener);
        return fail_to_listen(options, number, error);
    }
    server->port = ntohs(bound.ss_family == AF_INET6
                             ? ((const struct sockaddr_in6 *)(const void *)&bound)->sin6_port
                             : ((const struct sockaddr_in *)(const void *)&bound)->sin_port);
    return VALENCE_OK;
}

static int open_listener(struct http_server *server, int *listener, struct valence_error *error)
{
    const struct addrinfo hints = {
        .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE};
    struct addrinfo *found;
    char port[16];
    snprintf(port, sizeof port, "%d", server->options->port);
    int number = getaddrinfo(server->options->address, port, &hints, &found);
    if (number == EAI_MEMORY)
        return fail_memory(error, 0, "an address");
    if (number)
        return fail_key(error, VALENCE_ERROR_NOT_FOUND, "address", "the address %s: %s",
                        server->options->address, gai_strerror(number));
    int status = open_socket(server, found, listener, error);
    freeaddrinfo(found);
    return status;
}

/* ---- Beginning ---- */

/* libmicrohttpd's own messages. */
static void log_message(void *user, const char *format, va_list args)
{
    char line[512];
    (void)user;
    vsnprintf(line, sizeof line, format, args);
    line[strcspn(line, "\n")] = '\0';
    log_line(VALENCE_LOG_INFO, "http: %s", line);
}

static int start_daemon(struct http_server *server, struct valence_error *error)
{
    int listener = -1;
    int status = open_listener(server, &listener, error);
    if (status)
        return status;
    const unsigned flags =
        MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG;
    server->daemon =
        MHD_start_daemon(flags, 0, NULL, NULL, request_handle, server,     /* */
                         MHD_OPTION_EXTERNAL_LOGGER, log_message, NULL,    /* first */
                         MHD_OPTION_LISTEN_SOCKET, listener,               /* */
                         MHD_OPTION_THREAD_POOL_SIZE, (unsigned)N_THREADS, /* */
                         MHD_OPTION_CONNECTION_LIMIT, (unsigned)server->options->max_connections,
                         MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)IDLE_SECONDS,      /* */
                         MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)32768,          /* */
                         MHD_OPTION_STRICT_FOR_CLIENT, 1,                            /* */
                         MHD_OPTION_URI_LOG_CALLBACK, client_request_begins, server, /* */
                         MHD_OPTION_NOTIFY_CONNECTION, client_changes, server,       /* */
                         MHD_OPTION_NOTIFY_COMPLETED, request_completed, server, MHD_OPTION_END);
    if (server->daemon)
        return VALENCE_OK;
    close(listener);
    return fail(error, VALENCE_ERROR_MEMORY, "the server's threads could not be started");
}

static int start_threads(struct http_server *server, struct valence_error *error)
{
    server->has_worker = pthread_create(&server->worker, NULL, worker_run, server) == 0;
    server->has_watch =
        server->has_worker && pthread_create(&server->watch, NULL, watch_run, server) == 0;
    return server->has_watch
               ? VALENCE_OK
               : fail(error, VALENCE_ERROR_MEMORY, "the server's threads could not be started");
}

int http_server_create(const struct http_service *service,
                       const struct valence_server_options *options, struct http_server **server,
                       struct valence_error *error)
{
    pthread_condattr_t attributes;
    *server = NULL;
    struct http_server *made = calloc(1, sizeof *made);
    if (!made)
        return fail_memory(error, sizeof *made, "a server");
    made->service = service;
    made->options = options;
    if (options->api_key)
        sha256_text(options->api_key, strlen(options->api_key), made->key_digest);
    pthread_mutex_init(&made->jobs_lock, NULL);
    pthread_mutex_init(&made->clients_lock, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&made->work_comes, &attributes);
    pthread_cond_init(&made->state_changes, &attributes);
    pthread_condattr_destroy(&attributes);
    *server = made; /* before the threads, which may ask the service, which may ask the server */
    int status = start_daemon(made, error);
    if (!status)
        status = start_threads(made, error);
    if (status) {
        http_server_free(made);
        *server = NULL;
    }
    return status;
}

int http_server_port(const struct http_server *server)
{
    return server->port;
}

/* ---- Waiting ---- */

/* Waits for a change of state until `until`; false when that has come. With jobs_lock held. */
static bool wait_until(struct http_server *server, double until)
{
    double whole = until > 0 ? until : 0;
    const struct timespec time = {(time_t)whole, (long)((whole - (double)(time_t)whole) * 1e9)};
    return pthread_cond_timedwait(&server->state_changes, &server->jobs_lock, &time) == 0;
}

int http_server_wait(struct http_server *server, double seconds, struct valence_error *error)
{
    const double until = seconds < 0 ? 1e9 : seconds_now() + seconds;
    int status = VALENCE_OK;
    pthread_mutex_lock(&server->jobs_lock);
    while (server->state == HTTP_LOADING && wait_until(server, until))
        ;
    if (server->state == HTTP_FAILED) {
        status = server->failure.status;
        if (error)
            *error = server->failure;
    } else if (server->state == HTTP_LOADING) {
        status = fail(error, VALENCE_ERROR_BUSY, "the model is still being loaded");
    }
    pthread_mutex_unlock(&server->jobs_lock);
    return status;
}

void http_server_reload(struct http_server *server)
{
    pthread_mutex_lock(&server->jobs_lock);
    server->reloads = true;
    pthread_cond_signal(&server->work_comes);
    pthread_mutex_unlock(&server->jobs_lock);
}

/* ---- The end ---- */

/* Answers what was not done in time. With jobs_lock held. */
static void end_jobs(struct http_server *server)
{
    for (struct http_job *job = server->all_jobs, *next; job; job = next) {
        struct http_reply reply = {0};
        next = job->next;
        if (job->is_done)
            continue;
        http_reply_error(&reply, 503, "stopping", "the server stops before it could answer");
        job_cancel(job);
        job_finish(job, &reply);
    }
}

static void end_threads(struct http_server *server)
{
    pthread_mutex_lock(&server->jobs_lock);
    server->ends = true;
    pthread_cond_signal(&server->work_comes);
    pthread_mutex_unlock(&server->jobs_lock);
    if (server->has_worker)
        pthread_join(server->worker, NULL);
    if (server->has_watch)
        pthread_join(server->watch, NULL);
    server->has_worker = server->has_watch = false;
}

void http_server_stop(struct http_server *server, double seconds)
{
    const double until = seconds_now() + (seconds > 0 ? seconds : 0);
    pthread_mutex_lock(&server->jobs_lock);
    const bool was_stopped = server->is_stopped;
    server->is_stopped = server->is_stopping = true;
    pthread_mutex_unlock(&server->jobs_lock);
    if (was_stopped)
        return;
    int listener = server->daemon ? MHD_quiesce_daemon(server->daemon) : -1;
    if (listener >= 0)
        close(listener);
    pthread_mutex_lock(&server->jobs_lock);
    while (server->n_jobs > 0 && wait_until(server, until))
        ;
    end_jobs(server);
    const double last = seconds_now() + LAST_SECONDS;
    while (server->n_requests > 0 && wait_until(server, last))
        ;
    pthread_mutex_unlock(&server->jobs_lock);
    end_threads(server);
    if (server->daemon)
        MHD_stop_daemon(server->daemon);
    server->daemon = NULL;
}

void http_server_free(struct http_server *server)
{
    if (!server)
        return;
    http_server_stop(server, 0);
    pthread_mutex_destroy(&server->jobs_lock);
    pthread_mutex_destroy(&server->clients_lock);
    pthread_cond_destroy(&server->work_comes);
    pthread_cond_destroy(&server->state_changes);
    free(server);
}
