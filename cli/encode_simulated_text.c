/* valence encode simulated-text: what a language model hears in speech, as feature rows. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/threads.h"
#include "choices.h"
#include "encode_kinds.h"
#include "encode_simulation.h"
#include "encode_store.h"
#include "feature_output.h"
#include "json_output.h"
#include "media_files.h"
#include "table.h"
#include "terminal.h"

static const char *const reading_names[] = {"winner", "reference"};
static const char *const rows_names[] = {"tokens", "mean"};

struct request {
    struct simulation_options simulation;
    const char *output, *reading, *rows, *prompt, *dtype, *stream, *sounds;
    enum valence_dtype type;
    int64_t threads;
    bool skip_missing, force, json;
    struct media_limits limits;
};

/* What is in progress: the models, and what was heard last. */
struct work {
    const struct request *request;
    struct simulation simulation;
    struct valence_simulation heard;
    json_t *said; /* of what was heard last */
    int64_t n_missing, n_flagged[VALENCE_N_SIMULATION_FLAGS];
};

/* ---- One clip ---- */

static int hear(struct work *work, const char *path, const struct valence_progress *progress,
                struct valence_error *error)
{
    struct valence_sound *sound;
    valence_simulation_free(&work->heard);
    json_decref(work->said);
    work->said = NULL;
    int64_t rate_hz = valence_encoder_describe(work->simulation.wavlm)->rate_hz;
    int status = media_file_sound(path, &work->request->limits, rate_hz, &sound, error);
    if (status)
        return status;
    status = valence_simulate(work->simulation.simulator, sound->samples, sound->n_samples,
                              progress, &work->heard, error);
    valence_sound_free(sound);
    if (status)
        return status == VALENCE_ERROR_CANCELLED ? status : fail_within(status, error, "%s", path);
    for (int i = 0; i < VALENCE_N_SIMULATION_FLAGS; i++)
        work->n_flagged[i] += (work->heard.flags >> i) & 1;
    work->said = simulation_to_json(&work->heard);
    return work->said ? VALENCE_OK : fail_memory(error, 0, "what was heard");
}

/* "3 cut, 1 repeats" to stdout, behind `before`; nothing where nothing was flagged. */
static void print_flagged(const struct work *work, const char *before)
{
    for (int i = 0; i < VALENCE_N_SIMULATION_FLAGS; i++)
        if (work->n_flagged[i]) {
            printf("%s%" PRId64 " %s", before, work->n_flagged[i],
                   valence_simulation_flag_names[i]);
            before = ", ";
        }
}

/* ---- Of a store ---- */

/* The clip's sound, FOLDER/ID.wav or of another ending, in *path (free() it); NULL where there is
 * none. */
static int find_sound(const char *folder, const char *id, char **path, struct valence_error *error)
{
    static const char *const endings[] = {"wav",  "flac", "aiff", "aif", "au",   "mp3", "m4a",
                                          "opus", "ogg",  "mp4",  "mkv", "webm", "mpg", "avi"};
    char name[VALENCE_STORE_ID_BYTES + 8];
    *path = NULL;
    if (strchr(id, '/'))
        return fail(error, VALENCE_ERROR_DATA, "an id with '/' names no file in %s", folder);
    for (size_t i = 0; i < sizeof endings / sizeof endings[0]; i++) {
        snprintf(name, sizeof name, "%s.%s", id, endings[i]);
        *path = path_join(folder, name);
        if (!*path)
            return fail_memory(error, strlen(name), "a path");
        if (path_exists(*path))
            return VALENCE_OK;
        free(*path);
    }
    *path = NULL;
    return VALENCE_OK;
}

static int make_rows(void *self, const struct valence_clip *const *clips, int64_t n,
                     const struct valence_progress *progress, struct made_rows *made,
                     struct valence_error *error)
{
    struct work *work = self;
    (void)n; /* one */
    const char *folder = work->request->sounds;
    char *path;
    int status = find_sound(folder, clips[0]->id, &path, error);
    if (!status && !path && !work->request->skip_missing)
        status =
            fail(error, VALENCE_ERROR_NOT_FOUND,
                 "there is no sound %s/%s.wav (--skip-missing leaves the clip without the stream)",
                 folder, clips[0]->id);
    if (!status && path)
        status = hear(work, path, progress, error);
    else
        work->n_missing += !status;
    if (!status && path)
        *made = (struct made_rows){work->heard.n_rows, work->heard.rows, work->said};
    free(path);
    return status;
}

static int simulate_store(struct work *work, const char *from, struct valence_error *error)
{
    const struct request *request = work->request;
    struct stream_maker maker = {.batch = 1, .self = work, .make = make_rows};
    json_t *settings = simulation_settings(&request->simulation, &work->simulation);
    if (!settings)
        return fail_memory(error, 0, "the encoders' settings");
    if (!request->sounds || strlen(request->stream) >= sizeof maker.stream.name) {
        json_decref(settings);
        return fail(error, VALENCE_ERROR_ARGUMENT,
                    request->sounds
                        ? "--stream: too long a name"
                        : "--sounds FOLDER is missing: where the clips' sounds are, ID.wav");
    }
    strcpy(maker.stream.name, request->stream);
    maker.settings = settings;
    maker.stream.width = valence_encoder_describe(work->simulation.llm)->width;
    maker.stream.type = request->type;
    int status = encode_store(from, request->output, &maker, request->simulation.quiet, error);
    if (!status && !request->simulation.quiet) {
        if (work->n_missing)
            printf("%" PRId64 " clips have no sound in %s\n", work->n_missing, request->sounds);
        unsigned any = 0;
        for (int i = 0; i < VALENCE_N_SIMULATION_FLAGS; i++)
            any |= work->n_flagged[i] > 0;
        print_flagged(work, "flagged: ");
        if (any)
            putchar('\n');
    }
    json_decref(settings);
    return status;
}

/* ---- Of files ---- */

struct file_work {
    struct work *work;
    struct feature_output output;
    const char *const *files;
    int64_t n_files, done;
    const struct valence_progress *progress;
    json_t *all; /* what was heard in each */
};

static int report_files(void *user, const struct valence_progress_event *event)
{
    const struct file_work *files = user;
    struct valence_progress_event counted = {event->stage, files->done, files->n_files, "files",
                                             path_name(files->files[files->done])};
    return files->progress->report(files->progress->user, files->n_files > 1 ? &counted : event);
}

static int simulate_file(struct file_work *files, struct valence_error *error)
{
    const char *file = files->files[files->done];
    struct valence_progress progress = {report_files, files};
    struct work *work = files->work;
    int status = hear(work, file, &progress, error);
    if (!status)
        status =
            feature_output_add(&files->output, file, work->heard.n_rows, work->heard.rows, error);
    if (!status && (json_object_set_new(work->said, "file", json_string(file)) ||
                    json_array_append(files->all, work->said)))
        status = fail_memory(error, 0, "what was heard");
    return status;
}

static void print_heard(const struct file_work *files)
{
    char title[4096];
    snprintf(title, sizeof title, "%s: %" PRId64 " files, %" PRId64 " rows of %" PRId64,
             files->output.path, files->n_files, files->output.n_rows, files->output.width);
    struct table table = {.title = title};
    table_column(&table, "file", TABLE_LEFT);
    table_column(&table, "score", TABLE_RIGHT);
    table_column(&table, "flags", TABLE_LEFT);
    table_column(&table, "heard", TABLE_LEFT);
    size_t i;
    json_t *heard;
    json_array_foreach(files->all, i, heard)
    {
        size_t n = json_array_size(json_object_get(heard, "flags"));
        char flags[128] = "";
        for (size_t f = 0; f < n; f++) {
            size_t used = strlen(flags);
            snprintf(flags + used, sizeof flags - used, "%s%s", f ? " " : "",
                     json_string_value(json_array_get(json_object_get(heard, "flags"), f)));
        }
        table_cell(&table, "%s", path_name(json_string_value(json_object_get(heard, "file"))));
        table_cell(&table, "%.3f", json_number_value(json_object_get(heard, "score")));
        table_cell(&table, "%s", flags);
        table_cell(&table, "%s", json_string_value(json_object_get(heard, "transcript")));
    }
    table_print(&table, summary_stream(files->output.path));
}

static int simulate_files(struct work *work, const char *const *paths, int64_t n,
                          struct valence_error *error)
{
    const struct request *request = work->request;
    struct file_work files = {.work = work,
                              .files = paths,
                              .n_files = n,
                              .progress = terminal_progress(request->simulation.quiet),
                              .all = json_array()};
    json_t *settings = simulation_settings(&request->simulation, &work->simulation);
    char *described = settings ? json_dumps(settings, JSON_COMPACT) : NULL;
    int status =
        described && files.all ? VALENCE_OK : fail_memory(error, 0, "the encoders' settings");
    if (!status)
        status = feature_output_begin(&files.output, request->output,
                                      valence_encoder_describe(work->simulation.llm)->width,
                                      request->force, error);
    if (!status)
        feature_output_describe(&files.output, "encoder", described);
    for (; !status && files.done < n; files.done++)
        status = simulate_file(&files, error);
    terminal_progress_finish();
    if (!status)
        status = feature_output_commit(&files.output, error);
    if (!status && request->json)
        status = print_json(json_incref(files.all), error);
    else if (!status && !request->simulation.quiet)
        print_heard(&files);
    feature_output_free(&files.output);
    free(described);
    json_decref(settings);
    json_decref(files.all);
    return status;
}

/* ---- The command ---- */

static bool parse(const struct command *command, int argc, char **argv, struct request *request,
                  const char **inputs, int *n, int *code)
{
    struct simulation_options *simulation = &request->simulation;
    const struct option options[] = {
        {OPTION_GROUP, 0, NULL, NULL, NULL, "Models (GGUF files, or names of 'valence models')", 0,
         0},
        {OPTION_TEXT, 0, "wavlm", &simulation->wavlm, "FILE", "WavLM (default: wavlm).", 0, 0},
        {OPTION_TEXT, 0, "projector", &simulation->projector, "FILE",
         "The projector from this WavLM to this language model (default: projector).", 0, 0},
        {OPTION_TEXT, 0, "llm", &simulation->llm, "FILE", "The language model (default: vicuna).",
         0, 0},
        {OPTION_GROUP, 0, NULL, NULL, NULL, "What it hears", 0, 0},
        {OPTION_TEXT, 0, "prompt", &request->prompt, "TEXT",
         "The instruction: long or short, SLAM-LLM's two, or a text (default: long).", 0, 0},
        {OPTION_TEXT, 0, "template", &simulation->search.prompt_template, "TEXT",
         "What stands around it, as {} (default: 'USER: {}\\n ASSISTANT:', with a line's end).", 0,
         0},
        {OPTION_INT, 0, "beams", &simulation->search.n_beams, "N",
         "Beams of the search; 1 is greedy (default: 4).", 1, 16},
        {OPTION_INT, 0, "max-tokens", &simulation->search.max_tokens, "N",
         "The most tokens it may say (default: 200).", 1, 4096},
        {OPTION_GROUP, 0, NULL, NULL, NULL, "Rows", 0, 0},
        {OPTION_TEXT, 'o', "output", &request->output, "PATH",
         "Where the rows go: of a store, a new store; of files, FILE.npy (all rows, one file's "
         "below the other's), FILE.safetensors (a tensor a file), or a folder (one .npy a file).",
         0, 0},
        {OPTION_TEXT, 0, "layers", &simulation->layers, "LIST",
         "Hidden states of the language model (default: -4+-3+-2+-1, summed).", 0, 0},
        {OPTION_TEXT, 0, "reading", &request->reading, "WHICH",
         "Rows along the winner, or of the reference, as the published script takes them (default: "
         "winner).",
         0, 0},
        {OPTION_TEXT, 0, "rows", &request->rows, "WHICH",
         "tokens (a row each) or their mean (default: tokens).", 0, 0},
        {OPTION_GROUP, 0, NULL, NULL, NULL, "Of a store", 0, 0},
        {OPTION_TEXT, 0, "sounds", &request->sounds, "FOLDER",
         "Where the clips' sounds are: ID.wav, or .flac, .mp3, .m4a, .mp4, .mkv, ...", 0, 0},
        {OPTION_FLAG, 0, "skip-missing", &request->skip_missing, NULL,
         "A clip without a sound there goes without the stream.", 0, 0},
        {OPTION_TEXT, 0, "stream", &request->stream, "NAME",
         "The stream's name (default: simulated_text).", 0, 0},
        {OPTION_TEXT, 0, "dtype", &request->dtype, "TYPE",
         "How values are stored: f32 or f16 (default: f32; hidden states may exceed f16).", 0, 0},
        {OPTION_GROUP, 0, NULL, NULL, NULL, "How it runs", 0, 0},
        {OPTION_TEXT, 0, "device", &simulation->device, "NAME",
         "cpu, gpu, cuda, vulkan, ... (default: cpu).", 0, 0},
        {OPTION_INT, 'j', "threads", &request->threads, "N",
         "Threads (default: one for each CPU that the process has).", 1, 1024},
        {OPTION_FLAG, 0, "offline", &simulation->offline, NULL, "Never fetch a model.", 0, 0},
        MEDIA_OPTIONS(request->limits),
        {OPTION_FLAG, 0, "force", &request->force, NULL, "Replace existing files.", 0, 0},
        {OPTION_FLAG, 0, "json", &request->json, NULL,
         "Of files: print what was heard as JSON, with tokens and probabilities.", 0, 0},
        {OPTION_FLAG, 'q', "quiet", &simulation->quiet, NULL, "No progress, no summary.", 0, 0},
        {.type = OPTION_END}};
    return options_parse(command, options, argc, argv, inputs, 1, argc, n, code);
}

/* What the table of options cannot say. */
static int finish_options(const struct command *command, struct request *request)
{
    struct simulation_options *simulation = &request->simulation;
    int reading, rows;
    int code = choose_name(command, "--reading", request->reading, reading_names, 2, &reading);
    if (!code)
        code = choose_name(command, "--rows", request->rows, rows_names, 2, &rows);
    if (!code)
        code = choose_dtype(command, request->dtype, &request->type);
    if (!code && !request->output)
        code = report_usage(command, "-o PATH is missing: where to write the features");
    if (code)
        return code;
    simulation->search.reading = reading == 0 ? VALENCE_READING_WINNER : VALENCE_READING_REFERENCE;
    simulation->mean = rows == 1;
    simulation->search.instruction = strcmp(request->prompt, "long") == 0 ? VALENCE_INSTRUCTION_LONG
                                     : strcmp(request->prompt, "short") == 0
                                         ? VALENCE_INSTRUCTION_SHORT
                                         : request->prompt;
    if (request->threads)
        threads_set((int)request->threads);
    return EXIT_FINE;
}

static int run_simulated_text(const struct command *command, int argc, char **argv)
{
    struct request request = {.simulation = {.wavlm = "wavlm",
                                             .projector = "projector",
                                             .llm = "vicuna",
                                             .search = {.prompt_template = VALENCE_PROMPT_TEMPLATE,
                                                        .n_beams = 4,
                                                        .max_tokens = 200}},
                              .limits = media_limits_default(),
                              .reading = "winner",
                              .rows = "tokens",
                              .prompt = "long",
                              .dtype = "f32",
                              .stream = valence_stream_names[VALENCE_STREAM_SIMULATED_TEXT]};
    struct work work = {.request = &request};
    struct valence_error error;
    const char **inputs = allocate(argc, sizeof *inputs);
    int n, code = EXIT_FAILED, status = VALENCE_OK;
    if (!inputs)
        return EXIT_FAILED;
    if (parse(command, argc, argv, &request, inputs, &n, &code) &&
        !(code = finish_options(command, &request))) {
        status = simulation_open(&request.simulation, &work.simulation, &error);
        if (!status)
            status = is_store(inputs, n) ? simulate_store(&work, inputs[0], &error)
                                         : simulate_files(&work, inputs, n, &error);
    }
    valence_simulation_free(&work.heard);
    json_decref(work.said);
    simulation_close(&work.simulation);
    free(inputs);
    return status ? report_error(&error) : code;
}

const struct command encode_simulated_text = {
    .name = "encode simulated-text",
    .arguments = "STORE|SOUND...",
    .summary = "Turn speech into what a language model hears in it.",
    .description =
        "WavLM's rows go through the projector into the language model, which says what it heard; "
        "the rows are "
        "its hidden states while it does. They stand in for text where a transcript is missing.\n\n"
        "Of a STORE, the sound of each clip is read from --sounds, and a new store is written that "
        "has "
        "everything of the old one and the stream; an interrupted call is gone on with by the same "
        "command. "
        "What was heard, with its score, probabilities and flags, goes into the clips' metadata "
        "('valence "
        "inspect STORE --clip ID').\n\n"
        "Flags: empty (nothing was said), repeats (the same words over and over), refusal (it "
        "declines, as "
        "chat models do), cut (it had not finished after --max-tokens).",
    .example = "valence encode simulated-text clip.wav --wavlm wavlm.gguf --projector "
               "projector.gguf --llm "
               "vicuna-7b.gguf -o heard.npy\n"
               "valence encode simulated-text store --sounds wav/ -o both",
    .run = run_simulated_text};
