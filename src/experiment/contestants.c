#include "experiment/contestants.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/memory.h"
#include "evaluate/clips_hash.h"
#include "format/json_failure.h"
#include "valence/model.h"

#define MAX_MODELS 1000 /* of a contestant */

/* ---- Who takes part ---- */

int contest_add(struct contest *contest, const char *name, struct valence_error *error)
{
    size_t size = ((size_t)contest->n_contestants + 1) * sizeof *contest->contestants;
    struct contestant *grown = realloc(contest->contestants, size);
    if (!grown)
        return fail_memory(error, size, "the variants");
    contest->contestants = grown;
    grown[contest->n_contestants] = (struct contestant){.name = strdup(name)};
    if (!grown[contest->n_contestants].name)
        return fail_memory(error, strlen(name), "the variants");
    contest->n_contestants++;
    return VALENCE_OK;
}

int contest_add_model(struct contest *contest, const char *path, struct valence_error *error)
{
    struct contestant *last = &contest->contestants[contest->n_contestants - 1];
    if (last->n_models == MAX_MODELS)
        return fail(error, VALENCE_ERROR_LIMIT, "%s: more than %d models", last->name, MAX_MODELS);
    size_t size = ((size_t)last->n_models + 1) * sizeof *last->models;
    struct contestant_model *grown = realloc(last->models, size);
    if (!grown)
        return fail_memory(error, size, "the models");
    last->models = grown;
    grown[last->n_models] = (struct contestant_model){.path = strdup(path)};
    if (!grown[last->n_models].path)
        return fail_memory(error, strlen(path), "the models");
    last->n_models++;
    return VALENCE_OK;
}

void contest_free(struct contest *contest)
{
    for (int i = 0; i < contest->n_contestants; i++) {
        struct contestant *contestant = &contest->contestants[i];
        for (int j = 0; j < contestant->n_models; j++) {
            valence_evaluation_free(contestant->models[j].evaluation);
            free(contestant->models[j].scores);
            free(contestant->models[j].path);
        }
        free(contestant->models);
        free(contestant->name);
    }
    free(contest->contestants);
    free(contest->clips);
    free(contest->labels);
    free(contest->data);
    clusters_free(&contest->clusters);
    *contest = (struct contest){0};
}

/* ---- Measuring each ---- */

/* The key "seed" of the training's configuration; 0 where the checkpoint does not say. */
static int read_seed(const struct valence_model *model, int64_t *seed, struct valence_error *error)
{
    const char *text = valence_model_get_provenance(model)->configuration;
    json_error_t problem;
    json_t *config = text[0] ? json_loads(text, 0, &problem) : NULL;
    if (text[0] && !config)
        return fail_json(&problem, error, VALENCE_ERROR_FORMAT, "a configuration is not JSON");
    const char *value = json_string_value(json_object_get(config, "seed"));
    *seed = value ? strtoll(value, NULL, 10) : 0;
    json_decref(config);
    return VALENCE_OK;
}

static int check_data(struct contest *contest, const struct valence_model *model, const char *path,
                      struct valence_error *error)
{
    enum valence_data_match match;
    int status = valence_model_match_data(model, contest->store, &match, error);
    if (!status && match == VALENCE_DATA_OTHER)
        status = fail(error, VALENCE_ERROR_DATA,
                      "%s: was trained on other data than %s holds\n"
                      "         (only runs on the same clips, labels, splits and features can be "
                      "compared)",
                      path, valence_store_path(contest->store));
    if (!status && !contest->data) {
        contest->data = strdup(valence_model_get_provenance(model)->data);
        if (!contest->data)
            status = fail_memory(error, 64, "a fingerprint");
    }
    return status;
}

/* The flows of the first model, where none were asked for. */
static void take_flows(struct contest *contest, const struct valence_model *model)
{
    const struct valence_model_config *config = valence_model_get_config(model);
    if (contest->n_flows)
        return;
    contest->n_flows = config->n_flows;
    memcpy(contest->flows, config->flows, sizeof contest->flows);
}

static int measure_model(struct contest *contest, struct contestant_model *measured,
                         const struct valence_evaluate_options *given, struct valence_error *error)
{
    struct valence_evaluate_options options = *given;
    struct valence_model *model;
    int status = valence_model_load(measured->path, &model, error);
    if (status)
        return status;
    take_flows(contest, model);
    options.flows = contest->flows;
    options.n_flows = contest->n_flows;
    options.n_resamples = 0;
    measured->n_parameters = valence_model_n_parameters(model);
    status = check_data(contest, model, measured->path, error);
    if (!status)
        status = read_seed(model, &measured->seed, error);
    if (!status && (status = valence_evaluate(model, contest->store, &options, NULL,
                                              &measured->evaluation, error)))
        (void)fail_within(status, error, "%s", measured->path);
    valence_model_free(model);
    return status;
}

static int measure_models(struct contest *contest, const struct valence_evaluate_options *options,
                          const struct valence_progress *progress, struct valence_error *error)
{
    int64_t done = 0, total = 0;
    int status = VALENCE_OK;
    for (int i = 0; i < contest->n_contestants; i++)
        total += contest->contestants[i].n_models;
    for (int i = 0; i < contest->n_contestants && !status; i++)
        for (int j = 0; j < contest->contestants[i].n_models && !status; j++) {
            struct valence_progress_event event = {"measuring", done++, total, "models",
                                                   contest->contestants[i].name};
            if (progress && progress->report(progress->user, &event))
                return fail(error, VALENCE_ERROR_CANCELLED, "stopped while measuring");
            status = measure_model(contest, &contest->contestants[i].models[j], options, error);
        }
    return status;
}

/* ---- The clips that all of them score ---- */

/* Both lists ascend. Keeps in `clips` what is in the other. */
static int64_t intersect(int64_t *clips, int64_t n, const int64_t *other, int64_t n_other)
{
    int64_t kept = 0;
    for (int64_t i = 0, j = 0; i < n; i++) {
        while (j < n_other && other[j] < clips[i])
            j++;
        if (j < n_other && other[j] == clips[i])
            clips[kept++] = clips[i];
    }
    return kept;
}

static int find_clips(struct contest *contest, struct valence_error *error)
{
    const struct valence_evaluation *first = contest->contestants[0].models[0].evaluation;
    int64_t n = first->n_clips, most = n;
    contest->clips = allocate(n, sizeof *contest->clips);
    contest->labels = allocate(n, sizeof *contest->labels);
    if (!contest->clips || !contest->labels)
        return fail_memory(error, (size_t)n * sizeof *contest->clips, "the clips");
    memcpy(contest->clips, first->clips, (size_t)n * sizeof *contest->clips);
    for (int i = 0; i < contest->n_contestants; i++)
        for (int j = 0; j < contest->contestants[i].n_models; j++) {
            const struct valence_evaluation *other = contest->contestants[i].models[j].evaluation;
            most = other->n_clips > most ? other->n_clips : most;
            n = intersect(contest->clips, n, other->clips, other->n_clips);
        }
    contest->n_clips = n;
    contest->n_left_out = most - n;
    contest->scale = first->scale;
    contest->split = first->split;
    contest->synthetic = first->synthetic;
    for (int64_t i = 0; i < n; i++)
        contest->labels[i] = valence_store_clip(contest->store, contest->clips[i])->label;
    return n > 1 ? VALENCE_OK
                 : fail(error, VALENCE_ERROR_DATA,
                        "%s: fewer than two clips of the %s split are scored by all models",
                        valence_store_path(contest->store), valence_split_names[contest->split]);
}

/* The scores of the common clips. */
static int take_scores(struct contest *contest, struct contestant_model *model,
                       struct valence_error *error)
{
    const struct valence_evaluation *evaluation = model->evaluation;
    int64_t n = contest->n_clips;
    model->scores = allocate(contest->n_flows * n, sizeof *model->scores);
    if (!model->scores)
        return fail_memory(error, (size_t)n * sizeof *model->scores, "the scores");
    for (int64_t i = 0, at = 0; i < n; i++) {
        while (evaluation->clips[at] != contest->clips[i])
            at++;
        for (int f = 0; f < contest->n_flows; f++)
            model->scores[f * n + i] = evaluation->flows[f].scores[at];
    }
    valence_evaluation_free(model->evaluation);
    model->evaluation = NULL;
    return VALENCE_OK;
}

static int group_clips(struct contest *contest, struct valence_error *error)
{
    const char **groups = allocate(contest->n_clips, sizeof *groups);
    if (!groups)
        return fail_memory(error, (size_t)contest->n_clips * sizeof *groups, "the recordings");
    for (int64_t i = 0; i < contest->n_clips; i++)
        groups[i] = valence_store_clip(contest->store, contest->clips[i])->group;
    int status = clusters_make(groups, contest->n_clips, &contest->clusters, error);
    free(groups);
    return status;
}

int contest_measure(struct contest *contest, const struct valence_evaluate_options *options,
                    const struct valence_progress *progress, struct valence_error *error)
{
    contest->n_flows = options->n_flows;
    if (options->n_flows)
        memcpy(contest->flows, options->flows, (size_t)options->n_flows * sizeof *contest->flows);
    int status = measure_models(contest, options, progress, error);
    if (!status)
        status = find_clips(contest, error);
    for (int i = 0; i < contest->n_contestants && !status; i++)
        for (int j = 0; j < contest->contestants[i].n_models && !status; j++)
            status = take_scores(contest, &contest->contestants[i].models[j], error);
    if (!status)
        status = group_clips(contest, error);
    if (!status)
        clips_hash(contest->store, contest->clips, contest->labels, contest->n_clips,
                   contest->clips_hash);
    return status;
}
