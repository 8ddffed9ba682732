/* valence cost: what the models of a configuration cost, measured. */
#include <stdlib.h>
#include <string.h>

#include "choices.h"
#include "commands.h"
#include "cost_output.h"
#ifdef VALENCE_WITH_ENCODERS
#include "encode_cost.h"
#endif
#include "experiment_command.h"
#include "json_output.h"
#include "shared_options.h"
#include "table_files.h"
#include "temporary_folder.h"
#include "valence/runtime.h"

/* What the command line says, as parsed. */
struct request {
    struct train_request train;
    const char *split, *format_name, *tables;
    double seconds;
    int64_t batch;
    bool configuration_alone, no_encoders, json, quiet;
#ifdef VALENCE_WITH_ENCODERS
    struct encode_cost_request encoders;
#endif
    enum table_format format; /* of format_name */
};

static int check(const struct command *command, struct request *request,
                 struct valence_cost_options *options)
{
    int format = 0;
    valence_cost_options_default(options);
    options->seconds = request->seconds;
    options->batch_size = request->batch;
    options->baselines = !request->configuration_alone;
    int code = choose_split(command, request->split, &options->split);
    if (!code)
        code = choose_name(command, "--format", request->format_name, table_format_names,
                           TABLE_N_FORMATS, &format);
    request->format = (enum table_format)format;
    if (!code && request->json && request->format != TABLE_TEXT)
        code = report_usage(command, "--json and --format cannot be combined");
    if (!code && !train_request_complete(&request->train))
        code = report_usage(command, "a store or a configuration is missing");
    return code;
}

static int give(const struct request *request, const struct measured_cost *measured,
                struct valence_error *error)
{
    int status = VALENCE_OK;
    if (request->tables)
        status = write_cost_tables(request->tables, measured, error);
    if (!status && request->json)
        return print_json(cost_to_json(measured), error);
    if (!status)
        print_cost(measured, request->format, stdout);
    return status;
}

static int measure(const struct request *request, const struct valence_train_config *config,
                   const struct valence_cost_options *options, struct valence_error *error)
{
    struct measured_cost measured = {NULL, NULL};
    int status = valence_cost_measure(config, options, terminal_progress(request->quiet),
                                      &measured.networks, error);
    terminal_progress_finish();
    if (status)
        return explain_training(&request->train, config, error);
#ifdef VALENCE_WITH_ENCODERS
    if (!request->no_encoders)
        status = measure_encoders(&request->encoders, request->seconds, &measured.encoders, error);
#endif
    if (!status)
        status = give(request, &measured, error);
#ifdef VALENCE_WITH_ENCODERS
    valence_encoder_costs_free(measured.encoders);
#endif
    valence_cost_free(measured.networks);
    return status;
}

/* Models are trained in a folder of their own, which goes again. */
static int measure_in_folder(struct request *request, struct valence_cost_options *options,
                             struct valence_error *error)
{
    struct valence_train_config *config;
    char *place, folder[4096];
    int status = request->tables ? table_folder_make(request->tables, error) : VALENCE_OK;
    if (!status)
        status = valence_train_config_create(&config, error);
    if (status)
        return status;
    status = train_request_config(&request->train, config, error);
    if (!status && !(status = temporary_folder_make(&place, error))) {
        snprintf(folder, sizeof folder, "%s/trial", place);
        options->folder = folder;
        status = measure(request, config, options, error);
        temporary_folder_remove(place);
    }
    valence_train_config_free(config);
    return status;
}

static int run_cost(const struct command *command, int argc, char **argv)
{
    struct request request = {.train = {.seed = -1, .seeds = -1, .threads = -1},
                              .split = "test",
                              .format_name = "text",
                              .seconds = 1,
                              .batch = 64};
    const struct option table[] = {
        option_store(&request.train.store),
        option_set(&request.train.assignments),
        {OPTION_FLAG, 0, "no-baselines", &request.configuration_alone, NULL,
         "Measure the configuration alone.", 0, 0},
        {OPTION_FLAG, 0, "no-encoders", &request.no_encoders, NULL, "Measure no encoders.", 0, 0},
        {OPTION_TEXT, 0, "split", &request.split, "NAME",
         "The clips that are scored: train, validation or test (default: test).", 0, 0},
        {OPTION_NUMBER, 0, "seconds", &request.seconds, "S",
         "Take at least S seconds for each of a model's measurements (default: 1).", 0.01, 3600},
        {OPTION_INT, 0, "batch", &request.batch, "N", "Clips scored together (default: 64).", 1,
         65536},
        option_threads(&request.train.threads),
#ifdef VALENCE_WITH_ENCODERS
        {OPTION_GROUP, 0, NULL, NULL, NULL, "Encoders", 0, 0},
        {OPTION_TEXT, 0, "clip", &request.encoders.clip, "FILE",
         "Encode the first 10 seconds of this media file (default: a made-up clip).", 0, 0},
        {OPTION_TEXT, 0, "whisper", &request.encoders.whisper, "MODEL",
         "Whisper, for audio rows and recognition (default: whisper-base, if it is there).", 0, 0},
        {OPTION_TEXT, 0, "faces", &request.encoders.faces, "MODEL",
         "The models of faces (default: faces, if they are there).", 0, 0},
        {OPTION_TEXT, 0, "manet", &request.encoders.manet, "MODEL",
         "MANet (default: manet, if it is there).", 0, 0},
        {OPTION_TEXT, 0, "wavlm", &request.encoders.wavlm, "MODEL",
         "WavLM (default: wavlm, if it is there).", 0, 0},
        {OPTION_TEXT, 0, "llm", &request.encoders.llm, "MODEL",
         "The language model, for text rows and simulated text (default: smollm2, if it is there).",
         0, 0},
        {OPTION_TEXT, 0, "projector", &request.encoders.projector, "MODEL",
         "The projector between WavLM and the language model, for simulated text.", 0, 0},
#endif
        {OPTION_GROUP, 0, NULL, NULL, NULL, "Output", 0, 0},
        option_format(&request.format_name),
        option_tables(&request.tables),
        option_json(&request.json),
        option_quiet(&request.quiet),
        {.type = OPTION_END}};
    struct valence_cost_options options;
    struct valence_error error;
    int n, code;
    if (!options_parse(command, table, argc, argv, &request.train.subject, 0, 1, &n, &code))
        return code;
    code = check(command, &request, &options);
    if (code)
        return code;
    if (request.train.threads > 0)
        valence_set_threads((int)request.train.threads);
#ifdef VALENCE_WITH_ENCODERS
    request.encoders.quiet = request.quiet;
#endif
    return measure_in_folder(&request, &options, &error) ? report_error(&error) : EXIT_FINE;
}

const struct command command_cost = {
    .name = "cost",
    .computes = true,
    .arguments = "[STORE | CONFIG.yaml]",
    .summary = "Measure what models cost: operations, time and memory.",
    .description =
        "Measures the configuration, the same without imagination (MIA), and every baseline of "
        "'valence train --model': parameters, GFLOP a clip and a training step (counted from the "
        "shapes), how long one clip alone takes, clips a second in scoring and in training, and "
        "the most memory that networks and batches take. Each model is trained for a moment in a "
        "temporary folder, by the same loop as in 'valence train'.\n\n"
#ifdef VALENCE_WITH_ENCODERS
        "Then each encoder whose model is there makes the rows of a clip of 10 seconds: prosody, "
        "Whisper, WavLM, faces, MANet, recognition, the language model, simulated text. Missing "
        "models are listed and not fetched.\n\n"
#endif
        "Times are the median of the repetitions with the 5th and the 95th percentile. The machine "
        "is described below the tables; measure on an idle one.",
    .example = "valence cost corpus\n"
               "valence cost config.yaml --threads 1 --seconds 5\n"
#ifdef VALENCE_WITH_ENCODERS
               "valence cost corpus --clip film.mp4 --wavlm wavlm.gguf --projector projector.gguf\n"
#endif
               "valence cost corpus --format latex > cost.tex\n"
               "valence cost corpus --json | jq '.models[] | {name, parameters}'",
    .run = run_cost,
};
