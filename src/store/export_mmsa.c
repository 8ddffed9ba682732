/* A pickle as MMSA and its followers load: {"train": {...}, "valid": {...}, "test": {...}}, each split with padded arrays.
 * What `import mmsa` reads back. docs/file-formats.md describes it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/file.h"
#include "base/memory.h"
#include "format/pickle_write.h"
#include "store/export.h"
#include "store/store_scan.h"

/* MMSA's names, and with simulated text (below with group and metadata) one of our own: keys more disturb nobody. */
static const char *const split_keys[VALENCE_N_SPLITS] = {"train", "valid", "test"};
static const char *const stream_keys[VALENCE_N_STREAMS] = {"audio", "text", "vision",
                                                           "simulated_text"};

/* ---- Columns ----------------------------------------------------------------------------------- */

static const char *get_id(const struct valence_clip *clip)
{
    return clip->id;
}

static const char *get_group(const struct valence_clip *clip)
{
    return clip->group;
}

static const char *get_transcript(const struct valence_clip *clip)
{
    return clip->transcript;
}

static const char *get_metadata(const struct valence_clip *clip)
{
    return clip->metadata;
}

/* MMSA's classes are those of the sign. */
static const char *get_annotation(const struct valence_clip *clip)
{
    return clip->label < 0 ? "Negative" : clip->label > 0 ? "Positive" : "Neutral";
}

static void write_texts(FILE *file, const struct valence_store *store, enum valence_split split,
                        const char *key, const char *(*get)(const struct valence_clip *))
{
    pickle_write_text(file, key);
    pickle_write_list_begin(file);
    for (int64_t i = 0; i < valence_store_n_clips(store); i++)
        if (valence_store_clip(store, i)->split == split)
            pickle_write_text(file, get(valence_store_clip(store, i)));
    pickle_write_list_end(file);
}

static void write_columns(FILE *file, const struct valence_store *store, enum valence_split split,
                          int64_t n_clips)
{
    write_texts(file, store, split, "id", get_id);
    write_texts(file, store, split, "raw_text", get_transcript);
    write_texts(file, store, split, "annotations", get_annotation);
    write_texts(file, store, split, "group", get_group);
    write_texts(file, store, split, "metadata", get_metadata);
    pickle_write_text(file, "regression_labels");
    pickle_write_array_begin(file, ELEMENT_F32, 1, &n_clips);
    for (int64_t i = 0; i < valence_store_n_clips(store); i++)
        if (valence_store_clip(store, i)->split == split)
            fwrite(&valence_store_clip(store, i)->label, sizeof(float), 1, file);
    pickle_write_array_end(file);
}

/* ---- Streams ----------------------------------------------------------------------------------- */

struct padded {
    FILE *file;
    const struct valence_store *store;
    enum valence_split split;
    int64_t width, max_rows; /* of the longest clip of the store */
    int64_t clip, n_rows;    /* the clip being written, and how many of its rows were */
    float *zeros;            /* (width) */
};

static void pad_clip(struct padded *padded)
{
    for (; padded->n_rows < padded->max_rows; padded->n_rows++)
        fwrite(padded->zeros, sizeof(float), (size_t)padded->width, padded->file);
    padded->clip++;
    padded->n_rows = 0;
}

/* Pads the clips of the split up to `clip`, those without rows all of them. */
static void pad_until(struct padded *padded, int64_t clip)
{
    while (padded->clip < clip) {
        if (valence_store_clip(padded->store, padded->clip)->split == padded->split)
            pad_clip(padded);
        else
            padded->clip++;
    }
}

static int write_piece(void *user, const struct store_piece *piece, struct valence_error *error)
{
    struct padded *padded = user;
    (void)error; /* a failed write stays in the file's flag, which the commit looks at */
    pad_until(padded, piece->clip);
    fwrite(piece->rows, sizeof(float), (size_t)(piece->n_rows * padded->width), padded->file);
    padded->n_rows += piece->n_rows;
    return VALENCE_OK;
}

static void write_lengths(FILE *file, const struct valence_store *store, enum valence_split split,
                          int stream, const char *key)
{
    char name[64];
    snprintf(name, sizeof name, "%s_lengths", key);
    pickle_write_text(file, name);
    pickle_write_list_begin(file);
    for (int64_t i = 0; i < valence_store_n_clips(store); i++)
        if (valence_store_clip(store, i)->split == split)
            pickle_write_int(file, valence_store_clip(store, i)->n_rows[stream]);
    pickle_write_list_end(file);
}

static int write_stream(FILE *file, const struct export *export, enum valence_split split,
                        int stream, const char *key, int64_t n_clips, struct valence_error *error)
{
    const struct valence_store *store = export->store;
    struct padded padded = {.file = file, .store = store, .split = split};
    padded.width = valence_store_stream(store, stream)->width;
    for (int64_t i = 0; i < valence_store_n_clips(store); i++)
        if (valence_store_clip(store, i)->n_rows[stream] > padded.max_rows)
            padded.max_rows = valence_store_clip(store, i)->n_rows[stream];
    padded.zeros = allocate(padded.width, sizeof(float));
    if (!padded.zeros)
        return fail_memory(error, (size_t)padded.width * sizeof(float), "padding");
    int64_t shape[] = {n_clips, padded.max_rows, padded.width}, count;
    int status = shape_count(shape, 3, &count) && count <= INT64_MAX / (int64_t)sizeof(float)
                     ? VALENCE_OK
                     : fail(error, VALENCE_ERROR_SHAPE, "%s: the padded array '%s' is too large",
                            export->target, key);
    if (!status) {
        write_lengths(file, store, split, stream, key);
        pickle_write_text(file, key);
        pickle_write_array_begin(file, ELEMENT_F32, 3, shape);
        status = store_scan(store, stream, split, "exporting", export->progress, write_piece,
                            &padded, error);
    }
    if (!status) {
        pad_until(&padded, valence_store_n_clips(store));
        pickle_write_array_end(file);
    }
    free(padded.zeros);
    return status;
}

/* ---- All of it --------------------------------------------------------------------------------- */

static int write_split(FILE *file, const struct export *export, enum valence_split split,
                       struct valence_error *error)
{
    const struct valence_store *store = export->store;
    int64_t n_clips = 0;
    int status = VALENCE_OK;
    for (int64_t i = 0; i < valence_store_n_clips(store); i++)
        n_clips += valence_store_clip(store, i)->split == split;
    pickle_write_text(file, split_keys[split]);
    pickle_write_dict_begin(file);
    write_columns(file, store, split, n_clips);
    for (int s = 0; s < VALENCE_N_STREAMS && !status; s++) {
        int stream = valence_store_find_stream(store, valence_stream_names[s]);
        if (stream >= 0)
            status = write_stream(file, export, split, stream, stream_keys[s], n_clips, error);
    }
    pickle_write_dict_end(file);
    return status;
}

int export_mmsa(const struct export *export, struct valence_error *error)
{
    struct file_writer writer;
    int n_streams = valence_store_n_streams(export->store), n_known = 0;
    for (int s = 0; s < n_streams; s++)
        if (valence_stream_from_name(valence_store_stream(export->store, s)->name) < 0)
            export->result->left_out |= 1u << s;
        else
            n_known++;
    if (n_known == 0)
        return fail(error, VALENCE_ERROR_ARGUMENT,
                    "%s: has none of the streams audio, text, video and simulated_text, and MMSA "
                    "knows no other names (export with --form npy or safetensors)",
                    valence_store_path(export->store));
    int status = file_write_begin(&writer, export->target, error);
    if (status)
        return status;
    pickle_write_begin(writer.stream);
    pickle_write_dict_begin(writer.stream);
    for (int split = 0; split < VALENCE_N_SPLITS && !status; split++)
        status = write_split(writer.stream, export, (enum valence_split)split, error);
    pickle_write_dict_end(writer.stream);
    pickle_write_end(writer.stream);
    if (!status)
        return file_write_commit(&writer, error);
    file_write_abort(&writer);
    return status;
}
