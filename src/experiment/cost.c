/* What a configuration's models cost. */
#include "valence/cost.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/options.h"
#include "base/temporary.h"
#include "base/threads.h"
#include "data/clips.h"
#include "evaluate/scoring.h"
#include "experiment/cost_trial.h"
#include "model/layout.h"
#include "model/operations.h"
#include "valence/version.h"

const char *const valence_cost_part_keys[VALENCE_MAX_NAMES] = {
#define PART_KEY(name, key) key,
    VALENCE_COST_PART_MAP(PART_KEY)
#undef PART_KEY
};

/* What the caller gets, and the memory behind it. */
struct owned_cost {
    struct valence_cost shown; /* first, so that its address is this one's */
    struct valence_model_cost *models;
    char store[TRAIN_PATH_BYTES];
    int64_t *clips; /* scored */
};

void valence_cost_options_default(struct valence_cost_options *options)
{
    *options = (struct valence_cost_options){.size = sizeof *options,
                                             .split = VALENCE_TEST,
                                             .seconds = 1,
                                             .batch_size = 64,
                                             .baselines = true};
}

static int take_options(const struct valence_cost_options *given,
                        struct valence_cost_options *options, struct valence_error *error)
{
    valence_cost_options_default(options);
    int status = options_read(options, sizeof *options, given, error);
    if (!status && (unsigned)options->split >= VALENCE_N_SPLITS)
        status = fail_key(error, VALENCE_ERROR_ARGUMENT, "split", "unknown split %d",
                          (int)options->split);
    if (!status && !(options->seconds > 0 && options->seconds <= 3600))
        status =
            fail_key(error, VALENCE_ERROR_ARGUMENT, "seconds",
                     "seconds is %g; it must be more than 0 and at most 3600", options->seconds);
    if (!status && (options->batch_size < 1 || options->batch_size > 65536))
        status = fail_key(error, VALENCE_ERROR_ARGUMENT, "batch_size",
                          "batch_size is %lld; it must be from 1 to 65536",
                          (long long)options->batch_size);
    if (!status && (!options->folder || !options->folder[0]))
        status = fail_key(error, VALENCE_ERROR_ARGUMENT, "folder",
                          "the options name no folder to train in");
    if (!status && path_exists(options->folder))
        status =
            fail_key(error, VALENCE_ERROR_EXISTS, "folder", "%s: already exists", options->folder);
    return status;
}

/* ---- Clips ---- */

/* Mean rows of some clips in each of the streams that the configuration reads. */
static void mean_rows(const struct valence_store *store, const struct stream_map *map,
                      const int64_t *clips, int64_t n, double *rows)
{
    for (int s = 0; s < VALENCE_N_STREAMS; s++)
        for (int64_t i = 0; i < n; i++)
            rows[s] += (double)clip_rows(store, map, clips[i], (enum valence_stream)s) / (double)n;
}

/* The clips that are scored, evenly spaced over the split, and what a training clip is like. */
static int choose_clips(const struct valence_store *store,
                        const struct valence_train_config *config,
                        const struct valence_cost_options *options, struct owned_cost *owned,
                        struct valence_error *error)
{
    struct valence_cost *cost = &owned->shown;
    struct clip_selection scored = {0}, trained = {0};
    struct stream_map map;
    int status = stream_map_make(store, config->streams, config->max_rows, &map, error);
    if (!status)
        status = clip_selection_make(store, &map, options->split, false, &scored, error);
    if (!status)
        status = clip_selection_make(store, &map, VALENCE_TRAIN, true, &trained, error);
    if (!status && scored.n == 0)
        status = fail_key(error, VALENCE_ERROR_NOT_FOUND, "split",
                          "%s: no clip of the %s split has features", valence_store_path(store),
                          valence_split_names[options->split]);
    if (!status) {
        cost->n_clips = scored.n < options->batch_size ? scored.n : options->batch_size;
        for (int64_t i = 0; i < cost->n_clips; i++)
            scored.clips[i] = scored.clips[i * scored.n / cost->n_clips];
        mean_rows(store, &map, scored.clips, cost->n_clips, cost->mean_rows);
        mean_rows(store, &map, trained.clips, trained.n, cost->step_rows);
        for (int s = 0; s < VALENCE_N_STREAMS; s++)
            cost->widths[s] = map.index[s] >= 0 ? map.width[s] : 0;
        owned->clips = scored.clips; /* taken over */
        scored.clips = NULL;
        cost->training_batch_size = config->batch_size < trained.n ? config->batch_size : trained.n;
    }
    clip_selection_free(&scored);
    clip_selection_free(&trained);
    return status;
}

/* ---- Operations ---- */

/* Of the streams that this model reads: a baseline may do without simulated text. */
static void read_rows(const struct valence_train_config *config, const double *mean, double n_clips,
                      double *rows)
{
    for (int s = 0; s < VALENCE_N_STREAMS; s++)
        rows[s] = config->streams[s][0] ? n_clips * mean[s] : 0;
}

static double sum(const double *parts)
{
    double all = 0;
    for (int i = 0; i < VALENCE_N_COST_PARTS; i++)
        all += parts[i];
    return all;
}

static void count_operations(const struct owned_cost *owned,
                             const struct valence_train_config *config,
                             struct valence_model_cost *cost)
{
    const struct valence_cost *shown = &owned->shown;
    struct valence_model_config model = config->model;
    const unsigned complete = 0;
    double rows[VALENCE_N_STREAMS], parts[VALENCE_N_COST_PARTS];
    for (int m = 0; m < VALENCE_N_MODALITIES; m++)
        model.widths[m] = config->streams[m][0] ? shown->widths[m] : 1;
    cost->n_flows = model.n_flows;
    read_rows(config, shown->mean_rows, 1, rows);
    network_operations(&model, 1, rows, &complete, 1, false, parts);
    cost->clip_complete = sum(parts);
    network_operations(&model, 1, rows, model.flows, model.n_flows, false, parts);
    cost->clip_all = sum(parts);
    if (network_is_closed_form(&model))
        return;
    double n_clips = (double)shown->training_batch_size;
    int n_flows = config->flows_per_step ? (int)config->flows_per_step + 1 : model.n_flows;
    n_flows = n_flows < model.n_flows ? n_flows : model.n_flows;
    read_rows(config, shown->step_rows, n_clips, rows);
    network_operations(&model, n_clips, rows, model.flows, n_flows, true, cost->step_parts);
    cost->step = sum(cost->step_parts);
}

/* ---- Models ---- */

static int measure_model(const struct cost_job *job, const struct owned_cost *owned,
                         const struct valence_train_config *config, struct valence_model_cost *cost,
                         struct valence_error *error)
{
    struct valence_train_config own = *config;
    int length = snprintf(own.output, sizeof own.output, "%s", job->options->folder);
    if (length >= (int)sizeof own.output)
        return fail_key(error, VALENCE_ERROR_ARGUMENT, "folder", "the folder has too long a name");
    count_operations(owned, config, cost);
    int status = cost_train(job, &own, cost, error);
    if (!status)
        status = cost_score(job, &own, cost, error);
    temporary_remove(own.output);
    return status && status != VALENCE_ERROR_CANCELLED
               ? fail_within(status, error, "%s", cost->name)
               : status;
}

/* The configuration, the same without imagination where it has some, and the baselines. */
static int list_models(const struct valence_train_config *config, bool baselines,
                       struct owned_cost *owned, struct valence_error *error)
{
    int n = 2 + (baselines ? valence_train_n_models() : 0);
    owned->models = allocate(n, sizeof *owned->models);
    if (!owned->models)
        return fail_memory(error, (size_t)n * sizeof *owned->models, "the models");
    n = 0;
    owned->models[n++] =
        (struct valence_model_cost){.name = "full", .help = "the configuration itself"};
    if (config->model.imagination != VALENCE_IMAGINATION_OFF && config->model.n_flows > 1)
        owned->models[n++] =
            (struct valence_model_cost){.name = "no-mia", .help = "the same without imagination"};
    for (int i = 0; baselines && i < valence_train_n_models(); i++)
        owned->models[n++] = (struct valence_model_cost){.name = valence_train_get_model(i)->name,
                                                         .help = valence_train_get_model(i)->help};
    owned->shown.models = owned->models;
    owned->shown.n_models = n;
    return VALENCE_OK;
}

static int configure_model(const char *name, struct valence_train_config *config,
                           struct valence_error *error)
{
    if (strcmp(name, "full") == 0)
        return VALENCE_OK;
    if (strcmp(name, "no-mia") == 0)
        return valence_train_config_set(config, "model.imagination", "off", error);
    return valence_train_config_set_model(config, name, error);
}

static int measure(const struct valence_train_config *config,
                   const struct valence_cost_options *options, const struct valence_store *store,
                   const struct valence_progress *progress, struct owned_cost *owned,
                   struct valence_error *error)
{
    struct cost_job job = {.options = options, .progress = progress, .store = store};
    int status = choose_clips(store, config, options, owned, error);
    if (!status)
        status = list_models(config, options->baselines, owned, error);
    job.clips = owned->clips;
    job.n_clips = owned->shown.n_clips;
    for (int i = 0; i < owned->shown.n_models && !status; i++) {
        struct valence_train_config own = *config;
        job.name = owned->models[i].name;
        status = configure_model(job.name, &own, error);
        if (!status)
            status = measure_model(&job, owned, &own, &owned->models[i], error);
    }
    return status;
}

static int describe(const struct valence_train_config *config,
                    const struct valence_cost_options *options, const struct valence_store *store,
                    struct owned_cost *owned, struct valence_error *error)
{
    struct valence_cost *cost = &owned->shown;
    cost->version = valence_version();
    cost->machine.size = sizeof cost->machine;
    cost->n_threads = threads_count();
    snprintf(owned->store, sizeof owned->store, "%s", config->store);
    cost->store = owned->store;
    cost->synthetic = store_is_synthetic(store);
    cost->split = options->split;
    cost->batch_size = options->batch_size;
    return valence_machine_describe(&cost->machine, error);
}

int valence_cost_measure(const struct valence_train_config *config,
                         const struct valence_cost_options *given,
                         const struct valence_progress *progress, const struct valence_cost **cost,
                         struct valence_error *error)
{
    struct valence_cost_options options;
    struct valence_store_options store_options;
    struct valence_store *store;
    if (!cost)
        return fail(error, VALENCE_ERROR_ARGUMENT, "the cost is NULL");
    *cost = NULL;
    if (!config || !given)
        return fail(error, VALENCE_ERROR_ARGUMENT, "the configuration or the options are NULL");
    int status = take_options(given, &options, error);
    valence_store_options_default(&store_options);
    store_options.accept_unfinished = config->accept_unfinished;
    if (!status)
        status = valence_store_open(config->store, &store_options, &store, error);
    if (status)
        return status;
    int before = threads_enter((int)config->threads);
    struct owned_cost *made = allocate(1, sizeof *made);
    status = made ? describe(config, &options, store, made, error)
                  : fail_memory(error, sizeof *made, "the cost");
    if (!status)
        status = measure(config, &options, store, progress, made, error);
    threads_leave(before);
    valence_store_close(store);
    if (status)
        valence_cost_free(made ? &made->shown : NULL);
    else
        *cost = &made->shown;
    return status;
}

void valence_cost_free(const struct valence_cost *cost)
{
    struct owned_cost *owned = (void *)(uintptr_t)cost;
    if (!owned)
        return;
    free(owned->models);
    free(owned->clips);
    free(owned);
}
