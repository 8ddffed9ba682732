/* valence inspect: what a store, a run or a checkpoint holds. */
#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/file.h"
#include "commands.h"
#include "json_output.h"
#include "model/checkpoint.h"
#include "model/config_json.h"
#include "store/store_summary.h"
#include "table.h"
#include "valence/encoder.h"

/* ---- Stores ------------------------------------------------------------------------------------ */

static void print_streams(const struct valence_store *store, const struct store_summary *summary)
{
    char title[4096];
    snprintf(title, sizeof title, "%s: %" PRId64 " clips", valence_store_path(store),
             valence_store_n_clips(store));
    struct table table = {.title = title};
    table_column(&table, "stream", TABLE_LEFT);
    static const char *const headings[] = {"width",    "type",   "clips", "rows",
                                           "shortest", "median", "95 %",  "longest"};
    for (size_t i = 0; i < sizeof headings / sizeof headings[0]; i++)
        table_column(&table, headings[i], TABLE_RIGHT);
    for (int s = 0; s < summary->n_streams; s++) {
        const struct valence_store_stream *stream = valence_store_stream(store, s);
        const struct stream_summary *rows = &summary->streams[s];
        table_cell(&table, "%s", stream->name);
        table_cell(&table, "%" PRId64, stream->width);
        table_cell(&table, "%s", valence_dtype_names[stream->type]);
        const int64_t numbers[] = {rows->n_clips, rows->n_rows,        rows->shortest,
                                   rows->median,  rows->percentile_95, rows->longest};
        for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
            table_cell(&table, "%" PRId64, numbers[i]);
    }
    table_print(&table, stdout);
}

static void number_or_dash(struct table *table, double value)
{
    if (isnan(value))
        table_cell(table, "-");
    else
        table_cell(table, "%.3f", value);
}

static void print_splits(const struct store_summary *summary)
{
    struct table table = {.title = "\nlabels"};
    table_column(&table, "split", TABLE_LEFT);
    static const char *const headings[] = {"clips", "groups", "mean", "sd", "-3", "-2",
                                           "-1",    "0",      "1",    "2",  "3",  "none"};
    for (size_t i = 0; i < sizeof headings / sizeof headings[0]; i++)
        table_column(&table, headings[i], TABLE_RIGHT);
    for (int s = 0; s < VALENCE_N_SPLITS; s++) {
        const struct split_summary *split = &summary->splits[s];
        table_cell(&table, "%s", valence_split_names[s]);
        table_cell(&table, "%" PRId64, split->n_clips);
        table_cell(&table, "%" PRId64, split->n_groups);
        number_or_dash(&table, split->label_mean);
        number_or_dash(&table, split->label_deviation);
        for (int bin = 0; bin < LABEL_BINS; bin++)
            table_cell(&table, "%" PRId64, split->label_bins[bin]);
        table_cell(&table, "%" PRId64, split->n_unlabelled);
        if (split->n_empty)
            table_note(&table, "%s: %" PRId64 " clips have no rows in any stream",
                       valence_split_names[s], split->n_empty);
    }
    if (summary->n_shared_groups)
        table_note(&table,
                   "WARNING: %" PRId64 " recordings have clips in more than one split, so that "
                   "figures on the later one flatter the model",
                   summary->n_shared_groups);
    table_print(&table, stdout);
}

static json_t *stream_to_json(const struct valence_store_stream *stream,
                              const struct stream_summary *rows)
{
    return json_pack("{s:s, s:I, s:s, s:I, s:{s:I, s:I, s:I, s:I, s:I}}", "name", stream->name,
                     "width", (json_int_t)stream->width, "dtype", valence_dtype_names[stream->type],
                     "clips", (json_int_t)rows->n_clips, "rows", "total", (json_int_t)rows->n_rows,
                     "shortest", (json_int_t)rows->shortest, "median", (json_int_t)rows->median,
                     "percentile_95", (json_int_t)rows->percentile_95, "longest",
                     (json_int_t)rows->longest);
}

static json_t *number_or_null(double value)
{
    return isnan(value) ? json_null() : json_real(value);
}

static json_t *split_to_json(const struct split_summary *split)
{
    json_t *bins = json_array();
    for (int bin = 0; bin < LABEL_BINS; bin++)
        json_array_append_new(bins, json_integer(split->label_bins[bin]));
    return json_pack("{s:I, s:I, s:I, s:I, s:I, s:o, s:o, s:o}", "clips",
                     (json_int_t)split->n_clips, "groups", (json_int_t)split->n_groups,
                     "unlabelled", (json_int_t)split->n_unlabelled, "empty",
                     (json_int_t)split->n_empty, "transcripts", (json_int_t)split->n_transcripts,
                     "label_mean", number_or_null(split->label_mean), "label_deviation",
                     number_or_null(split->label_deviation), "label_bins", bins);
}

static json_t *store_to_json(const struct valence_store *store, const struct store_summary *summary)
{
    json_t *streams = json_array(), *splits = json_object();
    for (int s = 0; s < summary->n_streams; s++)
        json_array_append_new(streams,
                              stream_to_json(valence_store_stream(store, s), &summary->streams[s]));
    for (int s = 0; s < VALENCE_N_SPLITS; s++)
        json_object_set_new(splits, valence_split_names[s], split_to_json(&summary->splits[s]));
    const char *source = valence_store_source(store);
    json_t *from = source[0] ? json_loads(source, 0, NULL) : NULL;
    return json_pack("{s:s, s:s, s:I, s:o, s:o, s:I, s:o}", "kind", "store", "path",
                     valence_store_path(store), "clips", (json_int_t)valence_store_n_clips(store),
                     "streams", streams, "splits", splits, "groups_in_several_splits",
                     (json_int_t)summary->n_shared_groups, "source", from ? from : json_null());
}

static int inspect_store(const char *path, bool json, struct valence_error *error)
{
    struct valence_store *store;
    struct store_summary summary;
    int status = valence_store_open(path, &store, error);
    if (status)
        return status;
    status = store_summarise(store, &summary, error);
    if (!status && json) {
        status = print_json(store_to_json(store, &summary), error);
    } else if (!status) {
        print_streams(store, &summary);
        print_splits(&summary);
        if (valence_store_source(store)[0])
            printf("\nsource: %s\n", valence_store_source(store));
    }
    valence_store_close(store);
    return status;
}

/* ---- Checkpoints --------------------------------------------------------------------------------- */

static json_t *checkpoint_to_json(const char *path, const struct checkpoint *checkpoint)
{
    json_t *streams = json_object(), *standardised = json_array();
    for (int s = 0; s < VALENCE_N_STREAMS; s++) {
        if (checkpoint->stream_names[s][0])
            json_object_set_new(streams, valence_stream_names[s],
                                json_string(checkpoint->stream_names[s]));
        if (checkpoint->standardisation.mean[s])
            json_array_append_new(standardised, json_string(valence_stream_names[s]));
    }
    return json_pack("{s:s, s:s, s:I, s:o, s:o, s:o, s:b, s:O?}", "kind", "checkpoint", "path",
                     path, "parameters", (json_int_t)checkpoint->n_parameters, "config",
                     model_config_to_json(&checkpoint->config), "streams", streams, "standardised",
                     standardised, "resumable", checkpoint->first_moment != NULL, "provenance",
                     checkpoint->provenance);
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
    if (json)
        return print_json(object, error);
    struct table table = {.title = NULL};
    table_column(&table, title, TABLE_LEFT);
    table_column(&table, "", TABLE_LEFT);
    add_rows(&table, "", object);
    table_print(&table, stdout);
    json_decref(object);
    return VALENCE_OK;
}

static int inspect_checkpoint(const char *path, bool json, struct valence_error *error)
{
    struct checkpoint checkpoint;
    int status = checkpoint_load(path, &checkpoint, error);
    if (status)
        return status;
    json_t *object = checkpoint_to_json(path, &checkpoint);
    status = show_object(object, "checkpoint", json, error);
    checkpoint_free(&checkpoint);
    return status;
}

/* ---- Encoders ---------------------------------------------------------------------------------- */

#ifdef VALENCE_WITH_ENCODERS
static json_t *encoder_to_json(const char *path, const struct valence_encoder_description *encoder)
{
    json_t *object = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:I}", "kind", "encoder",
                               "path", path, "encoder", encoder->kind, "type", encoder->type,
                               "source", encoder->source, "source_sha256", encoder->fingerprint,
                               "license", encoder->license, "width", (json_int_t)encoder->width);
    if (object && encoder->rate_hz)
        json_object_set_new(object, "rate_hz", json_integer(encoder->rate_hz));
    if (object && encoder->side)
        json_object_set_new(object, "side", json_integer(encoder->side));
    return object;
}

static int inspect_encoder(const char *path, bool json, struct valence_error *error)
{
    struct valence_encoder *encoder;
    int status = valence_encoder_load(path, NULL, &encoder, error);
    if (status)
        return status;
    json_t *object = encoder_to_json(path, valence_encoder_describe(encoder));
    valence_encoder_free(encoder);
    return show_object(object, "encoder", json, error);
}
#else
static int inspect_encoder(const char *path, bool json, struct valence_error *error)
{
    (void)json;
    return fail(error, VALENCE_ERROR_UNSUPPORTED,
                "%s: this build has no encoders (configure with -DVALENCE_ENCODERS=ON)", path);
}
#endif

/* ---- The command ---------------------------------------------------------------------------------- */

static int inspect_folder(const char *path, bool json, struct valence_error *error)
{
    char *best = path_join(path, "best.safetensors");
    if (!best)
        return fail_memory(error, strlen(path), "a file name");
    int status = path_exists(best) ? inspect_checkpoint(best, json, error)
                                   : inspect_store(path, json, error);
    free(best);
    return status;
}

static int run_inspect(const struct command *command, int argc, char **argv)
{
    bool json = false;
    const char *path;
    int n, code;
    const struct option options[] = {
        {OPTION_FLAG, 0, "json", &json, NULL, "Print JSON for programs.", 0, 0},
        {.type = OPTION_END}};
    if (!options_parse(command, options, argc, argv, &path, 1, 1, &n, &code))
        return code;
    struct valence_error error;
    int status = path_is_folder(path)             ? inspect_folder(path, json, &error)
                 : path_has_ending(path, ".gguf") ? inspect_encoder(path, json, &error)
                                                  : inspect_checkpoint(path, json, &error);
    return status ? report_error(&error) : EXIT_FINE;
}

const struct command command_inspect = {
    .name = "inspect",
    .arguments = "STORE|RUN|CHECKPOINT|ENCODER.gguf",
    .summary = "Show what a store, a run, a checkpoint or an encoder holds.",
    .description = "Of a store: its streams with the lengths of their clips, its splits with their "
                   "labels, and where it came from; only the clips' records are read, not their "
                   "rows. Of a checkpoint, or a run's best one: configuration, streams, number of "
                   "parameters and provenance. Of an encoder: its kind, type, licence and source.",
    .example = "valence inspect corpus\n"
               "valence inspect run/last.safetensors --json",
    .run = run_inspect};
