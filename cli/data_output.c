#include "data_output.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "json_output.h"
#include "table.h"
#include "terminal.h"
#include "valence/text.h"

/* ---- Tables ---- */

static void add_columns(struct table *table, const char *const *headings, int n)
{
    for (int i = 0; i < n; i++)
        table_column(table, headings[i], i == 0 ? TABLE_LEFT : TABLE_RIGHT);
}

static void add_numbers(struct table *table, const int64_t *numbers, int n)
{
    for (int i = 0; i < n; i++)
        table_cell(table, "%" PRId64, numbers[i]);
}

static void number_or_dash(struct table *table, double value, const char *format)
{
    char text[32];
    snprintf(text, sizeof text, format, value);
    table_cell(table, "%s", isfinite(value) ? text : "-");
}

/* "'a', 'b', ..." of clips, for notes. */
static void name_clips(const struct valence_data_summary *summary,
                       const struct valence_clip_examples *examples, char text[256])
{
    size_t used = 0;
    text[0] = '\0';
    for (int i = 0; i < examples->n && i < VALENCE_N_EXAMPLES && used < 240; i++)
        used += (size_t)snprintf(text + used, 256 - used, "%s'%.60s'", i ? ", " : "",
                                 valence_data_summary_id(summary, examples->clips[i]));
    if (examples->n > VALENCE_N_EXAMPLES && used < 250)
        snprintf(text + used, 256 - used, ", ...");
}

static void print_streams(const char *title, const struct valence_data_summary *summary)
{
    struct table table = {.title = title};
    static const char *const headings[] = {"stream",   "width", "type",   "clips", "rows",
                                           "shortest", "5 %",   "median", "95 %",  "longest"};
    add_columns(&table, headings, sizeof headings / sizeof headings[0]);
    for (int s = 0; s < summary->n_streams; s++) {
        const struct valence_stream_summary *stream = &summary->streams[s];
        char examples[256];
        table_cell(&table, "%s", stream->format.name);
        table_cell(&table, "%" PRId64, stream->format.width);
        table_cell(&table, "%s", valence_dtype_names[stream->format.type]);
        const int64_t numbers[] = {stream->n_clips,      stream->n_rows, stream->shortest,
                                   stream->percentile_5, stream->median, stream->percentile_95,
                                   stream->longest};
        add_numbers(&table, numbers, sizeof numbers / sizeof numbers[0]);
        name_clips(summary, &stream->absent, examples);
        if (stream->absent.n)
            table_note(&table, "%" PRId64 " %s other streams, but no %s: %s", stream->absent.n,
                       valence_plural(stream->absent.n, "clip has", "clips have"),
                       stream->format.name, examples);
    }
    if (summary->n_streams == 0)
        table_note(&table, "No feature streams: labels, splits and transcripts only.");
    table_print(&table, stdout);
}

static void print_values(const struct valence_data_summary *summary)
{
    struct table table = {.title = "\nvalues"};
    static const char *const headings[] = {"stream",   "lowest",    "highest",         "NaN",
                                           "infinite", "saturated", "constant columns"};
    add_columns(&table, headings, sizeof headings / sizeof headings[0]);
    for (int s = 0; s < summary->n_streams; s++) {
        const struct valence_stream_summary *stream = &summary->streams[s];
        const int64_t numbers[] = {stream->n_nan, stream->n_infinite, stream->n_saturated,
                                   stream->n_constant};
        char examples[256];
        table_cell(&table, "%s", stream->format.name);
        number_or_dash(&table, (double)stream->low, "%.5g");
        number_or_dash(&table, (double)stream->high, "%.5g");
        add_numbers(&table, numbers, sizeof numbers / sizeof numbers[0]);
        if (stream->zero.n) {
            name_clips(summary, &stream->zero, examples);
            table_note(&table,
                       "WARNING: %s: %" PRId64 " of %" PRId64 " clips %s nothing but zeros: %s",
                       stream->format.name, stream->zero.n, stream->n_clips,
                       valence_plural(stream->zero.n, "holds", "hold"), examples);
        }
        name_clips(summary, &stream->broken, examples);
        if (stream->broken.n)
            table_note(&table, "%s: NaN or infinite values in %" PRId64 " %s: %s",
                       stream->format.name, stream->broken.n,
                       valence_plural(stream->broken.n, "clip", "clips"), examples);
    }
    table_print(&table, stdout);
}

/* Prints what was written to a stream in memory, and frees both. */
static void print_notes_of(FILE *stream, char **notes, const size_t *length)
{
    if (fclose(stream) == 0 && *length)
        print_wrapped(stdout, *notes, 0, 0, terminal_columns(stdout));
    free(*notes);
}

/* What is odd about the clips, below the tables. */
static void print_notes(const struct valence_data_summary *summary)
{
    char *notes = NULL;
    size_t length = 0;
    FILE *stream = open_memstream(&notes, &length);
    if (!stream)
        return;
    const struct valence_clip_pair *pair = &summary->leaked[0];
    for (int s = 0; s < VALENCE_N_SPLITS; s++) {
        const struct valence_split_summary *split = &summary->splits[s];
        if (split->n_empty && summary->n_streams > 0)
            fprintf(stream, "%s: %" PRId64 " %s no rows in any stream\n", valence_split_names[s],
                    split->n_empty, valence_plural(split->n_empty, "clip has", "clips have"));
        if (split->n_duplicates)
            fprintf(stream, "%s: %" PRId64 " %s the same rows as another of the split\n",
                    valence_split_names[s], split->n_duplicates,
                    valence_plural(split->n_duplicates, "clip has", "clips have"));
    }
    if (summary->repeated.n)
        fprintf(stream, "WARNING: %" PRId64 " %s the id of an earlier clip ('%.60s')\n",
                summary->repeated.n, valence_plural(summary->repeated.n, "clip has", "clips have"),
                valence_data_summary_id(summary, summary->repeated.clips[0]));
    if (summary->n_shared_groups)
        fprintf(stream,
                "WARNING: %" PRId64 " %s clips in more than one split, so "
                "figures on the later one are too good\n",
                summary->n_shared_groups,
                valence_plural(summary->n_shared_groups, "recording has", "recordings have"));
    if (summary->n_leaked)
        fprintf(stream,
                "WARNING: %" PRId64 " %s the same rows as one of an earlier split "
                "('%.60s' as '%.60s')\n",
                summary->n_leaked, valence_plural(summary->n_leaked, "clip has", "clips have"),
                valence_data_summary_id(summary, pair->second),
                valence_data_summary_id(summary, pair->first));
    print_notes_of(stream, &notes, &length);
}

/* The numbers of classes have no mean and no bins. */
static void print_class_splits(const struct valence_data_summary *summary)
{
    struct table table = {.title = "\nlabels"};
    static const char *const headings[] = {"split", "clips", "groups", "texts", "none"};
    add_columns(&table, headings, sizeof headings / sizeof headings[0]);
    for (int s = 0; s < VALENCE_N_SPLITS; s++) {
        const struct valence_split_summary *split = &summary->splits[s];
        const int64_t counts[] = {split->n_clips, split->n_groups, split->n_transcripts,
                                  split->n_unlabelled};
        table_cell(&table, "%s", valence_split_names[s]);
        add_numbers(&table, counts, 4);
    }
    table_note(&table, "labels are of %d classes", summary->n_classes);
    table_print(&table, stdout);
}

static void print_splits(const struct valence_data_summary *summary)
{
    struct table table = {.title = "\nlabels"};
    static const char *const headings[] = {"split", "clips", "groups", "texts", "mean",
                                           "sd",    "-3",    "-2",     "-1",    "0",
                                           "1",     "2",     "3",      "none"};
    enum { FIRST_BIN = 6 };
    add_columns(&table, headings, sizeof headings / sizeof headings[0]);
    for (int bin = 0; bin < VALENCE_LABEL_BINS; bin++)
        table.columns[FIRST_BIN + bin].rank = 1;
    for (int s = 0; s < VALENCE_N_SPLITS; s++) {
        const struct valence_split_summary *split = &summary->splits[s];
        const int64_t counts[] = {split->n_clips, split->n_groups, split->n_transcripts};
        table_cell(&table, "%s", valence_split_names[s]);
        add_numbers(&table, counts, 3);
        number_or_dash(&table, split->label_mean, "%.3f");
        number_or_dash(&table, split->label_deviation, "%.3f");
        add_numbers(&table, split->label_bins, VALENCE_LABEL_BINS);
        add_numbers(&table, &split->n_unlabelled, 1);
    }
    table_print(&table, stdout);
}

void print_data_summary(const char *title, const struct valence_data_summary *summary, bool labels)
{
    char line[4096];
    snprintf(line, sizeof line, "%.4000s: %" PRId64 " %s", title, summary->n_clips,
             valence_plural(summary->n_clips, "clip", "clips"));
    print_streams(line, summary);
    if (summary->has_values)
        print_values(summary);
    if (labels && summary->n_classes)
        print_class_splits(summary);
    else if (labels)
        print_splits(summary);
    print_notes(summary);
}

void print_left_out(const struct valence_import_result *result)
{
    char *notes = NULL;
    size_t length = 0;
    FILE *stream = open_memstream(&notes, &length);
    if (!stream)
        return;
    for (int i = 0; i < valence_n_skips(); i++)
        if (result->skipped[i].n)
            fprintf(stream, "%s %" PRId64 " %s: %s ('%s')\n",
                    i == VALENCE_SKIP_MISSING ? "noted:" : "left out, as an import would:",
                    result->skipped[i].n, valence_plural(result->skipped[i].n, "clip", "clips"),
                    valence_skip_text(i), result->skipped[i].examples[0]);
    if (result->unlisted.n)
        fprintf(stream, "%" PRId64 " %s features, but no label ('%s')\n", result->unlisted.n,
                valence_plural(result->unlisted.n, "id has", "ids have"),
                result->unlisted.examples[0]);
    print_notes_of(stream, &notes, &length);
}

/* ---- JSON ---- */

static json_t *examples_to_json(const struct valence_data_summary *summary,
                                const struct valence_clip_examples *examples)
{
    json_t *ids = json_array();
    for (int i = 0; i < examples->n && i < VALENCE_N_EXAMPLES; i++)
        json_array_append_new(ids,
                              json_string(valence_data_summary_id(summary, examples->clips[i])));
    return json_pack("{s:I, s:o}", "clips", (json_int_t)examples->n, "examples", ids);
}

static json_t *pairs_to_json(const struct valence_data_summary *summary,
                             const struct valence_clip_pair *pairs, int64_t n)
{
    json_t *list = json_array();
    for (int i = 0; i < n && i < VALENCE_N_EXAMPLES; i++)
        json_array_append_new(list,
                              json_pack("[s, s]", valence_data_summary_id(summary, pairs[i].first),
                                        valence_data_summary_id(summary, pairs[i].second)));
    return json_pack("{s:I, s:o}", "n", (json_int_t)n, "examples", list);
}

static json_t *values_to_json(const struct valence_data_summary *summary,
                              const struct valence_stream_summary *stream)
{
    json_t *constant = json_array();
    for (int64_t j = 0; j < stream->format.width; j++)
        if (stream->lows[j] == stream->highs[j] && stream->n_rows > 1)
            json_array_append_new(constant, json_integer(j));
    return json_pack("{s:o, s:o, s:I, s:I, s:I, s:o, s:o, s:o, s:I, s:I}", "lowest",
                     json_number((double)stream->low), "highest", json_number((double)stream->high),
                     "nan", (json_int_t)stream->n_nan, "infinite", (json_int_t)stream->n_infinite,
                     "saturated", (json_int_t)stream->n_saturated, "constant_columns", constant,
                     "broken", examples_to_json(summary, &stream->broken), "zero",
                     examples_to_json(summary, &stream->zero), "coarse_columns",
                     (json_int_t)stream->n_coarse, "far_columns", (json_int_t)stream->n_far);
}

static json_t *stream_to_json(const struct valence_data_summary *summary,
                              const struct valence_stream_summary *stream)
{
    return json_pack("{s:s, s:I, s:s, s:I, s:{s:I, s:I, s:I, s:I, s:I, s:I}, s:o, s:o}", "name",
                     stream->format.name, "width", (json_int_t)stream->format.width, "dtype",
                     valence_dtype_names[stream->format.type], "clips", (json_int_t)stream->n_clips,
                     "rows", "total", (json_int_t)stream->n_rows, "shortest",
                     (json_int_t)stream->shortest, "percentile_5", (json_int_t)stream->percentile_5,
                     "median", (json_int_t)stream->median, "percentile_95",
                     (json_int_t)stream->percentile_95, "longest", (json_int_t)stream->longest,
                     "absent", examples_to_json(summary, &stream->absent), "values",
                     summary->has_values ? values_to_json(summary, stream) : json_null());
}

static json_t *split_to_json(const struct valence_split_summary *split)
{
    json_t *bins = json_array();
    for (int bin = 0; bin < VALENCE_LABEL_BINS; bin++)
        json_array_append_new(bins, json_integer(split->label_bins[bin]));
    return json_pack(
        "{s:I, s:I, s:I, s:I, s:I, s:I, s:o, s:o, s:o, s:o, s:o}", "clips",
        (json_int_t)split->n_clips, "groups", (json_int_t)split->n_groups, "unlabelled",
        (json_int_t)split->n_unlabelled, "empty", (json_int_t)split->n_empty, "transcripts",
        (json_int_t)split->n_transcripts, "duplicates", (json_int_t)split->n_duplicates,
        "label_mean", json_number(split->label_mean), "label_deviation",
        json_number(split->label_deviation), "label_lowest", json_number(split->label_low),
        "label_highest", json_number(split->label_high), "label_bins", bins);
}

json_t *left_out_to_json(const struct valence_import_result *result)
{
    json_t *left_out = json_object();
    for (int i = 0; i < valence_n_skips(); i++)
        json_object_set_new(left_out, valence_skip_name(i), json_integer(result->skipped[i].n));
    json_object_set_new(left_out, "unlisted", json_integer(result->unlisted.n));
    return left_out;
}

json_t *data_summary_to_json(const struct valence_data_summary *summary)
{
    json_t *streams = json_array(), *splits = json_object();
    for (int s = 0; s < summary->n_streams; s++)
        json_array_append_new(streams, stream_to_json(summary, &summary->streams[s]));
    for (int s = 0; s < VALENCE_N_SPLITS; s++)
        json_object_set_new(splits, valence_split_names[s], split_to_json(&summary->splits[s]));
    return json_pack(
        "{s:I, s:o, s:o, s:I, s:o, s:o, s:o}", "clips", (json_int_t)summary->n_clips, "streams",
        streams, "splits", splits, "groups_in_several_splits", (json_int_t)summary->n_shared_groups,
        "duplicates_across_splits",
        summary->has_values ? pairs_to_json(summary, summary->leaked, summary->n_leaked)
                            : json_null(),
        "shared_groups", pairs_to_json(summary, summary->shared_groups, summary->n_shared_groups),
        "repeated_ids", examples_to_json(summary, &summary->repeated));
}
