/* valence extract: media files to a feature store. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "json_output.h"
#include "model_cache.h"
#include "path_kinds.h"
#include "shared_options.h"
#include "table.h"
#include "terminal.h"
#include "valence/error.h"
#include "valence/text.h"

struct request {
    const char *subject, *output, *shard, *preview;
    struct option_list assignments;
    int64_t threads, allowed, pieces;
    bool transcribe, print_config, offline, retry, force, json, quiet;
};

#ifdef VALENCE_WITH_ENCODERS
#include "ranks.h"
#include "valence/extract_store.h"

/* ---- Configuration ---- */

static bool is_config(const char *path)
{
    size_t length = strlen(path);
    return (length > 5 && strcmp(path + length - 5, ".yaml") == 0) ||
           (length > 4 && strcmp(path + length - 4, ".yml") == 0);
}

static int assign(struct valence_extract_config *config, const char *assignment,
                  struct valence_error *error)
{
    char key[128], value[VALENCE_CONFIG_VALUE_BYTES];
    if (!option_split_assignment(assignment, key, sizeof key, value, sizeof value))
        return valence_fail(error, VALENCE_ERROR_CONFIG, "config",
                            "--set %.200s: this is not KEY=VALUE", assignment);
    return valence_extract_config_set(config, key, value, error);
}

/* File, then --set, then the options that stand for keys. */
static int make_config(const struct request *request, struct valence_extract_config *config,
                       struct valence_error *error)
{
    int status = VALENCE_OK;
    if (request->subject && is_config(request->subject))
        status = valence_extract_config_read(config, request->subject, error);
    else if (request->subject)
        status = valence_extract_config_set(config, "input", request->subject, error);
    for (int i = 0; i < request->assignments.n && !status; i++)
        status = assign(config, request->assignments.values[i], error);
    if (!status && request->output)
        status = valence_extract_config_set(config, "output", request->output, error);
    if (!status && request->transcribe)
        status = valence_extract_config_set(config, "text", "asr", error);
    if (!status && request->threads > 0) {
        char digits[32];
        snprintf(digits, sizeof digits, "%" PRId64, request->threads);
        status = valence_extract_config_set(config, "threads", digits, error);
    }
    return status;
}

/* "2/5" */
static bool read_shard(const char *text, struct valence_extract_options *options)
{
    int used = 0;
    return sscanf(text, "%" SCNd64 "/%" SCNd64 "%n", &options->shard, &options->n_shards, &used) ==
               2 &&
           !text[used] && options->shard >= 1 && options->shard <= options->n_shards;
}

/* ---- What became of it ---- */

static double per_second(double media, double seconds)
{
    return seconds > 0 ? media / seconds : 0;
}

static json_t *failures_to_json(const struct valence_extract_report *report)
{
    json_t *failures = json_array();
    for (int64_t i = 0; i < report->n_failed; i++) {
        const struct valence_store_failure *failure = &report->failures[i];
        json_array_append_new(failures, json_pack("{s:s, s:s, s:s}", "id", failure->id, "status",
                                                  valence_status_name(failure->status), "reason",
                                                  failure->reason));
    }
    return failures;
}

static json_t *report_to_json(const struct valence_extract_report *report, bool is_part)
{
    json_t *streams = json_array();
    for (int s = 0; s < report->n_streams; s++) {
        const struct valence_extracted_stream *stream = &report->streams[s];
        json_array_append_new(streams, json_pack("{s:s, s:I, s:I, s:I}", "name", stream->name,
                                                 "width", (json_int_t)stream->width, "clips",
                                                 (json_int_t)stream->n_clips, "rows",
                                                 (json_int_t)stream->n_rows));
    }
    return json_pack("{s:s, s:b, s:I, s:I, s:I, s:I, s:I, s:I, s:o, s:o, s:o, s:f, s:f, s:f, s:f}",
                     "store", report->store, "whole", !is_part, "clips",
                     (json_int_t)report->n_clips, "made", (json_int_t)report->n_made, "kept",
                     (json_int_t)report->n_kept, "copied", (json_int_t)report->n_copied, "pieces",
                     (json_int_t)report->n_pieces, "failed", (json_int_t)report->n_failed,
                     "failures", failures_to_json(report), "streams", streams, "encoders",
                     json_loads(report->encoders, 0, NULL), "media_seconds", report->media_seconds,
                     "sound_seconds", report->sound_work, "picture_seconds", report->picture_work,
                     "seconds", report->seconds);
}

static void print_failures(const struct valence_extract_report *report)
{
    struct table table = {.title = "Clips that could not be made:"};
    if (!report->n_failed)
        return;
    table_column(&table, "clip", TABLE_LEFT);
    table_column(&table, "reason", TABLE_LEFT);
    for (int64_t i = 0; i < report->n_failed; i++) {
        table_cell(&table, "%s", report->failures[i].id);
        table_cell(&table, "%s", report->failures[i].reason);
    }
    fputc('\n', stdout);
    table_print(&table, stdout);
}

static void print_speed(const struct valence_extract_report *report)
{
    char text[256];
    snprintf(text, sizeof text,
             "%.1f s of media in %.1f s, %.2f x real time (sound and words took %.1f s, pictures "
             "%.1f s, at the same time)",
             report->media_seconds, report->seconds,
             per_second(report->media_seconds, report->seconds), report->sound_work,
             report->picture_work);
    print_wrapped(stdout, text, 0, 0, table_columns(stdout));
}

static void print_report(const struct valence_extract_report *report)
{
    struct table table = {.title = NULL};
    table_column(&table, "stream", TABLE_LEFT);
    table_column(&table, "columns", TABLE_RIGHT);
    table_column(&table, "clips", TABLE_RIGHT);
    table_column(&table, "rows", TABLE_RIGHT);
    for (int s = 0; s < report->n_streams; s++) {
        table_cell(&table, "%s", report->streams[s].name);
        table_cell(&table, "%" PRId64, report->streams[s].width);
        table_cell(&table, "%" PRId64, report->streams[s].n_clips);
        table_cell(&table, "%" PRId64, report->streams[s].n_rows);
    }
    printf("%s: %" PRId64 " of %" PRId64 " clips (%" PRId64 " new, %" PRId64 " kept, %" PRId64
           " failed)\n",
           report->store, report->n_made + report->n_kept, report->n_clips, report->n_made,
           report->n_kept, report->n_failed);
    table_print(&table, stdout);
    if (report->media_seconds > 0)
        print_speed(report);
    print_failures(report);
}

/* ---- The command ---- */

/* What this process did with others, where it is not the one that has merged it all. */
static void print_share(const struct valence_extract_report *report)
{
    if (report->n_pieces)
        printf("%s: this process made %" PRId64 " %s, in %" PRId64 " %s; another one merged them\n",
               report->store, report->n_made, valence_plural(report->n_made, "clip", "clips"),
               report->n_pieces, valence_plural(report->n_pieces, "piece", "pieces"));
    else
        printf("%s already exists; without --pieces, extract adds what is new or has changed\n",
               report->store);
}

/* One process tells of the whole; the others say what they did. The ranks of mpirun share their
 * output, which takes one document. */
static int show(const struct request *request, bool is_part,
                const struct valence_extract_report *report, struct valence_error *error)
{
    if (request->json)
        return is_part && ranks_count() > 1 ? VALENCE_OK
                                            : print_json(report_to_json(report, is_part), error);
    if (!is_part)
        print_report(report);
    else if (!request->quiet)
        print_share(report);
    return VALENCE_OK;
}

/* How many pieces several processes share; 0: this process extracts alone. */
static int64_t count_pieces(const struct request *request)
{
    if (request->shard || request->pieces)
        return request->shard ? 0 : request->pieces;
    return ranks_count() > 1 ? 16 * ranks_count() : 0;
}

/* Shows what became of it. Failures are the whole's: mpirun ends all processes as soon as one exits
 * with 1. */
static int conclude(const struct request *request, bool in_pieces,
                    const struct valence_extract_report *report, struct valence_error *error)
{
    bool is_part = in_pieces && !report->is_whole;
    bool is_fine = is_part || report->n_failed <= request->allowed;
    if (show(request, is_part, report, error))
        is_fine = report_error(error) == EXIT_FINE;
    else if (report->n_failed && !is_fine)
        fprintf(stderr,
                "valence: %" PRId64 " %s could not be made (--allow-failures N accepts up to N)\n",
                report->n_failed, valence_plural(report->n_failed, "clip", "clips"));
    return is_fine ? EXIT_FINE : EXIT_FAILED;
}

/* A rank that dies later would keep the others waiting at the end of MPI. */
static void leave_ranks(void *user)
{
    ranks_close(user, VALENCE_OK, EXIT_FINE);
}

/* Alone, or in pieces, in which the ranks of mpirun begin together. */
static int extract(const struct request *request, struct valence_extract_config *config,
                   struct valence_extract_options *options, struct valence_error *error)
{
    struct valence_model_fetch_options fetch;
    struct valence_extract_report *report = NULL;
    struct ranks ranks = {.n_local = 1};
    char *folder = model_folder();
    int64_t pieces = count_pieces(request);
    model_fetch_options(NULL, request->offline, request->quiet, &fetch);
    options->model_folder = folder;
    options->fetch = &fetch;
    options->retry_failures = request->retry;
    options->overwrite = request->force;
    options->preview = request->preview;
    int status = pieces ? ranks_open(&ranks, error) : VALENCE_OK;
    options->collective = ranks.collective;
    options->joined = leave_ranks;
    options->user = &ranks;
    options->progress = terminal_progress(request->quiet);
    if (!status)
        status = pieces ? valence_extract_pieces(config, options, pieces, &report, error)
                        : valence_extract(config, options, &report, error);
    terminal_progress_finish();
    free(folder);
    if (status && request->subject)
        explain_path(request->subject, WANTED_MEDIA, error);
    int code =
        status ? ranks_report(&ranks, status, error) : conclude(request, pieces > 0, report, error);
    valence_extract_report_free(report);
    ranks_close(&ranks, status, code);
    return code;
}

static int run_request(const struct command *command, const struct request *request)
{
    struct valence_error error;
    struct valence_extract_config *config;
    struct valence_extract_options options;
    valence_extract_options_default(&options);
    if (request->shard && request->pieces)
        return report_usage(command, "--pieces and --shard cannot be combined");
    if (request->shard && !read_shard(request->shard, &options))
        return report_usage(command, "--shard %.40s: this is not I/N, as in 2/5", request->shard);
    if (!request->subject && !request->print_config)
        return report_usage(command, "the folder, table or configuration is missing");
    int status = valence_extract_config_create(&config, &error);
    if (!status)
        status = make_config(request, config, &error);
    int code = EXIT_FINE;
    if (status) {
        if (request->subject)
            explain_path(request->subject, WANTED_MEDIA, &error);
        code = report_error(&error);
    } else if (request->print_config) {
        char *text = valence_extract_config_text(config, true);
        code = text ? EXIT_FINE : report_no_memory();
        fputs(text ? text : "", stdout);
        valence_text_free(text);
    } else {
        code = extract(request, config, &options, &error);
    }
    valence_extract_config_free(config);
    return code;
}

#else
static int run_request(const struct command *command, const struct request *request)
{
    struct valence_error error;
    (void)command, (void)request;
    valence_fail(&error, VALENCE_ERROR_UNSUPPORTED, NULL,
                 "this build has no encoders (configure with -DVALENCE_ENCODERS=ON)");
    return report_error(&error);
}
#endif

static int run_extract(const struct command *command, int argc, char **argv)
{
    struct request request = {.threads = 0};
    const char *subject = NULL;
    int n, code = EXIT_FAILED;
    const struct option options[] = {
        option_output(&request.output, "STORE", "The store; the same as --set output=STORE."),
        {OPTION_LIST, 0, "set", &request.assignments, "KEY=VALUE",
         "Set a key of the configuration, as in --set faces.fps=10; any number of times.", 0, 0},
        {OPTION_FLAG, 0, "transcribe", &request.transcribe, NULL,
         "Recognise the words of clips without a transcript, with one beam (speech.beams); the "
         "same as --set text=asr.",
         0, 0},
        {OPTION_TEXT, 0, "preview", &request.preview, "FOLDER",
         "Draw what was seen and heard in each clip: ID.svg, with faces, sound and words.", 0, 0},
        {OPTION_TEXT, 0, "shard", &request.shard, "I/N",
         "Only part I of N of the clips; 'valence merge' joins the stores.", 0, 0},
        {OPTION_INT, 0, "pieces", &request.pieces, "N",
         "Cut the work into N pieces, which all processes that run this command share; the last "
         "one merges them (default: with mpirun, 16 for each process).",
         1, 1e9},
        {OPTION_INT, 0, "allow-failures", &request.allowed, "N",
         "Exit with 0 if at most N clips fail (default: 0).", 0, 1e9},
        {OPTION_FLAG, 0, "retry-failures", &request.retry, NULL,
         "Try clips again that failed before and have not changed.", 0, 0},
        {OPTION_FLAG, 0, "print-config", &request.print_config, NULL,
         "Print the configuration with all keys, and do nothing.", 0, 0},
        option_threads(&request.threads),
        option_offline(&request.offline),
        option_force(&request.force, "Replace a store that was not extracted, and with --pieces "
                                     "pieces that were begun with other settings."),
        option_json(&request.json),
        option_quiet(&request.quiet),
        {.type = OPTION_END}};
    if (options_parse(command, options, argc, argv, &subject, 0, 1, &n, &code)) {
        request.subject = subject;
        code = run_request(command, &request);
    }
    return code;
}

const struct command command_extract = {
    .name = "extract",
    .arguments = "FOLDER|TABLE.csv|CONFIG.yaml",
    .summary = "Make a feature store of audio and video files.",
    .description =
        "Each media file of the folder, or each row of the table, becomes a clip with audio rows "
        "(Whisper), video rows (faces) and, where it has a transcript, text rows. Encoders that "
        "are "
        "known by name are fetched once. A table has a column file and, where you have them, id, "
        "start, end, label, split, group, transcript and transcript_file; beside a file of a "
        "folder "
        "NAME.srt, NAME.vtt, NAME.TextGrid or NAME.txt is its transcript.\n\n"
        "You can interrupt it at any time; the same command continues. Later calls encode only "
        "what is new or has changed. Clips that fail are listed and recorded in the store with the "
        "reason, and the exit code is 1.",
    .example = "valence extract clips/ -o corpus\n"
               "valence extract clips.csv -o corpus --transcribe --set faces.fps=10\n"
               "valence extract --print-config > extract.yaml\n"
               "valence extract extract.yaml --shard 1/2 -o part1\n"
               "mpirun -n 4 valence extract clips/ -o corpus -j 2",
    .computes = true,
    .run = run_extract,
};
