/* valence encode text: transcripts into feature rows. */
#include "encode_text.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/text.h"
#include "base/threads.h"
#include "choices.h"
#include "encode_kinds.h"
#include "encode_store.h"
#include "feature_output.h"
#include "model_cache.h"
#include "terminal.h"

#define TOGETHER       64 /* transcripts of a store */
#define MAX_TEXT_BYTES (1 << 20)

int choose_text_settings(const struct command *command, const char *spelling, const char *rows,
                         struct valence_transcript_options *settings)
{
    int which;
    int code = choose_name(command, "--spelling", spelling, valence_spelling_names,
                           VALENCE_N_SPELLINGS, &which);
    if (code)
        return code;
    settings->spelling = (enum valence_spelling)which;
    code = choose_name(command, "--rows", rows, valence_transcript_rows_names,
                       VALENCE_N_TRANSCRIPT_ROWS, &which);
    if (!code)
        settings->rows = (enum valence_transcript_rows)which;
    return code;
}

static int open_encoder(const struct text_encoding *encoding,
                        struct valence_transcript_encoder **encoder, struct valence_error *error)
{
    char *path;
    *encoder = NULL;
    int status = model_path(encoding->model, encoding->offline, encoding->quiet, &path, error);
    if (!status)
        status = valence_transcript_encoder_open(path, &encoding->settings, encoder, error);
    free(path);
    return status;
}

/* ---- Of a store ---- */

struct text_maker {
    struct valence_transcript_encoder *encoder;
    struct valence_features features; /* of the last batch */
};

static int make_text(void *self, const struct valence_clip *const *clips, int64_t n,
                     const struct valence_progress *progress, struct made_rows *made,
                     struct valence_error *error)
{
    struct text_maker *maker = self;
    struct valence_features *features = &maker->features;
    const char *transcripts[TOGETHER];
    for (int64_t i = 0; i < n; i++)
        transcripts[i] = clips[i]->transcript;
    valence_features_free(features);
    int status = valence_transcript_encoder_encode(maker->encoder, transcripts, n, progress,
                                                   features, error);
    for (int64_t i = 0; i < n && !status; i++)
        made[i] =
            (struct made_rows){.n_rows = features->offsets[i + 1] - features->offsets[i],
                               .rows = features->rows + features->offsets[i] * features->width};
    return status;
}

int encode_text_of_store(const struct text_encoding *encoding, const char *from, const char *to,
                         struct valence_error *error)
{
    struct text_maker self = {0};
    struct stream_maker maker = {.batch = TOGETHER, .self = &self, .make = make_text};
    int status = open_encoder(encoding, &self.encoder, error);
    if (status)
        return status;
    json_t *settings = json_loads(valence_transcript_encoder_settings(self.encoder), 0, NULL);
    maker.settings = settings;
    maker.stream.width =
        valence_encoder_describe(valence_transcript_encoder_model(self.encoder))->width;
    maker.stream.type = encoding->type;
    if (!settings)
        status = fail_memory(error, 0, "the encoder's settings");
    else if (strlen(encoding->stream) >= sizeof maker.stream.name)
        status = fail(error, VALENCE_ERROR_ARGUMENT, "--stream: '%s' is too long a name",
                      encoding->stream);
    else
        strcpy(maker.stream.name, encoding->stream);
    if (!status)
        status = encode_store(from, to, &maker, encoding->quiet, error);
    json_decref(settings);
    valence_features_free(&self.features);
    valence_transcript_encoder_close(self.encoder);
    return status;
}

/* ---- Of files ---- */

struct file_work {
    struct valence_transcript_encoder *encoder;
    struct feature_output output;
    const char *const *files;
    int64_t n_files, done;
    const struct valence_progress *progress;
};

static int report_files(void *user, const struct valence_progress_event *event)
{
    const struct file_work *work = user;
    struct valence_progress_event files = {event->stage, work->done, work->n_files, "files",
                                           path_name(work->files[work->done])};
    return work->progress->report(work->progress->user, &files);
}

static int encode_file(struct file_work *work, struct valence_error *error)
{
    const char *file = work->files[work->done];
    char *transcript;
    struct valence_features features = {0};
    struct valence_progress progress = {report_files, work};
    int status = file_read_text(file, MAX_TEXT_BYTES, &transcript, NULL, error);
    if (status)
        return status;
    status = valence_transcript_encoder_encode(work->encoder, (const char *const[]){transcript}, 1,
                                               &progress, &features, error);
    if (status && status != VALENCE_ERROR_CANCELLED)
        fail_within(status, error, "%s", file);
    if (!status && features.offsets[1] == 0)
        status = fail(error, VALENCE_ERROR_DATA, "%s: holds no words", file);
    if (!status)
        status = feature_output_add(&work->output, file, features.offsets[1], features.rows, error);
    valence_features_free(&features);
    free(transcript);
    return status;
}

static int encode_files(const struct text_encoding *encoding, const char *const *files,
                        int64_t n_files, const char *output, bool force,
                        struct valence_error *error)
{
    struct file_work work = {
        .files = files, .n_files = n_files, .progress = terminal_progress(encoding->quiet)};
    int status = open_encoder(encoding, &work.encoder, error);
    if (!status)
        status = feature_output_begin(
            &work.output, output,
            valence_encoder_describe(valence_transcript_encoder_model(work.encoder))->width, force,
            error);
    if (!status)
        feature_output_describe(&work.output, "encoder",
                                valence_transcript_encoder_settings(work.encoder));
    for (; !status && work.done < n_files; work.done++)
        status = encode_file(&work, error);
    terminal_progress_finish();
    if (!status)
        status = feature_output_commit(&work.output, error);
    if (!status && !encoding->quiet)
        fprintf(summary_stream(output), "%s: %" PRId64 " files, %" PRId64 " rows of %" PRId64 "\n",
                output, n_files, work.output.n_rows, work.output.width);
    feature_output_free(&work.output);
    valence_transcript_encoder_close(work.encoder);
    return status;
}

/* ---- The command ---- */

struct request {
    const char *output, *spelling, *rows, *dtype;
    int64_t threads;
    bool force;
    struct text_encoding encoding;
};

static bool parse(const struct command *command, int argc, char **argv, struct request *request,
                  const char **inputs, int *n, int *code)
{
    struct text_encoding *encoding = &request->encoding;
    const struct option options[] = {
        {OPTION_TEXT, 'm', "model", &encoding->model, "MODEL",
         "The language model: a GGUF file, or a name of 'valence models' (default: " TEXT_MODEL
         ", fetched at first use).",
         0, 0},
        {OPTION_TEXT, 'o', "output", &request->output, "PATH",
         "Where the rows go: of a store, a new store; of files, FILE.npy (all rows, one file's "
         "below "
         "the other's), FILE.safetensors (a tensor a file), or a folder (one .npy a file).",
         0, 0},
        {OPTION_GROUP, 0, NULL, NULL, NULL, "Rows", 0, 0},
        {OPTION_TEXT, 0, "layers", &encoding->settings.layers, "LIST",
         "Hidden states, -1 the last; 12,16 side by side, 12+16 summed (default: -4+-3+-2+-1).", 0,
         0},
        {OPTION_TEXT, 0, "spelling", &request->spelling, "HOW",
         "What the model reads: the transcript as-is, lower, as a sentence (lower-case, a "
         "capital at the beginning, a period at the end), or plain: the same with '!' as a period "
         "(default: as-is).",
         0, 0},
        {OPTION_TEXT, 0, "prefix", &encoding->settings.prefix, "TEXT",
         "What the model reads before each transcript, so that the first word is not lost; it has "
         "no rows. A text, <bos> for the model's own beginning, or both; '' for nothing "
         "(default: <bos> and a new line).",
         0, 0},
        {OPTION_TEXT, 0, "rows", &request->rows, "WHICH",
         "tokens (a row each), their mean, or the last token's (default: tokens).", 0, 0},
        {OPTION_FLAG, 0, "no-special", &encoding->settings.drop_special, NULL,
         "No rows for the tokens that the model wants around a text (BOS).", 0, 0},
        {OPTION_FLAG, 0, "no-first", &encoding->settings.drop_first, NULL,
         "Nor for the first token of what is left, whose values dwarf the others'; a transcript of "
         "one "
         "token has none then.",
         0, 0},
        {OPTION_GROUP, 0, NULL, NULL, NULL, "Of a store", 0, 0},
        {OPTION_TEXT, 0, "stream", &encoding->stream, "NAME", "The stream's name (default: text).",
         0, 0},
        {OPTION_TEXT, 0, "dtype", &request->dtype, "TYPE",
         "How values are stored: f32 or f16 (default: f32; hidden states may exceed f16).", 0, 0},
        {OPTION_GROUP, 0, NULL, NULL, NULL, "How it runs", 0, 0},
        {OPTION_TEXT, 0, "device", &encoding->settings.device, "NAME",
         "cpu, gpu, cuda, vulkan, ... (default: cpu).", 0, 0},
        {OPTION_INT, 'j', "threads", &request->threads, "N",
         "Threads (default: one for each CPU that the process has).", 1, 1024},
        {OPTION_FLAG, 0, "offline", &encoding->offline, NULL, "Never fetch a model.", 0, 0},
        {OPTION_FLAG, 0, "force", &request->force, NULL, "Replace existing files.", 0, 0},
        {OPTION_FLAG, 'q', "quiet", &encoding->quiet, NULL, "No progress, no summary.", 0, 0},
        {.type = OPTION_END}};
    return options_parse(command, options, argc, argv, inputs, 1, argc, n, code);
}

static int run_text(const struct command *command, int argc, char **argv)
{
    struct request request = {
        .spelling = "as-is",
        .rows = "tokens",
        .dtype = "f32",
        .encoding = {.model = TEXT_MODEL, .stream = valence_stream_names[VALENCE_STREAM_TEXT]}};
    struct text_encoding *encoding = &request.encoding;
    struct valence_error error;
    valence_transcript_options_default(&encoding->settings);
    const char **inputs = allocate(argc, sizeof *inputs);
    int n, code = EXIT_FAILED, status = VALENCE_OK;
    if (!inputs)
        return EXIT_FAILED;
    if (parse(command, argc, argv, &request, inputs, &n, &code)) {
        code = choose_text_settings(command, request.spelling, request.rows, &encoding->settings);
        if (!code)
            code = choose_dtype(command, request.dtype, &encoding->type);
        if (!code && !request.output)
            code = report_usage(command, "-o PATH is missing: where to write the features");
        if (!code && request.threads)
            threads_set((int)request.threads);
        if (!code)
            status = is_store(inputs, n)
                         ? encode_text_of_store(encoding, inputs[0], request.output, &error)
                         : encode_files(encoding, inputs, n, request.output, request.force, &error);
    }
    free(inputs);
    return status ? report_error(&error) : code;
}

const struct command encode_text = {
    .name = "encode text",
    .arguments = "STORE|FILE.txt...",
    .summary = "Turn transcripts into text rows.",
    .description = "By a language model: each token's hidden states, of the layers asked for. Of a "
                   "STORE, the transcripts "
                   "of its clips are encoded, many at once, and a new store is written that has "
                   "everything of the old one "
                   "and the stream; an interrupted call is gone on with by the same command. Of "
                   "files, each holds one "
                   "transcript.\n\n"
                   "How it was done is kept in the store, and in what is trained on it, so that "
                   "'valence predict --text' "
                   "does the same. The last layers predict words and suit less than middle ones; "
                   "docs/results.md says "
                   "which suit best.",
    .example = "valence import table clips.csv transcripts --labels-only\n"
               "valence encode text transcripts -o store --layers 18 --spelling sentence\n"
               "valence encode text a.txt b.txt -m vicuna-7b.gguf -o text/",
    .run = run_text};
