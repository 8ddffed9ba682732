/* One safetensors file: what `import dense` reads back. docs/file-formats.md describes it. */
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/memory.h"
#include "format/safetensors.h"
#include "exchange/export.h"
#include "store/store_scan.h"

/* The texts of all clips as JSON, for the metadata; free() it. */
static int describe_clips(const struct valence_store *store, char **text,
                          struct valence_error *error)
{
    json_t *clips = json_array();
    for (int64_t i = 0; i < valence_store_n_clips(store); i++) {
        const struct valence_clip *clip = valence_store_clip(store, i);
        json_t *record =
            json_pack("{s:s, s:s}", "id", clip->id, "split", valence_split_names[clip->split]);
        if (clip->group[0])
            json_object_set_new(record, "group", json_string(clip->group));
        if (clip->transcript[0])
            json_object_set_new(record, "transcript", json_string(clip->transcript));
        if (clip->metadata[0])
            json_object_set_new(record, "metadata", json_loads(clip->metadata, 0, NULL));
        if (json_array_append_new(clips, record)) {
            json_decref(clips);
            clips = NULL;
            break;
        }
    }
    *text = clips ? json_dumps(clips, JSON_COMPACT) : NULL;
    json_decref(clips);
    return *text ? VALENCE_OK
                 : fail_memory(error, (size_t)valence_store_n_clips(store) * 64,
                               "what is said of the clips");
}

static int declare(const struct export *export, struct safetensors_writer *writer,
                   struct valence_error *error)
{
    const struct valence_store *store = export->store;
    int64_t n_clips = valence_store_n_clips(store);
    char *clips = NULL;
    int status = describe_clips(store, &clips, error);
    if (!status)
        status = safetensors_describe(writer, "format", "valence-clips", error);
    if (!status)
        status = safetensors_describe(writer, "version", "1", error);
    if (!status)
        status = safetensors_describe(writer, "clips", clips, error);
    free(clips);
    if (!status)
        status = safetensors_declare(writer, "label", ELEMENT_F32, 1, &n_clips, error);
    for (int s = 0; s < valence_store_n_streams(store) && !status; s++) {
        const struct valence_store_stream *stream = valence_store_stream(store, s);
        char lengths[VALENCE_STORE_NAME_BYTES + 16];
        int64_t shape[] = {0, stream->width};
        for (int64_t i = 0; i < n_clips; i++)
            shape[0] += valence_store_clip(store, i)->n_rows[s];
        snprintf(lengths, sizeof lengths, "%s_lengths", stream->name);
        status = safetensors_declare(writer, lengths, ELEMENT_I64, 1, &n_clips, error);
        if (!status)
            status =
                safetensors_declare(writer, stream->name, export_type(stream), 2, shape, error);
    }
    return status;
}

static int write_labels(const struct valence_store *store, struct safetensors_writer *writer,
                        struct valence_error *error)
{
    int status = VALENCE_OK;
    for (int64_t i = 0; i < valence_store_n_clips(store) && !status; i++) {
        float label = valence_store_clip(store, i)->label;
        status = safetensors_write(writer, &label, sizeof label, error);
    }
    return status;
}

struct stream_data {
    struct safetensors_writer *writer;
    size_t row_bytes;
};

static int write_piece(void *user, const struct store_piece *piece, struct valence_error *error)
{
    const struct stream_data *data = user;
    return safetensors_write(data->writer, piece->elements, (size_t)piece->n_rows * data->row_bytes,
                             error);
}

static int write_stream(const struct export *export, int s, struct safetensors_writer *writer,
                        struct valence_error *error)
{
    const struct valence_store_stream *stream = valence_store_stream(export->store, s);
    struct stream_data data = {writer, (size_t)stream->width * valence_dtype_size(stream->type)};
    int status = VALENCE_OK;
    for (int64_t i = 0; i < valence_store_n_clips(export->store) && !status; i++) {
        int64_t n_rows = valence_store_clip(export->store, i)->n_rows[s];
        status = safetensors_write(writer, &n_rows, sizeof n_rows, error);
    }
    return status ? status
                  : store_scan(export->store, s, VALENCE_N_SPLITS, "exporting", export->progress,
                               write_piece, &data, error);
}

int export_safetensors(const struct export *export, struct valence_error *error)
{
    struct safetensors_writer *writer;
    int status = safetensors_write_begin(export->target, export->flags, &writer, error);
    if (status)
        return status;
    status = declare(export, writer, error);
    if (!status)
        status = write_labels(export->store, writer, error);
    for (int s = 0; s < valence_store_n_streams(export->store) && !status; s++)
        status = write_stream(export, s, writer, error);
    if (!status)
        return safetensors_write_commit(writer, error);
    safetensors_write_abort(writer);
    return status;
}
