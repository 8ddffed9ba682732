/* valence encode simulated-text: what a language model hears in speech, as feature rows. */
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "valence/text.h"
#include "valence/runtime.h"
#include "choices.h"
#include "encode_kinds.h"
#include "encode_summary.h"
#include "json_output.h"
#include "media_files.h"
#include "model_cache.h"
#include "shared_options.h"
#include "table.h"
#include "terminal.h"
#include "valence/encode.h"

static const char *const rows_names[] = {"tokens", "mean"};

struct request {
    struct valence_simulator_models models; /* names of 'valence models', or paths */
    struct valence_simulator_options search;
    struct valence_encode_options files;
    struct valence_encode_store_options store;
    struct media_limits limits;
    const char *output, *reading, *rows, *prompt, *dtype;
    int64_t threads;
    bool offline, quiet, json;
};

/* ---- The models ---- */

static int open_simulator(const struct request *request, struct valence_simulator **simulator,
                          struct valence_error *error)
{
    struct valence_simulator_models models = request->models;
    const char **const places[] = {&models.wavlm, &models.projector, &models.llm};
    char *paths[3] = {NULL}, *memory = model_memory();
    int status = 0;
    *simulator = NULL;
    for (int i = 0; i < 3 && !status; i++) {
        status = model_path(*places[i], request->offline, request->quiet, &paths[i], error);
        *places[i] = paths[i];
    }
    models.memory = memory;
    if (!status)
        status = valence_simulator_open(&models, &request->search, simulator, error);
    for (int i = 0; i < 3; i++)
        valence_text_free(paths[i]);
    valence_text_free(memory);
    return status;
}

/* ---- What it says ---- */

/* "flagged: 3 cut, 1 repeats"; nothing if nothing was. */
static void print_flagged(const struct valence_encode_report *report)
{
    const char *before = "flagged: ";
    bool any = false;
    for (int i = 0; i < VALENCE_N_SIMULATION_FLAGS; i++)
        if (report->n_flagged[i]) {
            printf("%s%" PRId64 " %s", before, report->n_flagged[i],
                   valence_simulation_flag_names[i]);
            before = ", ";
            any = true;
        }
    if (any)
        putchar('\n');
}

static void join_flags(const json_t *heard, char *joined, size_t bytes)
{
    const json_t *flags = json_object_get(heard, "flags");
    size_t used = 0;
    joined[0] = '\0';
    for (size_t i = 0; i < json_array_size(flags) && used < bytes; i++)
        used += (size_t)snprintf(joined + used, bytes - used, "%s%s", i ? " " : "",
                                 json_string_value(json_array_get(flags, i)));
}

static void print_heard(const char *output, const struct valence_encode_report *report)
{
    struct table table = {.title = NULL};
    table_column(&table, "file", TABLE_LEFT);
    table_column(&table, "score", TABLE_RIGHT);
    table_column(&table, "flags", TABLE_LEFT);
    table_column(&table, "heard", TABLE_LEFT);
    table_rank(&table, TABLE_STAYS);
    for (int64_t i = 0; i < report->n_inputs; i++) {
        const struct valence_encoded_input *input = &report->inputs[i];
        const char *slash = strrchr(input->name, '/');
        char flags[128];
        json_t *heard = input->notes[0] ? json_loads(input->notes, 0, NULL) : NULL;
        if (!heard) /* there before, or skipped */
            continue;
        join_flags(heard, flags, sizeof flags);
        table_cell(&table, "%s", slash ? slash + 1 : input->name);
        table_cell(&table, "%.3f", json_number_value(json_object_get(heard, "score")));
        table_cell(&table, "%s", flags);
        table_cell(&table, "%s", json_string_value(json_object_get(heard, "transcript")));
        json_decref(heard);
    }
    print_files_summary(output, report);
    table_print(&table, summary_stream(output));
}

/* ---- Doing it ---- */

static int simulate_store(const struct request *request, struct valence_simulator *simulator,
                          const char *from, struct valence_encode_report **report,
                          struct valence_error *error)
{
    const struct valence_encode_store_options *options = &request->store;
    int status = valence_simulate_store(simulator, from, request->output, options, report, error);
    terminal_progress_finish();
    if (!status && request->json)
        return print_report_json(request->output, *report, error);
    if (status)
        return status;
    print_store_summary(request->output, options->stream, options->dtype, *report);
    print_flagged(*report);
    return status;
}

static int simulate_files(const struct request *request, struct valence_simulator *simulator,
                          const char *const *inputs, int n, struct valence_encode_report **report,
                          struct valence_error *error)
{
    int status = valence_simulate_files(simulator, inputs, n, request->output, &request->files,
                                        report, error);
    terminal_progress_finish();
    if (!status && request->json)
        status = print_report_json(request->output, *report, error);
    else if (!status)
        print_heard(request->output, *report);
    return status;
}

static int simulate(struct request *request, const char *const *inputs, int n)
{
    struct valence_error error;
    struct valence_simulator *simulator;
    struct valence_encode_report *report = NULL;
    struct valence_media_options media = media_options_of(&request->limits);
    request->files.media = request->store.media = &media;
    request->store.skip = request->files.skip;
    request->store.overwrite = request->files.overwrite;
    request->files.progress = request->store.progress = terminal_progress(request->quiet);
    int status = open_simulator(request, &simulator, &error);
    if (!status)
        status = is_store(inputs, n)
                     ? simulate_store(request, simulator, inputs[0], &report, &error)
                     : simulate_files(request, simulator, inputs, n, &report, &error);
    if (report)
        print_skipped(report);
    valence_encode_report_free(report);
    valence_simulator_free(simulator);
    return status ? report_error(&error) : EXIT_FINE;
}

/* ---- The command ---- */

static bool parse(const struct command *command, int argc, char **argv, struct request *request,
                  const char **inputs, int *n, int *code)
{
    struct valence_simulator_models *models = &request->models;
    const struct option options[] = {
        {OPTION_GROUP, 0, NULL, NULL, NULL, "Models (GGUF files, or names from 'valence models')",
         0, 0},
        {OPTION_TEXT, 0, "wavlm", &models->wavlm, "FILE", "WavLM (default: wavlm).", 0, 0},
        {OPTION_TEXT, 0, "projector", &models->projector, "FILE",
         "The projector from this WavLM to this language model (default: projector).", 0, 0},
        {OPTION_TEXT, 0, "llm", &models->llm, "FILE", "The language model (default: vicuna).", 0,
         0},
        {OPTION_GROUP, 0, NULL, NULL, NULL, "Search", 0, 0},
        {OPTION_TEXT, 0, "prompt", &request->prompt, "TEXT",
         "The instruction: SLAM-LLM's long or short one, or your own text (default: long).", 0, 0},
        {OPTION_TEXT, 0, "template", &request->search.prompt_template, "TEXT",
         "The template around the instruction, which replaces {} (default: 'USER: {}\\n"
         " ASSISTANT:', with a line's end).",
         0, 0},
        {OPTION_INT, 0, "beams", &request->search.n_beams, "N",
         "Width of the beam search; 1 is greedy (default: 4).", 1, 16},
        {OPTION_INT, 0, "max-tokens", &request->search.max_tokens, "N",
         "The most tokens to generate (default: 200).", 1, 4096},
        {OPTION_GROUP, 0, NULL, NULL, NULL, "Rows", 0, 0},
        option_rows_output(&request->output),
        {OPTION_TEXT, 0, "layers", &models->layers, "LIST",
         "Hidden states of the language model (default: -4+-3+-2+-1, summed).", 0, 0},
        {OPTION_TEXT, 0, "reading", &request->reading, "WHICH",
         "winner (rows of the best hypothesis) or reference (rows as in the published script) "
         "(default: winner).",
         0, 0},
        {OPTION_TEXT, 0, "rows", &request->rows, "WHICH",
         "tokens (a row each) or their mean (default: tokens).", 0, 0},
        {OPTION_GROUP, 0, NULL, NULL, NULL, "For a store", 0, 0},
        option_store(&inputs[0]),
        {OPTION_TEXT, 0, "sounds", &request->store.sounds, "FOLDER",
         "The folder of the clips' sounds: ID.wav, or .flac, .mp3, .m4a, .mp4, .mkv, ...", 0, 0},
        option_stream(&request->store.stream, "The stream's name (default: simulated_text)."),
        option_hidden_dtype(&request->dtype),
        {OPTION_GROUP, 0, NULL, NULL, NULL, "Resources", 0, 0},
        option_device(&models->device),
        option_threads(&request->threads),
        option_offline(&request->offline),
        MEDIA_OPTIONS(request->limits),
        FILES_OPTIONS(request->files),
        option_json(&request->json),
        option_quiet(&request->quiet),
        {.type = OPTION_END}};
    return options_parse(command, options, argc, argv, inputs, 1, argc, n, code);
}

/* What the table of options cannot say. */
static int finish_options(const struct command *command, struct request *request)
{
    int reading, rows;
    int code =
        choose_name(command, "--reading", request->reading, valence_reading_names, 2, &reading);
    if (!code)
        code = choose_name(command, "--rows", request->rows, rows_names, 2, &rows);
    if (!code)
        code = choose_dtype(command, request->dtype, &request->store.dtype);
    if (!code && !request->output)
        code = report_usage(command, "--output PATH is missing: where to write the features");
    if (code)
        return code;
    request->search.reading = (enum valence_reading)reading;
    request->models.mean = rows == 1;
    request->search.instruction = strcmp(request->prompt, "long") == 0 ? VALENCE_INSTRUCTION_LONG
                                  : strcmp(request->prompt, "short") == 0
                                      ? VALENCE_INSTRUCTION_SHORT
                                      : request->prompt;
    if (request->threads)
        valence_set_threads((int)request->threads);
    return EXIT_FINE;
}

static int run_simulated_text(const struct command *command, int argc, char **argv)
{
    struct request request = {.reading = valence_reading_names[VALENCE_READING_WINNER],
                              .rows = "tokens",
                              .prompt = "long",
                              .dtype = "f32",
                              .limits = media_limits_default()};
    const char **inputs = calloc((size_t)argc + 1, sizeof *inputs);
    int n, code;
    if (!inputs)
        return report_no_memory();
    valence_simulator_models_default(&request.models);
    valence_simulator_options_default(&request.search);
    valence_encode_options_default(&request.files);
    valence_encode_store_options_default(&request.store);
    request.models.wavlm = "wavlm";
    request.models.projector = "projector";
    request.models.llm = "vicuna";
    request.store.stream = valence_stream_names[VALENCE_STREAM_SIMULATED_TEXT];
    if (parse(command, argc, argv, &request, inputs, &n, &code) &&
        !(code = finish_options(command, &request)))
        code = simulate(&request, inputs, n);
    free(inputs);
    return code;
}

const struct command encode_simulated_text = {
    .name = "encode simulated-text",
    .arguments = "STORE|SOUND|FOLDER...",
    .summary = "Make simulated text from speech, as a language model hears it.",
    .description =
        "WavLM's rows go through the projector into the language model, which writes what it "
        "heard; the new rows are its hidden states. They replace text where a transcript is "
        "missing.\n\n"
        "If you give a STORE, the sound of each clip is read from --sounds and a new store is "
        "written, with the old one's contents and the new stream. Run the same command again to "
        "resume an interrupted one. The text that was heard, with its score, probabilities and "
        "flags, is kept in the clips' metadata ('valence inspect STORE --clip ID').\n\n"
        "Flags: empty (nothing was said), repeats (the same words over and over), refusal (the "
        "model declines to answer), cut (the text reached --max-tokens).",
    .example = "valence encode simulated-text clip.wav --wavlm wavlm.gguf --projector "
               "projector.gguf --llm "
               "vicuna-7b.gguf -o heard.npy\n"
               "valence encode simulated-text store --sounds wav/ -o both",
    .run = run_simulated_text};
