/* Experiments and finished runs, measured and compared. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/file.h"
#include "base/file_writer.h"
#include "base/memory.h"
#include "base/options.h"
#include "base/text.h"
#include "experiment/result.h"
#include "experiment/runs.h"
#include "run/run_folder.h"
#include "valence/run.h"

#define RESAMPLES 10000

static int read_options(const struct valence_evaluate_options *given,
                        struct valence_evaluate_options *options, struct valence_error *error)
{
    valence_evaluate_options_default(options);
    options->n_resamples = RESAMPLES;
    int status = options_read(options, sizeof *options, given, error);
    if (!status && (options->n_resamples < 100 || options->n_resamples > 1000000))
        status = fail_key(error, VALENCE_ERROR_ARGUMENT, "n_resamples",
                          "n_resamples is %lld; it must be from 100 to 1000000",
                          (long long)options->n_resamples);
    if (!status && (options->n_flows < 0 || options->n_flows > VALENCE_MAX_FLOWS ||
                    (options->n_flows && !options->flows)))
        status =
            fail(error, VALENCE_ERROR_ARGUMENT, "there can be 1 to %d flows", VALENCE_MAX_FLOWS);
    return status;
}

/* ---- An experiment's validation errors ---- */

/* The mean and the sample standard deviation of n values. */
static struct valence_result_validation summarise(const double *values, int64_t n)
{
    double mean = 0, squares = 0;
    for (int64_t i = 0; i < n; i++)
        mean += values[i] / (double)n;
    for (int64_t i = 0; i < n; i++)
        squares += (values[i] - mean) * (values[i] - mean);
    return (struct valence_result_validation){mean, n > 1 ? sqrt(squares / (double)(n - 1)) : NAN};
}

/* One variant's, with `room` for its seeds. A flow that it does not train is NaN. */
static int read_variant(const struct valence_experiment *experiment, int v,
                        struct owned_result *result, double *room, struct valence_error *error)
{
    int64_t n = experiment->config.seeds;
    int n_flows = result->shown.n_validation_flows, status = VALENCE_OK;
    for (int64_t i = 0; i < n && !status; i++) {
        struct run_validation validation;
        status =
            run_validation_read(experiment, v, experiment->config.seed + i, &validation, error);
        if (status)
            return status;
        room[i] = validation.selected;
        result->variants[v].n_epochs = validation.n_epochs;
        for (int f = 0; f < n_flows; f++) {
            double *mae = &room[(f + 1) * n + i];
            *mae = NAN;
            for (int own = 0; own < validation.n_flows; own++)
                if (validation.flows[own] == result->validation_flows[f])
                    *mae = validation.mae[own];
        }
    }
    result->variants[v].selected = summarise(room, n);
    result->variants[v].validation = result->validation + v * n_flows;
    for (int f = 0; f < n_flows; f++)
        result->validation[v * n_flows + f] = summarise(room + (f + 1) * n, n);
    snprintf(result->names[v], sizeof *result->names, "%s", experiment->variants[v].name);
    return VALENCE_OK;
}

/* Of all variants; the best is looked for among those that were trained to the end. */
static int read_validation(const struct valence_experiment *experiment, const struct rungs *rungs,
                           struct owned_result *result, struct valence_error *error)
{
    const struct valence_model_config *model = &experiment->config.model;
    struct valence_experiment_result *shown = &result->shown;
    shown->n_validation_flows = model->n_flows;
    shown->validation_flows = result->validation_flows;
    memcpy(result->validation_flows, model->flows, sizeof result->validation_flows);
    int64_t n = (int64_t)experiment->n_variants * model->n_flows;
    double *room = allocate((model->n_flows + 1) * experiment->config.seeds, sizeof *room);
    result->validation = allocate(n, sizeof *result->validation);
    int status = room && result->validation
                     ? VALENCE_OK
                     : fail_memory(error, (size_t)n * sizeof *room, "the validation errors");
    for (int v = 0; v < experiment->n_variants && !status; v++) {
        status = read_variant(experiment, v, result, room, error);
        double error_of = result->variants[v].selected.mean;
        if (!status && !rungs->variants[v].dropped &&
            (shown->best < 0 || error_of < result->variants[shown->best].selected.mean))
            shown->best = v;
    }
    free(room);
    return status;
}

/* ---- An experiment ---- */

static int check_finished(const struct valence_experiment *experiment, const struct rungs *rungs,
                          struct valence_error *error)
{
    int64_t n_left = 0;
    int first = -1, status = VALENCE_OK;
    if (rungs->current < experiment->n_rungs - 1)
        return fail_key(error, VALENCE_ERROR_BUSY, "experiment",
                        "%s: rung %lld of %lld is not finished", experiment->folder,
                        (long long)rungs->current + 1, (long long)experiment->n_rungs);
    for (int v = 0; v < experiment->n_variants && !status; v++)
        for (int64_t i = 0; i < experiment->config.seeds && !status; i++) {
            bool done;
            status = run_is_done(experiment, v, experiment->config.seed + i,
                                 rungs->variants[v].rung, &done, error);
            if (!status && !done && n_left++ == 0)
                first = v;
        }
    if (status || n_left == 0)
        return status;
    return fail_key(error, VALENCE_ERROR_BUSY, "experiment",
                    "%s: %lld of %lld runs are not finished, the first of variant '%s'",
                    experiment->folder, (long long)n_left,
                    (long long)(experiment->n_variants * experiment->config.seeds),
                    experiment->variants[first].name);
}

static int add_variant(const struct valence_experiment *experiment, int v, struct contest *contest,
                       struct valence_error *error)
{
    char folder[PLAN_FILE_BYTES], path[PLAN_FILE_BYTES + 32];
    int status = contest_add(contest, experiment->variants[v].name, error);
    for (int64_t i = 0; i < experiment->config.seeds && !status; i++) {
        plan_run_folder(experiment, v, experiment->config.seed + i, folder);
        snprintf(path, sizeof path, "%s/%s", folder, RUN_BEST);
        status = contest_add_model(contest, path, error);
    }
    return status;
}

/* The variants that are measured; gives how many. */
static int choose(const struct valence_experiment *experiment, const struct rungs *rungs, int best,
                  int *which)
{
    bool sweep = strcmp(experiment->kind, "sweep") == 0;
    int n = 0;
    for (int v = 0; v < experiment->n_variants; v++)
        if (v == 0 || (!rungs->variants[v].dropped && (!sweep || v == best)))
            which[n++] = v;
    return n;
}

static json_t *read_plan(const struct valence_experiment *experiment, struct valence_error *error)
{
    char path[PLAN_FILE_BYTES];
    json_t *plan;
    return plan_read_json(plan_file(experiment, PLAN_FILE, path), &plan, error) ? NULL : plan;
}

static int measure(const struct valence_experiment *experiment, const struct rungs *rungs,
                   struct owned_result *result, struct contest *contest, int *which,
                   const struct valence_evaluate_options *options,
                   const struct valence_progress *progress, struct valence_error *error)
{
    int n = choose(experiment, rungs, result->shown.best, which), status = VALENCE_OK;
    for (int i = 0; i < n && !status; i++)
        status = add_variant(experiment, which[i], contest, error);
    if (!status)
        status = contest_measure(contest, options, progress, error);
    if (!status)
        status = result_compare(result, contest, which, options->n_resamples, options->seed, error);
    json_t *plan = status ? NULL : read_plan(experiment, error);
    if (!status && !plan)
        return VALENCE_ERROR_FORMAT;
    return status
               ? status
               : result_to_json(result, contest, options->seed,
                                json_pack("{s:s}", "experiment", experiment->folder), plan, error);
}

static int write_result(const struct valence_experiment *experiment, const char *json,
                        struct valence_error *error)
{
    char path[PLAN_FILE_BYTES];
    struct file_writer writer;
    int status =
        file_write_begin(&writer, plan_file(experiment, RESULT_FILE, path), FILE_OVERWRITE, error);
    if (status)
        return status;
    fprintf(writer.stream, "%s\n", json);
    return file_write_commit(&writer, error);
}

static int evaluate(const struct valence_experiment *experiment, const struct rungs *rungs,
                    struct owned_result *result, const struct valence_evaluate_options *options,
                    const struct valence_progress *progress, struct valence_error *error)
{
    struct valence_store_options store_options;
    struct valence_store *store;
    struct contest contest = {0};
    int *which = allocate(experiment->n_variants, sizeof *which);
    if (!which)
        return fail_memory(error, 4096, "the variants");
    valence_store_options_default(&store_options);
    store_options.accept_unfinished = experiment->config.accept_unfinished;
    int status = read_validation(experiment, rungs, result, error);
    if (!status &&
        !(status = valence_store_open(experiment->config.store, &store_options, &store, error))) {
        contest.store = store;
        status = measure(experiment, rungs, result, &contest, which, options, progress, error);
        contest_free(&contest);
        valence_store_close(store);
    }
    free(which);
    return status;
}

int experiment_measure(const struct valence_experiment *experiment,
                       const struct valence_evaluate_options *given,
                       const struct valence_progress *progress, struct owned_result **result,
                       struct valence_error *error)
{
    struct valence_evaluate_options options;
    struct owned_result *made = NULL;
    struct rungs rungs = {0};
    *result = NULL;
    int status = read_options(given, &options, error);
    if (!status && !options.n_flows) {
        options.flows = experiment->config.model.flows;
        options.n_flows = experiment->config.model.n_flows;
    }
    if (!status)
        status = rungs_read(experiment, &rungs, error);
    if (!status)
        status = check_finished(experiment, &rungs, error);
    if (!status && !(made = result_create(experiment->kind, experiment->n_variants, error)))
        status = VALENCE_ERROR_MEMORY;
    if (!status)
        status = evaluate(experiment, &rungs, made, &options, progress, error);
    rungs_free(&rungs);
    if (status)
        valence_experiment_result_free(made ? &made->shown : NULL);
    else
        *result = made;
    return status;
}

int valence_experiment_evaluate(const struct valence_experiment *experiment,
                                const struct valence_evaluate_options *options,
                                const struct valence_progress *progress,
                                const struct valence_experiment_result **result,
                                struct valence_error *error)
{
    struct owned_result *made;
    *result = NULL;
    int status = experiment_measure(experiment, options, progress, &made, error);
    if (status)
        return status;
    status = write_result(experiment, made->json, error);
    if (status)
        valence_experiment_result_free(&made->shown);
    else
        *result = &made->shown;
    return status;
}

/* ---- Finished runs ---- */

/* A checkpoint in a run's folder is that of a finished run if results.json is beside it and nobody
 * trains there. */
static int check_run_finished(const char *path, struct valence_error *error)
{
    char folder[RUN_PATH_BYTES], results[RUN_PATH_BYTES + 32];
    snprintf(folder, sizeof folder, "%s", path);
    char *slash = strrchr(folder, '/');
    if (!slash)
        return VALENCE_OK;
    *slash = '\0';
    snprintf(results, sizeof results, "%s/%s", folder, RUN_RESULTS);
    if (path_exists(results) && !folder_is_busy(folder))
        return VALENCE_OK;
    return fail_key(error, VALENCE_ERROR_BUSY, "run",
                    "%s: its training is not finished; wait for it, or resume it", folder);
}

static int add_run(const char *path, struct contest *contest, struct valence_error *error)
{
    struct valence_run *run;
    int status = valence_run_open(path, VALENCE_CHECKPOINT_BEST, &run, error);
    if (status)
        return status;
    status = contest_add(contest, path, error);
    for (int i = 0; i < valence_run_n_models(run) && !status; i++) {
        const char *model = valence_run_model_path(run, i);
        if (path_is_folder(path))
            status = check_run_finished(model, error);
        if (!status)
            status = contest_add_model(contest, model, error);
    }
    valence_run_close(run);
    return status;
}

/* A run against itself shows a difference of 0, which nobody asks for on purpose. */
static int check_run_is_new(const char *const *runs, int n, int run, struct valence_error *error)
{
    for (int i = 0; i < run; i++)
        if (paths_are_same(runs[i], runs[run]))
            return fail(error, VALENCE_ERROR_ARGUMENT,
                        "%s: this run is given twice; each of the %d runs to compare must be "
                        "different",
                        runs[run], n);
    return VALENCE_OK;
}

static int compare(const char *const *runs, int n, struct contest *contest,
                   const struct valence_evaluate_options *options,
                   const struct valence_progress *progress, struct owned_result *result,
                   struct valence_error *error)
{
    json_t *source = json_array();
    int *which = allocate(n, sizeof *which);
    int status = source && which ? VALENCE_OK : fail_memory(error, 4096, "the runs");
    for (int i = 0; i < n && !status; i++) {
        which[i] = i;
        if (!is_utf8(runs[i], strlen(runs[i])))
            status = fail(error, VALENCE_ERROR_ARGUMENT, "a run's path is not UTF-8");
        if (!status)
            status = add_run(runs[i], contest, error);
        if (!status)
            status = check_run_is_new(runs, n, i, error);
        if (!status && json_array_append_new(source, json_string(runs[i])))
            status = fail_memory(error, 4096, "the runs");
    }
    if (!status)
        status = contest_measure(contest, options, progress, error);
    if (!status)
        status = result_compare(result, contest, which, options->n_resamples, options->seed, error);
    if (!status)
        status = result_to_json(result, contest, options->seed, json_pack("{s:O}", "runs", source),
                                NULL, error);
    json_decref(source);
    free(which);
    return status;
}

int valence_compare_runs(const char *const *runs, int n, const struct valence_store *store,
                         const struct valence_evaluate_options *given,
                         const struct valence_progress *progress,
                         const struct valence_experiment_result **result,
                         struct valence_error *error)
{
    struct valence_evaluate_options options;
    struct contest contest = {.store = store};
    *result = NULL;
    if (!runs || !store || n < 2 || n > VALENCE_MAX_VARIANTS)
        return fail(error, VALENCE_ERROR_ARGUMENT, "a comparison needs a store and 2 to %d runs",
                    VALENCE_MAX_VARIANTS);
    int status = read_options(given, &options, error);
    if (status)
        return status;
    struct owned_result *made = result_create("comparison", n, error);
    if (!made)
        return VALENCE_ERROR_MEMORY;
    status = compare(runs, n, &contest, &options, progress, made, error);
    contest_free(&contest);
    if (status)
        valence_experiment_result_free(&made->shown);
    else
        *result = &made->shown;
    return status;
}
