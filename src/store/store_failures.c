/* Clips that could not be made, under their ids in "meta". */
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "format/json_failure.h"
#include "store/store_inside.h"
#include "store/store_writer_inside.h"

/* ---- The value ---- */

static int encode(const struct valence_store_failure *failure, struct text *json,
                  struct valence_error *error)
{
    const char *metadata = failure->metadata ? failure->metadata : "";
    json_error_t parse;
    json_t *object = *metadata ? json_loads(metadata, JSON_REJECT_DUPLICATES, &parse) : NULL;
    if (*metadata && !object)
        return fail_json(&parse, error, VALENCE_ERROR_DATA,
                         "failure '%s': its metadata is not JSON", failure->id);
    if (object && !json_is_object(object)) {
        json_decref(object);
        return fail(error, VALENCE_ERROR_DATA, "failure '%s': its metadata is not a JSON object",
                    failure->id);
    }
    const char *reason = failure->reason ? failure->reason : "";
    if (!is_utf8(reason, strlen(reason))) {
        json_decref(object);
        return fail(error, VALENCE_ERROR_DATA, "failure '%s': its reason is not UTF-8",
                    failure->id);
    }
    json_t *root = json_pack("{s:i, s:s}", "status", failure->status, "reason", reason);
    bool is_whole = root && (!object || !json_object_set(root, "metadata", object));
    char *encoded = is_whole ? json_dumps(root, JSON_COMPACT | JSON_REAL_PRECISION(9)) : NULL;
    json_decref(object);
    json_decref(root);
    if (encoded)
        text_append(json, encoded, strlen(encoded));
    free(encoded);
    return encoded && !json->failed ? VALENCE_OK : fail_memory(error, strlen(reason), "a failure");
}

void failure_clear(struct valence_store_failure *failure)
{
    free((void *)(uintptr_t)failure->id);
    free((void *)(uintptr_t)failure->reason);
    free((void *)(uintptr_t)failure->metadata);
    *failure = (struct valence_store_failure){0};
}

int failure_decode(const char *id, size_t id_size, const char *json, size_t size,
                   struct valence_store_failure *failure, struct valence_error *error)
{
    *failure = (struct valence_store_failure){0};
    json_error_t parse;
    json_t *root = json_loadb(json, size, JSON_REJECT_DUPLICATES, &parse);
    if (!root)
        return fail_json(&parse, error, VALENCE_ERROR_FORMAT, "not JSON: %s", parse.text);
    const json_t *status = json_object_get(root, "status"),
                 *metadata = json_object_get(root, "metadata");
    const char *reason = json_string_value(json_object_get(root, "reason"));
    if (!json_is_integer(status) || !reason || (metadata && !json_is_object(metadata)) ||
        !is_utf8(id, id_size) || memchr(id, '\0', id_size)) {
        json_decref(root);
        return fail(error, VALENCE_ERROR_FORMAT, "the record of a failure is damaged");
    }
    failure->id = strndup(id, id_size);
    failure->reason = strdup(reason);
    failure->metadata =
        metadata ? json_dumps(metadata, JSON_COMPACT | JSON_REAL_PRECISION(9)) : strdup("");
    failure->status = (int)json_integer_value(status);
    json_decref(root);
    if (failure->id && failure->reason && failure->metadata)
        return VALENCE_OK;
    failure_clear(failure);
    return fail_memory(error, size, "the record of a failure");
}

/* ---- Reading ---- */

int64_t valence_store_n_failures(const struct valence_store *store)
{
    return store->n_failures;
}

const struct valence_store_failure *valence_store_get_failure(const struct valence_store *store,
                                                              int64_t failure)
{
    return failure >= 0 && failure < store->n_failures ? &store->failures[failure] : NULL;
}

/* ---- Writing ---- */

static bool make_key(const char *id, char key[sizeof STORE_FAILURE_PREFIX + VALENCE_STORE_ID_BYTES])
{
    size_t length = strlen(id);
    if (length == 0 || length >= VALENCE_STORE_ID_BYTES || !is_utf8(id, length))
        return false;
    memcpy(key, STORE_FAILURE_PREFIX, sizeof STORE_FAILURE_PREFIX - 1);
    memcpy(key + sizeof STORE_FAILURE_PREFIX - 1, id, length + 1);
    return true;
}

int valence_store_writer_add_failure(struct valence_store_writer *writer,
                                     const struct valence_store_failure *failure,
                                     struct valence_error *error)
{
    char key[sizeof STORE_FAILURE_PREFIX + VALENCE_STORE_ID_BYTES];
    struct text json = {.maximum = STORE_MAX_RECORD_BYTES};
    int status = store_writer_need_batch(writer, error);
    if (!status && !make_key(failure->id, key))
        status =
            fail(error, VALENCE_ERROR_DATA, "failure '%.80s': 1 to %d bytes of UTF-8 are needed",
                 failure->id, VALENCE_STORE_ID_BYTES - 1);
    if (!status && valence_store_writer_has(writer, failure->id))
        status = fail(error, VALENCE_ERROR_EXISTS, "clip '%s' is in the store", failure->id);
    if (!status)
        status = encode(failure, &json, error);
    if (!status)
        status = store_writer_make_room(writer, json.length + sizeof key, error);
    if (!status)
        status = store_writer_put_meta(writer, key, &json, error);
    writer->batch_bytes += json.length;
    text_free(&json);
    return status;
}

int store_writer_forget_failure(struct valence_store_writer *writer, MDB_txn *txn, const char *id)
{
    char key[sizeof STORE_FAILURE_PREFIX + VALENCE_STORE_ID_BYTES];
    if (!make_key(id, key))
        return 0;
    MDB_val name = {strlen(key), key};
    int code = mdb_del(txn, writer->meta, &name, NULL);
    return code == MDB_NOTFOUND ? 0 : code;
}

int valence_store_writer_remove_failure(struct valence_store_writer *writer, const char *id,
                                        struct valence_error *error)
{
    int status = store_writer_need_batch(writer, error);
    int code = status ? 0 : store_writer_forget_failure(writer, writer->batch, id);
    return code ? fail_lmdb(error, code, writer->path, "cannot change its description") : status;
}
