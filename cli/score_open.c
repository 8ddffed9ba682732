/* The model of `valence score` and `valence serve`, and its encoders. */
#include <stdlib.h>

#include "model_cache.h"
#include "open_paths.h"
#include "path_kinds.h"
#include "score_request.h"
#include "valence/scorer.h"
#include "valence/serve.h"

/* The names of encoders, where they are given, become paths. */
struct encoder_paths {
    char *paths[6], *folder, *memory, *run, *journal;
};

static void free_paths(struct encoder_paths *paths)
{
    for (size_t i = 0; i < sizeof paths->paths / sizeof *paths->paths; i++)
        free(paths->paths[i]);
    free(paths->folder);
    free(paths->memory);
    free(paths->run);
    free(paths->journal);
}

static int resolve(const struct score_request *request, struct valence_scorer_options *options,
                   struct encoder_paths *paths, struct valence_error *error)
{
    const struct {
        const char *given;
        const char **target;
    } encoders[] = {
        {request->whisper, &options->whisper_model}, {request->wavlm, &options->wavlm_model},
        {request->faces, &options->faces_model},     {request->manet, &options->manet_model},
        {request->llm, &options->text_model},        {request->vad, &options->vad}};
    int status = VALENCE_OK;
    for (size_t i = 0; i < sizeof encoders / sizeof *encoders && !status; i++)
        if (encoders[i].given) {
            status = model_path(encoders[i].given, request->offline, request->quiet,
                                &paths->paths[i], error);
            *encoders[i].target = paths->paths[i];
        }
    options->folder = paths->folder = model_folder();
    options->memory = paths->memory = model_memory();
    options->journal_folder = paths->journal = request->no_journal ? NULL : journal_folder();
    options->fetch = &request->fetch;
    return status;
}

/* The options of a scorer; its texts are in `paths`. */
static int read_options(const struct score_request *request,
                        const struct valence_media_options *media,
                        struct valence_scorer_options *options, struct encoder_paths *paths,
                        struct valence_error *error)
{
    valence_scorer_options_default(options);
    options->recognise = !request->no_transcript;
    options->language = request->language;
    options->level = request->level;
    options->window_seconds = request->window;
    options->signals = request->signals;
    options->explain = request->explain || request->report;
    options->media = media;
    int status = resolve(request, options, paths, error);
    if (!status && !request->run)
        status = valence_default_model_path(&paths->run, error);
    return status;
}

int score_open(const struct score_request *request, const struct valence_media_options *media,
               struct valence_scorer **scorer, struct valence_error *error)
{
    struct valence_scorer_options options;
    struct encoder_paths paths = {0};
    *scorer = NULL;
    int status = read_options(request, media, &options, &paths, error);
    if (!status)
        status =
            valence_scorer_open(request->run ? request->run : paths.run, &options, scorer, error);
    if (status && request->run)
        explain_path(request->run, WANTED_MODEL, error);
    free_paths(&paths);
    return status;
}

/* The server loads its model on a thread of its own, when its address is known already. */
static int check_model(const char *path, struct valence_error *error)
{
    struct valence_model *model = NULL;
    struct valence_run *run;
    int status = open_run(path, VALENCE_CHECKPOINT_BEST, &run, error);
    if (!status)
        status = valence_run_load(run, &model, error);
    if (!status && valence_model_get_config(model)->n_classes)
        status = valence_fail(error, VALENCE_ERROR_UNSUPPORTED, "labels",
                              "%s: this model predicts classes, and the server answers with "
                              "scores",
                              path);
    valence_model_free(model);
    valence_run_close(run);
    return status;
}

int score_serve(const struct score_request *request, const struct valence_media_options *media,
                const struct valence_server_options *serving, struct valence_server **server,
                struct valence_error *error)
{
    struct valence_scorer_options options;
    struct encoder_paths paths = {0};
    *server = NULL;
    int status = request->run ? check_model(request->run, error) : VALENCE_OK;
    if (!status)
        status = read_options(request, media, &options, &paths, error);
    if (!status)
        status = valence_server_create(request->run ? request->run : paths.run, &options, serving,
                                       server, error);
    free_paths(&paths);
    return status;
}
