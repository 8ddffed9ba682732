/* Torture: plans of runs, their training and their state. */
#include <stdio.h>
#include <string.h>

#include "torture.h"
#include "valence/experiment.h"

/* The plan of a small experiment in `made`. */
static int make_plan(struct valence_experiment **experiment, struct valence_error *error)
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
        status = valence_train_config_set(config, "output", made, error);
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
    int status = make_plan(&experiment, error);
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
    int status = make_plan(&experiment, error);
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

const struct torture_case experiment_cases[] = {
    {"valence_experiment_create valence_experiment_open valence_experiment_look", plan, 50},
    {"valence_experiment_run valence_experiment_work", run_all, 10},
};
const int n_experiment_cases = sizeof experiment_cases / sizeof experiment_cases[0];
