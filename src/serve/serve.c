/* The server's life, and the model that it holds. */
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/file.h"
#include "base/log.h"
#include "base/options.h"
#include "http/options.h"
#include "serve/jobs.h"
#include "serve/serve.h"
#include "serve/transcription.h"
#include "valence/media_worker.h"

/* ---- Copies of what the caller passed ---- */

/* Puts a copy of each text in place of the caller's. */
static int keep_texts(const char **const *texts, char **copies, size_t n,
                      struct valence_error *error)
{
    for (size_t i = 0; i < n; i++) {
        if (!*texts[i])
            continue;
        copies[i] = strdup(*texts[i]);
        if (!copies[i])
            return fail_memory(error, strlen(*texts[i]), "an option");
        *texts[i] = copies[i];
    }
    return VALENCE_OK;
}

static int keep_options(struct valence_server *server, const struct valence_server_options *given,
                        struct valence_error *error)
{
    struct valence_server_options *own = &server->options;
    const char **const texts[] = {&own->address, &own->api_key, &own->origin,
                                  &own->model,   &own->folder,  &own->job_folder};
    int status = http_options_read(own, given, error);
    if (!status && !own->model)
        own->model = path_name(server->path);
    return status ? status
                  : keep_texts(texts, server->option_texts, sizeof texts / sizeof *texts, error);
}

static int keep_scorer_options(struct valence_server *server,
                               const struct valence_scorer_options *given,
                               struct valence_error *error)
{
    struct valence_scorer_options *own = &server->scorer_options;
    const char **const texts[] = {&own->whisper_model, &own->wavlm_model, &own->faces_model,
                                  &own->manet_model,   &own->text_model,  &own->folder,
                                  &own->language,      &own->vad,         &own->device,
                                  &own->memory};
    valence_scorer_options_default(own);
    valence_media_options_default(&server->media);
    int status = options_read(own, sizeof *own, given, error);
    if (!status)
        status = options_read(&server->media, sizeof server->media, own->media, error);
    own->media = &server->media;
    own->journal_folder = NULL; /* nothing that was sent is kept */
    return status ? status
                  : keep_texts(texts, server->scorer_texts, sizeof texts / sizeof *texts, error);
}

/* ---- Decoding ---- */

/* Beside the pictures or sound that the limits for media allow, for everything else of a decoder.
 */
#define DECODER_BYTES ((int64_t)1 << 30)

static int start_decoders(struct valence_server *server, struct valence_error *error)
{
    struct valence_media_worker_options options;
    if (!server->options.decoder)
        return VALENCE_OK;
    valence_media_worker_options_default(&options);
    options.command = server->options.decoder;
    options.max_memory_bytes = server->media.max_bytes + DECODER_BYTES;
    int status = valence_media_workers_create(&options, &server->decoders, error);
    server->media.workers = server->decoders;
    return status;
}

/* ---- The model ---- */

/* The encoders for recordings, which include those for texts; a model that reads text scores texts
 * even where the others are missing. */
static int load_encoders(struct valence_scorer *scorer, struct valence_error *error)
{
    struct valence_error why;
    int status = valence_scorer_load(scorer, VALENCE_SCORER_RECORDINGS, &why);
    const bool reads_text = (valence_scorer_modalities(scorer) & VALENCE_BIT(VALENCE_TEXT)) != 0;
    if (status == VALENCE_ERROR_NOT_FOUND && reads_text) {
        log_line(VALENCE_LOG_WARNING, "the server scores texts alone: %s", why.text);
        return valence_scorer_load(scorer, VALENCE_SCORER_TEXTS, error);
    }
    if (status && error)
        *error = why;
    return status;
}

/* Loads the model, on the worker's thread. */
static int load(void *user, struct valence_error *error)
{
    struct valence_server *server = user;
    struct valence_scorer *scorer;
    char *models = NULL;
    int status = valence_scorer_open(server->path, &server->scorer_options, &scorer, error);
    if (!status && valence_model_get_config(valence_scorer_model(scorer))->n_classes)
        status = fail_key(error, VALENCE_ERROR_UNSUPPORTED, "labels",
                          "%s: this model predicts classes, and the server answers with scores",
                          server->path);
    if (!status)
        status = load_encoders(scorer, error);
    if (!status && !(models = serve_describe_models(server, scorer)))
        status = fail_memory(error, 0, "the list of models");
    if (status) {
        valence_scorer_close(scorer);
        return status;
    }
    valence_scorer_close(server->scorer);
    server->scorer = scorer;
    pthread_mutex_lock(&server->models_lock);
    free(server->models);
    server->models = models;
    pthread_mutex_unlock(&server->models_lock);
    return VALENCE_OK;
}

static void work(void *user, struct http_job *job, struct http_reply *reply)
{
    if (http_job_route(job)->answer == transcription_answer)
        transcription_work(user, job, reply);
    else
        serve_score(user, job, reply);
}

/* ---- Its life ---- */

int valence_server_create(const char *path, const struct valence_scorer_options *scorer,
                          const struct valence_server_options *options,
                          struct valence_server **server, struct valence_error *error)
{
    *server = NULL;
    struct valence_server *made = calloc(1, sizeof *made);
    if (!made || !(made->path = strdup(path))) {
        free(made);
        return fail_memory(error, sizeof *made, "a server");
    }
    pthread_mutex_init(&made->models_lock, NULL);
    made->service = (struct http_service){.routes = serve_routes,
                                          .n_routes = n_serve_routes,
                                          .load = load,
                                          .work = work,
                                          .user = made};
    int status = keep_options(made, options, error);
    if (!status)
        status = keep_scorer_options(made, scorer, error);
    if (!status)
        status = start_decoders(made, error);
    if (!status)
        status = serve_make_page(made, error);
    if (!status && made->options.job_folder) {
        made->service.idle = serve_jobs_idle;
        status = serve_jobs_open(made, error);
    }
    if (!status)
        status = http_server_create(&made->service, &made->options, &made->http, error);
    if (status)
        valence_server_free(made);
    else
        *server = made;
    return status;
}

int valence_server_port(const struct valence_server *server)
{
    return http_server_port(server->http);
}

int valence_server_wait(struct valence_server *server, double seconds, struct valence_error *error)
{
    return http_server_wait(server->http, seconds, error);
}

void valence_server_reload(struct valence_server *server)
{
    http_server_reload(server->http);
}

void valence_server_stop(struct valence_server *server, double seconds)
{
    http_server_stop(server->http, seconds);
}

void valence_server_free(struct valence_server *server)
{
    if (!server)
        return;
    http_server_free(server->http);
    serve_jobs_close(server->jobs);
    valence_scorer_close(server->scorer);
    valence_media_workers_free(server->decoders);
    pthread_mutex_destroy(&server->models_lock);
    for (size_t i = 0; i < sizeof server->option_texts / sizeof *server->option_texts; i++)
        free(server->option_texts[i]);
    for (size_t i = 0; i < sizeof server->scorer_texts / sizeof *server->scorer_texts; i++)
        free(server->scorer_texts[i]);
    free(server->models);
    free(server->page);
    free(server->path);
    free(server);
}
