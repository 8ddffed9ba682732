/* A small HTTP service on libmicrohttpd: routes, forms, one worker with a bounded queue, streams of
 * events, limits, a log and metrics. It knows nothing of what is served.
 *
 * A few threads of libmicrohttpd read requests and write answers; a request that needs the worker
 * is suspended until its *job* is finished. One thread watches: it cuts slow clients, finds those
 * that are gone and ends what takes too long. */
#ifndef VALENCE_HTTP_HTTP_H
#define VALENCE_HTTP_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "valence/error.h"
#include "valence/serve.h"

/* ---- Replies ---- */

/* A whole answer: a body in memory, or a file. Start from zeros. */
struct http_reply {
    int status;
    const char *type; /* "application/json" */
    char *body;
    size_t n_bytes;
    bool is_static; /* the body is not freed */
    bool is_file;   /* the answer is what `descriptor` holds, and `body` is NULL */
    int descriptor;
    char location[64]; /* a path of this server, for the header Location; "": none */
};

void http_reply_free(struct http_reply *reply);

/* A body that the reply takes over, from malloc(); NULL becomes an error about memory. */
void http_reply_body(struct http_reply *reply, int status, const char *type, char *body,
                     size_t n_bytes);

/* An open file that the reply takes over, of `n_bytes`. It is read while the client takes it. */
void http_reply_file(struct http_reply *reply, int status, const char *type, int descriptor,
                     size_t n_bytes);

/* {"error": {"code", "message", "type"}}; the type follows from the status. Replaces what the reply
 * held. Bytes of the message that are not UTF-8 are repaired. */
void http_reply_error(struct http_reply *reply, int status, const char *code, const char *format,
                      ...) __attribute__((format(printf, 4, 5)));

/* ---- Forms ---- */

#define HTTP_MAX_FIELDS 32

/* A field of a form or of a JSON object: a text, or an upload. */
struct http_field {
    char *name;
    char *text; /* its value; of an upload NULL */
    size_t n_bytes;
    char *file_name; /* of an upload, as the client calls it: for messages alone; else NULL */
    int descriptor;  /* of an upload: a file without a name; else -1 */
};

struct http_form {
    int n;
    struct http_field *fields;
    const char *rest; /* of the path, for a route with `has_rest`; it lives for the answer's call */
};

/* The field, or NULL. */
const struct http_field *http_form_field(const struct http_form *form, const char *name);

/* ---- Jobs ---- */

struct http_server;
struct http_job;

const struct http_form *http_job_form(const struct http_job *job);
void *http_job_settings(const struct http_job *job);
const struct http_route *http_job_route(const struct http_job *job);

/* Whether nobody waits for the job any more: the client is gone, its time is over, or the server
 * stops. */
bool http_job_is_cancelled(struct http_job *job);

/* An event of a stream: `data` is one line. False where the job is cancelled. */
bool http_job_event(struct http_job *job, const char *event, const char *data, size_t n_bytes);

/* Seconds of sound or film that were worked on, for log and metrics. */
void http_job_count_media(struct http_job *job, double seconds);

/* For the metrics alone: seconds of computing in a stage of the work, whose name lives as long as
 * the server; and seconds of sound or film, of other work than jobs. */
void http_server_count_stage(struct http_server *server, const char *stage, double seconds);
void http_server_count_media(struct http_server *server, double seconds);

/* ---- The service ---- */

struct http_route {
    const char *method, *path;
    bool is_open;  /* needs no key */
    bool has_body; /* a form, multipart or JSON */
    bool streams;  /* the worker's events are the answer */
    bool has_rest; /* the path ends in '/', and something follows: form->rest */
    /* Runs on a thread of libmicrohttpd and never blocks. Gives true after it has filled the reply;
     * false to hand the request to the worker, with settings that free() frees. */
    bool (*answer)(void *user, const struct http_form *form, void **settings,
                   struct http_reply *reply);
};

/* What is served. */
struct http_service {
    const struct http_route *routes;
    int n_routes;
    /* On the worker's thread: at first, and once more for each reload. */
    int (*load)(void *user, struct valence_error *error);
    /* Does a job. Of a stream, a reply with status 200 ends it; another one is its last event, or
     * the answer where there was no event before. */
    void (*work)(void *user, struct http_job *job, struct http_reply *reply);
    /* Other work of the worker's thread; NULL: there is none. It is called when no request waits
     * and, while requests never cease, between two of them about once a second. It looks at
     * http_server_is_wanted() from time to time, and ends soon where requests wait for the thread.
     * Gives the seconds after which it is to be called again, 0 for at once. */
    double (*idle)(void *user);
    void *user;
};

/* Whether requests, a reload or the server's end wait for the worker's thread. */
bool http_server_is_wanted(struct http_server *server);
bool http_server_is_ending(struct http_server *server);

/* The options are complete and stay the caller's, as the service does; both live until the free.
 * Errors: as valence_server_create(). */
int http_server_create(const struct http_service *service,
                       const struct valence_server_options *options, struct http_server **server,
                       struct valence_error *error);
int http_server_port(const struct http_server *server);
int http_server_wait(struct http_server *server, double seconds, struct valence_error *error);
void http_server_reload(struct http_server *server);
void http_server_stop(struct http_server *server, double seconds);
void http_server_free(struct http_server *server);

#endif
