/* valence transcribe: what is said in sound and video, with times. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "valence/text.h"
#include "valence/error.h"
#include "valence/output.h"
#include "valence/runtime.h"
#include "commands.h"
#include "json_output.h"
#include "media_files.h"
#include "model_cache.h"
#include "path_kinds.h"
#include "paths.h"
#include "shared_options.h"

enum format { TEXT, SRT, VTT, JSON, CSV, N_FORMATS };

struct request {
    const char *model, *output, *format_name, *language, *vad, *prompt;
    enum format format;
    int64_t beams, threads;
    double start, end;
    bool translate, words, force, json, quiet, offline;
    bool made_folder;    /* that `output` names */
    json_t *transcripts; /* of --json */
    struct media_limits limits;
    const char *const *files;
    int64_t n_files;
};

#ifdef VALENCE_WITH_ENCODERS
#include "valence/media.h"
#include "valence/transcribe.h"
#include "valence/transcript_formats.h"

static const char *const format_names[N_FORMATS] = {"text", "srt", "vtt", "json", "csv"};
static const char *const endings[N_FORMATS] = {".txt", ".srt", ".vtt", ".json", ".csv"};

/* ---- One file ---- */

static int hear(const struct request *request, struct valence_transcriber *transcriber,
                const char *path, struct valence_transcript **transcript,
                struct valence_error *error)
{
    struct valence_media *media;
    struct valence_media_options media_options = media_options_of(&request->limits);
    struct valence_transcribe_options options;
    valence_transcribe_options_default(&options);
    options.language = request->language;
    options.translate = request->translate;
    options.words = request->words;
    options.beams = (int)request->beams;
    options.vad = request->vad;
    options.prompt = request->prompt;
    *transcript = NULL;
    int status = media_file_open(path, &media_options, &media, error);
    const struct valence_media_segment range = {request->start,
                                                request->end > 0 ? request->end : 1e300};
    bool is_part = request->start > 0 || request->end > 0;
    if (!status)
        status = valence_transcribe(transcriber, media, is_part ? &range : NULL, &options,
                                    terminal_progress(request->quiet), transcript, error);
    terminal_progress_finish();
    if (!status)
        media_file_warn(path, media);
    valence_media_close(media);
    return status;
}

/* Where a file's transcript goes in a folder: FOLDER/STEM.srt; free() it. */
static char *path_in_folder(const struct request *request, const char *path)
{
    const char *slash = strrchr(path, '/');
    const char *name = strcmp(path, "-") == 0 ? "stdin" : slash ? slash + 1 : path;
    const char *dot = strrchr(name, '.');
    int stem = dot && dot > name ? (int)(dot - name) : (int)strlen(name);
    size_t size = strlen(request->output) + strlen(name) + 16;
    char *made = malloc(size);
    if (made)
        snprintf(made, size, "%s/%.*s%s", request->output, stem, name, endings[request->format]);
    return made;
}

/* With the names of Whisper's verbose_json; NULL with the error. */
static json_t *make_json(const struct request *request, const char *path,
                         const struct valence_transcript *transcript, struct valence_error *error)
{
    char *text = NULL;
    size_t n_bytes = 0;
    FILE *stream = open_memstream(&text, &n_bytes);
    int status =
        stream ? valence_transcript_write_json(stream, path, request->translate, transcript, error)
               : VALENCE_ERROR_MEMORY;
    bool is_written = stream && fclose(stream) == 0 && !status;
    json_t *json = is_written ? json_loadb(text, n_bytes, 0, NULL) : NULL;
    free(text);
    if (!json)
        valence_fail(error, VALENCE_ERROR_MEMORY, NULL, "no memory for %s", "the JSON");
    return json;
}

/* `is_first`: the CSV's head goes before. */
static int write_transcript(FILE *stream, const struct request *request, const char *path,
                            bool is_first, const struct valence_transcript *transcript,
                            struct valence_error *error)
{
    switch (request->format) {
    case JSON: {
        json_t *json = make_json(request, path, transcript, error);
        return json ? write_json(stream, json, error) : VALENCE_ERROR_MEMORY;
    }
    case SRT:
    case VTT:
        valence_transcript_write_cues(stream, transcript, request->format == VTT);
        return VALENCE_OK;
    case CSV:
        if (is_first)
            valence_transcript_write_csv_head(stream);
        valence_transcript_write_csv(stream, path, transcript);
        return VALENCE_OK;
    default:
        valence_transcript_write_text(stream, transcript);
        return VALENCE_OK;
    }
}

static int write_to(const struct request *request, const char *target, const char *path,
                    const struct valence_transcript *transcript, struct valence_error *error)
{
    struct valence_output *output;
    int status = valence_output_open(target, request->force, &output, error);
    if (status)
        return status;
    status =
        write_transcript(valence_output_stream(output), request, path, true, transcript, error);
    if (!status)
        return valence_output_commit(output, error);
    valence_output_abort(output);
    return status;
}

/* ---- All of them ---- */

static int make_folder(struct request *request, struct valence_error *error)
{
    const char *path = request->output;
    bool is_made = mkdir(path, 0777) == 0;
    request->made_folder = request->made_folder || is_made;
    if (is_made || errno == EEXIST)
        return VALENCE_OK;
    return valence_fail(error, VALENCE_ERROR_IO, NULL, "%s: cannot make the folder: %s", path,
                        strerror(errno));
}

static bool is_into_folder(const struct request *request)
{
    return request->output && strcmp(request->output, "-") != 0 &&
           (request->n_files > 1 || is_folder(request->output) ||
            request->output[strlen(request->output) - 1] == '/');
}

/* For --json: the transcript, and where it was written. */
static int note_transcript(const struct request *request, const char *path, const char *target,
                           const struct valence_transcript *transcript, struct valence_error *error)
{
    json_t *entry = make_json(request, path, transcript, error);
    if (!entry)
        return VALENCE_ERROR_MEMORY;
    if (json_object_set_new(entry, "output", target ? json_string(target) : json_null()) == 0 &&
        json_array_append(request->transcripts, entry) == 0) {
        json_decref(entry);
        return VALENCE_OK;
    }
    json_decref(entry);
    return valence_fail(error, VALENCE_ERROR_MEMORY, NULL, "no memory for %s", "the JSON");
}

/* What was heard goes where the options say. */
static int give_transcript(const struct request *request, int64_t index, const char *target,
                           const struct valence_transcript *transcript, struct valence_error *error)
{
    const char *path = request->files[index];
    int status = VALENCE_OK;
    if (target)
        status = write_to(request, target, path, transcript, error);
    if (!status && request->json)
        status = note_transcript(request, path, target, transcript, error);
    else if (!status && !target)
        status = write_transcript(stdout, request, path, index == 0, transcript, error);
    return status;
}

static int transcribe_file(struct request *request, struct valence_transcriber *transcriber,
                           int64_t index, struct valence_error *error)
{
    const char *path = request->files[index];
    struct valence_transcript *transcript = NULL;
    char *target = NULL;
    int status = VALENCE_OK;
    if (is_into_folder(request)) {
        status = make_folder(request, error);
        if (!status && !(target = path_in_folder(request, path)))
            status = valence_fail(error, VALENCE_ERROR_MEMORY, NULL, "no memory for %s", "a path");
    } else if (request->output && !(target = strdup(request->output))) {
        status = valence_fail(error, VALENCE_ERROR_MEMORY, NULL, "no memory for %s", "a path");
    }
    if (!status && target) /* before minutes of work */
        status = valence_output_check(target, request->force, error);
    if (!status) {
        status = hear(request, transcriber, path, &transcript, error);
        if (!status)
            status = give_transcript(request, index, target, transcript, error);
        valence_transcript_free(transcript);
    }
    if (status && request->made_folder)
        (void)rmdir(request->output); /* which works where nothing is in it */
    free(target);
    return status;
}

static int transcribe(struct request *request, struct valence_error *error)
{
    struct valence_transcriber *transcriber = NULL;
    char *path, *vad = NULL;
    if (request->threads)
        valence_set_threads((int)request->threads);
    int status = model_path(request->model, request->offline, request->quiet, &path, error);
    if (!status && request->vad)
        status = model_path(request->vad, request->offline, request->quiet, &vad, error);
    if (!status)
        status = valence_transcriber_load(path, &transcriber, error);
    request->vad = vad;
    valence_text_free(path);
    for (int64_t i = 0; !status && i < request->n_files; i++)
        status = transcribe_file(request, transcriber, i, error);
    valence_transcriber_free(transcriber);
    request->vad = NULL;
    valence_text_free(vad);
    if (!status && request->json)
        status = print_json(json_pack("{s:O}", "transcripts", request->transcripts), error);
    return status;
}

static int run_request(const struct command *command, struct request *request)
{
    struct valence_error error;
    if (request->json && request->output && strcmp(request->output, "-") == 0)
        return report_usage(command, "--json and --output - both write to standard output");
    if (request->json && request->format_name && !request->output)
        return report_usage(command, "--format is about the files of --output; --json prints JSON");
    request->format_name = request->format_name ? request->format_name : "text";
    for (request->format = TEXT; request->format < N_FORMATS; request->format++)
        if (strcmp(format_names[request->format], request->format_name) == 0)
            break;
    if (request->format == N_FORMATS)
        return report_usage(command,
                            "unknown format '%s'; choose one of: text, srt, vtt, json, csv",
                            request->format_name);
    if (request->end > 0 && request->end <= request->start)
        return report_usage(command, "--end is not after --start");
    if (request->language && strcmp(request->language, "auto") == 0)
        request->language = NULL;
    request->transcripts = request->json ? json_array() : NULL;
    int status = transcribe(request, &error);
    json_decref(request->transcripts);
    if (status)
        explain_paths(request->files, (int)request->n_files, WANTED_MEDIA, &error);
    return status ? report_error(&error) : EXIT_FINE;
}
#else
static int run_request(const struct command *command, struct request *request)
{
    struct valence_error error;
    (void)command, (void)request;
    valence_fail(&error, VALENCE_ERROR_UNSUPPORTED, NULL,
                 "this build cannot transcribe (configure with -DVALENCE_ENCODERS=ON, which brings "
                 "whisper.cpp)");
    return report_error(&error);
}
#endif

static int run_transcribe(const struct command *command, int argc, char **argv)
{
    struct request request = {.model = "whisper-base", .beams = 5};
    int n, code = EXIT_FAILED;
#ifdef VALENCE_WITH_ENCODERS
    request.limits = media_limits_default();
#endif
    const struct option options[] = {
        option_model(&request.model,
                     "The Whisper model, a GGUF file or a name from 'valence models' (default: "
                     "whisper-base)."),
        option_offline(&request.offline),
        option_output(
            &request.output, "PATH",
            "Where to write the transcript: a file, or a folder for several (default: standard "
            "output)."),
        {OPTION_TEXT, 'f', "format", &request.format_name, "FORMAT",
         "text, srt, vtt, json (the names of Whisper's verbose_json) or csv (default: text).", 0,
         0},
        option_json(&request.json),
        {OPTION_TEXT, 'l', "language", &request.language, "CODE",
         "The language: en, de, ...; auto detects it (default: auto).", 0, 0},
        {OPTION_FLAG, 0, "translate", &request.translate, NULL, "Translate into English.", 0, 0},
        {OPTION_FLAG, 0, "words", &request.words, NULL, "Words with their times, in JSON and CSV.",
         0, 0},
        {OPTION_TEXT, 0, "vad", &request.vad, "FILE",
         "Silero's voice activity detection model, a file or silero-vad: transcribe only where "
         "there "
         "is speech (default: everything).",
         0, 0},
        {OPTION_TEXT, 0, "prompt", &request.prompt, "TEXT",
         "Names and terms that are likely to occur.", 0, 0},
        {OPTION_NUMBER, 0, "start", &request.start, "S", "From this second (default: 0).", 0, 1e7},
        {OPTION_NUMBER, 0, "end", &request.end, "S", "Up to this second (default: the end).", 0,
         1e7},
        {OPTION_INT, 0, "beams", &request.beams, "N",
         "Width of the beam search; 1 is greedy (default: 5).", 1, 8},
        option_threads(&request.threads),
        MEDIA_OPTIONS(request.limits),
        option_force(&request.force, "Replace existing files."),
        option_quiet(&request.quiet),
        {.type = OPTION_END}};
    const char **positional = calloc((size_t)argc, sizeof *positional);
    if (!positional)
        return EXIT_FAILED;
    if (options_parse(command, options, argc, argv, positional, 1, argc, &n, &code)) {
        request.files = positional;
        request.n_files = n;
        code = run_request(command, &request);
    }
    free(positional);
    return code;
}

const struct command command_transcribe = {
    .name = "transcribe",
    .arguments = "FILE...",
    .summary = "Transcribe the speech in sound and video files, with timestamps.",
    .description =
        "The sound of any audio or video file that FFmpeg reads ('-' is standard input) goes "
        "through Whisper. The model is whisper-base, whisper-tiny.en (both are fetched at first "
        "use), or a GGUF file made by 'valence convert whisper' in f16 or f32. Long files are "
        "transcribed in blocks of ten minutes, which limits memory.\n\n"
        "Each segment has a confidence, the mean probability of its tokens; --words gives times "
        "and "
        "confidence for each word.",
    .example = "valence transcribe talk.mp4 -f srt -o talk.srt --vad silero-vad\n"
               "valence transcribe -m whisper-tiny.en clips/*.wav -f json --words -o transcripts/",
    .computes = true,
    .run = run_transcribe,
};
