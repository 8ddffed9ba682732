/* One safetensors file: what `import dense` reads back. docs/file-formats.md describes it. */
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/text.h"
#include "format/safetensors.h"
#include "exchange/export.h"
#include "store/store_scan.h"

/* A JSON string. Control characters are escaped; the rest is UTF-8 as it is. */
static void append_string(struct text *json, const char *key, const char *value)
{
    text_format(json, "%s\"%s\":\"", json->data[json->length - 1] == '{' ? "" : ",", key);
    for (const char *at = value; *at;) {
        size_t plain = 0;
        while (at[plain] && at[plain] != '"' && at[plain] != '\\' &&
               (unsigned char)at[plain] >= ' ')
            plain++;
        text_append(json, at, plain);
        at += plain;
        if (*at == '"' || *at == '\\')
            text_format(json, "\\%c", *at++);
        else if (*at)
            text_format(json, "\\u%04x", (unsigned)(unsigned char)*at++);
    }
    text_append(json, "\"", 1);
}

/* The texts of all clips as JSON, for the metadata. Written as text: a tree of nodes would take ten
 * times the memory. */
static int describe_clips(const struct valence_store *store, struct text *json,
                          struct valence_error *error)
{
    text_append(json, "[", 1);
    for (int64_t i = 0; i < valence_store_n_clips(store) && !json->failed; i++) {
        const struct valence_clip *clip = valence_store_clip(store, i);
        text_append(json, i ? ",{" : "{", i ? 2 : 1);
        append_string(json, "id", clip->id);
        append_string(json, "split", valence_split_names[clip->split]);
        if (clip->group[0])
            append_string(json, "group", clip->group);
        if (clip->transcript[0])
            append_string(json, "transcript", clip->transcript);
        if (clip->metadata[0])
            text_format(json, ",\"metadata\":%s", clip->metadata);
        text_append(json, "}", 1);
    }
    text_append(json, "]", 1);
    return json->failed ? fail_text(json, error, VALENCE_ERROR_LIMIT,
                                    "the clips' descriptions do not fit into a header of %d bytes",
                                    SAFETENSORS_MAX_HEADER_BYTES)
                        : VALENCE_OK;
}

static int declare(const struct export *export, struct safetensors_writer *writer,
                   struct valence_error *error)
{
    const struct valence_store *store = export->store;
    int64_t n_clips = valence_store_n_clips(store);
    struct text clips = {.maximum = SAFETENSORS_MAX_HEADER_BYTES};
    int status = describe_clips(store, &clips, error);
    if (!status)
        status = safetensors_describe(writer, "format", "valence-clips", error);
    if (!status)
        status = safetensors_describe(writer, "version", "1", error);
    if (!status)
        status = safetensors_describe(writer, "clips", clips.data, error);
    text_free(&clips);
    if (!status)
        status = safetensors_declare(writer, "label", ELEMENT_F32, 1, &n_clips, error);
    for (int s = 0; s < valence_store_n_streams(store) && !status; s++) {
        const struct valence_store_stream *stream = valence_store_get_stream(store, s);
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
    const struct valence_store_stream *stream = valence_store_get_stream(export->store, s);
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
