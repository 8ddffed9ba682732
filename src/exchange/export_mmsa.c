/* MMSA's layout, padded arrays and columns for each of the splits train, valid and test: as a
 * pickle that MMSA and its followers load, or as an .npz. What `import mmsa` reads back.
 * docs/file-formats.md describes it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/file_writer.h"
#include "base/memory.h"
#include "exchange/export.h"
#include "exchange/export_sink.h"
#include "store/store_scan.h"

/* MMSA's names, and with simulated text (below with group and metadata) some of our own: keys more
 * do no harm. */
static const char *const split_keys[VALENCE_N_SPLITS] = {"train", "valid", "test"};
static const char *const stream_keys[VALENCE_N_STREAMS] = {"audio", "text", "vision",
                                                           "simulated_text"};

/* One split being written. */
struct mmsa_split {
    const struct export *export;
    struct export_sink *sink;
    enum valence_split split;
    int64_t n_clips;
    int64_t *clips; /* (n_clips) of the store */
    int stream;     /* of the store: the one being written */
    int64_t width, max_rows;
    int64_t at, n_rows; /* the clip being written, and how many of its rows were */
    float *zeros;       /* (width) */
};

/* ---- Columns ---- */

static const struct valence_clip *clip_at(const void *user, int64_t i)
{
    const struct mmsa_split *split = user;
    return valence_store_clip(split->export->store, split->clips[i]);
}

static const char *get_id(void *user, int64_t i)
{
    return clip_at(user, i)->id;
}

static const char *get_group(void *user, int64_t i)
{
    return clip_at(user, i)->group;
}

static const char *get_transcript(void *user, int64_t i)
{
    return clip_at(user, i)->transcript;
}

static const char *get_metadata(void *user, int64_t i)
{
    return clip_at(user, i)->metadata;
}

/* MMSA's classes are those of the sign. */
static const char *get_annotation(void *user, int64_t i)
{
    float label = clip_at(user, i)->label;
    return label < 0 ? "Negative" : label > 0 ? "Positive" : "Neutral";
}

static int64_t get_n_rows(void *user, int64_t i)
{
    const struct mmsa_split *split = user;
    return clip_at(user, i)->n_rows[split->stream];
}

static int write_columns(struct mmsa_split *split, struct valence_error *error)
{
    static const struct {
        const char *name;
        const char *(*get)(void *, int64_t);
    } texts[] = {{"id", get_id},
                 {"raw_text", get_transcript},
                 {"annotations", get_annotation},
                 {"group", get_group},
                 {"metadata", get_metadata}};
    int status = VALENCE_OK;
    for (size_t i = 0; i < sizeof texts / sizeof *texts && !status; i++)
        status =
            export_texts(split->sink, texts[i].name, split->n_clips, texts[i].get, split, error);
    if (!status)
        status = export_array_begin(split->sink, "regression_labels", 1, &split->n_clips, error);
    for (int64_t i = 0; i < split->n_clips && !status; i++)
        export_array_write(split->sink, &clip_at(split, i)->label, 1);
    if (!status)
        export_array_end(split->sink);
    return status;
}

/* ---- Streams ---- */

/* Pads the clips of the split up to store's `clip`, those without rows all of them. */
static void pad_until(struct mmsa_split *split, int64_t clip)
{
    for (; split->at < split->n_clips && split->clips[split->at] < clip; split->at++) {
        for (; split->n_rows < split->max_rows; split->n_rows++)
            export_array_write(split->sink, split->zeros, split->width);
        split->n_rows = 0;
    }
}

static int write_piece(void *user, const struct store_piece *piece, struct valence_error *error)
{
    struct mmsa_split *split = user;
    (void)error; /* a failed write stays in the file's flag, which the commit looks at */
    pad_until(split, piece->clip);
    export_array_write(split->sink, piece->rows, piece->n_rows * split->width);
    split->n_rows += piece->n_rows;
    return VALENCE_OK;
}

/* T is the longest clip of the store, so that all splits have arrays of one form. */
static int begin_stream(struct mmsa_split *split, int stream, const char *key,
                        struct valence_error *error)
{
    const struct valence_store *store = split->export->store;
    split->stream = stream;
    split->width = valence_store_get_stream(store, stream)->width;
    split->max_rows = split->at = split->n_rows = 0;
    for (int64_t i = 0; i < valence_store_n_clips(store); i++)
        if (valence_store_clip(store, i)->n_rows[stream] > split->max_rows)
            split->max_rows = valence_store_clip(store, i)->n_rows[stream];
    int64_t shape[] = {split->n_clips, split->max_rows, split->width}, count;
    char lengths[64];
    snprintf(lengths, sizeof lengths, "%s_lengths", key);
    if (!shape_count(shape, 3, &count) || count > INT64_MAX / (int64_t)sizeof(float))
        return fail(error, VALENCE_ERROR_SHAPE, "%s: the padded array '%s' is too large",
                    split->export->target, key);
    int status = export_numbers(split->sink, lengths, split->n_clips, get_n_rows, split, error);
    return status ? status : export_array_begin(split->sink, key, 3, shape, error);
}

static int write_stream(struct mmsa_split *split, int stream, const char *key,
                        struct valence_error *error)
{
    const struct export *export = split->export;
    int status = begin_stream(split, stream, key, error);
    split->zeros = allocate(split->width, sizeof(float));
    if (!status && !split->zeros)
        status = fail_memory(error, (size_t)split->width * sizeof(float), "padding");
    if (!status)
        status = store_scan(export->store, stream, split->split, "exporting", export->progress,
                            write_piece, split, error);
    if (!status) {
        pad_until(split, INT64_MAX);
        export_array_end(split->sink);
    }
    free(split->zeros);
    return status;
}

/* ---- All of it ---- */

static int write_split(const struct export *export, struct export_sink *sink,
                       enum valence_split which, struct valence_error *error)
{
    const struct valence_store *store = export->store;
    struct mmsa_split split = {.export = export, .sink = sink, .split = which};
    split.clips = allocate(valence_store_n_clips(store), sizeof *split.clips);
    if (!split.clips)
        return fail_memory(error, (size_t)valence_store_n_clips(store) * sizeof *split.clips,
                           "the clips of a split");
    for (int64_t i = 0; i < valence_store_n_clips(store); i++)
        if (valence_store_clip(store, i)->split == which)
            split.clips[split.n_clips++] = i;
    export_split_begin(sink, split_keys[which]);
    int status = write_columns(&split, error);
    for (int s = 0; s < VALENCE_N_STREAMS && !status; s++) {
        int stream = valence_store_find_stream(store, valence_stream_names[s]);
        if (stream >= 0)
            status = write_stream(&split, stream, stream_keys[s], error);
    }
    export_split_end(sink);
    free(split.clips);
    return status;
}

/* Notes which streams MMSA has no name for; ERROR_ARGUMENT if it has one for none. */
static int check_streams(const struct export *export, struct valence_error *error)
{
    int n_streams = valence_store_n_streams(export->store), n_known = 0;
    for (int s = 0; s < n_streams; s++)
        if (valence_stream_from_name(valence_store_get_stream(export->store, s)->name) < 0)
            export->result->left_out |= 1u << s;
        else
            n_known++;
    return n_known > 0 ? VALENCE_OK
                       : fail_key(error, VALENCE_ERROR_ARGUMENT, "kind",
                                  "%s: has no stream named audio, text, video or simulated_text; "
                                  "MMSA knows no other names",
                                  valence_store_path(export->store));
}

static int export_layout(const struct export *export, bool is_npz, struct valence_error *error)
{
    struct file_writer writer;
    struct export_sink sink;
    int status = check_streams(export, error);
    if (!status)
        status = file_write_begin(&writer, export->target, export->flags, error);
    if (status)
        return status;
    if (is_npz && !writer.can_seek) {
        file_write_abort(&writer);
        return fail_key(error, VALENCE_ERROR_UNSUPPORTED, "form",
                        "%s: an .npz archive cannot be written into a pipe", export->target);
    }
    export_sink_begin(&sink, writer.stream, is_npz);
    for (int split = 0; split < VALENCE_N_SPLITS && !status; split++)
        status = write_split(export, &sink, (enum valence_split)split, error);
    if (!status)
        export_sink_end(&sink);
    export_sink_free(&sink);
    if (!status)
        return file_write_commit(&writer, error);
    file_write_abort(&writer);
    return status;
}

int export_mmsa(const struct export *export, struct valence_error *error)
{
    return export_layout(export, false, error);
}

int export_npz(const struct export *export, struct valence_error *error)
{
    return export_layout(export, true, error);
}
