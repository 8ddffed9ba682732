/* valence score: how positive or negative what a recording or a text says is. */
#include <stdlib.h>
#include <string.h>

#include "choices.h"
#include "commands.h"
#include "model_cache.h"
#include "score_request.h"
#include "shared_options.h"
#include "valence/error.h"
#include "valence/output.h"

#ifndef VALENCE_WITH_ENCODERS
int score_run(struct score_request *request)
{
    struct valence_error error;
    (void)request;
    valence_fail(&error, VALENCE_ERROR_UNSUPPORTED, NULL,
                 "this build cannot score recordings and texts (configure with "
                 "-DVALENCE_ENCODERS=ON); 'valence predict' scores stores");
    return report_error(&error);
}
#endif

/* ---- Options ---- */

/* Whether some text is more than blanks. */
static bool has_words(const struct option_list *texts)
{
    for (int i = 0; i < texts->n; i++)
        if (texts->values[i][strspn(texts->values[i], " \t\r\n")])
            return true;
    return false;
}

static int check(const struct command *command, const struct score_request *request)
{
    bool is_input = request->n_files == 1 && strcmp(request->files[0], "-") == 0;
    if (request->json + request->csv + request->srt + request->vtt > 1)
        return report_usage(command, "--json, --csv, --srt and --vtt cannot be combined");
    if (!request->n_files && !request->texts.n)
        return report_usage(command, "give a file, or texts with --text");
    if ((request->texts.n > 0) + (request->transcript != NULL) + request->no_transcript > 1)
        return report_usage(command, "--text, --transcript and --no-transcript cannot be combined");
    if (!request->n_files && !has_words(&request->texts))
        return report_usage(command, "--text has no words (is a variable of the shell unset?)");
    if (request->n_files && (request->texts.n > 1 ||
                             (request->n_files > 1 && (request->texts.n || request->transcript))))
        return report_usage(command, "--text and --transcript say what is said in one file: give "
                                     "one file and one text");
    if (!request->n_files && (request->transcript || request->no_transcript))
        return report_usage(command, "--transcript and --no-transcript need a file");
    if (!request->n_files && (request->start > 0 || request->end > 0 || request->window > 0))
        return report_usage(command, "--start, --end and --window need a file");
    if ((request->srt || request->vtt) && request->n_files != 1)
        return report_usage(command, "--srt and --vtt take one recording");
    if (request->live && !is_input)
        return report_usage(command, "--live reads standard input: valence score - --live");
    if (request->live && (request->srt || request->vtt))
        return report_usage(command, "--live prints lines of text, --json or --csv");
    if (request->live && request->report)
        return report_usage(
            command, "--live and --report cannot be combined: a page needs a whole recording");
    if (request->embed && !request->report)
        return report_usage(command, "--embed needs --report");
    if (request->report && valence_output_is_standard(request->report))
        return report_usage(command,
                            "--report needs the name of a file: standard output shows the table");
    if (request->raw && !request->live)
        return report_usage(command, "--raw needs --live");
    if (request->end > 0 && request->end <= request->start)
        return report_usage(command, "--end is not after --start");
    return EXIT_FINE;
}

static int run_score(const struct command *command, int argc, char **argv)
{
    struct score_request request = {.level = CHOICE_LEVEL};
    int n, code = EXIT_FAILED;
#ifdef VALENCE_WITH_ENCODERS
    request.limits = media_limits_default();
#endif
    const struct option options[] = {
        SCORING_MODEL_OPTION(&request),
        {OPTION_GROUP, 0, NULL, NULL, NULL, "What is said", 0, 0},
        {OPTION_LIST, 't', "text", &request.texts, "TEXT",
         "What is said in the file; without a file, a text to score. You can repeat it.", 0, 0},
        {OPTION_TEXT, 0, "transcript", &request.transcript, "FILE",
         "What is said in the file: .srt, .vtt, .TextGrid, .csv or .txt (default: it is "
         "recognised, with one beam or as in training).",
         0, 0},
        {OPTION_FLAG, 0, "no-transcript", &request.no_transcript, NULL,
         "Recognise nothing: score voice and face alone.", 0, 0},
        SCORING_LANGUAGE_OPTION(&request),
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
         "Keep nothing of an unfinished recording, and start over instead of continuing.", 0, 0},
        option_quiet(&request.quiet),
        SCORING_ENCODER_OPTIONS(&request),
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
            code = score_run(&request);
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
        "text of more than 40 words is cut into sentences. A model of classes gives the most "
        "probable class in place of a score.\n\n"
        "Without --model, valence uses the text model for English that comes with it, which reads "
        "words alone. docs/score.md says how to score voice and face too.\n\n"
        "You can interrupt the scoring of a recording of more than a minute: the same command "
        "continues where it stopped, even after kill -9. The cache folder keeps finished segments "
        "until then.\n\n"
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
