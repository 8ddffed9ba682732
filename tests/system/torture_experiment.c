/* Torture: plans of runs, their training and their state. */
#include <stdio.h>
#include <string.h>

#include "torture.h"
#include "valence/cost.h"
#include "valence/experiment.h"
#include "valence/machine.h"
#include "valence/representations.h"

/* The plan of a small experiment. */
static int make_plan(const char *folder, struct valence_experiment **experiment,
                     struct valence_error *error)
{
    static const char *const set[] = {"losses.rnc=0"};
    static const struct valence_variant variants[] = {{"full", NULL, 0}, {"no-rnc", set, 1}};
    struct valence_train_config *config;
    int status = valence_train_config_create(&config, error);
    *experiment = NULL;
    if (status)
        return status;
    status = valence_train_config_read_run(config, run, error);
    if (!status)
        status = valence_train_config_set(config, "output", folder, error);
    if (!status)
        status = valence_experiment_create(config, variants, 2, NULL, experiment, error);
    valence_train_config_free(config);
    return status;
}

static int look(const struct valence_experiment *experiment, double *result,
                struct valence_error *error)
{
    const struct valence_experiment_state *state;
    int status = valence_experiment_look(experiment, &state, error);
    if (status)
        return state ? 1 : status;
    for (int64_t i = 0; i < state->n_runs; i++) {
        add_text(result, state->runs[i].variant);
        *result += (double)(100 * state->runs[i].state + state->runs[i].epoch);
    }
    valence_experiment_state_free(state);
    return status;
}

static int plan(double *result, struct valence_error *error)
{
    struct valence_experiment *experiment, *again = NULL;
    int status = make_plan(made, &experiment, error);
    if (!status)
        status = valence_experiment_open(made, &again, error);
    if (!status)
        status = look(again, result, error);
    valence_experiment_close(again);
    valence_experiment_close(experiment);
    clear_untried(made);
    return status;
}

static int run_all(double *result, struct valence_error *error)
{
    struct valence_experiment_options options;
    struct valence_experiment *experiment;
    int status = make_plan(made, &experiment, error);
    valence_experiment_options_default(&options);
    options.n_cores = 1;
    if (!status)
        status = valence_experiment_run(experiment, &options, error);
    if (!status)
        status = look(experiment, result, error);
    valence_experiment_close(experiment);
    clear_untried(made);
    return status;
}

/* Where an experiment lies that is trained once for all calls. */
static const char *trained_folder(char folder[96])
{
    snprintf(folder, 96, "%s-experiment", run);
    return folder;
}

static int open_trained(struct valence_experiment **experiment, struct valence_error *error)
{
    static bool trained;
    struct valence_experiment_options options;
    char folder[96];
    trained_folder(folder);
    int status = trained ? valence_experiment_open(folder, experiment, error)
                         : make_plan(folder, experiment, error);
    if (status || trained)
        return status;
    valence_experiment_options_default(&options);
    options.n_cores = 1;
    status = valence_experiment_run(*experiment, &options, error);
    trained = !status;
    return status;
}

static int evaluate(double *result, struct valence_error *error)
{
    char path[128], folder[96];
    int64_t n_differences;
    const struct valence_experiment_result *measured = NULL;
    struct valence_experiment *experiment;
    struct valence_evaluate_options options;
    int status = open_trained(&experiment, error);
    if (status)
        return status;
    valence_evaluate_options_default(&options);
    options.n_resamples = 100;
    status = valence_experiment_evaluate(experiment, &options, NULL, &measured, error);
    valence_experiment_close(experiment);
    if (status)
        return measured ? 1 : status;
    add_text(result, measured->json);
    valence_experiment_result_free(measured);
    snprintf(path, sizeof path, "%s/result.json", trained_folder(folder));
    return valence_result_verify(path, NULL, NULL, NULL, NULL, &n_differences, error);
}

static int compare_documents(double *result, struct valence_error *error)
{
    static const char document[] = "{\"a\": [1, {\"b\": 2.5}], \"c\": \"text\"}";
    int64_t n_differences;
    int status = valence_result_compare(document, document, NULL, NULL, &n_differences, error);
    *result += (double)n_differences;
    return status;
}

static int compare_runs(double *result, struct valence_error *error)
{
    char second[128], folder[96];
    const char *const runs[] = {run, second};
    const struct valence_experiment_result *measured = NULL;
    struct valence_evaluate_options options;
    struct valence_store *store;
    snprintf(second, sizeof second, "%s/runs/no-rnc/seed-1", trained_folder(folder));
    struct valence_experiment *experiment;
    int status = open_trained(&experiment, error);
    if (!status)
        valence_experiment_close(experiment);
    if (!status)
        status = valence_store_open(corpus, NULL, &store, error);
    if (status)
        return status;
    valence_evaluate_options_default(&options);
    options.n_resamples = 100;
    status = valence_compare_runs(runs, 2, store, &options, NULL, &measured, error);
    valence_store_close(store);
    if (status)
        return measured ? 1 : status;
    add_text(result, measured->json);
    valence_experiment_result_free(measured);
    return status;
}

static int measure_maps(const struct valence_store *store, const struct valence_model *model,
                        double *result, struct valence_error *error)
{
    const struct valence_representation_maps *maps = NULL;
    struct valence_representations_options options;
    valence_representations_options_default(&options);
    options.grid = 2;
    int status = valence_representations_measure(model, store, &options, NULL, &maps, error);
    if (status)
        return maps ? 1 : status;
    for (int i = 0; i < maps->n_maps; i++)
        *result += maps->maps[i].all.diagonal.mean + (double)maps->maps[i].grid[1];
    *result += (double)maps->plane.complete[0];
    status = valence_representations_write(maps, store, VALENCE_MAP_CSV, made, error);
    valence_representations_free(maps);
    clear_untried(made);
    return status;
}

static int compare_representations(double *result, struct valence_error *error)
{
    struct valence_machine machine = {.size = sizeof machine};
    struct valence_store *store;
    struct valence_model *model;
    int status = valence_machine_describe(&machine, error);
    if (!status)
        status = valence_model_load(weights, &model, error);
    if (status)
        return status;
    status = valence_store_open(corpus, NULL, &store, error);
    if (!status) {
        status = measure_maps(store, model, result, error);
        valence_store_close(store);
    }
    valence_model_free(model);
    return status;
}

static int cost(double *result, struct valence_error *error)
{
    const struct valence_cost *measured = NULL;
    struct valence_cost_options options;
    struct valence_train_config *config;
    int status = valence_train_config_create(&config, error);
    if (status)
        return status;
    valence_cost_options_default(&options);
    options.folder = made;
    options.seconds = 1e-6;
    options.baselines = false;
    status = valence_train_config_read_run(config, run, error);
    if (!status)
        status = valence_cost_measure(config, &options, NULL, &measured, error);
    valence_train_config_free(config);
    clear_untried(made);
    if (status)
        return measured ? 1 : status;
    for (int i = 0; i < measured->n_models; i++)
        *result += (double)measured->models[i].n_parameters + measured->models[i].step;
    valence_cost_free(measured);
    return status;
}

static int add_variants(const struct valence_variant *variants, int n, double *result)
{
    for (int i = 0; i < n; i++)
        for (int j = 0; j < variants[i].n_assignments; j++)
            add_text(result, variants[i].assignments[j]);
    valence_variants_free(variants, n);
    return VALENCE_OK;
}

static int list(double *result, struct valence_error *error)
{
    static const char *const ranges[] = {"losses.rnc=0:1:0.25", "model.d=8,16"};
    struct valence_train_config *config;
    const struct valence_variant *variants = NULL;
    int n = 0, status = valence_train_config_create(&config, error);
    if (status)
        return status;
    status = valence_ablation_create(config, &variants, &n, error);
    if (!status)
        status = add_variants(variants, n, result);
    else if (variants)
        status = 1;
    if (!status)
        status = valence_sweep_create(config, ranges, 2, NULL, &variants, &n, error);
    if (!status)
        status = add_variants(variants, n, result);
    valence_train_config_free(config);
    return status;
}

const struct torture_case experiment_cases[] = {
    {"valence_ablation_create valence_sweep_create", list, 0},
    {"valence_experiment_create valence_experiment_open valence_experiment_look", plan, 50},
    {"valence_experiment_run valence_experiment_work", run_all, 10},
    {"valence_experiment_evaluate valence_result_verify", evaluate, 20},
    {"valence_result_compare", compare_documents, 0},
    {"valence_compare_runs", compare_runs, 20},
    {"valence_representations_measure valence_representations_write valence_machine_describe",
     compare_representations, 20},
    {"valence_cost_measure", cost, 10},
};
const int n_experiment_cases = sizeof experiment_cases / sizeof experiment_cases[0];
