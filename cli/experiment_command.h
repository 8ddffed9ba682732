/* What the commands that run experiments have in common: options, training, and output. */
#ifndef VALENCE_CLI_EXPERIMENT_COMMAND_H
#define VALENCE_CLI_EXPERIMENT_COMMAND_H

#include "options.h"
#include "shared_options.h"
#include "table.h"
#include "train_config.h"
#include "valence/experiment.h"

/* What the command line says, as parsed. */
struct experiment_request {
    struct train_request train; /* store or configuration, --set, --seed, --seeds, threads */
    int64_t jobs, memory_mib, resamples;
    const char *format_name, *card, *tables;
    enum table_format format; /* of format_name */
    bool dry_run, json, quiet;
};

/* The request's defaults. */
#define EXPERIMENT_REQUEST                                                                         \
    {                                                                                              \
        .train = {.seed = -1, .seeds = -1, .threads = -1}, .resamples = 10000,                     \
        .format_name = "text"                                                                      \
    }

/* Rows of a command's table. */
struct option option_set(struct option_list *target);
struct option option_seed(int64_t *target);
struct option option_seeds(int64_t *target);
struct option option_jobs(int64_t *target);
struct option option_memory(int64_t *target);
struct option option_resamples(int64_t *target);
struct option option_card(const char **target);

/* The rows that the tables of all commands with experiments end with. */
#define EXPERIMENT_OPTIONS(request, output_help, dry_run_help)                                     \
    option_output(&(request)->train.output, "FOLDER", output_help),                                \
        option_set(&(request)->train.assignments), option_seed(&(request)->train.seed),            \
        option_seeds(&(request)->train.seeds),                                                     \
        {OPTION_FLAG, 0, "dry-run", &(request)->dry_run, NULL, dry_run_help, 0, 0},                \
        {OPTION_GROUP, 0, NULL, NULL, NULL, "Resources", 0, 0},                                    \
        option_threads(&(request)->train.threads), option_jobs(&(request)->jobs),                  \
        option_memory(&(request)->memory_mib),                                                     \
        {OPTION_GROUP, 0, NULL, NULL, NULL, "Output", 0, 0},                                       \
        option_resamples(&(request)->resamples), option_format(&(request)->format_name),           \
        option_tables(&(request)->tables), option_card(&(request)->card),                          \
        option_json(&(request)->json), option_quiet(&(request)->quiet),                            \
    {                                                                                              \
        .type = OPTION_END                                                                         \
    }

/* Checks what the table cannot, and sets request->format: EXIT_FINE or, having said what is wrong,
 * EXIT_USAGE. */
int experiment_request_check(const struct command *command, struct experiment_request *request);

/* The configuration of the plan; `folder` is its output where the command line names none, and the
 * seeds are 3 where nothing says how many. */
int experiment_request_config(struct experiment_request *request, const char *folder,
                              struct valence_train_config *config, struct valence_error *error);

/* Trains the plan, measures it and prints the result; with --dry-run prints the plan alone. */
int experiment_execute(const struct experiment_request *request,
                       const struct valence_train_config *config,
                       const struct valence_variant *variants, int n_variants,
                       const struct valence_plan_options *options, struct valence_error *error);

/* Prints a result in the form that was asked for, and writes the card. */
int experiment_print(const struct experiment_request *request,
                     const struct valence_experiment_result *result,
                     const struct valence_experiment *experiment, struct valence_error *error);

#endif
