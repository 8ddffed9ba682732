/* Torture: stores, imports and exports, files. */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "torture.h"
#include "valence/doctor.h"
#include "valence/export.h"
#include "valence/import.h"
#include "valence/inspect.h"
#include "valence/output.h"
#include "valence/store.h"
#include "valence/summary.h"
#include "valence/synthesize.h"
#include "valence/text.h"
#include "valence/transcript.h"
#include "valence/transcript_formats.h"

#define FIXTURE(name) VALENCE_TEST_DATA "/exchange/fixtures/" name

static void add_clips(double *result, const struct valence_store *store)
{
    for (int64_t i = 0; i < valence_store_n_clips(store); i++) {
        const struct valence_clip *clip = valence_store_clip(store, i);
        *result = *result * 1.0001 + (clip->label == clip->label ? (double)clip->label : 9);
        for (int s = 0; s < valence_store_n_streams(store); s++)
            *result = *result * 1.0001 + (double)clip->n_rows[s];
        add_text(result, clip->id);
        add_text(result, clip->transcript);
    }
}

/* ---- Reading stores ---- */

static int open_store(double *result, struct valence_error *error)
{
    struct valence_store *store;
    int status = valence_store_open(corpus, NULL, &store, error);
    if (status)
        return store ? 1 : status;
    add_clips(result, store);
    add_text(result, valence_store_source(store));
    if (valence_store_find_clip(store, valence_store_clip(store, 3)->id) != 3)
        status = 1;
    valence_store_close(store);
    return status;
}

static int read_store(const struct valence_store *store, double *result,
                      struct valence_error *error)
{
    struct valence_column_statistics *statistics;
    int status = valence_store_statistics(store, 0, NULL, &statistics, error);
    if (status)
        return statistics ? 1 : status;
    for (int64_t i = 0; i < statistics->width; i++)
        *result += (double)statistics->mean[i] + 3 * (double)statistics->deviation[i];
    valence_column_statistics_free(statistics);
    unsigned char rows[4 * VALENCE_STORE_MAX_WIDTH];
    const struct valence_store_stream *stream = valence_store_get_stream(store, 0);
    status = valence_store_read_rows(store, 1, 0, 0, 1, rows, error);
    for (int64_t i = 0; !status && i < stream->width; i++)
        *result = *result * 1.0001 + rows[i];
    return status;
}

static int examine(double *result, struct valence_error *error)
{
    struct valence_store *store;
    struct valence_data_summary *summary = NULL;
    struct valence_diagnosis *diagnosis = NULL;
    struct valence_verification verification = {.size = sizeof verification};
    int status = valence_store_open(corpus, NULL, &store, error);
    if (status)
        return status;
    status = valence_store_summarise(store, true, NULL, &summary, error);
    if (!status) {
        status = valence_diagnose(summary, NULL, &diagnosis, error);
        *result += (double)summary->streams[0].low + summary->splits[0].label_mean;
        if (status && diagnosis)
            status = 1;
    } else if (summary)
        status = 1;
    for (int i = 0; !status && i < diagnosis->n_findings; i++)
        add_text(result, diagnosis->findings[i].text);
    if (!status)
        status = valence_store_verify(store, NULL, &verification, error);
    *result += (double)verification.n_values + 100 * (double)verification.n_damaged;
    if (!status)
        status = read_store(store, result, error);
    valence_diagnosis_free(diagnosis);
    valence_data_summary_free(summary);
    valence_store_close(store);
    return status;
}

/* ---- Writing stores ---- */

static int add_clips_to(struct valence_store_writer *writer, struct valence_error *error)
{
    static const struct valence_label_scale scale = {.name = "likert-5", .low = 1, .high = 5};
    static const float rows[6] = {1, 2, 3, 4, 5, 6};
    static const struct valence_clip_rows audio = {0, 2, rows};
    int status = valence_store_writer_set_source(writer, "{\"kind\": \"mine\"}", error);
    if (!status)
        status = valence_store_writer_set_label_scale(writer, &scale, error);
    for (int i = 0; !status && i < 3; i++) {
        char id[8];
        snprintf(id, sizeof id, "clip%d", i);
        struct valence_clip clip = {.id = id, .split = VALENCE_TRAIN, .label = (float)i + 1};
        status = valence_store_writer_add(writer, &clip, &audio, 1, error);
        if (!status && !valence_store_writer_has(writer, id))
            status = 1;
    }
    const struct valence_store_failure failure = {"lost", VALENCE_ERROR_IO, "away", "{\"a\": 1}"};
    if (!status)
        status = valence_store_writer_add_failure(writer, &failure, error);
    if (!status)
        status = valence_store_writer_remove_failure(writer, "never", error);
    if (!status)
        status = valence_store_writer_commit(writer, error);
    return status ? status : valence_store_writer_finish(writer, error);
}

static int make_rows(void *user, const struct valence_clip *const *clips, int64_t n,
                     const struct valence_progress *progress, struct valence_made_rows *rows,
                     struct valence_error *error)
{
    static const float values[2] = {7, 8};
    (void)user, (void)clips, (void)progress, (void)error;
    for (int64_t i = 0; i < n; i++)
        rows[i] = (struct valence_made_rows){1, values, "{\"made\": true}"};
    return VALENCE_OK;
}

static int write_store(double *result, struct valence_error *error)
{
    static const struct valence_store_stream audio = {"audio", 3, VALENCE_F32};
    struct valence_store_writer *writer;
    struct valence_stream_maker maker;
    struct valence_store *store = NULL;
    struct valence_error closing;
    int64_t n_made = 0;
    int status = valence_store_writer_open(made, &audio, 1, NULL, &writer, error);
    if (status) {
        clear_untried(made);
        return writer ? 1 : status;
    }
    status = add_clips_to(writer, error);
    int closed = valence_store_writer_close(writer, status ? &closing : error);
    status = status ? status : closed;
    valence_stream_maker_default(&maker);
    maker.stream = (struct valence_store_stream){"text", 2, VALENCE_F16};
    maker.make = make_rows;
    if (!status)
        status = valence_store_add_stream(made, &maker, NULL, &n_made, error);
    if (!status)
        status = valence_store_open(made, NULL, &store, error);
    if (!status)
        add_clips(result, store);
    valence_store_close(store);
    if (!status)
        status = valence_store_remove(made, error);
    clear_untried(made);
    return status;
}

static int merge_stores(double *result, struct valence_error *error)
{
    const char *const stores[] = {corpus};
    struct valence_store *store = NULL;
    int64_t n_clips = 0;
    int status = valence_store_merge(stores, 1, made, NULL, &n_clips, error);
    if (!status)
        status = valence_store_open(made, NULL, &store, error);
    if (!status)
        add_clips(result, store);
    valence_store_close(store);
    clear_untried(made);
    return status;
}

static int synthesize(double *result, struct valence_error *error)
{
    struct valence_synthesize_options synthesis;
    valence_synthesize_options_default(&synthesis);
    synthesis.n_train = synthesis.n_validation = synthesis.n_test = 4;
    int status = valence_synthesize(made, &synthesis, NULL, error);
    *result = 1;
    clear_untried(made);
    return status;
}

/* ---- Imports and exports ---- */

static int import(enum valence_import_kind kind, const char *source,
                  const struct valence_import_options *options, double *result,
                  struct valence_error *error)
{
    struct valence_import_result counts = {.size = sizeof counts};
    struct valence_store *store = NULL;
    int status = valence_import(kind, source, made, options, NULL, &counts, error);
    if (!status) {
        *result += (double)counts.n_taken + 100 * counts.n_notes;
        status = valence_store_open(made, NULL, &store, error);
    }
    if (!status)
        add_clips(result, store);
    valence_store_close(store);
    clear_untried(made);
    return status;
}

static int import_table(double *result, struct valence_error *error)
{
    struct valence_import_options options;
    char labels[96], audio[96];
    snprintf(labels, sizeof labels, "%s/npy/labels.csv", exported);
    snprintf(audio, sizeof audio, "%s/npy/audio", exported);
    valence_import_options_default(&options);
    options.streams[VALENCE_STREAM_AUDIO].folder = audio;
    return import(VALENCE_IMPORT_TABLE, labels, &options, result, error);
}

static int import_dense(double *result, struct valence_error *error)
{
    char source[96];
    snprintf(source, sizeof source, "%s/all.safetensors", exported);
    return import(VALENCE_IMPORT_DENSE, source, NULL, result, error);
}

static int import_merbench(double *result, struct valence_error *error)
{
    struct valence_import_options options;
    valence_import_options_default(&options);
    options.skip = 1u << VALENCE_SKIP_MISSING | 1u << VALENCE_SKIP_EMPTY;
    options.streams[VALENCE_STREAM_VIDEO].folder = FIXTURE("merbench/manet_FRA");
    return import(VALENCE_IMPORT_MERBENCH, FIXTURE("merbench/demo_label.npz"), &options, result,
                  error);
}

static int import_mmsa(double *result, struct valence_error *error)
{
    char source[96];
    snprintf(source, sizeof source, "%s/mmsa.pkl", exported);
    return import(VALENCE_IMPORT_MMSA, source, NULL, result, error);
}

static int import_npz(double *result, struct valence_error *error)
{
    char source[96];
    snprintf(source, sizeof source, "%s/mmsa.npz", exported);
    return import(VALENCE_IMPORT_MMSA, source, NULL, result, error);
}

static int export_each(double *result, struct valence_error *error)
{
    struct valence_store *store;
    int status = valence_store_open(corpus, NULL, &store, error);
    for (int kind = 0; !status && kind < valence_n_export_kinds(); kind++) {
        struct valence_export_result counts = {.size = sizeof counts};
        status =
            valence_export((enum valence_export_kind)kind, store, made, NULL, NULL, &counts, error);
        *result += (double)counts.n_clips + (double)counts.n_rows[0];
        clear_untried(made);
    }
    valence_store_close(store);
    return status;
}

/* ---- Transcripts ---- */

static int add_transcript(const char *text, const char *name, double *result,
                          struct valence_error *error)
{
    struct valence_transcript *transcript;
    char *said;
    int status = valence_transcript_read_memory(text, strlen(text), name, NULL, &transcript, error);
    if (status)
        return transcript ? 1 : status;
    for (int64_t i = 0; i < transcript->n_segments; i++)
        *result += transcript->segments[i].start + (double)transcript->segments[i].n_words;
    status = valence_transcript_text(transcript, 0, INFINITY, &said, error);
    if (!status)
        add_text(result, said);
    else if (said)
        status = 1;
    valence_text_free(status ? NULL : said);
    valence_transcript_free(transcript);
    return status;
}

static int write_transcript(double *result, struct valence_error *error)
{
    static const char text[] = "WEBVTT\n\n00:01.000 --> 00:03.500\none<00:01.500> two\n";
    static char buffer[1 << 12], written[1 << 12];
    struct valence_transcript *transcript;
    int status =
        valence_transcript_read_memory(text, sizeof text - 1, "a.vtt", NULL, &transcript, error);
    if (status)
        return status;
    FILE *stream = fopen(made, "w+");
    if (!stream)
        status = valence_fail(error, VALENCE_ERROR_MEMORY, NULL, "no memory for a stream");
    else
        setvbuf(stream, buffer, _IOFBF, sizeof buffer); /* none of its own */
    if (!status)
        status = valence_transcript_write_json(stream, "a\xff.wav", false, transcript, error);
    if (!status) {
        rewind(stream);
        written[fread(written, 1, sizeof written - 1, stream)] = '\0';
        add_text(result, written);
    }
    if (stream)
        fclose(stream);
    clear_untried(made);
    valence_transcript_free(transcript);
    return status;
}

static int read_transcripts(double *result, struct valence_error *error)
{
    int status = add_transcript("WEBVTT\n\n00:01.000 --> 00:03.500\none<00:01.500> two\n\n"
                                "00:00.000 --> 00:03.000\nfirst",
                                "a.vtt", result, error);
    if (!status)
        status =
            add_transcript("start,end,word\n1,2,one\n3,4,three\n2,3,two\n", "a.csv", result, error);
    if (!status)
        status = add_transcript("\"ooTextFile\" \"TextGrid\" 0 1 <exists> 1 \"IntervalTier\" "
                                "\"words\" 0 1 2 0 0.5 \"one\" 0.5 1 \"sil\"",
                                "a.TextGrid", result, error);
    return status;
}

static int read_transcript_file(double *result, struct valence_error *error)
{
    struct valence_transcript *transcript;
    struct valence_transcript_read_options options;
    valence_transcript_read_options_default(&options);
    options.format = VALENCE_TRANSCRIPT_TEXT;
    int status =
        valence_transcript_read(VALENCE_TEST_DATA "/../LICENSE", &options, &transcript, error);
    if (status)
        return transcript ? 1 : status;
    *result = (double)transcript->n_segments;
    valence_transcript_free(transcript);
    return status;
}

/* ---- Looking into sources ---- */

static int inspect(const char *path, double *result, struct valence_error *error)
{
    struct valence_source *source;
    int status = valence_source_inspect(path, NULL, &source, error);
    if (status)
        return source ? 1 : status;
    add_text(result, source->kind);
    add_text(result, source->reason);
    *result = *result * 3 + (double)source->n_rows + (source->data ? source->data->n_clips : 0);
    for (int64_t i = 0; i < source->n_arrays; i++) {
        add_text(result, source->arrays[i].name);
        add_text(result, source->arrays[i].shape);
        *result += source->arrays[i].high;
    }
    for (int64_t i = 0; i < source->n_columns; i++) {
        add_text(result, source->columns[i].first);
        add_text(result, source->columns[i].values);
    }
    valence_source_free(source);
    return VALENCE_OK;
}

static int inspect_exported(double *result, struct valence_error *error)
{
    static const char *const names[] = {"npy", "all.safetensors", "mmsa.pkl", "mmsa.npz",
                                        "npy/labels.csv"};
    int status = VALENCE_OK;
    for (size_t i = 0; i < sizeof names / sizeof names[0] && !status; i++) {
        char path[96];
        snprintf(path, sizeof path, "%s/%s", exported, names[i]);
        status = inspect(path, result, error);
    }
    return status;
}

static int inspect_arrays(double *result, struct valence_error *error)
{
    return inspect(FIXTURE("merbench/demo_label.npz"), result, error);
}

/* ---- Files ---- */

static int write_output(double *result, struct valence_error *error)
{
    struct valence_output *output;
    int status = valence_output_check(made, false, error);
    if (!status)
        status = valence_output_open(made, false, &output, error);
    if (!status) {
        fputs("text", valence_output_stream(output));
        status = valence_output_commit(output, error);
    }
    *result = 1;
    if (!status)
        status = valence_output_open(made, true, &output, error);
    if (!status)
        valence_output_abort(output);
    clear_untried(made);
    return status;
}

const struct torture_case data_cases[] = {
    {"valence_store_open", open_store, 0},
    {"valence_store_summarise valence_diagnose valence_store_verify valence_store_statistics "
     "valence_store_read_rows",
     examine, 0},
    {"valence_store_writer_open valence_store_writer_set_source "
     "valence_store_writer_set_label_scale valence_store_writer_add valence_store_writer_commit "
     "valence_store_writer_add_failure valence_store_writer_remove_failure "
     "valence_store_writer_finish valence_store_writer_close valence_store_add_stream "
     "valence_store_remove valence_store_writer_has",
     write_store, 0},
    {"valence_store_merge valence_store_writer_add_from", merge_stores, 0},
    {"valence_synthesize", synthesize, 0},
    {"valence_import", import_table, 0},
    {"valence_import", import_dense, 0},
    {"valence_import", import_merbench, 0},
    {"valence_import", import_mmsa, 0},
    {"valence_import", import_npz, 0},
    {"valence_export", export_each, 40},
    {"valence_transcript_read_memory valence_transcript_text", read_transcripts, 0},
    {"valence_transcript_read", read_transcript_file, 0},
    {"valence_transcript_write_json", write_transcript, 0},
    {"valence_source_inspect", inspect_exported, 40},
    {"valence_source_inspect", inspect_arrays, 0},
    {"valence_output_check valence_output_open valence_output_commit", write_output, 0},
};
const int n_data_cases = sizeof data_cases / sizeof data_cases[0];
