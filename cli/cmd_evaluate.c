/* valence evaluate: figures of a run's models on a split of a store. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/file_writer.h"
#include "base/memory.h"
#include "base/threads.h"
#include "choices.h"
#include "commands.h"
#include "open_store.h"
#include "evaluate/encodings.h"
#include "run/run_models.h"
#include "evaluate_output.h"

/* What the command line says, as parsed. */
struct request {
    const char *run, *store;
    const char *split, *flow, *checkpoint, *predictions, *against;
    bool force, json, quiet, accept_unfinished;
    int64_t resamples, seed, batch, max_rows, threads;
    double level;
};

static bool parse(const struct command *command, int argc, char **argv, struct request *request,
                  int *code)
{
    const struct option options[] = {
        {OPTION_TEXT, 0, "split", &request->split, "NAME",
         "train, validation or test (default: test).", 0, 0},
        {OPTION_TEXT, 0, "flow", &request->flow, "NAMES",
         "Flows to measure, separated by commas: complete, text_missing, ...; all seven with all, "
         "those "
         "the model was trained with by trained (the default).",
         0, 0},
        {OPTION_TEXT, 0, "checkpoint", &request->checkpoint, "WHICH",
         "best or last of a run's checkpoints (default: best).", 0, 0},
        {OPTION_TEXT, 0, "against", &request->against, "RUN",
         "Also show by how much this run's figures differ from those of another, clip by clip.", 0,
         0},
        {OPTION_INT, 0, "bootstrap", &request->resamples, "N",
         "Resamples for the 95 % intervals, 0 for none (default: 2000).", 0, 1e6},
        {OPTION_INT, 0, "seed", &request->seed, "N", "Seed of the resampling (default: 1).", 0,
         1e15},
        LEVEL_OPTION(&request->level),
        {OPTION_GROUP, 0, NULL, NULL, NULL, "Output", 0, 0},
        {OPTION_FLAG, 0, "json", &request->json, NULL, "Print JSON instead of a table.", 0, 0},
        {OPTION_TEXT, 0, "predictions", &request->predictions, "FILE",
         "Also write every clip's label and scores to this CSV file.", 0, 0},
        {OPTION_FLAG, 0, "force", &request->force, NULL, "Replace an existing file.", 0, 0},
        OPTION_ACCEPT_UNFINISHED(&request->accept_unfinished),
        {OPTION_FLAG, 'q', "quiet", &request->quiet, NULL, "Show no progress.", 0, 0},
        {OPTION_GROUP, 0, NULL, NULL, NULL, "Resources", 0, 0},
        {OPTION_INT, 0, "batch", &request->batch, "N", "Clips computed together (default: 64).", 1,
         65536},
        {OPTION_INT, 0, "threads", &request->threads, "N", "Threads (default: one per core).", 1,
         4096},
        MAX_ROWS_OPTION(&request->max_rows),
        {.type = OPTION_END}};
    const char *positional[2];
    int n;
    if (!options_parse(command, options, argc, argv, positional, 2, 2, &n, code))
        return false;
    request->run = positional[0];
    request->store = positional[1];
    return true;
}

static int check(const struct command *command, const struct request *request,
                 struct evaluation_options *options)
{
    options->n_resamples = request->resamples;
    options->seed = (uint64_t)request->seed;
    options->batch_size = request->batch;
    options->max_rows = request->max_rows;
    options->level = request->level;
    int code = choose_checkpoint(command, request->checkpoint);
    if (!code)
        code = choose_split(command, request->split, &options->split);
    if (!code && strcmp(request->flow, "trained") != 0)
        code = choose_flows(command, request->flow, options->flows, &options->n_flows);
    return code;
}

static int evaluate_models(const struct request *request, const struct evaluation_options *options,
                           struct evaluation_set *set, struct valence_error *error)
{
    struct valence_progress *progress = terminal_progress(request->quiet);
    int status = VALENCE_OK;
    for (int i = 0; i < set->models.n && !status; i++) {
        struct valence_model *model = NULL;
        const char *path = set->models.models[i].path;
        status = encodings_check(path, set->store, error);
        if (!status)
            status = valence_model_load(path, &model, error);
        if (status)
            break;
        status = evaluation_run(model, set->store, options, progress, &set->evaluations[i], error);
        valence_model_free(model);
        set->n += !status;
    }
    terminal_progress_finish();
    return status;
}

/* Measures the models of set->run on set->store. */
static int evaluate_run(const struct request *request, const struct evaluation_options *options,
                        struct evaluation_set *set, struct valence_error *error)
{
    int status = run_models_find(set->run, request->checkpoint, &set->models, error);
    if (!status && !(set->evaluations = allocate(set->models.n, sizeof *set->evaluations)))
        status = fail_memory(error, (size_t)set->models.n * sizeof *set->evaluations, "results");
    return status ? status : evaluate_models(request, options, set, error);
}

static void free_set(struct evaluation_set *set)
{
    for (int i = 0; i < set->n; i++)
        evaluation_free(&set->evaluations[i]);
    free(set->evaluations);
    run_models_free(&set->models);
}

/* Measures the run that the first is compared with, in the same flows. */
static int evaluate_against(const struct request *request, const struct evaluation_set *set,
                            struct evaluation_set *against, struct comparison *comparison,
                            struct valence_error *error)
{
    struct evaluation_options options = *set->options;
    options.n_flows = set->evaluations[0].n_flows;
    for (int flow = 0; flow < options.n_flows; flow++)
        options.flows[flow] = set->evaluations[0].flows[flow].flow;
    int status = evaluate_run(request, &options, against, error);
    return status ? status
                  : comparison_make(set->evaluations, set->n, against->evaluations, against->n,
                                    &options, comparison, error);
}

static int print_results(const struct request *request, const struct evaluation_set *set,
                         const struct comparison *comparison, struct valence_error *error)
{
    int status = VALENCE_OK;
    if (request->predictions)
        status = write_predictions(request->predictions, request->force, set, error);
    if (!status && request->json)
        status = print_evaluation_json(set, request->against, comparison, error);
    else if (!status)
        print_evaluation_tables(set, request->against, comparison);
    return status;
}

static int evaluate(const struct request *request, const struct evaluation_options *options,
                    struct valence_error *error)
{
    struct valence_store *store;
    int status = request->predictions ? file_write_check(request->predictions,
                                                         request->force ? FILE_OVERWRITE : 0, error)
                                      : VALENCE_OK;
    if (!status)
        status = open_store(request->store, request->accept_unfinished, &store, error);
    if (status)
        return status;
    struct evaluation_set set = {.run = request->run, .options = options, .store = store};
    struct evaluation_set against = {.run = request->against, .options = options, .store = store};
    struct comparison comparison;
    status = evaluate_run(request, options, &set, error);
    if (!status)
        status = evaluation_constant(store, &set.evaluations[0], &set.constant, error);
    if (!status && request->against)
        status = evaluate_against(request, &set, &against, &comparison, error);
    if (!status)
        status = print_results(request, &set, request->against ? &comparison : NULL, error);
    free_set(&set);
    free_set(&against);
    valence_store_close(store);
    return status;
}

static int run_evaluate(const struct command *command, int argc, char **argv)
{
    struct request request = {.split = "test",
                              .flow = "trained",
                              .checkpoint = "best",
                              .resamples = 2000,
                              .seed = 1,
                              .batch = 64,
                              .max_rows = CLIP_MAX_ROWS,
                              .level = CHOICE_LEVEL};
    struct evaluation_options options = {0};
    struct valence_error error;
    int code;
    if (!parse(command, argc, argv, &request, &code) || (code = check(command, &request, &options)))
        return code;
    if (request.threads)
        threads_set((int)request.threads);
    return evaluate(&request, &options, &error) ? report_error(&error) : EXIT_FINE;
}

const struct command command_evaluate = {
    .name = "evaluate",
    .computes = true,
    .arguments = "RUN STORE",
    .summary = "Measure a run's models on a split, with confidence intervals.",
    .description =
        "RUN is a folder that 'valence train' wrote, or a checkpoint. Of a run with several seeds "
        "every model is measured, and mean and standard deviation are shown.\n\n"
        "Each flow of the network is measured: complete sees all modalities, text_missing reads "
        "simulated text, if the store has any, in place of text. Figures stand beside those of the "
        "best constant, the median training label, and predictions that hardly vary are warned "
        "of.\n\n"
        "The best model of a training knows its errors on the validation part: how many of the "
        "labels "
        "measured lie in the interval that it gives for a score (--level), how wide those are, and "
        "the error "
        "that it expects, are shown beside.\n\n"
        "With --against the mean over the models of RUN less that over the models of the other run "
        "is shown, "
        "with intervals over the same resamples of the clips; what another seed would give they do "
        "not tell.",
    .example = "valence evaluate run corpus\n"
               "valence evaluate run corpus --flow all\n"
               "valence evaluate run corpus --against other-run\n"
               "valence evaluate run corpus --flow text_missing --predictions scores.csv\n"
               "valence evaluate run corpus --json | jq '.models[0].flows.complete.metrics.mae'",
    .run = run_evaluate,
};
