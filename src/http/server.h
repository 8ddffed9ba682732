/* What the files of the service share. */
#ifndef VALENCE_HTTP_SERVER_H
#define VALENCE_HTTP_SERVER_H

#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>

#include <microhttpd.h>

#include "base/text.h"
#include "http/form.h"
#include "http/http.h"
#include "http/metrics.h"
#include "http/rate.h"

/* ---- Clients ---- */

/* A connection. The list and all members but `gone` are guarded by clients_lock, under which
 * libmicrohttpd is never called. */
struct http_client {
    struct http_client *previous, *next;
    int descriptor;
    char address[INET6_ADDRSTRLEN];
    /* It is to send a request, or more of one, since `since`; else it waits for an answer. */
    bool is_sending, has_begun;
    double since;
    int64_t n_bytes;
    atomic_bool gone;
};

/* ---- Jobs ---- */

/* Guarded by jobs_lock, but for what is set before it is queued. */
struct http_job {
    struct http_job *next_queued;     /* in the queue */
    struct http_job *previous, *next; /* among all that are not freed */
    int references;                   /* of the request, and of the queue or the worker */
    struct http_server *server;
    const struct http_route *route;
    struct http_form form;
    void *settings;
    struct http_client *client;        /* NULL: gone, or answered */
    struct MHD_Connection *connection; /* of a stream */
    struct MHD_Connection *waiting;    /* suspended until something happens; else NULL */
    bool is_queued, is_done, is_cancelled;
    struct http_reply reply; /* once it is done */
    struct text events;      /* of a stream, that were not read yet */
    size_t n_read;
    bool has_events; /* there was one */
    double created, started, ended, last_event;
    double media_seconds;
};

enum http_state { HTTP_LOADING, HTTP_READY, HTTP_FAILED };

struct http_server {
    const struct http_service *service;
    const struct valence_server_options *options;
    struct MHD_Daemon *daemon;
    int port;
    char key_digest[65]; /* SHA-256 of the key; "" without one */

    pthread_mutex_t jobs_lock;
    pthread_cond_t work_comes, state_changes;
    struct http_job *first_queued, *last_queued, *all_jobs;
    int n_jobs; /* queued or with the worker */
    int n_requests;
    enum http_state state;
    struct valence_error failure;
    bool is_stopping, is_stopped, ends, reloads;
    struct http_metrics metrics;
    struct http_rates rates;
    double next_idle; /* when the service's other work is to be called; of the worker's thread */

    pthread_mutex_t clients_lock;
    struct http_client *clients;

    pthread_t worker, watch;
    bool has_worker, has_watch;
};

/* ---- Jobs: job.c ---- */

/* A job that takes over the form and the settings; NULL where memory is short. */
struct http_job *job_create(struct http_server *server, const struct http_route *route,
                            struct http_form *form, void *settings, struct http_client *client);

/* Queues it. False, with the reply for the client, where it cannot be. */
bool job_queue(struct http_job *job, struct http_reply *reply);

/* All below: with jobs_lock held. */
void job_release(struct http_job *job);
void job_finish(struct http_job *job, struct http_reply *reply);
void job_cancel(struct http_job *job);
void job_wake(struct http_job *job);

/* Whether a request could be queued now; else the reply that says why not. */
bool server_takes_work(struct http_server *server, struct http_reply *reply);

void *worker_run(void *server);

/* ---- Requests: request.c; clients and time: watch.c ---- */

enum MHD_Result request_handle(void *server, struct MHD_Connection *connection, const char *url,
                               const char *method, const char *version, const char *data,
                               size_t *n_bytes, void **context);
void request_completed(void *server, struct MHD_Connection *connection, void **context,
                       enum MHD_RequestTerminationCode code);

void *client_request_begins(void *server, const char *uri, struct MHD_Connection *connection);
void client_changes(void *server, struct MHD_Connection *connection, void **context,
                    enum MHD_ConnectionNotificationCode code);
struct http_client *client_of(struct MHD_Connection *connection);
void client_set(struct http_server *server, struct http_client *client, bool is_sending);
void client_received(struct http_server *server, struct http_client *client, size_t n_bytes);

/* Answers a client that does not end its request, past libmicrohttpd, and ends the connection. */
void client_cut(const struct http_client *client, int status, const char *code,
                const char *message);

void *watch_run(void *server);

#endif
