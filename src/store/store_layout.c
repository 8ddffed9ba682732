#include "store/store_layout.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/crc32c.h"
#include "base/fail.h"
#include "format/json_failure.h"
#include "base/memory.h"

struct ordinal_key ordinal_encode(uint32_t ordinal)
{
    return (struct ordinal_key){{(unsigned char)(ordinal >> 24), (unsigned char)(ordinal >> 16),
                                 (unsigned char)(ordinal >> 8), (unsigned char)ordinal}};
}

uint32_t ordinal_decode(const unsigned char *bytes)
{
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

bool rows_bytes(const struct valence_store_stream *stream, int64_t n_rows, size_t *bytes)
{
    size_t elements;
    return size_multiply(n_rows, stream->width, &elements) && elements <= STORE_MAX_ROWS_BYTES &&
           size_multiply((int64_t)elements, (int64_t)valence_dtype_size(stream->type), bytes) &&
           *bytes <= STORE_MAX_ROWS_BYTES;
}

/* ---- Streams ---- */

static bool is_stream_name(const char *name)
{
    size_t length = strlen(name);
    return length > 0 && length < VALENCE_STORE_NAME_BYTES &&
           strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_-") == length;
}

int streams_check(const struct valence_store_stream *streams, int n_streams,
                  struct valence_error *error)
{
    if (n_streams < 0 || n_streams > VALENCE_STORE_MAX_STREAMS)
        return fail(error, VALENCE_ERROR_ARGUMENT, "%d streams; a store has up to %d", n_streams,
                    VALENCE_STORE_MAX_STREAMS);
    for (int i = 0; i < n_streams; i++) {
        const struct valence_store_stream *stream = &streams[i];
        if (!is_stream_name(stream->name))
            return fail(error, VALENCE_ERROR_ARGUMENT,
                        "stream name '%.*s': up to %d lower-case letters, digits, '_' and '-'",
                        VALENCE_STORE_NAME_BYTES, stream->name, VALENCE_STORE_NAME_BYTES - 1);
        if (stream->width < 1 || stream->width > VALENCE_STORE_MAX_WIDTH)
            return fail(error, VALENCE_ERROR_ARGUMENT, "stream '%s': width %lld is not 1 to %d",
                        stream->name, (long long)stream->width, VALENCE_STORE_MAX_WIDTH);
        if ((unsigned)stream->type >= VALENCE_N_DTYPES)
            return fail(error, VALENCE_ERROR_ARGUMENT, "stream '%s': no such element type",
                        stream->name);
        for (int j = 0; j < i; j++)
            if (strcmp(streams[j].name, stream->name) == 0)
                return fail(error, VALENCE_ERROR_ARGUMENT, "stream '%s' is named twice",
                            stream->name);
    }
    return VALENCE_OK;
}

/* The last member of "format": what stands before it is what it sums. */
#define FORMAT_CHECKSUM ", \"crc32c\": \""

void format_encode(int version, const struct valence_store_stream *streams, int n_streams,
                   struct text *json)
{
    text_format(json, "{\"version\": %d, \"streams\": [", version);
    for (int i = 0; i < n_streams; i++)
        text_format(json, "%s{\"name\": \"%s\", \"width\": %lld, \"dtype\": \"%s\"}", i ? ", " : "",
                    streams[i].name, (long long)streams[i].width,
                    valence_dtype_names[streams[i].type]);
    text_format(json, "]");
    if (version > 1 && !json->failed)
        text_format(json, FORMAT_CHECKSUM "%08x\"", crc32c(0, json->data, json->length));
    text_format(json, "}");
}

/* Whether the text has its checksum, and that is right: -1 if it has none. */
static int format_is_sound(const char *json, size_t size)
{
    const size_t length = sizeof FORMAT_CHECKSUM - 1 + sizeof "01234567\"}" - 1;
    char expected[64];
    if (size < length ||
        memcmp(json + size - length, FORMAT_CHECKSUM, sizeof FORMAT_CHECKSUM - 1) != 0)
        return -1;
    snprintf(expected, sizeof expected, FORMAT_CHECKSUM "%08x\"}", crc32c(0, json, size - length));
    return memcmp(json + size - length, expected, length) == 0;
}

static int decode_stream(const json_t *entry, struct valence_store_stream *stream,
                         struct valence_error *error)
{
    const char *name = json_string_value(json_object_get(entry, "name"));
    const char *dtype = json_string_value(json_object_get(entry, "dtype"));
    *stream = (struct valence_store_stream){
        .width = json_integer_value(json_object_get(entry, "width")),
        .type = VALENCE_N_DTYPES,
    };
    if (!name || !dtype || strlen(name) >= sizeof stream->name)
        return fail(error, VALENCE_ERROR_FORMAT, "a stream without name or dtype");
    strcpy(stream->name, name);
    for (int i = 0; i < VALENCE_N_DTYPES; i++)
        if (strcmp(dtype, valence_dtype_names[i]) == 0)
            stream->type = (enum valence_dtype)i;
    return VALENCE_OK;
}

static int check_version(json_int_t version, int sound, struct valence_error *error)
{
    if (version > STORE_VERSION)
        return fail(error, VALENCE_ERROR_UNSUPPORTED,
                    "store version %lld; this build reads versions up to %d", (long long)version,
                    STORE_VERSION);
    if (version < 1)
        return fail(error, VALENCE_ERROR_FORMAT, "'format' has no version");
    return version == 1 || sound == 1
               ? VALENCE_OK
               : fail(error, VALENCE_ERROR_FORMAT, "'format' has lost its checksum");
}

int format_decode(const char *json, size_t size, int *version, struct valence_store_stream *streams,
                  int *n_streams, struct valence_error *error)
{
    *n_streams = 0;
    json_error_t parse;
    int sound = format_is_sound(json, size);
    if (sound == 0)
        return fail(error, VALENCE_ERROR_FORMAT, "'format' differs from its checksum");
    json_t *root = json_loadb(json, size, JSON_REJECT_DUPLICATES, &parse);
    if (!root)
        return fail_json(&parse, error, VALENCE_ERROR_FORMAT, "'format' is not JSON: %s",
                         parse.text);
    const json_t *list = json_object_get(root, "streams");
    size_t n = json_array_size(list);
    *version = (int)json_integer_value(json_object_get(root, "version"));
    int status = check_version(json_integer_value(json_object_get(root, "version")), sound, error);
    if (!status && (!json_is_array(list) || n > VALENCE_STORE_MAX_STREAMS))
        status = fail(error, VALENCE_ERROR_FORMAT, "'format' names %zu streams", n);
    for (size_t i = 0; i < n && !status; i++)
        status = decode_stream(json_array_get(list, i), &streams[i], error);
    if (!status && streams_check(streams, (int)n, error))
        status = error ? (error->status = VALENCE_ERROR_FORMAT) : VALENCE_ERROR_FORMAT;
    if (!status)
        *n_streams = (int)n;
    json_decref(root);
    return status;
}

/* ---- State and label scale ---- */

void state_encode(const struct store_state *state, struct text *json)
{
    text_format(json, "{\"finished\": %s, \"clips\": %lld}", state->is_finished ? "true" : "false",
                (long long)state->n_clips);
}

int state_decode(const char *json, size_t size, struct store_state *state,
                 struct valence_error *error)
{
    json_error_t parse;
    json_t *root = json_loadb(json, size, JSON_REJECT_DUPLICATES, &parse);
    if (!root)
        return fail_json(&parse, error, VALENCE_ERROR_FORMAT, "'state' is not JSON: %s",
                         parse.text);
    const json_t *finished = json_object_get(root, "finished");
    const json_t *clips = json_object_get(root, "clips");
    bool usable = json_is_boolean(finished) && json_is_integer(clips);
    *state = (struct store_state){.is_known = true,
                                  .is_finished = json_is_true(finished),
                                  .n_clips = json_integer_value(clips)};
    json_decref(root);
    return usable ? VALENCE_OK : fail(error, VALENCE_ERROR_FORMAT, "'state' is damaged");
}

int new_stream_encode(const struct new_stream *added, struct text *json,
                      struct valence_error *error)
{
    const struct valence_store_stream *stream = &added->stream;
    json_t *root = json_pack("{s:s, s:I, s:s, s:I, s:O}", "name", stream->name, "width",
                             (json_int_t)stream->width, "dtype", valence_dtype_names[stream->type],
                             "done", (json_int_t)added->done, "settings", added->settings);
    char *encoded = root ? json_dumps(root, JSON_REAL_PRECISION(15)) : NULL;
    json_decref(root);
    if (encoded)
        text_append(json, encoded, strlen(encoded));
    free(encoded);
    return encoded && !json->failed ? VALENCE_OK : fail_memory(error, 0, "a stream's settings");
}

int new_stream_decode(const char *json, size_t size, struct new_stream *added,
                      struct valence_error *error)
{
    json_error_t parse;
    *added = (struct new_stream){0};
    json_t *root = json_loadb(json, size, JSON_REJECT_DUPLICATES, &parse);
    if (!root)
        return fail_json(&parse, error, VALENCE_ERROR_FORMAT, "not JSON: %s", parse.text);
    const json_t *done = json_object_get(root, "done");
    struct valence_error ignored;
    bool usable = json_is_integer(done) && decode_stream(root, &added->stream, &ignored) == 0 &&
                  streams_check(&added->stream, 1, &ignored) == 0;
    if (usable)
        *added = (struct new_stream){.is_there = true,
                                     .stream = added->stream,
                                     .settings = json_incref(json_object_get(root, "settings")),
                                     .done = json_integer_value(done)};
    json_decref(root);
    return usable ? VALENCE_OK : fail(error, VALENCE_ERROR_FORMAT, "it is not a stream");
}

void new_stream_clear(struct new_stream *added)
{
    json_decref(added->settings);
    *added = (struct new_stream){0};
}

static bool is_name(const char *name, size_t room)
{
    size_t length = strnlen(name, room);
    return length > 0 && length < room && is_utf8(name, length);
}

static bool are_classes(const struct valence_label_scale *scale)
{
    int n = scale->n_classes;
    bool fine = n >= 2 && n <= VALENCE_MAX_CLASSES && scale->low == 0 && scale->high == n - 1;
    for (int i = 0; fine && i < n; i++) {
        fine = is_name(scale->classes[i], sizeof scale->classes[i]);
        for (int j = 0; fine && j < i; j++)
            fine = strcmp(scale->classes[i], scale->classes[j]) != 0;
    }
    return fine;
}

static bool is_scale(const struct valence_label_scale *scale)
{
    return is_name(scale->name, sizeof scale->name) && isfinite(scale->low) &&
           isfinite(scale->high) && scale->low < scale->high &&
           (scale->n_classes == 0 || are_classes(scale));
}

static json_t *classes_to_json(const struct valence_label_scale *scale)
{
    json_t *array = scale->n_classes ? json_array() : NULL;
    for (int i = 0; i < scale->n_classes; i++)
        json_array_append_new(array, json_string(scale->classes[i]));
    return array;
}

int label_scale_encode(const struct valence_label_scale *scale, struct text *json,
                       struct valence_error *error)
{
    if (!is_scale(scale))
        return fail(error, VALENCE_ERROR_ARGUMENT,
                    "a label scale has a name of 1 to %zu bytes of UTF-8, and a lowest label below "
                    "its highest; or 2 to %d classes with names of their own, and labels from 0",
                    sizeof scale->name - 1, VALENCE_MAX_CLASSES);
    json_t *classes = classes_to_json(scale);
    bool whole = json_array_size(classes) == (size_t)scale->n_classes;
    json_t *root = json_pack("{s:s, s:f, s:f, s:o*}", "name", scale->name, "low", scale->low,
                             "high", scale->high, "classes", classes);
    if (!whole) {
        json_decref(root);
        root = NULL;
    }
    char *encoded = root ? json_dumps(root, JSON_REAL_PRECISION(17)) : NULL;
    json_decref(root);
    if (encoded)
        text_append(json, encoded, strlen(encoded));
    free(encoded);
    return encoded && !json->failed ? VALENCE_OK : fail_memory(error, 0, "a label scale");
}

/* What is damaged leaves classes that are none. */
static void classes_decode(const json_t *array, struct valence_label_scale *scale)
{
    size_t n = json_array_size(array);
    scale->n_classes = array ? n <= VALENCE_MAX_CLASSES ? (int)n : -1 : 0;
    for (int i = 0; i < scale->n_classes; i++) {
        const char *name = json_string_value(json_array_get(array, (size_t)i));
        if (name && strlen(name) < sizeof scale->classes[i])
            strcpy(scale->classes[i], name);
    }
    if (array && scale->n_classes == 0)
        scale->n_classes = -1;
}

int label_scale_decode(const char *json, size_t size, struct valence_label_scale *scale,
                       struct valence_error *error)
{
    json_error_t parse;
    json_t *root = json_loadb(json, size, JSON_REJECT_DUPLICATES, &parse);
    if (!root)
        return fail_json(&parse, error, VALENCE_ERROR_FORMAT, "'label_scale' is not JSON: %s",
                         parse.text);
    const char *name = json_string_value(json_object_get(root, "name"));
    *scale = (struct valence_label_scale){
        .low = json_number_value(json_object_get(root, "low")),
        .high = json_number_value(json_object_get(root, "high")),
    };
    if (name && strlen(name) < sizeof scale->name)
        strcpy(scale->name, name);
    classes_decode(json_object_get(root, "classes"), scale);
    json_decref(root);
    return is_scale(scale) ? VALENCE_OK
                           : fail(error, VALENCE_ERROR_FORMAT, "'label_scale' is damaged");
}

/* ---- Source ---- */

static int fail_difference(const char *path, const char *key, const json_t *recorded,
                           const json_t *wanted, struct valence_error *error)
{
    size_t flags = JSON_ENCODE_ANY | JSON_REAL_PRECISION(15);
    char *was = json_dumps(recorded, flags), *is = json_dumps(wanted, flags);
    int status = fail_key(error, VALENCE_ERROR_EXISTS, "overwrite",
                          "%s: was made with %s %.200s, not %.200s", path, key,
                          was ? was : "(nothing)", is ? is : "(nothing)");
    free(was);
    free(is);
    return status;
}

int source_compare(const char *recorded, json_t *source, const char *path,
                   struct valence_error *error)
{
    const char *key;
    json_t *value, *before = json_loads(recorded, 0, NULL);
    int status = before ? VALENCE_OK : fail_memory(error, strlen(recorded), "a store's source");
    json_object_foreach(source, key,
                        value) if (!status && !json_equal(value, json_object_get(before, key)))
        status = fail_difference(path, key, json_object_get(before, key), value, error);
    if (!status && !json_equal(before, source))
        status = fail_key(error, VALENCE_ERROR_EXISTS, "overwrite",
                          "%s: was made with other settings", path);
    json_decref(before);
    return status;
}
