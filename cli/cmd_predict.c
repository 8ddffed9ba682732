/* valence predict: a score for every clip, and what it rests on. */
#include <stdio.h>
#include <string.h>

#include "valence/runtime.h"
#include "choices.h"
#include "commands.h"
#include "open_paths.h"
#include "predict_output.h"
#include "ranks.h"
#include "valence/evaluate.h"
#include "sentences.h"
#include "shared_options.h"

struct request {
    const char *run, *store;
    const char *split, *flow, *checkpoint;
    const char *encoder;
    struct option_list sentences;
    bool json, csv, quiet, offline, accept_unfinished;
    int64_t batch, max_rows, threads;
    double level;
};

static bool parse(const struct command *command, int argc, char **argv, struct request *request,
                  int *code)
{
    const char *positional[2];
    const struct option options[] = {
        option_run(&positional[0]),
        option_store(&positional[1]),
        {OPTION_TEXT, 0, "split", &request->split, "NAME",
         "all, train, validation or test (default: all).", 0, 0},
        {OPTION_TEXT, 0, "flow", &request->flow, "NAME",
         "auto, complete, text_missing, ... (default: auto, the flow that fits what a clip has).",
         0, 0},
        CHECKPOINT_OPTION(&request->checkpoint),
        LEVEL_OPTION(&request->level),
        {OPTION_GROUP, 0, NULL, NULL, NULL, "Sentences", 0, 0},
        {OPTION_LIST, 't', "text", &request->sentences, "SENTENCE",
         "Score this sentence instead of a store. You can repeat it.", 0, 0},
        option_model(&request->encoder,
                     "The language model that encoded the training text: a GGUF file or a name "
                     "from 'valence models' (default: the one that training used, if it has such a "
                     "name)."),
        option_old_name("encoder", option_model(&request->encoder, NULL)),
        option_offline(&request->offline),
        {OPTION_GROUP, 0, NULL, NULL, NULL, "Output", 0, 0},
        option_json(&request->json),
        {OPTION_FLAG, 0, "csv", &request->csv, NULL, "Print CSV instead of a table.", 0, 0},
        COMPUTING_OPTIONS(request)};
    int n;
    if (!options_parse(command, options, argc, argv, positional, 1, 2, &n, code))
        return false;
    request->run = positional[0];
    request->store = n == 2 ? positional[1] : NULL;
    return true;
}

static int choose_one_flow(const struct command *command, const char *text, int *flow)
{
    unsigned flows[VALENCE_MAX_FLOWS];
    int n, code = choose_flows(command, text, flows, &n);
    if (!code && n > 1)
        return report_usage(command, "--flow takes one flow");
    if (!code)
        *flow = (int)flows[0];
    return code;
}

static int check(const struct command *command, const struct request *request,
                 struct valence_predict_options *options, enum valence_checkpoint *which)
{
    valence_predict_options_default(options);
    options->batch_size = request->batch;
    options->max_rows = request->max_rows;
    options->level = request->level;
    if (request->json && request->csv)
        return report_usage(command, "--json and --csv cannot be combined");
    if (!request->store == !request->sentences.n)
        return report_usage(command, request->store
                                         ? "give a store or --text, not both"
                                         : "a store, or sentences with --text, are missing");
    if (!request->sentences.n && request->encoder)
        return report_usage(command, "--model goes with --text: the rows of a store are there");
    if (request->sentences.n && strcmp(request->split, "all") != 0)
        return report_usage(command, "--split goes with a store, not with --text");
    if (request->sentences.n && ranks_count() > 1)
        return report_usage(command, "--text scores sentences in one process; several processes "
                                     "share the clips of a store");
    int code = choose_checkpoint(command, request->checkpoint, which);
    if (!code && strcmp(request->split, "all") != 0) {
        enum valence_split split;
        code = choose_split(command, request->split, &split);
        options->split = code ? options->split : (int)split;
    }
    if (!code && strcmp(request->flow, "auto") != 0)
        code = choose_one_flow(command, request->flow, &options->flow);
    return code;
}

/* By all ranks; the first one writes. `status` is that of loading the model. */
static int predict_store(const struct request *request,
                         const struct valence_predict_options *options, const struct ranks *ranks,
                         int status, struct predict_output *output,
                         struct valence_prediction_counts *counts, struct valence_error *error)
{
    struct valence_store *store = NULL;
    enum valence_data_match match = VALENCE_DATA_UNKNOWN;
    bool writes = ranks_is_first(ranks);
    if (!status)
        status = open_store(request->store, request->accept_unfinished, &store, error);
    if (!status)
        status = valence_model_match_data(output->model, store, &match, error);
    status = ranks_agree(ranks, status, error);
    output->store = store ? valence_store_path(store) : NULL;
    if (!status && match == VALENCE_DATA_OTHER && writes && !request->quiet)
        fprintf(stderr, "valence predict: note: %s is not the data that the model was trained on\n",
                request->store);
    if (!status)
        status =
            valence_predict(output->model, store, options, ranks_progress(ranks, request->quiet),
                            writes ? predict_output_receive : NULL, output, counts, error);
    terminal_progress_finish();
    if (!status && writes)
        predict_output_finish(output, counts);
    valence_store_close(store);
    return status;
}

static int predict_sentences(const struct request *request,
                             const struct valence_predict_options *options,
                             struct predict_output *output,
                             struct valence_prediction_counts *counts, struct valence_error *error)
{
    int status =
        sentences_predict(output->model, &request->sentences, request->encoder, request->offline,
                          request->quiet, options, predict_output_receive, output, counts, error);
    if (!status)
        predict_output_finish(output, counts);
    return status;
}

static int predict(const struct request *request, const struct valence_predict_options *options,
                   enum valence_checkpoint which, const struct ranks *ranks,
                   struct valence_error *error)
{
    struct valence_run *run;
    struct valence_model *model = NULL;
    struct valence_prediction_counts counts = {.size = sizeof counts};
    int status = open_run(request->run, which, &run, error);
    if (!status)
        status = valence_run_load(run, &model, error);
    struct predict_output output = {.form = request->json          ? PREDICT_JSON
                                            : request->csv         ? PREDICT_CSV
                                            : request->sentences.n ? PREDICT_SENTENCES
                                                                   : PREDICT_TABLE,
                                    .model = model,
                                    .run = run,
                                    .run_path = request->run,
                                    .level = request->level,
                                    .max_rows = request->max_rows,
                                    .sentences =
                                        request->sentences.n ? request->sentences.values : NULL};
    if (!request->sentences.n)
        status = predict_store(request, options, ranks, status, &output, &counts, error);
    else if (!status)
        status = predict_sentences(request, options, &output, &counts, error);
    if (status)
        table_free(&output.table); /* what was received before */
    if (status == VALENCE_ERROR_CANCELLED && ferror(stdout))
        status = VALENCE_OK; /* main() says why nothing more can be written */
    valence_model_free(model);
    valence_run_close(run);
    return status;
}

static int run_predict(const struct command *command, int argc, char **argv)
{
    struct request request = {.split = "all",
                              .flow = "auto",
                              .checkpoint = "best",
                              .batch = 64,
                              .max_rows = CHOICE_MAX_ROWS,
                              .level = CHOICE_LEVEL};
    struct valence_predict_options options;
    enum valence_checkpoint which;
    struct valence_error error;
    int code;
    if (!parse(command, argc, argv, &request, &code) ||
        (code = check(command, &request, &options, &which)))
        return code;
    struct ranks ranks;
    int status = ranks_open(&ranks, &error);
    if (!status) {
        ranks_set_threads(&ranks, request.threads);
        options.collective = ranks.collective;
        status = predict(&request, &options, which, &ranks, &error);
    }
    code = ranks_report(&ranks, status, &error);
    ranks_close(&ranks, status, code);
    return code;
}

const struct command command_predict = {
    .name = "predict",
    .computes = true,
    .arguments = "RUN STORE|--text SENTENCE",
    .summary = "Score the clips of a store, or sentences, and show what each score rests on.",
    .description =
        "You get a line per clip: its score, the error to expect, an interval, the flow it went "
        "through, the modalities it lacks, and the weight of each modality and of each of the "
        "seven query views. Error and interval come from the best model's errors on the validation "
        "part. If RUN has several seeds, the score is their mean.\n\n"
        "Each clip goes through the flow that fits it: complete if it has every modality, "
        "text_missing if it has no text (simulated text is read in its place if there is any). If "
        "the model was not trained with a flow for exactly the modalities that a clip lacks, the "
        "clip goes through the nearest trained flow: the one that misses most of them and no "
        "others. Such a score has no interval. Labels are not needed.\n\n"
        "A score beyond the range of the training labels is shown as the end of that range, with "
        "the network's own value beside it. Clips marked ! are unlike the training data: "
        "their scores mean little, and their interval is the whole range.\n\n"
        "With --text you score sentences instead of a store. valence encodes them with the "
        "language model and settings that the checkpoint records for its training text, and scores "
        "them without sound and face.\n\n"
        "mpirun -n N valence predict ... shares the clips among N processes.",
    .example = "valence predict run corpus --split test\n"
               "valence predict run/best.safetensors clips --csv > scores.csv\n"
               "valence predict run --text 'I loved every minute'",
    .run = run_predict,
};
