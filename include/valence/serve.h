/* An HTTP server of scores, in the process of its caller.
 *
 *     valence_server_create("run", &scorer_options, &options, &server, &error);
 *     valence_server_wait(server, -1, &error);
 *     ... until the program ends ...
 *     valence_server_stop(server, 30);
 *     valence_server_free(server);
 *
 * docs/serve.md describes the API, docs/openapi.yaml each request and answer. A few threads read
 * requests and write answers. One more holds the model and scores what waits in a bounded queue,
 * one request after the other, with the library's number of threads.
 *
 * The server takes nothing from a client that names a file, an address or a program. An upload is
 * kept in a file without a name, which the system removes with the process, however that ends. */
#ifndef VALENCE_SERVE_H
#define VALENCE_SERVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "valence/api.h"
#include "valence/error.h"
#include "valence/scorer.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Set it with valence_server_options_default(), then change what you need. The names of members are
 * also the keys of errors. The texts are copied. */
struct valence_server_options {
    size_t size;

    /* Where to listen: a numeric address or a name ("127.0.0.1"), and a port, 0 for any that is
     * free (8080). An address that other machines reach needs a key, or `insecure`. */
    const char *address;
    int port;

    const char *api_key; /* that requests must send as "Authorization: Bearer KEY"; NULL: none */
    bool insecure;       /* serve other machines without a key (false) */
    const char *origin;  /* whose pages may call the API from a browser, "*" for all; NULL: none */
    bool metrics;        /* serve GET /metrics (false) */

    const char *model;  /* the model's name in answers; NULL: the path's last part */
    const char *folder; /* for uploads ("/tmp") */

    /* A program and its arguments, NULL at the end, that calls valence_media_worker_run()
     * (valence/media_worker.h): it decodes uploads, so that a hostile file ends a process of its
     * own and not the server. NULL: uploads are decoded in this process. */
    const char *const *decoder;

    /* A folder for jobs, made where it does not exist: a recording of more than `job_seconds`, or
     * of a length that its header does not tell, is accepted (202), kept there with its request,
     * and scored when no other request waits. A job outlives the server, even a killed one: the
     * next one with the same folder continues where it stopped. The upload is removed as soon as it
     * is scored, and the scores `job_keep_seconds` after that, however long the job waited. A job
     * that waited for `job_wait_seconds` and was not scored has failed; its upload is removed then.
     * NULL (the default): there are no jobs. */
    const char *job_folder;
    double job_seconds;      /* (60) */
    double job_keep_seconds; /* (3600) */
    double job_wait_seconds; /* (86400) */
    int max_jobs;            /* that are kept at once, done or not; others get 429 (100) */

    /* Limits. A request beyond one gets an answer that says so: 413, 429, 408 or 503. */
    int64_t max_body_bytes;  /* of a request (64 MiB) */
    int64_t max_text_bytes;  /* of a text, a transcript or a JSON body (1 MiB) */
    int max_connections;     /* at once (1000) */
    int max_queue;           /* requests that wait for the model or are being scored (64) */
    int requests_per_minute; /* of one client, by its address; 0: no limit (0) */
    double receive_seconds;  /* for the head of a request; its body has 1 s more each 8 KiB (30) */
    double request_seconds;  /* from the last byte of a request to its answer (300) */
    double ping_seconds;     /* between signs of life in a stream (10) */

    int threads; /* that the model computes with; 0 (the default): the library's number */

    /* Receives one line of JSON without a newline for each request that ended: when, who, which
     * route, which code, how long; nothing of what was sent or answered. It lives for the call; the
     * calls come from several threads. NULL: no log. */
    void (*log)(void *user, const char *line);
    void *user;
};

VALENCE_API void valence_server_options_default(struct valence_server_options *options);

struct valence_server;

/* Listens at once, answers GET /health, and loads the model at `path` with its encoders in a thread
 * of its own: until that is done, other requests get 503. `scorer` (may be NULL) as in
 * valence_scorer_open(); its limits for media hold for uploads, its journal is not used, and
 * requests may set what valence_scorer_adjust() sets. `options` may be NULL. *server is NULL on
 * failure.
 *
 * Errors: ARGUMENT for options out of range, and with key "api_key" where other machines would be
 * served without one; BUSY where the port is in use, or the folder for jobs, NOT_FOUND where this
 * machine does not have the address, IO; those of valence_media_workers_create(); UNSUPPORTED where
 * the build has no server; MEMORY. */
VALENCE_API int valence_server_create(const char *path, const struct valence_scorer_options *scorer,
                                      const struct valence_server_options *options,
                                      struct valence_server **server, struct valence_error *error);

/* Where it listens. */
VALENCE_API int valence_server_port(const struct valence_server *server);

/* Waits until the model is loaded, at most `seconds`; a negative number waits as long as it takes.
 * Errors: those of valence_scorer_open() and valence_scorer_load(), after which the server answers
 * 503 until it is stopped; BUSY where it is still loading. */
VALENCE_API int valence_server_wait(struct valence_server *server, double seconds,
                                    struct valence_error *error);

/* Loads the model again from the same path and puts it in place of the old one, between two
 * requests. Where that fails, the old one stays, and the log of the process says why
 * (valence_set_log()). Returns at once. */
VALENCE_API void valence_server_reload(struct valence_server *server);

/* Takes no more connections, answers 503 to further requests, and waits up to `seconds` for those
 * that it has; what is not done by then gets 503. A second call does nothing. */
VALENCE_API void valence_server_stop(struct valence_server *server, double seconds);

/* Stops at once if it is still running, and frees. Takes NULL. */
VALENCE_API void valence_server_free(struct valence_server *server);

#ifdef __cplusplus
}
#endif
#endif
