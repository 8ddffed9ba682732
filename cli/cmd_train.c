/* valence train: trains the network on a store, or goes on with a run. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/file.h"
#include "base/memory.h"
#include "commands.h"
#include "json_output.h"
#include "table.h"
#include "train/train_config.h"
#include "train/trainer.h"

/* What the command line says, as parsed. */
struct request {
    const char *config, *resume, *output;
    struct option_list assignments;
    int64_t seed, seeds, threads; /* -1: not given */
    bool print_config, test, json, quiet;
};

static bool parse(const struct command *command, int argc, char **argv, struct request *request,
                  int *code)
{
    const struct option options[] = {
        {OPTION_FLAG, 0, "print-config", &request->print_config, NULL,
         "Print the configuration, every key with what it means, and train nothing.", 0, 0},
        {OPTION_LIST, 's', "set", &request->assignments, "KEY=VALUE",
         "Set a key of the configuration: --set model.d=128 --set flows=complete. Any number of "
         "times.",
         0, 0},
        {OPTION_TEXT, 'o', "output", &request->output, "FOLDER",
         "The run's folder (default: the configuration's, 'run').", 0, 0},
        {OPTION_INT, 0, "seed", &request->seed, "N",
         "Seed of initial weights, order and dropout (default: the configuration's, 1).", 0, 9e15},
        {OPTION_INT, 0, "seeds", &request->seeds, "N",
         "Train N runs with consecutive seeds and report mean and deviation.", 1, 1000},
        {OPTION_TEXT, 'r', "resume", &request->resume, "FOLDER",
         "Go on with the run in this folder, exactly where it was saved; --set epochs=N trains on.",
         0, 0},
        {OPTION_INT, 'j', "threads", &request->threads, "N",
         "Threads (default: one for each CPU that the process has).", 1, 4096},
        {OPTION_GROUP, 0, NULL, NULL, NULL, "Output", 0, 0},
        {OPTION_FLAG, 0, "test", &request->test, NULL,
         "Afterwards measure on the test part, as 'valence evaluate' does.", 0, 0},
        {OPTION_FLAG, 0, "json", &request->json, NULL, "Print JSON instead of a table.", 0, 0},
        {OPTION_FLAG, 'q', "quiet", &request->quiet, NULL, "Show no progress.", 0, 0},
        {.type = OPTION_END}};
    int n;
    if (!options_parse(command, options, argc, argv, &request->config, 0, 1, &n, code))
        return false;
    if (request->resume && (request->config || request->output))
        *code =
            report_usage(command, "--resume takes configuration and folder from the run itself");
    else if (request->json && request->test)
        *code =
            report_usage(command, "--json and --test exclude each other; 'valence evaluate --json' "
                                  "prints the test figures");
    else if (!request->resume && !request->config && !request->print_config)
        *code = report_usage(command, "a configuration is missing; 'valence train --print-config' "
                                      "prints one to begin with");
    return *code == EXIT_FINE;
}

/* ---- The configuration ---- */

/* "KEY=VALUE"; quotes around the value, as YAML has them, are not part of it. */
static int assign(struct valence_train_config *config, const char *assignment,
                  struct valence_error *error)
{
    const char *equals = strchr(assignment, '=');
    if (!equals)
        return fail(error, VALENCE_ERROR_CONFIG, "--set %s: this is not KEY=VALUE", assignment);
    char *key = strndup(assignment, (size_t)(equals - assignment)), *value = strdup(equals + 1);
    int status = VALENCE_ERROR_MEMORY;
    if (key && value) {
        char *begin = value;
        size_t length = strlen(value);
        if (length >= 2 && strchr("\"'", value[0]) && value[length - 1] == value[0]) {
            value[length - 1] = '\0';
            begin++;
        }
        status = valence_train_config_set(config, key, begin, error);
    } else {
        fail_memory(error, strlen(assignment), "a value");
    }
    free(key);
    free(value);
    return status;
}

static int set_number(struct valence_train_config *config, const char *key, int64_t value,
                      struct valence_error *error)
{
    char digits[32];
    snprintf(digits, sizeof digits, "%lld", (long long)value);
    return value < 0 ? VALENCE_OK : valence_train_config_set(config, key, digits, error);
}

static int read_run(struct valence_train_config *config, const char *folder,
                    struct valence_error *error)
{
    char *path = path_join(folder, "config.yaml");
    if (!path)
        return fail_memory(error, TRAIN_PATH_BYTES, "a file name");
    int status = path_exists(path)
                     ? valence_train_config_read(config, path, error)
                     : fail(error, VALENCE_ERROR_NOT_FOUND,
                            "%s: no run to resume there (it has no config.yaml)", folder);
    free(path);
    return status ? status : valence_train_config_set(config, "output", folder, error);
}

/* File, then --set, then the options that stand for keys. */
static int make_config(const struct request *request, struct valence_train_config *config,
                       struct valence_error *error)
{
    int status = VALENCE_OK;
    if (request->resume)
        status = read_run(config, request->resume, error);
    else if (request->config)
        status = valence_train_config_read(config, request->config, error);
    for (int i = 0; i < request->assignments.n && !status; i++)
        status = assign(config, request->assignments.values[i], error);
    if (!status && request->output)
        status = valence_train_config_set(config, "output", request->output, error);
    if (!status)
        status = set_number(config, "seed", request->seed, error);
    if (!status)
        status = set_number(config, "seeds", request->seeds, error);
    return status ? status : set_number(config, "threads", request->threads, error);
}

/* What helps against an error of the configuration, as options of this command. */
static void add_remedy(struct valence_error *error)
{
    size_t used = strlen(error->text);
    if (error->status == VALENCE_ERROR_CONFIG && strcmp(error->key, "config") == 0)
        snprintf(error->text + used, sizeof error->text - used,
                 "\n         (valence train --print-config shows all keys)");
}

static int print_config(const struct valence_train_config *config, struct valence_error *error)
{
    char *text = valence_train_config_text(config, true);
    if (!text)
        return fail_memory(error, 1 << 14, "the configuration");
    fputs(text, stdout);
    free(text);
    return VALENCE_OK;
}

/* ---- Results ---- */

static void add_row(struct table *table, const struct valence_train_run *run)
{
    table_cell(table, "%lld", (long long)run->seed);
    table_cell(table, "%lld of %lld", (long long)run->best_epoch, (long long)run->n_epochs);
    for (int f = 0; f < run->n_flows; f++)
        table_cell(table, "%.4f", run->validation_mae[f]);
}

static void add_mean(struct table *table, const struct valence_train_run *runs, int64_t n)
{
    table_cell(table, "mean ± sd");
    table_cell(table, "%s", "");
    for (int f = 0; f < runs[0].n_flows; f++) {
        struct train_summary summary = train_summarise(runs, n, f);
        table_cell(table, "%.4f ± %.4f", summary.mean, summary.deviation);
    }
}

/* A complete flow that has learnt has less than this part of the constant's error. */
#define LEARNT 0.98

static void print_table(const struct valence_train_config *config,
                        const struct valence_train_run *runs, int64_t n)
{
    const struct valence_train_run *first = &runs[0];
    struct table table = {.title = "Validation MAE of the best epoch"};
    table_column(&table, "seed", TABLE_LEFT);
    table_column(&table, "epoch", TABLE_RIGHT);
    for (int f = 0; f < first->n_flows; f++)
        table_column(&table, valence_flow_name(first->flows[f]), TABLE_RIGHT);
    for (int64_t i = 0; i < n; i++)
        add_row(&table, &runs[i]);
    if (n > 1)
        add_mean(&table, runs, n);
    table_note(&table, "%lld training and %lld validation clips, %lld parameters; run in %s",
               (long long)first->n_train, (long long)first->n_validation,
               (long long)first->n_parameters, config->output);
    if (first->n_unlabelled || first->n_empty)
        table_note(&table, "left out: %lld clips without a label, %lld without rows",
                   (long long)first->n_unlabelled, (long long)first->n_empty);
    if (first->n_cut)
        table_note(&table, "%lld clips cut to %lld rows (max_rows), the first is %s",
                   (long long)first->n_cut, (long long)config->max_rows, first->first_cut);
    for (int64_t i = 0; i < n; i++)
        if (runs[i].validation_mae[0] > LEARNT * runs[i].constant_mae)
            table_note(
                &table,
                "WARNING: seed %lld has not learnt: always saying the median of the training "
                "labels has an error of %.4f (more epochs, another learning rate or smaller "
                "losses.rep and losses.cross may help)",
                (long long)runs[i].seed, runs[i].constant_mae);
    table_print(&table, stdout);
}

static int print_results(const struct request *request, const struct valence_train_config *config,
                         const struct valence_train_run *runs, struct valence_error *error)
{
    int64_t n = valence_train_n_runs(config);
    if (request->json)
        return print_json(n == 1 ? train_run_to_json(runs) : train_runs_to_json(runs, n), error);
    print_table(config, runs, n);
    return VALENCE_OK;
}

/* The test figures are those of `valence evaluate RUN STORE`. */
static int evaluate(const struct request *request, const struct valence_train_config *config)
{
    char name[] = "evaluate", quiet[] = "--quiet", end[] = "--";
    char *argv[8] = {name};
    int argc = 1;
    if (request->quiet)
        argv[argc++] = quiet;
    argv[argc++] = end;
    argv[argc++] = (char *)(uintptr_t)config->output;
    argv[argc++] = (char *)(uintptr_t)config->store;
    return command_evaluate.run(&command_evaluate, argc, argv);
}

static int train(const struct request *request, const struct valence_train_config *config,
                 struct valence_error *error)
{
    int64_t n = valence_train_n_runs(config);
    struct valence_train_run *runs = allocate(n, sizeof *runs);
    if (!runs)
        return fail_memory(error, (size_t)n * sizeof *runs, "the results");
    struct valence_progress *progress = terminal_progress(request->quiet);
    int status = valence_train(config, request->resume, progress, runs, error);
    terminal_progress_finish();
    if (!status)
        status = print_results(request, config, runs, error);
    free(runs);
    return status;
}

static int run_train(const struct command *command, int argc, char **argv)
{
    struct request request = {.seed = -1, .seeds = -1, .threads = -1};
    int code;
    if (!parse(command, argc, argv, &request, &code))
        return code;
    struct valence_error error;
    struct valence_train_config *config;
    int status = valence_train_config_create(&config, &error);
    if (!status && (status = make_config(&request, config, &error)))
        add_remedy(&error);
    if (!status)
        status =
            request.print_config ? print_config(config, &error) : train(&request, config, &error);
    code = status ? report_error(&error) : EXIT_FINE;
    if (!code && request.test && !request.print_config)
        code = evaluate(&request, config);
    valence_train_config_free(config);
    return code;
}

const struct command command_train = {
    .name = "train",
    .computes = true,
    .arguments = "[CONFIG.yaml]",
    .summary = "Train the double-flow network on a store.",
    .description =
        "All flows are trained together on the store's training part; the best epoch is chosen by "
        "the error on its validation part, never the test part.\n\n"
        "The run's folder holds config.yaml, best.safetensors (the model to use), last.safetensors "
        "(to go on from), log.jsonl (every loss term and validation error), timing.jsonl and "
        "results.json. With --seeds it holds a run in each of seed-1, seed-2, ...\n\n"
        "Ctrl-C saves and ends with exit code 130; --resume then gives the same bytes as a run "
        "that "
        "was never interrupted, also after a crash or kill -9.",
    .example = "valence train --print-config > config.yaml\n"
               "valence train config.yaml\n"
               "valence train config.yaml --output run-small --set model.d=128 --set model.o=64\n"
               "valence train config.yaml --output run-5 --seeds 5 --test\n"
               "valence train --resume run --set epochs=50",
    .run = run_train,
};
