/* valence score: how positive or negative what a recording or a text says is. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "valence/error.h"
#include "valence/output.h"
#include "valence/runtime.h"
#include "choices.h"
#include "commands.h"
#include "media_files.h"
#include "model_cache.h"
#include "shared_options.h"

struct request {
    const char *run, *transcript, *text_column, *id_column, *language;
    const char *whisper, *wavlm, *faces, *manet, *llm, *vad;
    const char *report;
    bool embed, force;
    struct option_list texts;
    bool no_transcript, no_journal, signals, explain, live, raw;
    bool json, csv, srt, vtt, quiet, offline;
    double window, level, start, end;
    int64_t threads;
    struct media_limits limits;
    struct valence_model_fetch_options
        fetch; /* of encoders that are not here; the scorer keeps it */
    const char *const *files;
    int64_t n_files;
};

#ifdef VALENCE_WITH_ENCODERS
#include "score_inputs.h"
#include "score_live.h"
#include "score_output.h"
#include "valence/scorer.h"
#include "valence/text.h"
#include "valence/text_table.h"
#include "valence/transcript.h"

/* Texts of a table that are scored together. */
#define ROWS_TOGETHER 32

/* ---- Opening ---- */

/* The names of encoders, where they are given, become paths. */
struct encoder_paths {
    char *paths[6], *folder, *memory, *run, *journal;
};

static void free_paths(struct encoder_paths *paths)
{
    for (size_t i = 0; i < sizeof paths->paths / sizeof *paths->paths; i++)
        free(paths->paths[i]);
    free(paths->folder);
    free(paths->memory);
    free(paths->run);
    free(paths->journal);
}

static int resolve(const struct request *request, struct valence_scorer_options *options,
                   struct encoder_paths *paths, struct valence_error *error)
{
    const struct {
        const char *given;
        const char **target;
    } encoders[] = {
        {request->whisper, &options->whisper_model}, {request->wavlm, &options->wavlm_model},
        {request->faces, &options->faces_model},     {request->manet, &options->manet_model},
        {request->llm, &options->text_model},        {request->vad, &options->vad}};
    int status = VALENCE_OK;
    for (size_t i = 0; i < sizeof encoders / sizeof *encoders && !status; i++)
        if (encoders[i].given) {
            status = model_path(encoders[i].given, request->offline, request->quiet,
                                &paths->paths[i], error);
            *encoders[i].target = paths->paths[i];
        }
    options->folder = paths->folder = model_folder();
    options->memory = paths->memory = model_memory();
    options->journal_folder = paths->journal = request->no_journal ? NULL : journal_folder();
    options->fetch = &request->fetch;
    return status;
}

static int open_scorer(const struct request *request, const struct valence_media_options *media,
                       struct valence_scorer **scorer, struct valence_error *error)
{
    struct valence_scorer_options options;
    struct encoder_paths paths = {0};
    valence_scorer_options_default(&options);
    options.recognise = !request->no_transcript;
    options.language = request->language;
    options.level = request->level;
    options.window_seconds = request->window;
    options.signals = request->signals;
    options.explain = request->explain || request->report;
    options.media = media;
    *scorer = NULL;
    int status = resolve(request, &options, &paths, error);
    if (!status && !request->run)
        status = valence_default_model_path(&paths.run, error);
    if (!status)
        status =
            valence_scorer_open(request->run ? request->run : paths.run, &options, scorer, error);
    free_paths(&paths);
    return status;
}

/* ---- Recordings ---- */

/* What is said, as --text or --transcript gives it. */
struct said {
    const char *text;
    char *own; /* that `text` points to, or NULL */
    struct valence_transcript *transcript;
};

static int read_transcript(const struct request *request, struct said *said,
                           struct valence_error *error)
{
    bool is_part = request->start > 0 || request->end > 0;
    double end = request->end > 0 ? request->end : INFINITY;
    *said = (struct said){.text = request->n_files && request->texts.n ? request->texts.values[0]
                                                                       : NULL};
    if (!request->transcript)
        return VALENCE_OK;
    int status = valence_transcript_read(request->transcript, NULL, &said->transcript, error);
    if (status)
        return status;
    bool has_times =
        said->transcript->n_segments > 0 && !isnan(said->transcript->segments[0].start);
    if (has_times && !is_part)
        return VALENCE_OK;
    status = valence_transcript_text(said->transcript, is_part ? request->start : 0,
                                     is_part ? end : (double)INFINITY, &said->own, error);
    said->text = said->own;
    return status;
}

static int score_one(struct valence_scorer *scorer, const struct request *request,
                     const struct score_input *input, const struct said *said,
                     struct score_output *output, struct valence_error *error)
{
    const struct valence_media_segment range = {request->start,
                                                request->end > 0 ? request->end : 1e300};
    bool is_part = request->start > 0 || request->end > 0;
    struct valence_recording recording = {.name = input->id};
    struct valence_recording_score *score;
    char *text = NULL;
    int status = VALENCE_OK;
    if (input->kind == SCORE_TEXT_FILE) {
        status = score_read_text(input->path, &text, error);
        recording.text = text;
    } else {
        recording.path = input->path;
        recording.range = is_part ? &range : NULL;
        recording.text = said->text;
        recording.transcript = said->text ? NULL : said->transcript;
    }
    if (!status)
        status = valence_score_recording(scorer, &recording, terminal_progress(request->quiet),
                                         NULL, NULL, &score, error);
    terminal_progress_finish();
    if (!status) {
        bool is_gone = input->is_temporary && !request->embed; /* before the page is read */
        score_output_recording(output, input->id, is_gone ? NULL : recording.path, score);
        valence_recording_score_free(score);
    }
    valence_text_free(text);
    return status;
}

/* ---- Texts ---- */

struct rows {
    struct score_output *output;
    char *ids[ROWS_TOGETHER], *texts[ROWS_TOGETHER];
    int64_t n, n_unscored;
    char first_unscored[64];
};

static int receive_row(void *user, const struct valence_scored_segment *segment)
{
    struct rows *rows = user;
    const char *id = rows->ids[segment->index];
    if (isnan(segment->score) && rows->n_unscored++ == 0)
        snprintf(rows->first_unscored, sizeof rows->first_unscored, "%s", id);
    score_output_text(rows->output, id, segment);
    return ferror(stdout);
}

static int score_rows(struct valence_scorer *scorer, struct rows *rows, struct valence_error *error)
{
    int status = valence_score_texts(scorer, (const char *const *)rows->texts, rows->n, NULL,
                                     receive_row, rows, error);
    for (int64_t i = 0; i < rows->n; i++) {
        free(rows->ids[i]);
        free(rows->texts[i]);
    }
    rows->n = 0;
    return status;
}

static int read_rows(struct valence_scorer *scorer, struct valence_text_table *table,
                     struct rows *rows, struct valence_error *error)
{
    const char *id, *text;
    int status;
    while (!(status = valence_text_table_next(table, &id, &text, error)) && id) {
        rows->ids[rows->n] = strdup(id);
        rows->texts[rows->n] = strdup(text);
        rows->n++;
        if (!rows->ids[rows->n - 1] || !rows->texts[rows->n - 1])
            return valence_fail(error, VALENCE_ERROR_MEMORY, NULL, "no memory for %s", "a text");
        if (rows->n == ROWS_TOGETHER && (status = score_rows(scorer, rows, error)))
            return status;
    }
    return status;
}

static int score_table(struct valence_scorer *scorer, const struct request *request,
                       const struct score_input *input, struct score_output *output,
                       struct valence_error *error)
{
    struct valence_text_table_options options;
    struct valence_text_table *table;
    struct rows rows = {.output = output};
    struct valence_error left;
    valence_text_table_options_default(&options);
    options.text_column = request->text_column;
    options.id_column = request->id_column;
    int status = valence_text_table_open(input->path, &options, &table, error);
    if (status)
        return status;
    status = read_rows(scorer, table, &rows, error);
    /* Those before the row that could not be read are scored all the same. */
    int last = score_rows(scorer, &rows, status ? &left : error);
    valence_text_table_close(table);
    if (rows.n_unscored)
        fprintf(stderr, "valence score: note: %s: %lld texts have no score, the first is '%s'\n",
                input->id, (long long)rows.n_unscored, rows.first_unscored);
    return status ? status : last;
}

static int receive_sentence(void *user, const struct valence_scored_segment *segment)
{
    score_output_text(user, NULL, segment);
    return ferror(stdout);
}

/* ---- All of them ---- */

static int score_input(struct valence_scorer *scorer, const struct request *request,
                       const struct score_input *input, const struct said *said,
                       struct score_output *output, struct valence_error *error)
{
    return input->kind == SCORE_TABLE ? score_table(scorer, request, input, output, error)
                                      : score_one(scorer, request, input, said, output, error);
}

/* Goes on behind a file that cannot be scored, and says so at the end. */
static int score_files(struct valence_scorer *scorer, const struct request *request,
                       const struct score_inputs *inputs, struct score_output *output)
{
    struct valence_error error;
    struct said said;
    int64_t n_failed = 0;
    int code = EXIT_FINE;
    if (read_transcript(request, &said, &error))
        code = report_error(&error);
    for (int64_t i = 0; i < inputs->n && (code == EXIT_FINE || n_failed); i++) {
        int status = score_input(scorer, request, &inputs->list[i], &said, output, &error);
        output->stopped = status == VALENCE_ERROR_CANCELLED;
        if (output->stopped && ferror(stdout))
            break; /* main() says why nothing more can be written */
        if (!status)
            continue;
        code = report_error(&error);
        output->stopped = status == VALENCE_ERROR_CANCELLED || status == VALENCE_ERROR_MEMORY;
        if (output->stopped)
            break;
        n_failed++;
        score_output_failure(output, inputs->list[i].id, error.text);
    }
    if (n_failed && inputs->n > 1) {
        fprintf(stderr, "valence score: %lld of %lld files could not be scored\n",
                (long long)n_failed, (long long)inputs->n);
        code = EXIT_FAILED;
    }
    if (inputs->n_passed_over && !request->quiet)
        fprintf(stderr,
                "valence score: note: %lld files of the folder are neither sound, video "
                "nor text and were left out\n",
                (long long)inputs->n_passed_over);
    valence_transcript_free(said.transcript);
    valence_text_free(said.own);
    return code;
}

/* Before anything is scored: it may take an hour. */
static int open_report(struct valence_scorer *scorer, const struct request *request,
                       const struct score_inputs *inputs, struct score_output *output,
                       struct valence_error *error)
{
    const struct valence_media_options media = media_options_of(&request->limits);
    struct valence_score_report_options options;
    const char **paths = calloc((size_t)inputs->n + 1, sizeof *paths);
    int64_t n = 0;
    if (!paths)
        return valence_fail(error, VALENCE_ERROR_MEMORY, NULL, "no memory for %s", "a list");
    for (int64_t i = 0; i < inputs->n; i++)
        if (inputs->list[i].kind == SCORE_RECORDING)
            paths[n++] = inputs->list[i].path;
    valence_score_report_options_default(&options);
    options.language = output->for_english ? "en" : NULL;
    options.embed = request->embed;
    options.overwrite = request->force;
    options.media = &media;
    int status = valence_score_report_check(request->report, paths, n, &options, error);
    if (!status)
        status = valence_score_report_open(request->report, scorer, output->model, &options,
                                           &output->report, error);
    free(paths);
    return status;
}

static int score_all(struct valence_scorer *scorer, const struct request *request,
                     const struct valence_media_options *media, struct score_output *output)
{
    struct score_inputs inputs = {0};
    struct valence_error error;
    bool has_media = false;
    int status, code = EXIT_FINE;
    if (request->live) {
        status = score_live(scorer, output, request->raw, media, &error);
        if (!status && output->error.status) {
            error = output->error;
            status = error.status;
        }
        return status && !ferror(stdout) ? report_error(&error) : EXIT_FINE;
    }
    status = score_inputs_list(&inputs, request->files, request->n_files, &error);
    if (!status && request->report)
        status = open_report(scorer, request, &inputs, output, &error);
    for (int64_t i = 0; i < inputs.n; i++)
        has_media = has_media || inputs.list[i].kind == SCORE_RECORDING;
    if (!status) /* once, and not for each file */
        status = valence_scorer_load(
            scorer, has_media ? VALENCE_SCORER_RECORDINGS : VALENCE_SCORER_TEXTS, &error);
    if (!status && !request->n_files)
        status = valence_score_texts(scorer, request->texts.values, request->texts.n,
                                     terminal_progress(request->quiet), receive_sentence, output,
                                     &error);
    terminal_progress_finish();
    if (status)
        code =
            status == VALENCE_ERROR_CANCELLED && ferror(stdout) ? EXIT_FINE : report_error(&error);
    else if (request->n_files)
        code = score_files(scorer, request, &inputs, output);
    output->stopped = output->stopped || status;
    if ((!status || output->begun) && score_output_finish(output, &error))
        code = report_error(&error);
    score_inputs_free(&inputs);
    return code;
}

static int run_request(const struct command *command, struct request *request)
{
    struct valence_media_options media = media_options_of(&request->limits);
    struct valence_scorer *scorer;
    struct valence_error error;
    (void)command;
    if (request->threads)
        valence_set_threads((int)request->threads);
    if (request->language && strcmp(request->language, "auto") == 0)
        request->language = NULL;
    if (open_scorer(request, &media, &scorer, &error))
        return report_error(&error);
    struct score_output output = {.form = request->json  ? SCORE_FORM_JSON
                                          : request->csv ? SCORE_FORM_CSV
                                          : request->srt ? SCORE_FORM_SRT
                                          : request->vtt ? SCORE_FORM_VTT
                                                         : SCORE_FORM_TABLE,
                                  .scorer = scorer,
                                  .model = request->run ? request->run : "valence-text-en",
                                  .for_english = !request->run,
                                  .level = request->level,
                                  .explain = request->explain,
                                  .signals = request->signals};
    int code = score_all(scorer, request, &media, &output);
    valence_score_report_abort(output.report);
    valence_scorer_close(scorer);
    return code;
}
#else
static int run_request(const struct command *command, struct request *request)
{
    struct valence_error error;
    (void)command, (void)request;
    valence_fail(&error, VALENCE_ERROR_UNSUPPORTED, NULL,
                 "this build cannot score recordings and texts (configure with "
                 "-DVALENCE_ENCODERS=ON); 'valence predict' scores stores");
    return report_error(&error);
}
#endif

/* ---- Options ---- */

static int check(const struct command *command, const struct request *request)
{
    bool is_input = request->n_files == 1 && strcmp(request->files[0], "-") == 0;
    if (request->json + request->csv + request->srt + request->vtt > 1)
        return report_usage(command, "--json, --csv, --srt and --vtt exclude each other");
    if (!request->n_files && !request->texts.n)
        return report_usage(command, "give a file, or texts with --text");
    if ((request->texts.n > 0) + (request->transcript != NULL) + request->no_transcript > 1)
        return report_usage(command, "--text, --transcript and --no-transcript exclude each other");
    if (request->n_files && (request->texts.n > 1 ||
                             (request->n_files > 1 && (request->texts.n || request->transcript))))
        return report_usage(command, "--text and --transcript say what is said in one file: give "
                                     "one file and one text");
    if (!request->n_files && (request->transcript || request->no_transcript))
        return report_usage(command, "--transcript and --no-transcript need a file");
    if ((request->srt || request->vtt) && request->n_files != 1)
        return report_usage(command, "--srt and --vtt take one recording");
    if (request->live && !is_input)
        return report_usage(command, "--live reads standard input: valence score - --live");
    if (request->live && (request->srt || request->vtt))
        return report_usage(command, "--live prints lines, --json or --csv");
    if (request->live && request->report)
        return report_usage(command, "--live makes no page: --report takes what has an end");
    if (request->embed && !request->report)
        return report_usage(command, "--embed goes with --report");
    if (request->report && valence_output_is_standard(request->report))
        return report_usage(command, "--report takes a file: standard output has the table");
    if (request->raw && !request->live)
        return report_usage(command, "--raw goes with --live");
    if (request->end > 0 && request->end <= request->start)
        return report_usage(command, "--end is not after --start");
    return EXIT_FINE;
}

static int run_score(const struct command *command, int argc, char **argv)
{
    struct request request = {.level = CHOICE_LEVEL};
    int n, code = EXIT_FAILED;
#ifdef VALENCE_WITH_ENCODERS
    request.limits = media_limits_default();
#endif
    const struct option options[] = {
        option_model(&request.run,
                     "The model that scores: a run or a checkpoint (default: the model for English "
                     "text that comes with valence)."),
        {OPTION_GROUP, 0, NULL, NULL, NULL, "What is said", 0, 0},
        {OPTION_LIST, 't', "text", &request.texts, "TEXT",
         "What is said in the file; without a file, a text to score. You can repeat it.", 0, 0},
        {OPTION_TEXT, 0, "transcript", &request.transcript, "FILE",
         "What is said in the file: .srt, .vtt, .TextGrid, .csv or .txt (default: it is "
         "recognised).",
         0, 0},
        {OPTION_FLAG, 0, "no-transcript", &request.no_transcript, NULL,
         "Recognise nothing: score voice and face alone.", 0, 0},
        {OPTION_TEXT, 'l', "language", &request.language, "CODE",
         "The language spoken: en, de, ...; auto detects it (default: auto, or as in training).", 0,
         0},
        {OPTION_TEXT, 0, "text-column", &request.text_column, "NAME",
         "Tables: the column of texts (default: transcript or text).", 0, 0},
        {OPTION_TEXT, 0, "id-column", &request.id_column, "NAME",
         "Tables: the column of ids (default: id, else rows are counted).", 0, 0},
        {OPTION_GROUP, 0, NULL, NULL, NULL, "Which part", 0, 0},
        {OPTION_NUMBER, 0, "window", &request.window, "S",
         "Cut recordings into windows of S seconds (default: into utterances).", 0.5, 3600},
        {OPTION_NUMBER, 0, "start", &request.start, "S",
         "Score the part from this second, as one segment (default: 0).", 0, 1e7},
        {OPTION_NUMBER, 0, "end", &request.end, "S", "Up to this second (default: the end).", 0,
         1e7},
        {OPTION_GROUP, 0, NULL, NULL, NULL, "Output", 0, 0},
        LEVEL_OPTION(&request.level),
        {OPTION_FLAG, 0, "signals", &request.signals, NULL,
         "Show what voice and face look like in each segment, as observations.", 0, 0},
        {OPTION_FLAG, 0, "explain", &request.explain, NULL,
         "Show the score without each word, and without each modality.", 0, 0},
        {OPTION_TEXT, 0, "report", &request.report, "FILE",
         "Write a page, FILE.html, with player, timeline, words and their effects.", 0, 0},
        {OPTION_FLAG, 0, "embed", &request.embed, NULL,
         "Let the page carry the recordings (up to 64 MiB) instead of playing their files.", 0, 0},
        option_force(&request.force, "Replace an existing page."),
        option_json(&request.json),
        {OPTION_FLAG, 0, "csv", &request.csv, NULL, "Print CSV, a row for each segment.", 0, 0},
        {OPTION_FLAG, 0, "srt", &request.srt, NULL, "Print SubRip subtitles with scores.", 0, 0},
        {OPTION_FLAG, 0, "vtt", &request.vtt, NULL, "Print WebVTT subtitles with scores.", 0, 0},
        {OPTION_FLAG, 0, "live", &request.live, NULL,
         "Score standard input as it comes, a line for each utterance.", 0, 0},
        {OPTION_FLAG, 0, "raw", &request.raw, NULL,
         "With --live: the input is 16-bit little-endian samples, mono, 16 kHz, without header.", 0,
         0},
        {OPTION_FLAG, 0, "no-journal", &request.no_journal, NULL,
         "Keep nothing of an unfinished recording, and do not go on with one.", 0, 0},
        option_quiet(&request.quiet),
        {OPTION_GROUP, 0, NULL, NULL, NULL, "Encoders (files, or names from 'valence models')", 0,
         0},
        {OPTION_TEXT, 0, "whisper", &request.whisper, "MODEL",
         "Whisper, for speech and its rows (default: whisper-base).", 0, 0},
        {OPTION_TEXT, 0, "llm", &request.llm, "MODEL",
         "The language model (default: the one that training used).", 0, 0},
        {OPTION_TEXT, 0, "faces", &request.faces, "MODEL",
         "The face detector and expressions (default: faces).", 0, 0},
        {OPTION_TEXT, 0, "wavlm", &request.wavlm, "MODEL", "WavLM (default: wavlm).", 0, 0},
        {OPTION_TEXT, 0, "manet", &request.manet, "MODEL", "MANet (default: manet).", 0, 0},
        {OPTION_TEXT, 0, "vad", &request.vad, "MODEL",
         "Silero's voice activity detection: recognise only where there is speech (default: "
         "everything).",
         0, 0},
        option_offline(&request.offline),
        {OPTION_GROUP, 0, NULL, NULL, NULL, "Limits", 0, 0},
        option_threads(&request.threads),
        MEDIA_OPTIONS(request.limits),
        {.type = OPTION_END}};
    const char **positional = calloc((size_t)argc, sizeof *positional);
    if (!positional)
        return report_no_memory();
    if (options_parse(command, options, argc, argv, positional, 0, argc, &n, &code)) {
        request.files = positional;
        request.n_files = n;
        code = check(command, &request);
        model_fetch_options(NULL, request.offline, request.quiet, &request.fetch);
        if (code == EXIT_FINE)
            code = run_request(command, &request);
    }
    free(positional);
    return code;
}

const struct command command_score = {
    .name = "score",
    .arguments = "[FILE...|-]",
    .summary = "Score what is said in sound and video files, or texts, from -3 to 3.",
    .description =
        "FILE is a recording (any sound or video that FFmpeg reads), a text (.txt), a table of "
        "texts (.csv, .tsv), a folder of recordings and texts, or '-' for standard input. Speech "
        "is recognised if you give no transcript. The encoders and their settings are those that "
        "the model was trained with; those that 'valence models' lists are fetched at first "
        "use.\n\n"
        "A recording longer than 15 seconds is cut into utterances: sentences of the transcript "
        "or, without words, the sound between pauses. Each has a score, the error to expect and an "
        "interval. The score of the whole is their mean, weighted by duration, with its spread. A "
        "text of more than 40 words is cut into sentences.\n\n"
        "Without --model, valence uses the text model for English that comes with it, which reads "
        "words alone. docs/score.md says how to score voice and face too.\n\n"
        "A recording of more than a minute can be interrupted: the same command goes on where it "
        "stopped, even after kill -9. What is finished is kept in the cache folder until then.\n\n"
        "--live prints a line half a second after an utterance ended, plus the time that scoring "
        "it takes; a speaker who never pauses is cut after 30 seconds.",
    .example = "valence score clip.mp4\n"
               "valence score clip.mp4 --report clip.html\n"
               "valence score talk.mkv --transcript talk.srt --vtt > scores.vtt\n"
               "valence score --text 'I loved every minute' --explain\n"
               "valence score reviews.csv --text-column review --csv > scores.csv\n"
               "ffmpeg -v error -f alsa -i default -f wav - | valence score - --live",
    .computes = true,
    .run = run_score,
};
