/* valence inspect: what a store, a run, a checkpoint or a source holds. */
#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "valence/error.h"
#include "commands.h"
#include "open_paths.h"
#include "data_output.h"
#include "inspect_source.h"
#include "json_output.h"
#include "path_kinds.h"
#include "shared_options.h"
#include "table.h"
#include "terminal.h"
#include "paths.h"
#include "valence/inspect.h"
#include "valence/run.h"
#ifdef VALENCE_WITH_ENCODERS
#include "valence/encoder.h"
#include "valence/faces.h"
#endif

struct request {
    const char *path, *clip;
    bool json, records, quiet, accept_unfinished;
};

/* ---- Stores ---- */

static json_t *failures_to_json(const struct valence_store *store)
{
    json_t *failures = json_array();
    for (int64_t i = 0; i < valence_store_n_failures(store); i++) {
        const struct valence_store_failure *failure = valence_store_get_failure(store, i);
        json_array_append_new(failures, json_pack("{s:s, s:s, s:s, s:o}", "id", failure->id,
                                                  "status", valence_status_name(failure->status),
                                                  "reason", failure->reason, "metadata",
                                                  failure->metadata[0]
                                                      ? json_loads(failure->metadata, 0, NULL)
                                                      : json_object()));
    }
    return failures;
}

static void print_failures(const struct valence_store *store)
{
    struct table table = {.title = "Clips that could not be made:"};
    if (valence_store_n_failures(store) == 0)
        return;
    table_column(&table, "clip", TABLE_LEFT);
    table_column(&table, "reason", TABLE_LEFT);
    for (int64_t i = 0; i < valence_store_n_failures(store); i++) {
        table_cell(&table, "%s", valence_store_get_failure(store, i)->id);
        table_cell(&table, "%s", valence_store_get_failure(store, i)->reason);
    }
    putchar('\n');
    table_print(&table, stdout);
}

static json_t *store_to_json(const struct valence_store *store,
                             const struct valence_data_summary *summary)
{
    const char *source = valence_store_source(store);
    json_t *from = source[0] ? json_loads(source, 0, NULL) : NULL;
    json_t *root =
        json_pack("{s:s, s:s, s:o, s:o}", "kind", "store", "path", valence_store_path(store),
                  "source", from ? from : json_null(), "failures", failures_to_json(store));
    json_t *data = data_summary_to_json(summary);
    bool whole = root && data && json_object_update(root, data) == 0;
    json_decref(data);
    if (whole)
        return root;
    json_decref(root);
    return NULL;
}

static int inspect_store(const struct request *request, struct valence_error *error)
{
    struct valence_store *store;
    struct valence_data_summary *summary = NULL;
    int status = open_store(request->path, request->accept_unfinished, &store, error);
    if (status)
        return status;
    status = valence_store_summarise(store, !request->records, terminal_progress(request->quiet),
                                     &summary, error);
    terminal_progress_finish();
    if (!status && request->json) {
        status = print_json(store_to_json(store, summary), error);
    } else if (!status) {
        print_data_summary(request->path, summary, true);
        print_failures(store);
        if (valence_store_source(store)[0]) {
            enum { SOURCE_COLUMN = 8 };
            printf("\n%-*s", SOURCE_COLUMN, "source:");
            print_wrapped(stdout, valence_store_source(store), SOURCE_COLUMN, SOURCE_COLUMN,
                          terminal_columns(stdout));
        }
    }
    valence_data_summary_free(summary);
    valence_store_close(store);
    return status;
}

/* ---- Checkpoints ---- */

static json_t *config_to_json(const struct valence_model_config *config)
{
    json_t *widths = json_object(), *flows = json_array();
    for (int m = 0; m < VALENCE_N_MODALITIES; m++)
        json_object_set_new(widths, valence_modality_names[m], json_integer(config->widths[m]));
    for (int f = 0; f < config->n_flows; f++)
        json_array_append_new(flows, json_string(valence_flow_name(config->flows[f])));
    return json_pack("{s:o, s:I, s:I, s:s, s:f, s:f, s:o}", "widths", widths, "d",
                     (json_int_t)config->d, "o", (json_int_t)config->o, "imagination",
                     valence_imagination_names[config->imagination], "dropout",
                     (double)config->dropout, "attention_dropout",
                     (double)config->attention_dropout, "flows", flows);
}

static json_t *checkpoint_to_json(const char *path,
                                  const struct valence_checkpoint_summary *checkpoint)
{
    json_t *streams = json_object(), *standardised = json_array();
    for (int s = 0; s < VALENCE_N_STREAMS; s++) {
        if (checkpoint->streams[s][0])
            json_object_set_new(streams, valence_stream_names[s],
                                json_string(checkpoint->streams[s]));
        if (checkpoint->standardised & 1u << s)
            json_array_append_new(standardised, json_string(valence_stream_names[s]));
    }
    json_t *provenance =
        checkpoint->provenance[0] ? json_loads(checkpoint->provenance, 0, NULL) : json_null();
    return json_pack("{s:s, s:s, s:I, s:o, s:o, s:o, s:b, s:I, s:o}", "kind", "checkpoint", "path",
                     path, "parameters", (json_int_t)checkpoint->n_parameters, "config",
                     config_to_json(&checkpoint->config), "streams", streams, "standardised",
                     standardised, "resumable", checkpoint->is_resumable, "calibration_clips",
                     (json_int_t)checkpoint->n_calibration_clips, "provenance", provenance);
}

/* One row a value; objects within objects as "outer.inner". */
static void add_rows(struct table *table, const char *prefix, const json_t *object)
{
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)object, key, value)
    {
        char name[256];
        snprintf(name, sizeof name, "%s%s%s", prefix, prefix[0] ? "." : "", key);
        if (json_is_object(value)) {
            add_rows(table, name, value);
            continue;
        }
        char *text =
            json_is_string(value)
                ? NULL
                : json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT | JSON_REAL_PRECISION(6));
        table_cell(table, "%s", name);
        table_cell(table, "%s",
                   json_is_string(value) ? json_string_value(value)
                   : text                ? text
                                         : "");
        free(text);
    }
}

/* As JSON, or as a table under `title`; takes over the object. */
static int show_object(json_t *object, const char *title, bool json, struct valence_error *error)
{
    if (json || !object) /* which is an error */
        return print_json(object, error);
    struct table table = {.title = NULL};
    table_column(&table, title, TABLE_LEFT);
    table_column(&table, "value", TABLE_LEFT);
    add_rows(&table, "", object);
    table_print(&table, stdout);
    json_decref(object);
    return VALENCE_OK;
}

static int inspect_checkpoint(const char *path, bool json, struct valence_error *error)
{
    struct valence_checkpoint_summary *checkpoint;
    int status = valence_checkpoint_summarise(path, &checkpoint, error);
    if (status)
        return status;
    status = show_object(checkpoint_to_json(path, checkpoint), "checkpoint", json, error);
    valence_checkpoint_summary_free(checkpoint);
    return status;
}

/* The models of a run with several seeds, a line each. */
static void print_seeds(const char *title, const struct valence_run *run, const json_t *seeds)
{
    struct table table = {.title = title};
    table_column(&table, "model", TABLE_LEFT);
    table_column(&table, "parameters", TABLE_RIGHT);
    table_column(&table, "file", TABLE_LEFT);
    int n = valence_run_n_models(run);
    for (int i = 0; i < n; i++) {
        const json_t *seed = json_array_get(seeds, (size_t)i);
        table_cell(&table, "%s", valence_run_model_name(run, i));
        table_cell(&table, "%" JSON_INTEGER_FORMAT,
                   json_integer_value(json_object_get(seed, "parameters")));
        table_cell(&table, "%s", valence_run_model_path(run, i));
    }
    table_note(&table, "A run with %d seeds; 'valence inspect %s' shows one of them.", n,
               valence_run_model_path(run, 0));
    table_print(&table, stdout);
}

static int inspect_seeds(const struct request *request, const struct valence_run *run,
                         struct valence_error *error)
{
    json_t *seeds = json_array();
    int status = VALENCE_OK;
    for (int i = 0; i < valence_run_n_models(run) && !status; i++) {
        struct valence_checkpoint_summary *checkpoint;
        const char *path = valence_run_model_path(run, i);
        status = valence_checkpoint_summarise(path, &checkpoint, error);
        if (status)
            break;
        json_array_append_new(seeds, checkpoint_to_json(path, checkpoint));
        valence_checkpoint_summary_free(checkpoint);
    }
    if (!status && request->json)
        status = print_json(
            json_pack("{s:s, s:s, s:O}", "kind", "run", "path", request->path, "models", seeds),
            error);
    else if (!status)
        print_seeds(request->path, run, seeds);
    json_decref(seeds);
    return status;
}

/* ---- Clips ---- */

static json_t *clip_to_json(const struct valence_store *store, const struct valence_clip *clip)
{
    json_t *rows = json_object();
    for (int s = 0; s < valence_store_n_streams(store); s++)
        json_object_set_new(rows, valence_store_get_stream(store, s)->name,
                            json_integer(clip->n_rows[s]));
    json_t *object = json_pack("{s:s, s:s, s:o, s:s, s:s, s:o}", "id", clip->id, "split",
                               valence_split_names[clip->split], "label",
                               isnan(clip->label) ? json_null() : json_real((double)clip->label),
                               "group", clip->group, "transcript", clip->transcript, "rows", rows);
    if (object && clip->metadata[0])
        json_object_set_new(object, "metadata", json_loads(clip->metadata, 0, NULL));
    return object;
}

static int inspect_clip(const struct request *request, struct valence_error *error)
{
    struct valence_store *store;
    int status = open_store(request->path, request->accept_unfinished, &store, error);
    if (status)
        return status;
    int64_t clip = valence_store_find_clip(store, request->clip);
    json_t *object = clip < 0 ? NULL : clip_to_json(store, valence_store_clip(store, clip));
    if (clip < 0)
        status = valence_fail(error, VALENCE_ERROR_NOT_FOUND, NULL, "%s: has no clip '%s'",
                              request->path, request->clip);
    else
        status = object ? show_object(object, "clip", request->json, error)
                        : valence_fail(error, VALENCE_ERROR_MEMORY, NULL, "no memory for %s",
                                       "a clip's record");
    valence_store_close(store);
    return status;
}

/* ---- Encoders ---- */

#ifdef VALENCE_WITH_ENCODERS
/* The keys that only some kinds have. */
static void add_details(json_t *object, const struct valence_encoder_description *encoder)
{
    const struct {
        const char *key;
        int64_t value;
    } numbers[] = {
        {"layers", encoder->n_layers},         {"context", encoder->context},
        {"rate_hz", encoder->rate_hz},         {"side", encoder->side},
        {"frame_width", encoder->frame_width}, {"frames_joined", encoder->frames_joined}};
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        if (numbers[i].value)
            json_object_set_new(object, numbers[i].key, json_integer(numbers[i].value));
    if (encoder->wavlm)
        json_object_set_new(object, "belongs_to_wavlm", json_string(encoder->wavlm));
    if (encoder->llm)
        json_object_set_new(object, "belongs_to_llm", json_string(encoder->llm));
}

static json_t *encoder_to_json(const char *path, const struct valence_encoder_description *encoder)
{
    bool foreign = strcmp(encoder->kind, "llm") == 0; /* not a file that valence wrote */
    json_t *object =
        json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:I}", "kind", "encoder", "path", path,
                  "encoder", encoder->kind, "type", encoder->type, "source", encoder->source,
                  foreign ? "fingerprint" : "source_sha256", encoder->fingerprint, "license",
                  encoder->license, "width", (json_int_t)encoder->width);
    if (object && foreign)
        json_object_set_new(object, "architecture", json_string(encoder->architecture));
    if (object)
        add_details(object, encoder);
    return object;
}

static int inspect_faces(const char *path, bool json, struct valence_error *error)
{
    struct valence_face_detector *detector;
    int status = valence_face_detector_open(path, NULL, &detector, error);
    if (status)
        return status;
    json_t *object = encoder_to_json(path, valence_face_detector_describe(detector));
    valence_face_detector_close(detector);
    return show_object(object, "encoder", json, error);
}

static int inspect_encoder(const char *path, bool json, struct valence_error *error)
{
    struct valence_encoder *encoder;
    struct valence_error problem;
    int status = valence_encoder_load(path, NULL, &encoder, &problem);
    if (status == VALENCE_ERROR_UNSUPPORTED && strcmp(problem.key, "faces_model") == 0)
        return inspect_faces(path, json, error);
    if (status) {
        *error = problem;
        return status;
    }
    json_t *object = encoder_to_json(path, valence_encoder_describe(encoder));
    valence_encoder_free(encoder);
    return show_object(object, "encoder", json, error);
}
#else
static int inspect_encoder(const char *path, bool json, struct valence_error *error)
{
    (void)json;
    return valence_fail(error, VALENCE_ERROR_UNSUPPORTED, NULL,
                        "%s: this build has no encoders (configure with -DVALENCE_ENCODERS=ON)",
                        path);
}
#endif

/* ---- The command ---- */

/* A run's best model, or its last one where no epoch was finished. */
static int inspect_run(const struct request *request, struct valence_error *error)
{
    struct valence_run *run;
    int status = valence_run_open(request->path, VALENCE_CHECKPOINT_BEST, &run, error);
    if (!status && valence_run_n_models(run) == 1)
        status = inspect_checkpoint(valence_run_model_path(run, 0), request->json, error);
    else if (!status)
        status = inspect_seeds(request, run, error);
    valence_run_close(run);
    return status;
}

static int inspect(const struct request *request, struct valence_error *error)
{
    switch (valence_path_kind(request->path)) {
    case VALENCE_PATH_STORE:
        return request->clip ? inspect_clip(request, error) : inspect_store(request, error);
    case VALENCE_PATH_RUN:
        return inspect_run(request, error);
    case VALENCE_PATH_CHECKPOINT:
        return inspect_checkpoint(request->path, request->json, error);
    case VALENCE_PATH_ENCODER:
        return inspect_encoder(request->path, request->json, error);
    default:
        return inspect_source(request->path, request->json, terminal_progress(request->quiet),
                              error);
    }
}

static int run_inspect(const struct command *command, int argc, char **argv)
{
    struct request request = {0};
    int n, code;
    const struct option options[] = {
        option_store(&request.path),
        option_run(&request.path),
        option_json(&request.json),
        {OPTION_FLAG, 0, "records", &request.records, NULL,
         "For a store: read only the clips' records. This is fast, but leaves out what needs all "
         "rows (NaN, constant columns, duplicates).",
         0, 0},
        {OPTION_TEXT, 0, "clip", &request.clip, "ID",
         "For a store: show one clip's record, with its label, transcript, number of rows and "
         "encoder notes.",
         0, 0},
        OPTION_ACCEPT_UNFINISHED(&request.accept_unfinished),
        option_quiet(&request.quiet),
        {.type = OPTION_END}};
    if (!options_parse(command, options, argc, argv, &request.path, 1, 1, &n, &code))
        return code;
    struct valence_error error;
    const enum valence_path_kind kind = valence_path_kind(request.path);
    if (request.clip && kind != VALENCE_PATH_STORE && kind != VALENCE_PATH_NOTHING)
        return report_usage(command, "--clip is for stores");
    if (!inspect(&request, &error))
        return EXIT_FINE;
    explain_path(request.path, WANTED_INSPECTED, &error);
    return report_error(&error);
}

const struct command command_inspect = {
    .name = "inspect",
    .arguments = "PATH",
    .summary = "Show what a store, run, model file or data set holds.",
    .description = "For a store: its streams with the lengths of their clips, their values (range, "
                   "NaN, clips of nothing but zeros, columns that never change), its splits with "
                   "their labels, clips with the same rows, and where it came from.\n\n"
                   "You see the same for sources that 'valence import' reads without further "
                   "options: label files, MMSA's pickles, an .npz or .safetensors of clips, an "
                   "exported folder; and, without labels, for folders of arrays ID.npy and for a "
                   ".csd. For other tables and array files you see their columns or arrays.\n\n"
                   "For a checkpoint, or a run's best one: configuration, streams, number of "
                   "parameters and provenance; for a run with several seeds, a line for each. For "
                   "an encoder: its kind, type, licence and source.",
    .example = "valence inspect corpus\n"
               "valence inspect corpus --records\n"
               "valence inspect unaligned_50.pkl\n"
               "valence inspect features/\n"
               "valence inspect run/last.safetensors --json",
    .run = run_inspect};
