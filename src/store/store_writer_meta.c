/* What a store says of itself: its source, whether it is finished, its labels' scale. */
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "format/json_failure.h"
#include "store/store_writer_inside.h"

void store_writer_sum(const struct valence_store_writer *writer, const char *database,
                      const void *key, size_t key_size, struct text *text)
{
    char sum[CHECKSUM_BYTES];
    if (writer->version < 2 || text->failed)
        return;
    checksum_encode(text_checksum(database, key, key_size, text->data, text->length), sum);
    text_append(text, sum, sizeof sum);
}

int store_writer_put_meta(struct valence_store_writer *writer, const char *key, struct text *json,
                          struct valence_error *error)
{
    if (strcmp(key, STORE_KEY_FORMAT) != 0)
        store_writer_sum(writer, STORE_META, key, strlen(key), json);
    if (json->failed || json->length > STORE_MAX_RECORD_BYTES)
        return fail_text(json, error, VALENCE_ERROR_LIMIT, "%s: '%s' is longer than %d bytes",
                         writer->path, key, STORE_MAX_RECORD_BYTES);
    MDB_val name = {strlen(key), (void *)(uintptr_t)key};
    MDB_val value = {json->length, json->data};
    int code = mdb_put(writer->batch, writer->meta, &name, &value, 0);
    return code ? fail_lmdb(error, code, writer->path, "cannot write its description") : VALENCE_OK;
}

int store_writer_put_state(struct valence_store_writer *writer, bool is_finished,
                           struct valence_error *error)
{
    struct store_state state = {
        .is_known = true, .is_finished = is_finished, .n_clips = writer->n_clips};
    struct text json = {.maximum = STORE_MAX_RECORD_BYTES};
    state_encode(&state, &json);
    int status = store_writer_put_meta(writer, STORE_KEY_STATE, &json, error);
    text_free(&json);
    if (!status)
        writer->state = state;
    return status;
}

/* ---- Source ---- */

static int put_source(struct valence_store_writer *writer, const char *json,
                      struct valence_error *error)
{
    struct text text = {.maximum = STORE_MAX_RECORD_BYTES};
    text_append(&text, json, strlen(json));
    int status = store_writer_put_meta(writer, STORE_KEY_SOURCE, &text, error);
    text_free(&text);
    if (status)
        return status;
    free(writer->source);
    writer->source = strdup(json);
    return writer->source ? VALENCE_OK : fail_memory(error, strlen(json), "a store's source");
}

int store_writer_set_source(struct valence_store_writer *writer, json_t *source,
                            struct valence_error *error)
{
    char *json = source ? json_dumps(source, JSON_REAL_PRECISION(15)) : NULL;
    int status =
        json ? store_writer_need_batch(writer, error) : fail_memory(error, 0, "a store's source");
    if (!status && writer->source) {
        status = source_compare(writer->source, source, writer->path, error);
        if (status == VALENCE_ERROR_EXISTS && store_writer_may_replace(writer)) {
            status = store_writer_restart(writer, error);
            if (!status)
                status = put_source(writer, json, error);
        }
    } else if (!status) {
        status = put_source(writer, json, error);
    }
    free(json);
    json_decref(source);
    return status;
}

int valence_store_writer_set_source(struct valence_store_writer *writer, const char *json,
                                    struct valence_error *error)
{
    json_error_t parse;
    json_t *source = json_loads(json, JSON_REJECT_DUPLICATES, &parse);
    if (json_is_object(source))
        return store_writer_set_source(writer, source, error);
    int status = source
                     ? fail(error, VALENCE_ERROR_ARGUMENT, "a store's source must be a JSON object")
                     : fail_json(&parse, error, VALENCE_ERROR_ARGUMENT,
                                 "a store's source must be a JSON object: %s", parse.text);
    json_decref(source);
    return status;
}

/* ---- Label scale ---- */

int valence_store_writer_set_label_scale(struct valence_store_writer *writer,
                                         const struct valence_label_scale *scale,
                                         struct valence_error *error)
{
    struct text json = {.maximum = STORE_MAX_RECORD_BYTES};
    int status = store_writer_need_batch(writer, error);
    if (!status)
        status = label_scale_encode(scale, &json, error);
    if (!status)
        status = store_writer_put_meta(writer, STORE_KEY_LABEL_SCALE, &json, error);
    text_free(&json);
    return status;
}
