/* valence import: features extracted elsewhere, into a store. */
#include <inttypes.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/suggest.h"
#include "base/text.h"
#include "choices.h"
#include "commands.h"
#include "data_output.h"
#include "import_text.h"
#include "json_output.h"
#include "table.h"
#include "temporary_store.h"
#include "valence/import.h"

/* The kinds of SOURCE: name, what it is, and valence_import_NAME() that imports it. A new kind is a
 * line here. */
#define KINDS(X)                                                                                   \
    X(table, "a CSV with a row for each clip: its id, split, label, optionally its group (the "    \
             "recording it was cut from) and transcript; and for each stream either columns of "   \
             "the same row, or a folder with one array ID.npy for each clip. Or a folder with a "  \
             "CSV for each split, whose names begin with it. The label files of MELD, of MMSA "    \
             "(MOSI, MOSEI, CH-SIMS: video_id, clip_id, mode) and of MERBench (id, split, "        \
             "valence) are recognised by their columns.")                                          \
    X(dense, "an .npz, a .safetensors or a folder of .npy files, with streams as (N, T, D) or "    \
             "(N, D) arrays named audio, text, video, simulated_text, their lengths as (N) "       \
             "arrays, and (N) arrays id, split, label, group, transcript. With lengths, rows may " \
             "be packed: (sum of lengths, D), as 'valence export' writes them.")                   \
    X(merbench, "MERBench's or SDUMC's *_label.npz (train_corpus, val_corpus, test_corpus: id to " \
                "{emo, val}; --label-column takes another than val), with a folder of one array "  \
                "ID.npy for each clip as --audio-folder, --text-folder, --video-folder.")          \
    X(mmsa, "MMSA's unaligned_50.pkl or aligned_50.pkl, a pickled dict of train, valid and test, " \
            "each with arrays id, raw_text, text, audio, vision, their lengths and "               \
            "regression_labels (--label-column takes others); or an .npz of arrays train/id, "     \
            "train/raw_text and so on.")                                                           \
    X(csd, "a CMU-MultimodalSDK file of labels (.csd), with a file for each stream as --audio "    \
           "COVAREP.csd and so on, whose rows are taken where they overlap with a label's "        \
           "segment; --label-column is the label's number from 0.")

#define KIND_NAME(name, help)     #name,
#define KIND_HELP(name, help)     #name ": " help "\n\n"
#define KIND_FUNCTION(name, help) valence_import_##name,
static const char *const kind_names[] = {KINDS(KIND_NAME)};
static valence_import_function *const kind_functions[] = {KINDS(KIND_FUNCTION)};
#define N_KINDS ((int)(sizeof kind_names / sizeof *kind_names))

struct request {
    const char *kind, *source, *store;
    const char *all_in, *dtype, *label_range, *delimiter;
    struct option_list skip;
    int64_t seed;
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
     "Where the " name                                                                             \
     " stream is. table: columns ('a0-a72', 'a0,a3-a9'). dense, mmsa: an array (default: the one " \
     "of the usual name, if any; '' for none). csd: a file.",                                      \
     0,                                                                                            \
     0},                                                                                           \
        {OPTION_TEXT,                                                                              \
         0,                                                                                        \
         name "-folder",                                                                           \
         &(stream)->folder,                                                                        \
         "FOLDER",                                                                                 \
         "table, merbench: a folder with an array ID.npy, (T, D) or (D), for each clip.",          \
         0,                                                                                        \
         0},                                                                                       \
    {                                                                                              \
        OPTION_TEXT, 0, name "-lengths", &(stream)->lengths, "ARRAY",                              \
            "dense, mmsa: rows of each clip (default: the usual array, if there is one).", 0, 0    \
    }

static bool parse(const struct command *command, int argc, char **argv, struct request *request,
                  int *code)
{
    struct valence_import_options *import = &request->options;
    const struct option options[] = {
        {OPTION_GROUP, 0, NULL, NULL, NULL, "Streams", 0, 0},
        STREAM_OPTIONS(&import->streams[VALENCE_STREAM_AUDIO], "audio"),
        STREAM_OPTIONS(&import->streams[VALENCE_STREAM_TEXT], "text"),
        STREAM_OPTIONS(&import->streams[VALENCE_STREAM_VIDEO], "video"),
        STREAM_OPTIONS(&import->streams[VALENCE_STREAM_SIMULATED_TEXT], "simulated_text"),
        {OPTION_TEXT, 0, "dtype", &request->dtype, "TYPE",
         "How values are stored: f16 or f32 (default f16).", 0, 0},
        {OPTION_FLAG, 0, "trim-zeros", &import->trim_zeros, NULL,
         "dense, mmsa: rows of zeros at the end of a clip are padding and are left out.", 0, 0},
        {OPTION_INT, 0, "feat-scale", &import->feat_scale, "N",
         "folders: average up to N neighbouring rows to one, by the rule published as feat_scale "
         "(default 1).",
         1, 1e6},
        {OPTION_FLAG, 0, "labels-only", &import->labels_only, NULL,
         "Import what is said of the clips alone, where no stream is named.", 0, 0},
        {OPTION_GROUP, 0, NULL, NULL, NULL, "Clips (columns of the table, or arrays of N)", 0, 0},
        {OPTION_TEXT, 0, "id-column", &import->id, "NAME",
         "The clips' ids (default: the usual one). table: also a pattern of columns, "
         "'{video_id}_{clip_id}'.",
         0, 0},
        {OPTION_TEXT, 0, "split-column", &import->split, "NAME",
         "train, validation (valid, val, dev) or test (default: the usual one; '' for none).", 0,
         0},
        {OPTION_TEXT, 0, "label-column", &import->label, "NAME",
         "The labels (default: the usual one; '' for none). An empty label is a clip without one.",
         0, 0},
        {OPTION_TEXT, 0, "group-column", &import->group, "NAME",
         "The recording that a clip is cut from (default: the usual one, if any). table: also a "
         "pattern; '{id<_}' is the id up to its last '_'.",
         0, 0},
        {OPTION_TEXT, 0, "transcript-column", &import->transcript, "NAME",
         "What is said (default: the usual one, if any).", 0, 0},
        {OPTION_TEXT, 0, "label-values", &import->label_values, "FROM=TO,...",
         "What labels stand for: negative=-1,neutral=0,positive=1; '-10=' is no label.", 0, 0},
        {OPTION_TEXT, 0, "split-values", &import->split_values, "FROM=TO,...",
         "What splits stand for: test1=test,test2=test.", 0, 0},
        {OPTION_TEXT, 0, "splits", &import->splits, "FILE",
         "csd: a CSV with columns id (of a recording or a clip) and split.", 0, 0},
        {OPTION_TEXT, 0, "delimiter", &request->delimiter, "C",
         "table: what separates fields, one character or 'tab' (default ',').", 0, 0},
        {OPTION_TEXT, 0, "all-in", &request->all_in, "SPLIT",
         "Where clips go when there is no split column (default train).", 0, 0},
        {OPTION_NUMBER, 0, "validation-fraction", &import->validation_fraction, "F",
         "Draw this part of the training clips for validation, by whole groups, where the set has "
         "no validation part (default 0).",
         0, 0.9},
        {OPTION_INT, 0, "seed", &request->seed, "N", "Seed of that draw (default 0).", 0, 9e15},
        {OPTION_GROUP, 0, NULL, NULL, NULL, "Text from transcripts", 0, 0},
        {OPTION_TEXT, 0, "encode-text", &request->text.encoding.model, "MODEL",
         "Import labels and transcripts alone, and make the text stream of the transcripts, by a "
         "language model as 'valence encode text' does: a GGUF file, or smollm2.",
         0, 0},
        {OPTION_TEXT, 0, "encode-layers", &request->text.encoding.settings.layers, "LIST",
         "Its hidden states (default: -4+-3+-2+-1).", 0, 0},
        {OPTION_TEXT, 0, "encode-prefix", &request->text.encoding.settings.prefix, "TEXT",
         "What it reads before each transcript, as 'valence encode text' takes it (default: <bos> "
         "and a new line).",
         0, 0},
        {OPTION_TEXT, 0, "encode-spelling", &request->text.spelling, "HOW",
         "What it reads: as-is, lower, sentence or plain (default: as-is).", 0, 0},
        {OPTION_TEXT, 0, "encode-rows", &request->text.rows, "WHICH",
         "tokens, mean or last (default: tokens).", 0, 0},
        {OPTION_FLAG, 0, "offline", &request->text.encoding.offline, NULL, "Never fetch a model.",
         0, 0},
        {OPTION_GROUP, 0, NULL, NULL, NULL, "What is wrong", 0, 0},
        {OPTION_TEXT, 0, "label-range", &request->label_range, "MIN,MAX",
         "Labels beyond are wrong (default -3,3).", 0, 0},
        {OPTION_LIST, 0, "skip", &request->skip, "REASON",
         "Skip and count such clips instead of stopping: label, split, value, width, empty, "
         "duplicate, missing (a stream's file: taken without the stream), or all. Any number of "
         "times.",
         0, 0},
        {OPTION_GROUP, 0, NULL, NULL, NULL, "Output", 0, 0},
        {OPTION_FLAG, 0, "dry-run", &request->dry_run, NULL,
         "Only look: print what 'valence inspect' would say of the store, and which clips would be "
         "left out, but make none.",
         0, 0},
        {OPTION_FLAG, 0, "json", &request->json, NULL, "Print JSON instead of a table.", 0, 0},
        {OPTION_FLAG, 'q', "quiet", &request->quiet, NULL, "Show no progress.", 0, 0},
        {.type = OPTION_END}};
    const char *positional[3];
    int n;
    if (!options_parse(command, options, argc, argv, positional, 2, 3, &n, code))
        return false;
    if (n == 2 && !request->dry_run)
        *code = report_usage(command, "an argument is missing: STORE");
    else if (n == 3 && request->dry_run)
        *code = report_usage(command, "--dry-run makes no store; '%s' is one argument too many",
                             positional[2]);
    if (request->dry_run != (n == 2))
        return false;
    request->kind = positional[0];
    request->source = positional[1];
    request->store = n == 3 ? positional[2] : NULL;
    return true;
}

static int choose_skips(const struct command *command, const struct option_list *list,
                        unsigned *skip)
{
    for (int i = 0; i < list->n; i++) {
        const char *value = list->values[i];
        int found = 0;
        if (strcmp(value, "all") == 0) {
            *skip = (1u << VALENCE_N_SKIPS) - 1;
            continue;
        }
        while (found < VALENCE_N_SKIPS && strcmp(value, valence_skip_names[found]) != 0)
            found++;
        if (found == VALENCE_N_SKIPS) {
            const char *meant = suggest_name(value, valence_skip_names, VALENCE_N_SKIPS);
            return report_usage(command, "--skip: there is no '%s'%s%s%s", value,
                                meant ? "; did you mean '" : "", meant ? meant : "",
                                meant ? "'?" : "");
        }
        *skip |= 1u << found;
    }
    return EXIT_FINE;
}

static int choose_range(const struct command *command, const char *text, double *minimum,
                        double *maximum)
{
    char low[64];
    size_t length = strcspn(text, ",");
    snprintf(low, sizeof low, "%.*s", (int)(length < sizeof low ? length : 0), text);
    if (text[length] != ',' || !parse_double(low, minimum) ||
        !parse_double(text + length + 1, maximum))
        return report_usage(command, "--label-range: '%s' is not MIN,MAX", text);
    return EXIT_FINE;
}

/* What the table of options cannot say. */
static int finish_options(const struct command *command, struct request *request)
{
    struct valence_import_options *options = &request->options;
    const char *delimiter = strcmp(request->delimiter, "tab") == 0 ? "\t" : request->delimiter;
    int code = choose_dtype(command, request->dtype, &options->type);
    if (!code && request->all_in)
        code = choose_split(command, request->all_in, &options->all_in);
    if (!code && request->label_range)
        code = choose_range(command, request->label_range, &options->label_minimum,
                            &options->label_maximum);
    if (!code)
        code = choose_skips(command, &request->skip, &options->skip);
    if (!code && strlen(delimiter) != 1)
        code = report_usage(command, "--delimiter: '%s' is not one character", delimiter);
    if (!code)
        code = import_text_choose(command, &request->text, options);
    request->text.encoding.quiet = request->quiet || request->json;
    options->delimiter = delimiter[0];
    options->seed = (uint64_t)request->seed;
    return code;
}

/* ---- Results ---- */

static void print_count(struct table *table, const struct valence_import_count *count,
                        const char *what, const char *why)
{
    if (count->n == 0)
        return;
    table_cell(table, "%" PRId64, count->n);
    table_cell(table, "%s: %s (%s%s%s%s%s%s)", what, why, count->examples[0],
               count->n > 1 ? ", " : "", count->examples[1], count->n > 2 ? ", " : "",
               count->examples[2], count->n > VALENCE_IMPORT_N_EXAMPLES ? ", ..." : "");
}

static void print_result(const struct request *request, const struct valence_import_result *result)
{
    struct table table = {.title = request->store};
    table_column(&table, "clips", TABLE_RIGHT);
    table_column(&table, "", TABLE_LEFT);
    table_cell(&table, "%" PRId64, result->n_taken);
    table_cell(&table, "imported%s",
               result->n_no_label == 0                 ? ""
               : result->n_no_label == result->n_taken ? ", without labels"
                                                       : "");
    if (result->n_no_label > 0 && result->n_no_label < result->n_taken) {
        table_cell(&table, "%" PRId64, result->n_no_label);
        table_cell(&table, "of these without a label");
    }
    if (result->n_stored) {
        table_cell(&table, "%" PRId64, result->n_stored);
        table_cell(&table, "in the store already");
    }
    for (int i = 0; i < VALENCE_N_SKIPS; i++)
        print_count(&table, &result->skipped[i], i == VALENCE_SKIP_MISSING ? "noted" : "skipped",
                    valence_skip_texts[i]);
    print_count(&table, &result->unlisted, "left out", "the labels do not name them");
    table_print(&table, stdout);
}

static json_t *count_to_json(const struct valence_import_count *count)
{
    json_t *examples = json_array();
    for (int i = 0; i < VALENCE_IMPORT_N_EXAMPLES && i < count->n; i++)
        json_array_append_new(examples, json_string(count->examples[i]));
    return json_pack("{s:I, s:o}", "clips", (json_int_t)count->n, "examples", examples);
}

static json_t *result_to_json(const struct request *request,
                              const struct valence_import_result *result)
{
    json_t *skipped = json_object();
    for (int i = 0; i < VALENCE_N_SKIPS; i++)
        json_object_set_new(skipped, valence_skip_names[i], count_to_json(&result->skipped[i]));
    return json_pack("{s:s, s:I, s:I, s:I, s:o, s:o}", "store", request->store, "imported",
                     (json_int_t)result->n_taken, "without_label", (json_int_t)result->n_no_label,
                     "stored_before", (json_int_t)result->n_stored, "skipped", skipped, "unlisted",
                     count_to_json(&result->unlisted));
}

/* The function of a kind, or NULL, having printed which kinds there are. */
static valence_import_function *choose_kind(const struct command *command, const char *kind)
{
    struct text known = {.maximum = 4096};
    for (int i = 0; i < N_KINDS; i++)
        if (strcmp(kind, kind_names[i]) == 0)
            return kind_functions[i];
    for (int i = 0; i < N_KINDS; i++)
        text_format(&known, "%s%s", i == 0 ? "" : i + 1 < N_KINDS ? ", " : " and ", kind_names[i]);
    report_usage(command, "there is no import of '%s'; there are %s", kind,
                 known.failed ? "others" : known.data);
    text_free(&known);
    return NULL;
}

/* Counts what the store would hold. */
static int look(struct request *request, valence_import_function *import,
                struct valence_error *error)
{
    struct data_summary summary = {0};
    struct valence_import_result result;
    request->options.summary = &summary;
    request->options.skip = (1u << VALENCE_N_SKIPS) - 1;
    int status = import(request->source, NULL, &request->options, terminal_progress(request->quiet),
                        &result, error);
    terminal_progress_finish();
    if (!status && request->json) {
        status = print_json(json_pack("{s:s, s:s, s:o, s:o}", "source", request->source, "kind",
                                      request->kind, "data", data_summary_to_json(&summary),
                                      "left_out", left_out_to_json(&result)),
                            error);
    } else if (!status) {
        print_data_summary(request->source, &summary, true);
        print_left_out(&result);
    }
    data_summary_free(&summary);
    return status;
}

/* Labels and transcripts go to a store of their own first, which is small: an interrupted call
 * reads them again, and goes on with the encoding. */
static int import_with_text(const struct request *request, valence_import_function *import,
                            struct valence_import_result *result, struct valence_error *error)
{
    char *transcripts;
    int status = temporary_store_make(&transcripts, error);
    if (!status)
        status = import(request->source, transcripts, &request->options,
                        terminal_progress(request->quiet), result, error);
    terminal_progress_finish();
    if (!status)
        status = import_text_encode(&request->text, transcripts, request->store, error);
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
    struct request request = {.dtype = "f16", .delimiter = ","};
    struct valence_import_result result;
    struct valence_error error;
    int code = EXIT_FINE;
    valence_import_options_default(&request.options);
    valence_transcript_options_default(&request.text.encoding.settings);
    if (!parse(command, argc, argv, &request, &code) || (code = finish_options(command, &request)))
        return code;
    valence_import_function *import = choose_kind(command, request.kind);
    if (!import)
        return EXIT_USAGE;
    keep_memory();
    if (request.dry_run)
        return look(&request, import, &error) ? report_error(&error) : EXIT_FINE;
    int status;
    if (request.text.encoding.model)
        status = import_with_text(&request, import, &result, &error);
    else
        status = import(request.source, request.store, &request.options,
                        terminal_progress(request.quiet), &result, &error);
    terminal_progress_finish();
    if (!status && request.json)
        status = print_json(result_to_json(&request, &result), &error);
    else if (!status)
        print_result(&request, &result);
    return status ? report_error(&error) : EXIT_FINE;
}

const struct command command_import = {
    .name = "import",
    .arguments = "KIND SOURCE STORE",
    .summary = "Bring features that were extracted elsewhere into a store.",
    .description = "KIND is what SOURCE is:\n\n" KINDS(
        KIND_HELP) "One clip is in memory at a time. An interrupted import is gone on with by the "
                   "same "
                   "command. What is wrong with a clip stops the import and is named with its "
                   "place; --skip "
                   "leaves such clips out and counts them.",
    .example = "valence import table clips.csv store --audio a0-a72 --text-folder text/\n"
               "valence import table clips.csv store --text t0-t99 --split-column fold "
               "--group-column video --validation-fraction 0.15\n"
               "valence import dense features.npz store --trim-zeros --skip value\n"
               "valence import merbench cmumosi_label.npz store --audio-folder wavlm-large-FRA "
               "--video-folder manet_FRA --feat-scale 6\n"
               "valence import csd labels.csd --audio covarep.csd --dry-run",
    .run = run_import,
};
