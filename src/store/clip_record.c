/* A clip's record in a store: what it says of the clip, as JSON. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "format/json_failure.h"
#include "store/store_layout.h"

/* ---- Writing ---- */

/* The clip's metadata, if any, under its key. */
static int set_metadata(json_t *record, const struct valence_clip *clip,
                        struct valence_error *error)
{
    if (!clip->metadata || clip->metadata[0] == '\0')
        return VALENCE_OK;
    json_error_t parse;
    json_t *metadata = json_loads(clip->metadata, JSON_REJECT_DUPLICATES, &parse);
    if (json_is_object(metadata))
        return json_object_set_new(record, "metadata", metadata) == 0
                   ? VALENCE_OK
                   : fail_memory(error, strlen(clip->metadata), "a clip's metadata");
    int status = metadata ? fail(error, VALENCE_ERROR_DATA,
                                 "clip '%s': its metadata is not a JSON object", clip->id)
                          : fail_json(&parse, error, VALENCE_ERROR_DATA,
                                      "clip '%s': its metadata is not a JSON object: %s", clip->id,
                                      parse.text);
    json_decref(metadata);
    return status;
}

static bool is_text(const char *text)
{
    return !text || is_utf8(text, strlen(text));
}

int clip_encode(const struct valence_clip *clip, const struct valence_store_stream *streams,
                int n_streams, struct text *json, struct valence_error *error)
{
    if (!is_text(clip->id) || !is_text(clip->group) || !is_text(clip->transcript))
        return fail(error, VALENCE_ERROR_DATA,
                    "clip '%s': cannot be recorded: its texts are not UTF-8", clip->id);
    json_t *rows = json_object();
    for (int i = 0; i < n_streams; i++)
        if (clip->n_rows[i] > 0 &&
            json_object_set_new(rows, streams[i].name, json_integer(clip->n_rows[i])) != 0) {
            json_decref(rows);
            return fail_memory(error, 0, "a clip's record");
        }
    json_t *root = json_pack("{s:s, s:s, s:o, s:s, s:s, s:o}", "id", clip->id, "split",
                             valence_split_names[clip->split], "label",
                             isnan(clip->label) ? json_null() : json_real(clip->label), "group",
                             clip->group ? clip->group : "", "transcript",
                             clip->transcript ? clip->transcript : "", "rows", rows);
    int status = root ? set_metadata(root, clip, error) : VALENCE_OK;
    if (status) {
        json_decref(root);
        return status;
    }
    /* Nine digits are enough to give back the same float. */
    char *encoded = root ? json_dumps(root, JSON_COMPACT | JSON_REAL_PRECISION(9)) : NULL;
    json_decref(root);
    if (!encoded)
        return fail_memory(error, 0, "a clip's record");
    text_append(json, encoded, strlen(encoded));
    free(encoded);
    return json->failed ? fail_text(json, error, VALENCE_ERROR_LIMIT,
                                    "clip '%s': its record is longer than %zu bytes (a shorter "
                                    "transcript is needed)",
                                    clip->id, json->maximum)
                        : VALENCE_OK;
}

/* ---- Reading ---- */

/* The text of `key`, "" if it is absent, NULL if it is something else than a text. */
static const char *text_of(const json_t *record, const char *key)
{
    const json_t *value = json_object_get(record, key);
    return value ? json_string_value(value) : "";
}

/* All of a clip's texts in one block, which begins with the id. */
static int join_texts(const char *const texts[4], struct valence_clip *clip,
                      struct valence_error *error)
{
    size_t bytes = 0, used = 0;
    for (int i = 0; i < 4; i++)
        bytes += strlen(texts[i]) + 1;
    char *block = malloc(bytes), *places[4];
    if (!block)
        return fail_memory(error, bytes, "a clip's texts");
    for (int i = 0; i < 4; i++) {
        size_t length = strlen(texts[i]) + 1;
        places[i] = memcpy(block + used, texts[i], length);
        used += length;
    }
    clip->id = places[0];
    clip->group = places[1];
    clip->transcript = places[2];
    clip->metadata = places[3];
    return VALENCE_OK;
}

static int take_texts(const json_t *record, struct valence_clip *clip, struct valence_error *error)
{
    const char *id = text_of(record, "id"), *group = text_of(record, "group");
    const char *transcript = text_of(record, "transcript");
    const json_t *metadata = json_object_get(record, "metadata");
    if (!id || !group || !transcript || id[0] == '\0' || strlen(id) >= VALENCE_STORE_ID_BYTES)
        return fail(error, VALENCE_ERROR_FORMAT, "no usable id, group or transcript");
    if (metadata && !json_is_object(metadata))
        return fail(error, VALENCE_ERROR_FORMAT, "its metadata is not a JSON object");
    char *encoded = metadata ? json_dumps(metadata, JSON_COMPACT | JSON_REAL_PRECISION(9)) : NULL;
    if (metadata && !encoded)
        return fail_memory(error, 0, "a clip's metadata");
    int status = join_texts((const char *const[]){id, group, transcript, encoded ? encoded : ""},
                            clip, error);
    free(encoded);
    return status;
}

static int take_numbers(const json_t *record, const struct valence_store_stream *streams,
                        int n_streams, struct valence_clip *clip, struct valence_error *error)
{
    const char *split_name = text_of(record, "split");
    int split = split_name ? valence_split_from_name(split_name) : -1;
    const json_t *label = json_object_get(record, "label");
    const json_t *rows = json_object_get(record, "rows");
    if (split < 0)
        return fail(error, VALENCE_ERROR_FORMAT, "no such split");
    clip->split = (enum valence_split)split;
    clip->label = json_is_number(label) ? (float)json_number_value(label) : NAN;
    if ((label && !json_is_number(label) && !json_is_null(label)) || isinf(clip->label))
        return fail(error, VALENCE_ERROR_FORMAT, "its label is not a number");
    size_t n_known = 0;
    for (int i = 0; i < n_streams; i++) {
        const json_t *n = json_object_get(rows, streams[i].name);
        size_t bytes;
        if (!n)
            continue;
        clip->n_rows[i] = json_integer_value(n);
        n_known++;
        if (clip->n_rows[i] < 1 || clip->n_rows[i] > VALENCE_STORE_MAX_ROWS ||
            !rows_bytes(&streams[i], clip->n_rows[i], &bytes))
            return fail(error, VALENCE_ERROR_FORMAT, "stream '%s' cannot have %lld rows",
                        streams[i].name, (long long)clip->n_rows[i]);
    }
    return !rows || n_known == json_object_size(rows)
               ? VALENCE_OK
               : fail(error, VALENCE_ERROR_FORMAT,
                      "it has rows of a stream that the store does not have");
}

int clip_decode(const char *json, size_t size, const struct valence_store_stream *streams,
                int n_streams, struct valence_clip *clip, struct valence_error *error)
{
    *clip = (struct valence_clip){0};
    json_error_t parse;
    json_t *record = json_loadb(json, size, JSON_REJECT_DUPLICATES, &parse);
    if (!record)
        return fail_json(&parse, error, VALENCE_ERROR_FORMAT, "not JSON: %s", parse.text);
    int status = take_texts(record, clip, error);
    if (!status)
        status = take_numbers(record, streams, n_streams, clip, error);
    json_decref(record);
    if (status)
        clip_clear(clip);
    return status;
}

void clip_clear(struct valence_clip *clip)
{
    free((void *)(uintptr_t)clip->id);
    *clip = (struct valence_clip){0};
}
