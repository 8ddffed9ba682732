/* valence compare: variants of a configuration, or runs that were trained before. */
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "experiment_command.h"
#include "open_paths.h"
#include "path_kinds.h"
#include "paths.h"
#include "shared_options.h"

#define MAX_RUNS        64
#define MAX_ASSIGNMENTS 40
#define MAX_VARIANTS    (2 * OPTION_LIST_MAX)

/* What the command line says beside what all experiments have. */
struct request {
    struct experiment_request common;
    const char *subjects[MAX_RUNS];
    int n_subjects;
    struct option_list variants;
    struct option_list models;
};

static bool trains(const struct request *request)
{
    return request->variants.n > 0 || request->models.n > 0;
}

/* ---- Variants ---- */

/* "NAME KEY=VALUE KEY=VALUE", taken apart in place. */
struct parsed_variant {
    char *text;
    const char *assignments[MAX_ASSIGNMENTS];
};

static int parse_variant(const char *text, struct parsed_variant *parsed,
                         struct valence_variant *variant, struct valence_error *error)
{
    parsed->text = strdup(text);
    if (!parsed->text)
        return valence_fail(error, VALENCE_ERROR_MEMORY, NULL, "no memory for %s", "a variant");
    char *rest = parsed->text, *word = strtok_r(rest, " ", &rest);
    *variant = (struct valence_variant){.name = word ? word : "", parsed->assignments, 0};
    while ((word = strtok_r(rest, " ", &rest))) {
        if (variant->n_assignments == MAX_ASSIGNMENTS)
            return valence_fail(error, VALENCE_ERROR_ARGUMENT, NULL,
                                "variant '%.60s' sets too many keys", variant->name);
        parsed->assignments[variant->n_assignments++] = word;
    }
    return VALENCE_OK;
}

/* All variants of the command line, "base" first. */
struct variant_list {
    int n;
    struct valence_variant variants[MAX_VARIANTS];
    struct parsed_variant parsed[OPTION_LIST_MAX];
};

static int add_variant(struct variant_list *list, const struct valence_variant *variant,
                       struct valence_error *error)
{
    if (list->n == MAX_VARIANTS)
        return valence_fail(error, VALENCE_ERROR_ARGUMENT, NULL, "there are more than %d variants",
                            MAX_VARIANTS);
    list->variants[list->n++] = *variant;
    return VALENCE_OK;
}

/* The model of this name, or all of them. */
static int add_models(struct variant_list *list, const char *name,
                      struct valence_train_config *config, struct valence_error *error)
{
    bool all = strcmp(name, "all") == 0;
    int before = list->n, status = VALENCE_OK;
    for (int i = 0; i < valence_train_n_models() && !status; i++) {
        const struct valence_train_model *model = valence_train_get_model(i);
        struct valence_variant variant = {model->name, model->assignments, model->n_assignments};
        if (all || strcmp(name, model->name) == 0)
            status = add_variant(list, &variant, error);
    }
    if (!status && list->n == before) /* which says what names there are */
        status = valence_train_config_set_model(config, name, error);
    return status;
}

static int train_variants(struct request *request, struct valence_error *error)
{
    struct variant_list list = {.n = 1, .variants = {{.name = "base"}}};
    struct valence_plan_options options;
    struct valence_train_config *config;
    int status = valence_train_config_create(&config, error);
    for (int i = 0; i < request->models.n && !status; i++)
        status = add_models(&list, request->models.values[i], config, error);
    for (int i = 0; i < request->variants.n && !status; i++) {
        struct valence_variant variant;
        status = parse_variant(request->variants.values[i], &list.parsed[i], &variant, error);
        if (!status)
            status = add_variant(&list, &variant, error);
    }
    request->common.train.subject = request->subjects[0];
    valence_plan_options_default(&options);
    if (!status)
        status = experiment_request_config(&request->common, "comparison", config, error);
    if (!status)
        status =
            experiment_execute(&request->common, config, list.variants, list.n, &options, error);
    for (int i = 0; i < request->variants.n; i++)
        free(list.parsed[i].text);
    valence_train_config_free(config);
    return status;
}

/* ---- Finished runs ---- */

static int compare_runs(const struct request *request, struct valence_error *error)
{
    const struct valence_experiment_result *result;
    struct valence_evaluate_options options;
    struct valence_store *store;
    valence_evaluate_options_default(&options);
    options.n_resamples = request->common.resamples;
    int status = open_store(request->common.train.store, false, &store, error);
    if (status)
        return status;
    status = valence_compare_runs(request->subjects, request->n_subjects, store, &options,
                                  terminal_progress(request->common.quiet), &result, error);
    terminal_progress_finish();
    if (!status)
        status = experiment_print(&request->common, result, NULL, error);
    else
        explain_paths(request->subjects, request->n_subjects, WANTED_MODEL, error);
    valence_experiment_result_free(result);
    valence_store_close(store);
    return status;
}

/* ---- The command ---- */

/* Variants are trained from one configuration, runs are compared on a store. */
static int check(const struct command *command, struct request *request)
{
    const struct train_request *train = &request->common.train;
    if (trains(request) && request->n_subjects > 1)
        return report_usage(command,
                            "--variant and --model change one configuration or store, not %d runs",
                            request->n_subjects);
    if (trains(request) && request->n_subjects == 0 && !train->store)
        return report_usage(command, "a store or a configuration is missing");
    if (!trains(request) && request->n_subjects < 2)
        return report_usage(command, "give two or more runs, or a configuration with --model NAME "
                                     "or --variant 'NAME KEY=VALUE ...'");
    if (!trains(request) && !train->store)
        return report_usage(command, "--store STORE names the store to measure the runs on");
    if (!trains(request) && (train->output || train->assignments.n || train->seed >= 0 ||
                             train->seeds >= 0 || train->threads >= 0 || request->common.jobs ||
                             request->common.memory_mib || request->common.dry_run))
        return report_usage(command,
                            "finished runs are not trained: --output, --set, --seed, --seeds, "
                            "--threads, --jobs, --memory and --dry-run need --model or --variant");
    return experiment_request_check(command, &request->common);
}

static int run_compare(const struct command *command, int argc, char **argv)
{
    struct request request = {.common = EXPERIMENT_REQUEST};
    struct experiment_request *common = &request.common;
    const struct option options[] = {
        {OPTION_LIST, 0, "variant", &request.variants, "'NAME KEY=VALUE ...'",
         "Train this variant of the configuration too. You can repeat it. The configuration itself "
         "is trained as 'base'.",
         0, 0},
        {OPTION_LIST, 'm', "model", &request.models, "NAME",
         "Train this model too: constant, ridge, early-fusion, late-fusion, mult, single-flow, "
         "modality-dropout or published (see 'valence train --model'), or all of them. You can "
         "repeat it.",
         0, 0},
        {OPTION_TEXT, 0, "store", &common->train.store, "STORE",
         "The store to train on, or to measure finished runs on.", 0, 0},
        EXPERIMENT_OPTIONS(common, "The folder of the experiment (default: 'comparison').",
                           "Print the variants, without training.")};
    struct valence_error error;
    int code;
    if (!options_parse(command, options, argc, argv, request.subjects, 0, MAX_RUNS,
                       &request.n_subjects, &code))
        return code;
    code = check(command, &request);
    if (code)
        return code;
    int status =
        trains(&request) ? train_variants(&request, &error) : compare_runs(&request, &error);
    return status ? report_error(&error) : EXIT_FINE;
}

const struct command command_compare = {
    .name = "compare",
    .computes = true,
    .arguments = "STORE|CONFIG.yaml|RUNS...",
    .summary = "Compare models, variants of a configuration, or finished runs.",
    .description =
        "With --model or --variant, the configuration and each model and variant of it are trained "
        "with several seeds, and compared like the variants of 'valence ablate'.\n\n"
        "Without these options, the arguments are finished runs of 'valence train'; the others are "
        "compared with the first. They must have been trained on the data that --store holds; "
        "runs on other data, and runs that are still training, are refused. Seeds are paired where "
        "all runs have the same.",
    .example =
        "valence compare corpus --model ridge --model late-fusion --model mult\n"
        "valence compare corpus --variant 'wide model.d=256' --variant 'no-rnc losses.rnc=0'\n"
        "valence compare run-a run-b run-c --store corpus\n"
        "valence compare run-a run-b --store corpus --format markdown",
    .run = run_compare,
};
