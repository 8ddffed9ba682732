/* valence encode text: transcripts into feature rows. */
#include "encode_text.h"

#include <stdio.h>
#include <stdlib.h>

#include "valence/text.h"
#include "valence/runtime.h"
#include "choices.h"
#include "encode_kinds.h"
#include "encode_summary.h"
#include "model_cache.h"
#include "shared_options.h"

void text_encoding_default(struct text_encoding *encoding)
{
    valence_transcript_options_default(&encoding->settings);
    valence_encode_store_options_default(&encoding->store);
    encoding->store.stream = valence_stream_names[VALENCE_STREAM_TEXT];
}

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

static int open_encoder(struct text_encoding *encoding, struct valence_transcript_encoder **encoder,
                        struct valence_error *error)
{
    char *path, *memory = model_memory();
    *encoder = NULL;
    encoding->settings.memory = memory;
    int status = model_path(encoding->model, encoding->offline, encoding->quiet, &path, error);
    if (!status)
        status = valence_transcript_encoder_open(path, &encoding->settings, encoder, error);
    if (!status && !encoding->quiet)
        print_encoder_warning(valence_transcript_encoder_model(*encoder));
    encoding->settings.memory = NULL;
    valence_text_free(path);
    valence_text_free(memory);
    return status;
}

int encode_text_of_store(struct text_encoding *encoding, const char *from, const char *to,
                         struct valence_error *error)
{
    struct valence_transcript_encoder *encoder;
    struct valence_encode_report *report = NULL;
    int status = open_encoder(encoding, &encoder, error);
    if (status)
        return status;
    encoding->store.progress = terminal_progress(encoding->quiet);
    status = valence_encode_store_text(encoder, from, to, &encoding->store, &report, error);
    terminal_progress_finish();
    if (report && encoding->json)
        status = print_report_json(to, report, error);
    else if (report && !encoding->no_summary)
        print_store_summary(to, encoding->store.stream, encoding->store.dtype, report);
    if (report)
        print_skipped(report);
    valence_encode_report_free(report);
    valence_transcript_encoder_close(encoder);
    return status;
}

static int encode_text_of_files(struct text_encoding *encoding, const char *const *inputs,
                                int64_t n, const char *output,
                                struct valence_encode_options *options, struct valence_error *error)
{
    struct valence_transcript_encoder *encoder;
    struct valence_encode_report *report = NULL;
    int status = open_encoder(encoding, &encoder, error);
    if (status)
        return status;
    options->progress = terminal_progress(encoding->quiet);
    status = valence_encode_text_files(encoder, inputs, n, output, options, &report, error);
    terminal_progress_finish();
    if (report && encoding->json)
        status = print_report_json(output, report, error);
    else if (report)
        print_files_summary(output, report);
    if (report)
        print_skipped(report);
    valence_encode_report_free(report);
    valence_transcript_encoder_close(encoder);
    return status;
}

/* ---- The command ---- */

struct request {
    const char *output, *spelling, *rows, *dtype;
    int64_t threads, seed;
    struct valence_encode_options files;
    struct text_encoding encoding;
};

static bool parse(const struct command *command, int argc, char **argv, struct request *request,
                  const char **inputs, int *n, int *code)
{
    struct text_encoding *encoding = &request->encoding;
    const struct option options[] = {
        option_model(
            &encoding->model,
            "The language model: a GGUF file, or a name from 'valence models' (default: " TEXT_MODEL
            ", fetched at first use)."),
        option_rows_output(&request->output),
        {OPTION_GROUP, 0, NULL, NULL, NULL, "Rows", 0, 0},
        option_text_layers(&encoding->settings.layers),
        option_text_spelling(&request->spelling),
        option_text_prefix(&encoding->settings.prefix),
        option_text_suffix(&encoding->settings.suffix),
        option_text_rows(&request->rows),
        {OPTION_FLAG, 0, "no-special", &encoding->settings.drop_special, NULL,
         "No rows for the special tokens that the model adds around a text (BOS).", 0, 0},
        {OPTION_FLAG, 0, "no-first", &encoding->settings.drop_first, NULL,
         "Also no row for the first token, whose values dwarf the others'; a transcript of one "
         "token then has no rows.",
         0, 0},
        {OPTION_GROUP, 0, NULL, NULL, NULL, "For a store", 0, 0},
        option_store(&inputs[0]),
        option_stream(&encoding->store.stream, "The stream's name (default: text)."),
        option_hidden_dtype(&request->dtype),
        {OPTION_NUMBER, 0, "drop-words", &encoding->store.drop_words, "RATE",
         "Text of low quality: delete each word with this probability before anything is encoded, "
         "so that the rows of the others never knew it.",
         0, 1},
        {OPTION_NUMBER, 0, "replace-words", &encoding->store.replace_words, "RATE",
         "The same, but put a word from the store's transcripts in its place.", 0, 1},
        {OPTION_INT, 0, "seed", &request->seed, "N",
         "Draws which words are damaged (default: 0). A higher rate loses what a lower one loses.",
         0, 9e15},
        {OPTION_GROUP, 0, NULL, NULL, NULL, "Resources", 0, 0},
        option_device(&encoding->settings.device),
        option_threads(&request->threads),
        option_offline(&encoding->offline),
        FILES_OPTIONS(request->files),
        option_json(&encoding->json),
        option_quiet(&encoding->quiet),
        {.type = OPTION_END}};
    return options_parse(command, options, argc, argv, inputs, 1, argc, n, code);
}

static int encode(struct request *request, const char *const *inputs, int n)
{
    struct text_encoding *encoding = &request->encoding;
    struct valence_error error;
    encoding->store.skip = request->files.skip;
    encoding->store.overwrite = request->files.overwrite;
    encoding->store.damage_seed = (uint64_t)request->seed;
    int status =
        is_store(inputs, n)
            ? encode_text_of_store(encoding, inputs[0], request->output, &error)
            : encode_text_of_files(encoding, inputs, n, request->output, &request->files, &error);
    return status ? report_error(&error) : EXIT_FINE;
}

static int run_text(const struct command *command, int argc, char **argv)
{
    struct request request = {
        .spelling = "as-is", .rows = "tokens", .dtype = "f32", .encoding = {.model = TEXT_MODEL}};
    struct text_encoding *encoding = &request.encoding;
    const char **inputs = calloc((size_t)argc + 1, sizeof *inputs);
    int n, code;
    if (!inputs)
        return report_no_memory();
    valence_encode_options_default(&request.files);
    text_encoding_default(encoding);
    if (parse(command, argc, argv, &request, inputs, &n, &code)) {
        code = choose_text_settings(command, request.spelling, request.rows, &encoding->settings);
        if (!code)
            code = choose_dtype(command, request.dtype, &encoding->store.dtype);
        if (!code && !request.output)
            code = report_usage(command, "--output PATH is missing: where to write the features");
        if (!code && (encoding->store.drop_words > 0 || encoding->store.replace_words > 0) &&
            !is_store(inputs, n))
            code = report_usage(command, "--drop-words and --replace-words damage the transcripts "
                                         "of a store: give one in place of files");
        if (!code && request.threads)
            valence_set_threads((int)request.threads);
        if (!code)
            code = encode(&request, inputs, n);
    }
    free(inputs);
    return code;
}

const struct command encode_text = {
    .name = "encode text",
    .arguments = "STORE|FILE.txt|FOLDER...",
    .summary = "Turn transcripts into text rows.",
    .description =
        "The rows are the hidden states of a language model for each token, from the layers that "
        "you choose. If you give a STORE, the transcripts of its clips are encoded and a new store "
        "is written, with the old one's contents and the new stream. Run the same command again to "
        "resume an interrupted one. If you give files, each holds one transcript.\n\n"
        "The store, and models trained on it, record the settings, so that 'valence predict "
        "--text' uses the same. Middle layers work better than the last ones, which predict the "
        "next word; docs/text-features.md compares them.",
    .example = "valence import table clips.csv transcripts --labels-only\n"
               "valence encode text transcripts -o store --layers 18 --spelling sentence\n"
               "valence encode text store -o damaged --layers 18 --spelling sentence --stream "
               "text_30 --drop-words 0.3\n"
               "valence encode text a.txt b.txt -m vicuna-7b.gguf -o text/",
    .run = run_text};
