/* valence evaluate: figures of a run's models on a split of a store. */
#include <stdlib.h>
#include <string.h>

#include "valence/error.h"
#include "valence/output.h"
#include "valence/runtime.h"
#include "choices.h"
#include "commands.h"
#include "evaluate_output.h"
#include "open_paths.h"
#include "protocol_request.h"
#include "ranks.h"
#include "shared_options.h"
#include "table_files.h"

/* What the command line says, as parsed. */
struct request {
    const char *run, *store;
    const char *split, *flow, *scale, *checkpoint, *predictions, *against;
    const char *label_values, *label_map, *text_stream;
    bool ensemble;
    bool force, json, quiet, accept_unfinished;
    int64_t resamples, seed, batch, max_rows, threads;
    double level;
    struct protocol_texts protocols;
    const struct ranks *ranks; /* that evaluate together */
};

static bool parse(const struct command *command, int argc, char **argv, struct request *request,
                  int *code)
{
    const char *positional[2];
    struct protocol_texts *protocols = &request->protocols;
    const struct option options[] = {
        option_run(&positional[0]),
        option_store(&positional[1]),
        {OPTION_TEXT, 0, "split", &request->split, "NAME",
         "train, validation or test (default: test).", 0, 0},
        {OPTION_TEXT, 0, "flow", &request->flow, "NAMES",
         "Flows to measure, separated by commas: complete, text_missing, ...; 'all' for all seven, "
         "'trained' for those that the model was trained with (the default).",
         0, 0},
        {OPTION_TEXT, 0, "scale", &request->scale, "NAME",
         "The label scale, which decides the metrics: sentiment (-3 to 3), sims (-1 to 1), "
         "classes3 (-1, 0, 1), other, or auto, by the store's labels (default: auto).",
         0, 0},
        {OPTION_TEXT, 0, "label-values", &request->label_values, "FROM=TO,...",
         "Convert the store's labels to the training's scale: 0=-1,1=0,2=1; '-10=' removes "
         "the label.",
         0, 0},
        {OPTION_TEXT, 0, "label-map", &request->label_map, "FORMULA",
         "The same as a formula, with x as the label: 'x-3', '(x-50)/25'.", 0, 0},
        {OPTION_TEXT, 0, "text-stream", &request->text_stream, "NAME",
         "Read this stream of the store as text: recognised or damaged words (default: the stream "
         "that the model was trained with).",
         0, 0},
        {OPTION_FLAG, 0, "ensemble", &request->ensemble, NULL,
         "Measure the mean score of a run's seeds as one model.", 0, 0},
        CHECKPOINT_OPTION(&request->checkpoint),
        {OPTION_TEXT, 0, "against", &request->against, "RUN",
         "Also compare with another run, paired by clip.", 0, 0},
        {OPTION_INT, 0, "bootstrap", &request->resamples, "N",
         "Resamples for the 95 % intervals, 0 for none (default: 2000).", 0, 1e6},
        {OPTION_INT, 0, "seed", &request->seed, "N", "Seed of the resampling (default: 1).", 0,
         1e15},
        LEVEL_OPTION(&request->level),
        {OPTION_GROUP, 0, NULL, NULL, NULL, "Protocols", 0, 0},
        {OPTION_TEXT, 0, "protocol", &protocols->protocols, "NAMES",
         "Measure under protocols in which something is missing, separated by commas: "
         "text-missing, fixed, six-conditions, erase, erase-random, rmfm, rmfm-same, rmm, tmfm, "
         "stmfm, smm, random-modality, batch-modality, drop-rate, imbalanced, noise, drop-words, "
         "replace-words.",
         0, 0},
        {OPTION_TEXT, 0, "rates", &protocols->rates, "LIST",
         "The rates to measure, such as 0,0.5,1 (default: the protocol's own).", 0, 0},
        {OPTION_LIST, 0, "at", &protocols->at, "RATE=RUN",
         "Measure this rate with another run, trained for it; once for each rate.", 0, 0},
        {OPTION_TEXT, 0, "select", &protocols->select, "HOW",
         "What chooses the epochs: validation, or as-published, among epochs that training kept "
         "(keep_epochs) and on the part measured where the publication did (default: validation).",
         0, 0},
        {OPTION_TEXT, 0, "modality-rates", &protocols->modality_rates, "LIST",
         "imbalanced: how likely each modality is absent: audio=0.2,text=0.5,video=0.8.", 0, 0},
        {OPTION_NUMBER, 0, "noise", &protocols->noise, "SD",
         "noise: its standard deviation, in standard deviations of each column (default: 1).", 0,
         1000},
        {OPTION_TEXT, 0, "noisy", &protocols->noisy, "NAMES",
         "noise: the modalities that get it in turn (default: audio,text,video).", 0, 0},
        {OPTION_TEXT, 0, "noise-kind", &protocols->noise_kind, "KIND",
         "noise: gaussian, missing (all rows become 0), or hybrid (one or the other) (default: "
         "gaussian).",
         0, 0},
        {OPTION_TEXT, 0, "replaced-by", &protocols->replaced_by, "WHAT",
         "replace-words: word (another row of text of the store, drawn at random) or unknown (0, "
         "as for [UNK]) (default: word).",
         0, 0},
        {OPTION_TEXT, 0, "erased", &protocols->erased, "WHAT",
         "What becomes of erased rows: zero, as published, or remove (default: zero).", 0, 0},
        {OPTION_FLAG, 0, "keep-text-ends", &protocols->keep_text_ends, NULL,
         "Never erase the first and the last row of text, which are [CLS] and [SEP] in BERT's "
         "rows.",
         0, 0},
        {OPTION_TEXT, 0, "padded-rows", &protocols->padded_rows, "LIST",
         "The lengths to which the published arrays are padded: audio=375,text=50,video=500 "
         "(default: the longest clip of the store).",
         0, 0},
        {OPTION_INT, 0, "mask-seed", &protocols->mask_seed, "N",
         "Seed of the masks (default: the published one).", 0, 4294967295.0},
        {OPTION_INT, 0, "mask-batch", &protocols->mask_batch, "N",
         "batch-modality: clips that lose the same modalities (default: 32).", 1, 1e6},
        option_format(&protocols->format),
        option_tables(&protocols->tables),
        {OPTION_GROUP, 0, NULL, NULL, NULL, "Output", 0, 0},
        option_json(&request->json),
        {OPTION_TEXT, 0, "predictions", &request->predictions, "FILE",
         "Also write every clip's label and scores to this CSV file.", 0, 0},
        option_force(&request->force, "Replace an existing file."),
        COMPUTING_OPTIONS(request)};
    int n;
    if (!options_parse(command, options, argc, argv, positional, 2, 2, &n, code))
        return false;
    request->run = positional[0];
    request->store = positional[1];
    return true;
}

static int choose_scale(const struct command *command, const char *text, int *scale)
{
    const char *names[VALENCE_N_SCALES + 1] = {"auto"};
    memcpy(names + 1, valence_scale_names, VALENCE_N_SCALES * sizeof *names);
    int code = choose_name(command, "--scale", text, names, VALENCE_N_SCALES + 1, scale);
    *scale -= 1; /* auto is -1 */
    return code;
}

/* `flows` has room for all that the options then point to. */
static int check(const struct command *command, const struct request *request,
                 unsigned flows[VALENCE_MAX_FLOWS], struct valence_evaluate_options *options)
{
    valence_evaluate_options_default(options);
    options->n_resamples = request->resamples;
    options->seed = (uint64_t)request->seed;
    options->batch_size = request->batch;
    options->max_rows = request->max_rows;
    options->level = request->level;
    options->label_values = request->label_values;
    options->label_map = request->label_map;
    options->text_stream = request->text_stream;
    options->flows = flows;
    enum valence_checkpoint unused;
    int code = choose_checkpoint(command, request->checkpoint, &unused);
    if (!code)
        code = choose_split(command, request->split, &options->split);
    if (!code)
        code = choose_scale(command, request->scale, &options->scale);
    if (!code && strcmp(request->flow, "trained") != 0)
        code = choose_flows(command, request->flow, flows, &options->n_flows);
    return code;
}

/* What only one of both kinds of evaluation has. */
static int check_protocols(const struct command *command, const struct request *request,
                           const struct valence_evaluate_options *options,
                           struct protocol_request *protocols)
{
    const struct protocol_texts *texts = &request->protocols;
    const char *given = texts->protocols ? NULL : protocol_texts_given(texts);
    if (given)
        return report_usage(command, "%s needs --protocol", given);
    if (!texts->protocols)
        return EXIT_FINE;
    if (strcmp(request->flow, "trained") != 0 || request->ensemble || request->against ||
        request->predictions)
        return report_usage(command, "--flow, --ensemble, --against and --predictions do not go "
                                     "with --protocol");
    int code = protocol_request_parse(command, texts, protocols);
    if (!code && request->json && protocols->format != TABLE_TEXT)
        code = report_usage(command, "--json and --format cannot be combined");
    protocols->options.split = options->split;
    protocols->options.scale = options->scale;
    protocols->options.n_resamples = options->n_resamples;
    protocols->options.seed = options->seed;
    protocols->options.label_values = options->label_values;
    protocols->options.label_map = options->label_map;
    protocols->options.text_stream = options->text_stream;
    protocols->options.batch_size = options->batch_size;
    protocols->options.max_rows = options->max_rows;
    return code;
}

/* ---- Measuring ---- */

static enum valence_checkpoint checkpoint_of(const struct request *request)
{
    return strcmp(request->checkpoint, "last") == 0 ? VALENCE_CHECKPOINT_LAST
                                                    : VALENCE_CHECKPOINT_BEST;
}

static int evaluate_model(const struct request *request,
                          const struct valence_evaluate_options *options,
                          const struct valence_model *model, struct evaluation_set *set,
                          struct valence_error *error)
{
    int status =
        valence_evaluate(model, set->store, options, ranks_progress(request->ranks, request->quiet),
                         &set->evaluations[set->n], error);
    set->n += !status;
    return status;
}

static int evaluate_models(const struct request *request,
                           const struct valence_evaluate_options *options,
                           struct evaluation_set *set, struct valence_error *error)
{
    int n = request->ensemble ? 1 : valence_run_n_models(set->models), status = VALENCE_OK;
    for (int i = 0; i < n && !status; i++) {
        struct valence_model *model = NULL;
        status = request->ensemble
                     ? valence_run_load(set->models, &model, error)
                     : valence_model_load(valence_run_model_path(set->models, i), &model, error);
        status = ranks_agree(request->ranks, status, error);
        if (!status)
            status = evaluate_model(request, options, model, set, error);
        valence_model_free(model);
    }
    terminal_progress_finish();
    return status;
}

/* Measures the models of set->run on set->store. */
static int evaluate_run(const struct request *request,
                        const struct valence_evaluate_options *options, struct evaluation_set *set,
                        struct valence_error *error)
{
    int status = open_run(set->run, checkpoint_of(request), &set->models, error);
    if (!status) {
        set->evaluations =
            calloc((size_t)valence_run_n_models(set->models), sizeof *set->evaluations);
        if (!set->evaluations)
            status = valence_fail(error, VALENCE_ERROR_MEMORY, NULL, "no memory for %s", "results");
    }
    status = ranks_agree(request->ranks, status, error);
    return status ? status : evaluate_models(request, options, set, error);
}

static void free_set(struct evaluation_set *set)
{
    for (int i = 0; i < set->n; i++)
        valence_evaluation_free(set->evaluations[i]);
    free(set->evaluations);
    valence_run_close(set->models);
}

/* Measures the run that the first is compared with, in the same flows and on the same scale. */
static int evaluate_against(const struct request *request, const struct evaluation_set *set,
                            struct evaluation_set *against,
                            const struct valence_comparison **comparison,
                            struct valence_error *error)
{
    struct valence_evaluate_options options = *set->options;
    unsigned flows[VALENCE_MAX_FLOWS];
    options.n_flows = set->evaluations[0]->n_flows;
    options.flows = flows;
    options.scale = (int)set->evaluations[0]->scale;
    for (int flow = 0; flow < options.n_flows; flow++)
        flows[flow] = set->evaluations[0]->flows[flow].flow;
    int status = evaluate_run(request, &options, against, error);
    return status ? status
                  : valence_compare(set->evaluations, set->n, against->evaluations, against->n,
                                    &options, comparison, error);
}

static int print_results(const struct request *request, const struct evaluation_set *set,
                         const struct valence_comparison *comparison, struct valence_error *error)
{
    int status = VALENCE_OK;
    if (!ranks_is_first(request->ranks))
        return VALENCE_OK;
    if (request->predictions)
        status = write_predictions(request->predictions, request->force, set, error);
    if (!status && request->json)
        status = print_evaluation_json(set, request->against, comparison, error);
    else if (!status)
        print_evaluation_tables(set, request->against, comparison);
    return status;
}

static int evaluate(const struct request *request, const struct valence_evaluate_options *options,
                    struct valence_error *error)
{
    struct valence_store *store = NULL;
    bool writes = request->predictions && ranks_is_first(request->ranks);
    int status =
        writes ? valence_output_check(request->predictions, request->force, error) : VALENCE_OK;
    if (!status)
        status = open_store(request->store, request->accept_unfinished, &store, error);
    status = ranks_agree(request->ranks, status, error);
    if (status) {
        valence_store_close(store);
        return status;
    }
    struct evaluation_set set = {.run = request->run, .options = options, .store = store};
    struct evaluation_set against = {.run = request->against, .options = options, .store = store};
    const struct valence_comparison *comparison = NULL;
    status = evaluate_run(request, options, &set, error);
    if (!status && request->against)
        status = evaluate_against(request, &set, &against, &comparison, error);
    if (!status)
        status = print_results(request, &set, comparison, error);
    valence_comparison_free(comparison);
    free_set(&set);
    free_set(&against);
    valence_store_close(store);
    return status;
}

static int print_protocols(const struct request *request, const struct protocol_request *protocols,
                           const struct protocol_set *set, struct valence_error *error)
{
    int status = VALENCE_OK;
    if (!ranks_is_first(request->ranks))
        return VALENCE_OK;
    if (protocols->tables)
        status = write_protocol_tables(protocols->tables, set, error);
    if (!status && request->json)
        status = print_protocol_json(set, error);
    else if (!status)
        print_protocol_tables(set, protocols->format, stdout);
    return status;
}

static int evaluate_protocols(const struct request *request,
                              const struct protocol_request *protocols, struct valence_error *error)
{
    struct valence_store *store = NULL;
    struct protocol_set *set = malloc(sizeof *set);
    bool writes = protocols->tables && ranks_is_first(request->ranks);
    int status =
        set ? VALENCE_OK
            : valence_fail(error, VALENCE_ERROR_MEMORY, NULL, "no memory for %s", "results");
    if (!status && writes)
        status = table_folder_make(protocols->tables, error);
    if (!status)
        status = open_store(request->store, request->accept_unfinished, &store, error);
    status = ranks_agree(request->ranks, status, error);
    if (!status) {
        status = protocol_set_measure(request->run, checkpoint_of(request), protocols, store,
                                      ranks_progress(request->ranks, request->quiet), set, error);
        if (!status)
            status = print_protocols(request, protocols, set, error);
        protocol_set_free(set);
    }
    valence_store_close(store);
    free(set);
    return status;
}

/* By all ranks; the first one prints and writes. */
static int evaluate_in_ranks(struct request *request, struct valence_evaluate_options *options,
                             struct protocol_request *protocols)
{
    struct valence_error error;
    struct ranks ranks;
    int status = ranks_open(&ranks, &error);
    if (!status) {
        ranks_set_threads(&ranks, request->threads);
        request->ranks = protocols->ranks = &ranks;
        options->collective = protocols->options.collective = ranks.collective;
        status = request->protocols.protocols ? evaluate_protocols(request, protocols, &error)
                                              : evaluate(request, options, &error);
    }
    int code = ranks_report(&ranks, status, &error);
    ranks_close(&ranks, status, code);
    return code;
}

static int run_evaluate(const struct command *command, int argc, char **argv)
{
    struct request request = {.split = "test",
                              .flow = "trained",
                              .scale = "auto",
                              .checkpoint = "best",
                              .resamples = 2000,
                              .seed = 1,
                              .batch = 64,
                              .max_rows = CHOICE_MAX_ROWS,
                              .level = CHOICE_LEVEL,
                              .protocols = {.mask_seed = -1, .mask_batch = -1, .noise = -1}};
    struct valence_evaluate_options options;
    struct protocol_request protocols;
    unsigned flows[VALENCE_MAX_FLOWS];
    int code;
    if (!parse(command, argc, argv, &request, &code) ||
        (code = check(command, &request, flows, &options)) ||
        (code = check_protocols(command, &request, &options, &protocols)))
        return code;
    return evaluate_in_ranks(&request, &options, &protocols);
}

const struct command command_evaluate = {
    .name = "evaluate",
    .computes = true,
    .arguments = "RUN STORE",
    .summary = "Measure a run's models on a split, with confidence intervals.",
    .description =
        "RUN is a folder that 'valence train' wrote, or a checkpoint. If the run has several "
        "seeds, every model is measured, and the mean and standard deviation are shown; --ensemble "
        "measures the mean of their scores instead.\n\n"
        "Each flow of the network is measured: complete sees all modalities; text_missing reads "
        "simulated text in place of text, if the store has it. The last column is the best "
        "constant score, the median training label. You get a warning if the predictions hardly "
        "vary.\n\n"
        "A run's best model has been calibrated on the validation split and gives an interval with "
        "every score (--level). You see the coverage (the share of labels inside their interval), "
        "the interval width, and the expected error.\n\n"
        "With --against you also see the mean over the models of RUN minus the mean over the "
        "models of the other run. Its intervals use the same resamples of the clips for both runs; "
        "they do not include the variation between seeds.\n\n"
        "The store need not be the one that the model was trained on, if its streams have the same "
        "widths and encoders. --label-values and --label-map convert its labels to the training's "
        "scale.\n\n"
        "With --protocol the models are measured while something is missing, by a published rule: "
        "rows erased at rates from 0 to 1, modalities absent, whole batches without one, noise, "
        "words "
        "deleted or replaced. "
        "docs/protocols.md describes each, and says which published tables you can compare "
        "with.\n\n"
        "mpirun -n N valence evaluate ... shares the clips and the resamples among N processes.",
    .example = "valence evaluate run corpus\n"
               "valence evaluate run corpus --flow all\n"
               "valence evaluate run corpus --against other-run\n"
               "valence evaluate run other-corpus --label-map '(x-3)*1.5'\n"
               "valence evaluate run corpus --protocol text-missing,erase\n"
               "valence evaluate run corpus --flow text_missing --predictions scores.csv\n"
               "valence evaluate run corpus --json | jq '.models[0].flows.complete.metrics.mae'",
    .run = run_evaluate,
};
