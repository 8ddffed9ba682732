/* valence import: features extracted elsewhere, into a store. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif

#include "choices.h"
#include "commands.h"
#include "valence/summary.h"
#include "data_output.h"
#include "import_output.h"
#include "import_text.h"
#include "json_output.h"
#include "path_kinds.h"
#include "shared_options.h"
#include "temporary_folder.h"
#include "valence/import.h"
#include "valence/runtime.h"

struct request {
    const char *kind_name, *source, *store;
    enum valence_import_kind kind;
    const char *all_in, *dtype, *label_range, *delimiter;
    struct option_list skip;
    int64_t seed, threads;
    bool dry_run, json, quiet;
    struct text_request text;
    struct valence_import_options options;
};

/* ---- Options ---- */

/* The three options of each stream, in the order of enum valence_stream. */
#define STREAM_OPTIONS(stream, name)                                                               \
    {OPTION_TEXT,                                                                                  \
     0,                                                                                            \
     name,                                                                                         \
     &(stream)->source,                                                                            \
     "WHICH",                                                                                      \
     "The " name                                                                                   \
     " stream. table: columns, such as 'a0-a72' or 'a0,a3-a9'. dense, mmsa: an array ('' for "     \
     "none; default: a usual name). csd: a file.",                                                 \
     0,                                                                                            \
     0},                                                                                           \
        {OPTION_TEXT,                                                                              \
         0,                                                                                        \
         name "-folder",                                                                           \
         &(stream)->folder,                                                                        \
         "FOLDER",                                                                                 \
         "table, merbench: a folder with an array ID.npy for each clip, (T, D) or (D).",           \
         0,                                                                                        \
         0},                                                                                       \
    {                                                                                              \
        OPTION_TEXT, 0, name "-lengths", &(stream)->lengths, "ARRAY",                              \
            "dense, mmsa: the array of row counts (default: a usual name).", 0, 0                  \
    }

static bool parse(const struct command *command, int argc, char **argv, struct request *request,
                  int *code)
{
    struct valence_import_options *import = &request->options;
    const char *positional[3];
    const struct option options[] = {
        option_output_argument(&positional[2], "STORE", "Another way to give STORE."),
        {OPTION_GROUP, 0, NULL, NULL, NULL, "Streams", 0, 0},
        STREAM_OPTIONS(&import->streams[VALENCE_STREAM_AUDIO], "audio"),
        STREAM_OPTIONS(&import->streams[VALENCE_STREAM_TEXT], "text"),
        STREAM_OPTIONS(&import->streams[VALENCE_STREAM_VIDEO], "video"),
        STREAM_OPTIONS(&import->streams[VALENCE_STREAM_SIMULATED_TEXT], "simulated-text"),
        {OPTION_TEXT, 0, "dtype", &request->dtype, "TYPE",
         "Element type of the stored values: f16 or f32 (default: f16, but f32 for streams that "
         "f16 would round too much; the output says so).",
         0, 0},
        {OPTION_FLAG, 0, "trim-zeros", &import->trim_zeros, NULL,
         "dense, mmsa: rows of zeros at the end of a clip (or at its beginning, if that is where "
         "the stream is padded) are padding and are left out.",
         0, 0},
        {OPTION_FLAG, 0, "zeros-missing", &import->zeros_missing, NULL,
         "Store a clip's stream as missing if it is all zeros (no face was found).", 0, 0},
        {OPTION_FLAG, 0, "zero-invalid", &import->zero_invalid, NULL,
         "Store NaN and infinite values as 0, as the authors of CMU-MultimodalSDK do.", 0, 0},
        {OPTION_INT, 0, "feat-scale", &import->feat_scale, "N",
         "folders: average up to N neighbouring rows to one, by the rule published as feat_scale "
         "(default: 1).",
         1, 1e6},
        {OPTION_FLAG, 0, "labels-only", &import->labels_only, NULL,
         "Import ids, splits, labels and transcripts only, without feature streams.", 0, 0},
        {OPTION_GROUP, 0, NULL, NULL, NULL, "Clips (columns of the table, or arrays of N)", 0, 0},
        {OPTION_TEXT, 0, "id-column", &import->id, "NAME",
         "The clips' ids (default: a usual name). table: also a pattern of columns, "
         "'{video_id}_{clip_id}'.",
         0, 0},
        {OPTION_TEXT, 0, "split-column", &import->split, "NAME",
         "train, validation (valid, val, dev) or test (default: a usual name; '' for none).", 0, 0},
        {OPTION_TEXT, 0, "label-column", &import->label, "NAME",
         "The labels (default: a usual name; '' for none). A clip with an empty field has no "
         "label.",
         0, 0},
        {OPTION_TEXT, 0, "group-column", &import->group, "NAME",
         "The recording that a clip is cut from (default: a usual name, if present). table: also a "
         "pattern; '{id<_}' is the id up to its last '_'.",
         0, 0},
        {OPTION_TEXT, 0, "transcript-column", &import->transcript, "NAME",
         "The transcripts (default: a usual name, if present). csd: a .csd of timed words.", 0, 0},
        {OPTION_TEXT, 0, "label-values", &import->label_values, "FROM=TO,...",
         "Replace labels: negative=-1,neutral=0,positive=1; '-10=' removes the label.", 0, 0},
        {OPTION_TEXT, 0, "label-classes", &import->label_classes, "NAME,...",
         "Labels are classes of these names, not numbers: anger,joy,neutral. The network then "
         "learns to tell them apart.",
         0, 0},
        {OPTION_TEXT, 0, "label-map", &import->label_map, "FORMULA",
         "Rescale labels, with x as the label: 'x-3', '(x-50)/25'. The store records it.", 0, 0},
        {OPTION_TEXT, 0, "label-scale", &import->label_scale, "NAME",
         "The scale of the labels, recorded in the store with --label-range.", 0, 0},
        {OPTION_TEXT, 0, "split-values", &import->split_values, "FROM=TO,...",
         "Rename splits: test1=test,test2=test.", 0, 0},
        {OPTION_TEXT, 0, "splits", &import->splits, "FILE",
         "csd: a CSV with columns id (of a recording or a clip) and split.", 0, 0},
        {OPTION_TEXT, 0, "delimiter", &request->delimiter, "C",
         "table: the field separator, one character or 'tab' (default: detected).", 0, 0},
        {OPTION_TEXT, 0, "all-in", &request->all_in, "SPLIT",
         "The split of all clips when the source has no splits (default: train).", 0, 0},
        {OPTION_NUMBER, 0, "validation-fraction", &import->validation_fraction, "F",
         "Move this fraction of the training clips to validation, in whole groups, if the source "
         "has no validation split (default: 0).",
         0, 0.9},
        {OPTION_INT, 0, "seed", &request->seed, "N", "Seed of that draw (default: 0).", 0, 9e15},
        {OPTION_GROUP, 0, NULL, NULL, NULL, "Text from transcripts", 0, 0},
        option_model(&request->text.model,
                     "Import labels and transcripts only, and make the text stream from the "
                     "transcripts with this language model, as 'valence encode text' does: a GGUF "
                     "file or a name from 'valence models'."),
        option_old_name("encode-text", option_model(&request->text.model, NULL)),
        option_text_layers(&request->text.layers),
        option_text_spelling(&request->text.spelling),
        option_text_prefix(&request->text.prefix),
        option_text_suffix(&request->text.suffix),
        option_text_rows(&request->text.rows),
        option_old_name("encode-layers", option_text_layers(&request->text.layers)),
        option_old_name("encode-spelling", option_text_spelling(&request->text.spelling)),
        option_old_name("encode-prefix", option_text_prefix(&request->text.prefix)),
        option_old_name("encode-rows", option_text_rows(&request->text.rows)),
        option_offline(&request->text.offline),
        {OPTION_GROUP, 0, NULL, NULL, NULL, "Checks", 0, 0},
        {OPTION_TEXT, 0, "label-range", &request->label_range, "MIN,MAX",
         "Range of valid labels, after --label-map (default: -3,3).", 0, 0},
        {OPTION_LIST, 0, "skip", &request->skip, "REASON",
         "Skip and count such clips instead of stopping: label, split, value, width, empty, "
         "duplicate, missing (a stream's file; the clip is kept without the stream), or all. You "
         "can repeat it.",
         0, 0},
        {OPTION_GROUP, 0, NULL, NULL, NULL, "Output", 0, 0},
        {OPTION_FLAG, 0, "dry-run", &request->dry_run, NULL,
         "Write nothing: print what 'valence inspect' would show of the store, and which clips "
         "would be left out.",
         0, 0},
        option_force(&request->options.overwrite, "Replace another store."),
        option_json(&request->json),
        option_quiet(&request->quiet),
        option_threads(&request->threads),
        {.type = OPTION_END}};
    int n;
    if (!options_parse(command, options, argc, argv, positional, 2, 3, &n, code))
        return false;
    if (n == 2 && !request->dry_run)
        *code = report_usage(command, "an argument is missing: STORE");
    else if (n == 3 && request->dry_run)
        *code = report_usage(command, "--dry-run makes no store; unexpected argument '%s'",
                             positional[2]);
    if (request->dry_run != (n == 2))
        return false;
    request->kind_name = positional[0];
    request->source = positional[1];
    request->store = n == 3 ? positional[2] : NULL;
    return true;
}

static int choose_kind(const struct command *command, struct request *request)
{
    const char *names[16];
    int n = valence_n_import_kinds(), kind = 0;
    for (int i = 0; i < n; i++)
        names[i] = valence_import_kind_name(i);
    int code = choose_name(command, "KIND", request->kind_name, names, n, &kind);
    request->kind = (enum valence_import_kind)kind;
    return code;
}

static int choose_skips(const struct command *command, const struct option_list *list,
                        unsigned *skip)
{
    const char *names[VALENCE_MAX_SKIPS + 1] = {"all"};
    int n = valence_n_skips();
    for (int i = 0; i < n; i++)
        names[i + 1] = valence_skip_name(i);
    for (int i = 0; i < list->n; i++) {
        int found = 0;
        int code = choose_name(command, "--skip", list->values[i], names, n + 1, &found);
        if (code)
            return code;
        *skip |= found == 0 ? ~0u : VALENCE_BIT(found - 1);
    }
    return EXIT_FINE;
}

static int choose_range(const struct command *command, const char *text, double *minimum,
                        double *maximum)
{
    char first[64];
    size_t length = strcspn(text, ",");
    bool fits = text[length] == ',' && length < sizeof first;
    snprintf(first, sizeof first, "%.*s", (int)(fits ? length : 0), text);
    fits = fits && option_read_number(first, minimum) &&
           option_read_number(text + length + 1, maximum);
    if (!fits || !isfinite(*minimum) || !isfinite(*maximum) || *minimum > *maximum)
        return report_usage(command,
                            "--label-range takes MIN,MAX: two finite numbers, the smaller first");
    return EXIT_FINE;
}

/* What the table of options cannot say. */
static int finish_options(const struct command *command, struct request *request)
{
    struct valence_import_options *options = &request->options;
    const char *delimiter = request->delimiter;
    if (delimiter)
        delimiter = strcmp(delimiter, "tab") == 0 ? "\t" : delimiter;
    int code = choose_kind(command, request);
    if (!code && request->dtype)
        code = choose_dtype(command, request->dtype, &options->type);
    options->keep_type = request->dtype != NULL;
    if (!code && request->all_in)
        code = choose_split(command, request->all_in, &options->all_in);
    if (!code && request->label_range)
        code = choose_range(command, request->label_range, &options->label_minimum,
                            &options->label_maximum);
    if (!code)
        code = choose_skips(command, &request->skip, &options->skip);
    if (!code && delimiter && strlen(delimiter) != 1)
        code = report_usage(command, "--delimiter: '%s' is not one character", delimiter);
    if (!code)
        code = import_text_choose(command, &request->text, options);
    request->text.quiet = request->quiet;
    request->text.no_summary = request->json;
    request->text.overwrite = options->overwrite;
    options->delimiter = delimiter ? delimiter[0] : '\0';
    options->seed = (uint64_t)request->seed;
    return code;
}

/* ---- Importing ---- */

/* Counts what the store would hold. */
static int look(struct request *request, struct valence_import_result *result,
                struct valence_error *error)
{
    struct valence_data_summary *summary;
    request->options.summary = &summary;
    request->options.skip = ~0u;
    int status = valence_import(request->kind, request->source, NULL, &request->options,
                                terminal_progress(request->quiet), result, error);
    terminal_progress_finish();
    if (!status && request->json) {
        status = print_json(
            json_pack("{s:s, s:s, s:o, s:o, s:o}", "source", request->source, "kind",
                      request->kind_name, "data", data_summary_to_json(summary), "left_out",
                      left_out_to_json(result), "notes", import_notes_to_json(result)),
            error);
    } else if (!status) {
        print_data_summary(request->source, summary, true);
        print_left_out(result);
        print_import_notes(result);
    }
    valence_data_summary_free(summary);
    return status;
}

/* Labels and transcripts go to a store of their own first, which is small: an interrupted call
 * reads them again, and continues with the encoding. */
static int import_with_text(const struct command *command, struct request *request,
                            struct valence_import_result *result, struct valence_error *error)
{
    char *transcripts;
    int status = temporary_folder_make(&transcripts, error);
    if (!status)
        status = valence_import(request->kind, request->source, transcripts, &request->options,
                                terminal_progress(request->quiet), result, error);
    terminal_progress_finish();
    if (!status)
        status = import_text_encode(command, &request->text, transcripts, request->store, error);
    temporary_store_remove(transcripts);
    return status;
}

/* The store takes as much memory for each commit as for the one before. What the allocator keeps
 * need not be cleared by the system again: a fifth of the time. */
static void keep_memory(void)
{
#ifdef __GLIBC__
    mallopt(M_MMAP_THRESHOLD, 32 << 20); /* the most that it takes */
    mallopt(M_TRIM_THRESHOLD, 512 << 20);
#endif
}

static int run_import(const struct command *command, int argc, char **argv)
{
    struct request request = {.kind_name = NULL};
    struct valence_import_result result = {.size = sizeof result};
    struct valence_error error;
    int code = EXIT_FINE;
    valence_import_options_default(&request.options);
    if (!parse(command, argc, argv, &request, &code) || (code = finish_options(command, &request)))
        return code;
    keep_memory();
    if (request.threads)
        valence_set_threads((int)request.threads);
    if (request.dry_run)
        return look(&request, &result, &error) ? report_error(&error) : EXIT_FINE;
    int status;
    if (request.text.model)
        status = import_with_text(command, &request, &result, &error);
    else
        status = valence_import(request.kind, request.source, request.store, &request.options,
                                terminal_progress(request.quiet), &result, &error);
    terminal_progress_finish();
    if (!status && request.json)
        status = print_json(import_result_to_json(request.store, &result), &error);
    else if (!status)
        print_import_result(request.store, &result);
    else
        explain_path(request.source, WANTED_SOURCE, &error);
    return status ? report_error(&error) : EXIT_FINE;
}

#define KIND_HELP(name, word, text) word ": " text "\n\n"

const struct command command_import = {
    .name = "import",
    .arguments = "KIND SOURCE STORE",
    .summary = "Import features that you extracted elsewhere into a store.",
    .description = "KIND is the format of SOURCE:\n\n" VALENCE_IMPORT_KIND_MAP(
        KIND_HELP) "One clip is in memory at a time. If an import is interrupted, run the same "
                   "command again: it continues after the last clip stored. If you change the "
                   "options or the source first, the unfinished store is replaced. An unusable "
                   "clip stops the import with an error that names file and line; --skip leaves "
                   "such clips out and counts them.",
    .example = "valence import table clips.csv store --audio a0-a72 --text-folder text/\n"
               "valence import table clips.csv store --text t0-t99 --split-column fold "
               "--group-column video --validation-fraction 0.15\n"
               "valence import dense features.npz store --trim-zeros --skip value\n"
               "valence import merbench cmumosi_label.npz store --audio-folder wavlm-large-FRA "
               "--video-folder manet_FRA --feat-scale 6\n"
               "valence import csd labels.csd --audio covarep.csd --dry-run",
    .run = run_import,
    .other_way = output_for_store,
};
