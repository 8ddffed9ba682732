#include "experiment_command.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "choices.h"
#include "experiment_output.h"
#include "experiment_worker.h"
#include "json_output.h"
#include "table_files.h"
#include "valence/output.h"
#include "valence/text.h"

/* ---- Options ---- */

struct option option_set(struct option_list *target)
{
    return (struct option){.type = OPTION_LIST,
                           .letter = 's',
                           .name = "set",
                           .target = target,
                           .value_name = "KEY=VALUE",
                           .help = "Set a key of the configuration for all variants. You can "
                                   "repeat it."};
}

struct option option_seed(int64_t *target)
{
    return (struct option){.type = OPTION_INT,
                           .name = "seed",
                           .target = target,
                           .value_name = "N",
                           .help = "The first seed (default: that of the configuration, 1).",
                           .maximum = 9e15};
}

struct option option_seeds(int64_t *target)
{
    return (struct option){.type = OPTION_INT,
                           .name = "seeds",
                           .target = target,
                           .value_name = "N",
                           .help = "Train every variant with N consecutive seeds (default: that of "
                                   "the configuration if it has several, else 3).",
                           .minimum = 1,
                           .maximum = 1000};
}

struct option option_jobs(int64_t *target)
{
    return (struct option){
        .type = OPTION_INT,
        .name = "jobs",
        .target = target,
        .value_name = "N",
        .help = "Train N runs at once and share the threads among them (default: what is fastest "
                "by a measurement of a few seconds).",
        .minimum = 1,
        .maximum = 1024};
}

struct option option_memory(int64_t *target)
{
    return (struct option){
        .type = OPTION_INT,
        .name = "memory",
        .target = target,
        .value_name = "MIB",
        .help = "Memory that all runs together may take; fewer run at once if they would not fit.",
        .minimum = 1,
        .maximum = 1e9};
}

struct option option_resamples(int64_t *target)
{
    return (struct option){.type = OPTION_INT,
                           .name = "bootstrap",
                           .target = target,
                           .value_name = "N",
                           .help = "Resamples for intervals and tests (default: 10000).",
                           .minimum = 100,
                           .maximum = 1e6};
}

struct option option_card(const char **target)
{
    return (struct option){
        .type = OPTION_TEXT,
        .name = "card",
        .target = target,
        .value_name = "FILE",
        .help = "Also write a run card in Markdown: data, configuration, seeds, selection, "
                "statistics, program and machine."};
}

int experiment_request_check(const struct command *command, struct experiment_request *request)
{
    int format = 0;
    int code = choose_name(command, "--format", request->format_name, table_format_names,
                           TABLE_N_FORMATS, &format);
    request->format = (enum table_format)format;
    if (!code && request->json && request->format != TABLE_TEXT)
        code = report_usage(command, "--json and --format cannot be combined");
    return code;
}

/* ---- The plan ---- */

#define SEEDS "3"

int experiment_request_config(struct experiment_request *request, const char *folder,
                              struct valence_train_config *config, struct valence_error *error)
{
    char seeds[VALENCE_CONFIG_VALUE_BYTES];
    if (!request->train.output)
        request->train.output = folder;
    int status = train_request_config(&request->train, config, error);
    if (!status)
        status = valence_train_config_get(config, "seeds", seeds, sizeof seeds, error);
    if (!status && request->train.seeds < 0 && strcmp(seeds, "1") == 0)
        status = valence_train_config_set(config, "seeds", SEEDS, error);
    return status;
}

static void print_plan(const struct valence_train_config *config,
                       const struct valence_variant *variants, int n)
{
    char seeds[VALENCE_CONFIG_VALUE_BYTES] = "";
    struct table table = {.title = NULL};
    valence_train_config_get(config, "seeds", seeds, sizeof seeds, NULL);
    table_column(&table, "variant", TABLE_LEFT);
    table_column(&table, "sets", TABLE_LEFT);
    for (int i = 0; i < n; i++) {
        char sets[1000] = "";
        size_t used = 0;
        for (int j = 0; j < variants[i].n_assignments && used < sizeof sets; j++)
            used += (size_t)snprintf(sets + used, sizeof sets - used, "%s%s", j ? "  " : "",
                                     variants[i].assignments[j]);
        table_cell(&table, "%s", variants[i].name);
        table_cell(&table, "%s", sets);
    }
    table_note(&table, "%d variants, each with %s seeds", n, seeds);
    table_print(&table, stdout);
}

static json_t *plan_to_json(const struct valence_train_config *config,
                            const struct valence_variant *variants, int n)
{
    char seeds[VALENCE_CONFIG_VALUE_BYTES] = "";
    json_t *list = json_array();
    valence_train_config_get(config, "seeds", seeds, sizeof seeds, NULL);
    for (int i = 0; i < n; i++) {
        json_t *set = json_array();
        for (int j = 0; j < variants[i].n_assignments; j++)
            json_array_append_new(set, json_string(variants[i].assignments[j]));
        json_array_append_new(list, json_pack("{s:s, s:o}", "name", variants[i].name, "set", set));
    }
    return json_pack("{s:I, s:o}", "seeds", (json_int_t)strtoll(seeds, NULL, 10), "variants", list);
}

/* ---- The work ---- */

int experiment_print(const struct experiment_request *request,
                     const struct valence_experiment_result *result,
                     const struct valence_experiment *experiment, struct valence_error *error)
{
    int status =
        request->card ? write_card(request->card, true, result, experiment, error) : VALENCE_OK;
    if (!status && request->tables)
        status = write_tables(request->tables, result, error);
    if (status)
        return status;
    if (request->json)
        return print_json(json_loads(result->json, 0, NULL), error);
    print_result(result, request->format, stdout);
    return VALENCE_OK;
}

/* What goes on, where there is somebody to read it. */
static void add_remedy(const struct valence_experiment *experiment, struct valence_error *error)
{
    size_t used = strlen(error->text), room = sizeof error->text - used;
    if (error->status == VALENCE_ERROR_CANCELLED)
        snprintf(error->text + used, room, "\n         (valence runs %.300s shows what is done)",
                 valence_experiment_folder(experiment));
}

/* Where to go if the folder holds something else: for `train` another remedy has the same key. */
static void add_folder_remedy(struct valence_error *error)
{
    size_t used = strlen(error->text);
    if (error->status == VALENCE_ERROR_EXISTS && strcmp(error->key, "output") == 0)
        snprintf(error->text + used, sizeof error->text - used,
                 "\n         (--output begins another one in a new folder)");
}

static int train_and_measure(const struct experiment_request *request,
                             const struct valence_experiment *experiment,
                             const struct valence_experiment_result **result,
                             struct valence_error *error)
{
    struct valence_experiment_options options;
    struct valence_evaluate_options measuring;
    valence_experiment_options_default(&options);
    options.start = experiment_worker_start;
    options.n_cores = request->train.threads > 0 ? request->train.threads : 0;
    options.n_jobs = request->jobs;
    options.memory = request->memory_mib << 20;
    options.progress = terminal_progress(request->quiet);
    valence_evaluate_options_default(&measuring);
    measuring.n_resamples = request->resamples;
    int status = valence_experiment_run(experiment, &options, error);
    if (!status)
        status =
            valence_experiment_evaluate(experiment, &measuring, options.progress, result, error);
    terminal_progress_finish();
    return status;
}

int experiment_execute(const struct experiment_request *request,
                       const struct valence_train_config *config,
                       const struct valence_variant *variants, int n_variants,
                       const struct valence_plan_options *options, struct valence_error *error)
{
    struct valence_experiment *experiment;
    struct valence_plan_options own = *options;
    const struct valence_experiment_result *result = NULL;
    own.dry_run = request->dry_run;
    int status =
        request->tables && !own.dry_run ? table_folder_make(request->tables, error) : VALENCE_OK;
    if (!status)
        status = valence_experiment_create(config, variants, n_variants, &own, &experiment, error);
    if (status) {
        add_folder_remedy(error);
        return explain_training(&request->train, config, error);
    }
    if (own.dry_run && request->json)
        return print_json(plan_to_json(config, variants, n_variants), error);
    if (own.dry_run) {
        print_plan(config, variants, n_variants);
        return VALENCE_OK;
    }
    status = train_and_measure(request, experiment, &result, error);
    if (!status)
        status = experiment_print(request, result, experiment, error);
    else
        add_remedy(experiment, error);
    valence_experiment_result_free(result);
    valence_experiment_close(experiment);
    return status;
}
