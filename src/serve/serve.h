/* What is served: the scorer behind the routes of src/http. */
#ifndef VALENCE_SERVE_INTERNAL_H
#define VALENCE_SERVE_INTERNAL_H

#include <pthread.h>
#include <stdio.h>

#include "http/http.h"
#include "valence/scorer.h"
#include "valence/serve.h"
#include "valence/transcript.h"

/* ---- The server ---- */

struct valence_server {
    struct valence_server_options options;
    char *option_texts[6];
    char *path; /* of the model */
    char *page; /* at / */
    size_t n_page_bytes;

    /* of the worker's thread, which opens it and scores with it */
    struct valence_scorer_options scorer_options;
    struct valence_media_options media;
    struct valence_media_workers *decoders; /* NULL: media are decoded in this process */
    char *scorer_texts[10];
    struct valence_scorer *scorer;

    struct serve_jobs *jobs; /* NULL: there are none */

    pthread_mutex_t models_lock;
    char *models; /* the answer of GET /v1/models; NULL before the first load */

    struct http_service service;
    struct http_server *http;
};

struct serve_jobs;
struct serve_settings;

extern const struct http_route serve_routes[];
extern const int n_serve_routes;

/* On the worker's thread. */
void serve_score(struct valence_server *server, struct http_job *job, struct http_reply *reply);

/* How a form is scored, beside its settings. */
struct serve_scoring {
    const struct valence_progress *progress;
    valence_segment_receiver receive; /* or NULL */
    void *user;                       /* of the receiver */
    const char *journal_folder;       /* struct valence_scorer_options */
    bool is_summed_up;                /* the reply is the whole without its segments */
    double media_seconds;             /* receives how long the recording is */
};

/* Scores it and fills the reply, with what is wrong, too. Gives the status of the library. */
int serve_score_form(struct valence_server *server, const struct serve_settings *settings,
                     struct serve_scoring *scoring, struct http_reply *reply);

/* Makes the page at /. */
int serve_make_page(struct valence_server *server, struct valence_error *error);

/* ---- Settings ---- */

enum serve_format {
    SERVE_JSON,
    SERVE_VERBOSE_JSON,
    SERVE_SRT,
    SERVE_VTT,
    SERVE_CSV,
    SERVE_TEXT,
    SERVE_N_FORMATS
};

/* What a request to score asks for; its texts are the form's. */
struct serve_settings {
    const struct http_field *file, *text, *transcript; /* NULL: not given */
    enum valence_transcript_format transcript_format;
    double start, end;    /* end 0: the file's */
    double level, window; /* 0: the server's */
    bool explain, signals;
    enum serve_format format;
};

/* Reads the form; false with the reply where something is wrong with it. */
bool serve_read_settings(const struct valence_server *server, const struct http_form *form,
                         bool streams, struct serve_settings *settings, struct http_reply *reply);

/* A path of an upload, which has no name: good in this process while its request lasts. */
#define SERVE_PATH_BYTES 64
void serve_upload_path(const struct http_field *file, char path[SERVE_PATH_BYTES]);

/* ---- Answers ---- */

/* The reply for a failure of the library. `path` (may be NULL) is a private name in its text, in
 * place of which the client reads `name`. */
void serve_fail(struct http_reply *reply, const struct valence_error *error, const char *path,
                const char *name);

/* Ends `stream`, which open_memstream() made, and makes what it holds the reply. */
void serve_reply_stream(struct http_reply *reply, const char *type, FILE *stream, char **text,
                        size_t *n_bytes);

/* The list of models as JSON, from malloc(); NULL where memory is short. */
char *serve_describe_models(const struct valence_server *server,
                            const struct valence_scorer *scorer);

#endif
