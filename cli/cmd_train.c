/* valence train: trains the network on a store, or resumes a run. */
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "json_output.h"
#include "ranks.h"
#include "shared_options.h"
#include "table.h"
#include "train_config.h"
#include "valence/text.h"
#include "valence/train.h"
#include "valence/text.h"

/* ---- The command line ---- */

static bool parse(const struct command *command, int argc, char **argv,
                  struct train_request *request, int *code)
{
    const struct option options[] = {
        option_store(&request->store),
        option_output(&request->output, "FOLDER",
                      "The folder of the run (default: that of the configuration, 'run')."),
        option_model(&request->model,
                     "Train another model to compare with: constant, ridge, early-fusion, "
                     "late-fusion, mult, single-flow, modality-dropout or published. It sets some "
                     "keys of the configuration; --set can change them again."),
        {OPTION_LIST, 's', "set", &request->assignments, "KEY=VALUE",
         "Set a key of the configuration: --set epochs=50 --set model.d=128. You can repeat it.", 0,
         0},
        {OPTION_TEXT, 0, "from", &request->from, "RUN",
         "Start from the weights of this run or model file, where names and shapes match. Without "
         "CONFIG.yaml, the configuration of that run is used too.",
         0, 0},
        {OPTION_TEXT, 'r', "resume", &request->resume, "FOLDER",
         "Resume the run in this folder exactly where it was saved; with --set epochs=N it trains "
         "longer.",
         0, 0},
        {OPTION_FLAG, 0, "accept-changed-data", &request->accept_changed_data, NULL,
         "Resume even if the training or validation clips have changed since.", 0, 0},
        {OPTION_INT, 0, "seed", &request->seed, "N",
         "Seed of the initial weights, the order of clips and dropout (default: that of the "
         "configuration, 1).",
         0, 9e15},
        {OPTION_INT, 0, "seeds", &request->seeds, "N",
         "Train N runs with consecutive seeds and report mean and deviation.", 1, 1000},
        option_threads(&request->threads),
        {OPTION_GROUP, 0, NULL, NULL, NULL, "Without training", 0, 0},
        {OPTION_FLAG, 0, "print-config", &request->print_config, NULL,
         "Print the configuration with an explanation of every key.", 0, 0},
        {OPTION_FLAG, 0, "dry-run", &request->dry_run, NULL,
         "Check configuration and data, and print the full command and the network it would train, "
         "without training.",
         0, 0},
        {OPTION_GROUP, 0, NULL, NULL, NULL, "Output", 0, 0},
        {OPTION_FLAG, 0, "test", &request->test, NULL,
         "Evaluate on the test part after training, as 'valence evaluate' does.", 0, 0},
        option_json(&request->json),
        option_quiet(&request->quiet),
        {.type = OPTION_END}};
    int n;
    if (!options_parse(command, options, argc, argv, &request->subject, 0, 1, &n, code))
        return false;
    if (request->resume && (request->subject || request->output || request->from || request->model))
        *code = report_usage(command,
                             "--resume takes store, configuration, model and folder from the run "
                             "itself");
    else if (request->resume && request->dry_run)
        *code = report_usage(command, "--dry-run and --resume cannot be combined");
    else if (request->accept_changed_data && !request->resume)
        *code = report_usage(command, "--accept-changed-data needs --resume");
    else if (request->json && request->print_config)
        *code = report_usage(command, "--print-config prints YAML, not JSON; 'valence train "
                                      "--dry-run --json' prints all keys");
    else if (request->json && request->test)
        *code =
            report_usage(command, "--json and --test cannot be combined; 'valence evaluate --json' "
                                  "prints the test figures");
    else if (!train_request_complete(request))
        *code = report_usage(command, "a store or a configuration is missing: 'valence train STORE "
                                      "-o RUN' trains with settings that suit the store");
    return *code == EXIT_FINE;
}

/* Adds what helps against an error where that depends on the folder; the rest is in remedies.c. */
static void add_remedy(const struct train_request *request, struct valence_error *error)
{
    size_t used = strlen(error->text), room = sizeof error->text - used;
    bool exists = error->status == VALENCE_ERROR_EXISTS && strcmp(error->key, "output") == 0;
    bool stopped = error->status == VALENCE_ERROR_CANCELLED && strcmp(error->key, "resume") == 0;
    if (exists || stopped)
        snprintf(error->text + used, room,
                 "\n         (valence train --resume %.300s continues %s)", request->folder,
                 exists ? "a run there; --output chooses another folder" : "it");
}

/* ---- Results ---- */

static void add_row(struct table *table, const struct valence_train_run *run)
{
    table_cell(table, "%lld", (long long)run->seed);
    table_cell(table, "%lld of %lld", (long long)run->best_epoch, (long long)run->n_epochs);
    for (int f = 0; f < run->n_flows; f++)
        table_cell(table, "%.4f", run->validation_mae[f]);
}

static void add_mean(struct table *table, const struct valence_train_result *result)
{
    table_cell(table, "mean ± sd");
    table_cell(table, "%s", "");
    for (int f = 0; f < result->runs[0].n_flows; f++)
        table_cell(table, "%.4f ± %.4f", result->mean_mae[f], result->deviation_mae[f]);
}

static void note_clips(struct table *table, const struct train_request *request,
                       const struct valence_train_run *run)
{
    table_note(table, "%lld training and %lld validation %s, %lld parameters; run in %s",
               (long long)run->n_train, (long long)run->n_validation,
               valence_plural(run->n_validation, "clip", "clips"), (long long)run->n_parameters,
               request->folder);
    if (run->n_unlabelled || run->n_empty)
        table_note(table, "left out: %lld %s without a label, %lld without rows",
                   (long long)run->n_unlabelled, valence_plural(run->n_unlabelled, "clip", "clips"),
                   (long long)run->n_empty);
    if (run->n_cut)
        table_note(table, "%lld %s cut to max_rows, first %s", (long long)run->n_cut,
                   valence_plural(run->n_cut, "clip was", "clips were"), run->first_cut);
}

/* A complete flow that has learnt has less than this part of the constant's error. */
#define LEARNT 0.98

static void print_table(const struct train_request *request,
                        const struct valence_train_result *result)
{
    const struct valence_train_run *first = &result->runs[0];
    struct table table = {.title = first->n_classes ? "Validation cross-entropy of the best epoch"
                                                    : "Validation MAE of the best epoch"};
    table_column(&table, "seed", TABLE_LEFT);
    table_column(&table, "epoch", TABLE_RIGHT);
    for (int f = 0; f < first->n_flows; f++)
        table_column(&table, valence_flow_name(first->flows[f]), TABLE_RIGHT);
    for (int64_t i = 0; i < result->n_runs; i++)
        add_row(&table, &result->runs[i]);
    if (result->n_runs > 1)
        add_mean(&table, result);
    note_clips(&table, request, first);
    for (int64_t i = 0; i < result->n_runs; i++)
        if (result->runs[i].n_parameters > 1 && /* a constant has nothing to learn */
            result->runs[i].validation_mae[0] > LEARNT * result->runs[i].constant_mae)
            table_note(&table,
                       "WARNING: seed %lld learnt nothing: always predicting %s has an error "
                       "of %.4f (more epochs, another learning rate "
                       "or smaller losses.rep and losses.cross may help)",
                       (long long)result->runs[i].seed,
                       first->n_classes ? "the classes' shares of the training clips"
                                        : "the median of the training labels",
                       result->runs[i].constant_mae);
    table_print(&table, stdout);
}

/* ---- While it works ---- */

/* A line that stays for each epoch: with all flows where they fit, else with the mean. */
static int show_epoch(void *user, const struct valence_train_epoch *epoch)
{
    char flows[128] = "", line[256];
    (void)user;
    for (int f = 0; f < epoch->n_flows && epoch->n_flows <= 2; f++) {
        size_t used = strlen(flows);
        snprintf(flows + used, sizeof flows - used, "  %s %.4f", valence_flow_name(epoch->flows[f]),
                 epoch->validation_mae[f]);
    }
    if (!flows[0])
        snprintf(flows, sizeof flows, "  %s %.4f", epoch->select, epoch->selected_mae);
    snprintf(line, sizeof line, "epoch %lld/%lld  loss %.4f  %s%s%s", (long long)epoch->epoch,
             (long long)epoch->n_epochs, epoch->losses[0].value,
             epoch->n_classes ? "cross-entropy" : "MAE", flows, epoch->is_best ? "  best" : "");
    terminal_progress_line(line);
    return 0;
}

static void show_note(void *user, const struct valence_train_note *note)
{
    const struct train_request *request = user;
    char line[VALENCE_ERROR_TEXT_BYTES + 8];
    snprintf(line, sizeof line, "note: %s", note->text);
    if (request->quiet)
        fprintf(stderr, "%s\n", line); /* --quiet is about progress */
    else
        terminal_progress_line(line);
}

/* ---- The work ---- */

static int print_config(const struct valence_train_config *config, struct valence_error *error)
{
    char *text = valence_train_config_text(config, true);
    if (!text) {
        *error = (struct valence_error){.status = VALENCE_ERROR_MEMORY};
        snprintf(error->text, sizeof error->text, "out of memory");
        return VALENCE_ERROR_MEMORY;
    }
    fputs(text, stdout);
    valence_text_free(text);
    return VALENCE_OK;
}

/* What --dry-run found: the network and the clips, and every key's value. */
static json_t *plan_to_json(const struct train_request *request,
                            const struct valence_train_config *config,
                            const struct valence_train_run *run)
{
    json_t *keys = json_object();
    char value[VALENCE_CONFIG_VALUE_BYTES];
    for (int i = 0; i < valence_train_n_keys(); i++) {
        const char *key = valence_train_get_key(i)->name;
        valence_train_config_get(config, key, value, sizeof value, NULL);
        json_object_set_new(keys, key, json_string(value));
    }
    return json_pack("{s:s, s:{s:I, s:I}, s:I, s:o}", "output", request->folder, "clips", "train",
                     (json_int_t)run->n_train, "validation", (json_int_t)run->n_validation,
                     "parameters", (json_int_t)run->n_parameters, "configuration", keys);
}

static int print_results(const struct train_request *request,
                         const struct valence_train_config *config,
                         const struct valence_train_result *result, struct valence_error *error)
{
    const struct valence_train_run *run = &result->runs[0];
    if (request->dry_run && request->json)
        return print_json(plan_to_json(request, config, run), error);
    if (request->dry_run) {
        print_full_command(request, config);
        printf("%lld training and %lld validation %s, %lld parameters\n", (long long)run->n_train,
               (long long)run->n_validation, valence_plural(run->n_validation, "clip", "clips"),
               (long long)run->n_parameters);
        return VALENCE_OK;
    }
    if (request->json)
        return print_json(json_loads(result->json, 0, NULL), error);
    print_table(request, result);
    return VALENCE_OK;
}

/* The test figures are those of `valence evaluate RUN STORE`. */
static int evaluate(const struct train_request *request, const struct valence_train_config *config)
{
    char name[] = "evaluate", quiet[] = "--quiet", end[] = "--";
    char folder[VALENCE_CONFIG_VALUE_BYTES], store[VALENCE_CONFIG_VALUE_BYTES];
    char *argv[8] = {name};
    int argc = 1;
    if (request->quiet)
        argv[argc++] = quiet;
    valence_train_config_get(config, "output", folder, sizeof folder, NULL);
    valence_train_config_get(config, "store", store, sizeof store, NULL);
    argv[argc++] = end;
    argv[argc++] = folder;
    argv[argc++] = store;
    return command_evaluate.run(&command_evaluate, argc, argv);
}

static int train(const struct train_request *request, const struct valence_train_config *config,
                 const struct ranks *ranks, struct valence_error *error)
{
    struct valence_train_options options;
    struct valence_train_result *result;
    valence_train_options_default(&options);
    options.resume = request->resume != NULL;
    options.accept_changed_data = request->accept_changed_data;
    options.dry_run = request->dry_run;
    options.from = request->from;
    options.progress = ranks_progress(ranks, request->quiet);
    options.note = show_note;
    options.user = (void *)(uintptr_t)request;
    options.epoch = show_epoch;
    options.collective = ranks->collective;
    int status = valence_train(config, &options, &result, error);
    terminal_progress_finish();
    if (status)
        explain_training(request, config, error);
    else if (ranks_is_first(ranks))
        status = print_results(request, config, result, error);
    valence_train_result_free(result);
    return status;
}

/* The configuration, in which threads are this rank's share of the cores unless chosen. */
static int make_config(struct train_request *request, const struct ranks *ranks,
                       struct valence_train_config *config, struct valence_error *error)
{
    char value[VALENCE_CONFIG_VALUE_BYTES];
    int status = train_request_config(request, config, error);
    if (!status)
        status = valence_train_config_get(config, "threads", value, sizeof value, error);
    if (!status && ranks->collective && strcmp(value, "0") == 0) {
        snprintf(value, sizeof value, "%d", ranks_threads(ranks));
        status = valence_train_config_set(config, "threads", value, error);
    }
    return ranks_agree(ranks, status, error);
}

/* By all ranks, where mpirun started several. */
static int train_in_ranks(struct train_request *request, struct valence_train_config *config)
{
    struct valence_error error;
    struct ranks ranks;
    int status = ranks_open(&ranks, &error);
    if (!status)
        status = make_config(request, &ranks, config, &error);
    if (!status)
        status = train(request, config, &ranks, &error);
    if (status)
        add_remedy(request, &error);
    int code = ranks_report(&ranks, status, &error);
    if (!code && request->test && !request->dry_run)
        code = evaluate(request, config);
    ranks_close(&ranks, status, code);
    return code;
}

static int show_config(struct train_request *request, struct valence_train_config *config)
{
    struct valence_error error;
    int status = train_request_config(request, config, &error);
    if (!status)
        status = print_config(config, &error);
    return status ? report_error(&error) : EXIT_FINE;
}

static int run_train(const struct command *command, int argc, char **argv)
{
    struct train_request request = {.seed = -1, .seeds = -1, .threads = -1};
    int code;
    if (!parse(command, argc, argv, &request, &code))
        return code;
    struct valence_error error;
    struct valence_train_config *config;
    if (valence_train_config_create(&config, &error))
        return report_error(&error);
    code = request.print_config ? show_config(&request, config) : train_in_ranks(&request, config);
    valence_train_config_free(config);
    return code;
}

const struct command command_train = {
    .name = "train",
    .computes = true,
    .arguments = "[STORE | CONFIG.yaml]",
    .summary = "Train the double-flow network on a store.",
    .description = "With a STORE, valence chooses the settings: the store's streams, and a network "
                   "and number of epochs for its size. With CONFIG.yaml, or - for standard input, "
                   "keys that you leave out have the paper's defaults. All flows are trained "
                   "together on the training part. The best epoch is the one with the smallest "
                   "error on the validation part; the test part is never read.\n\n"
                   "The folder of the run holds config.yaml, best.safetensors (the model to use), "
                   "last.safetensors (to resume from), log.jsonl (loss terms and validation errors "
                   "of each epoch), timing.jsonl and results.json. With --seeds it holds a run in "
                   "each of seed-1, seed-2, ...\n\n"
                   "Ctrl-C saves and ends with exit code 130. --resume then gives the same bytes "
                   "as a run that was never interrupted, also after a crash or kill -9.\n\n"
                   "mpirun -n N valence train ... trains with N processes, each with its share of "
                   "every batch; with --set reduce=ordered they give the same bytes as one.",
    .example = "valence train corpus -o run\n"
               "valence train corpus --print-config > config.yaml\n"
               "valence train corpus --model ridge -o ridge\n"
               "valence train config.yaml -o run-small --set model.d=128 --set model.o=64\n"
               "valence train config.yaml -o run-5 --seeds 5 --test\n"
               "valence train --resume run --set epochs=50\n"
               "valence train other-corpus --from run -o run-tuned",
    .run = run_train,
    .other_way = train_key_for_option,
};
