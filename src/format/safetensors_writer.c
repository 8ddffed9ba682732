#include <assert.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/file_writer.h"
#include "base/memory.h"
#include "base/text.h"
#include "format/safetensors.h"

struct safetensors_writer {
    struct file_writer file;
    json_t *header;   /* NULL once written */
    json_t *metadata; /* borrowed from header */
    size_t declared;  /* bytes of data */
    size_t written;
};

int safetensors_write_begin(const char *path, unsigned flags, struct safetensors_writer **writer,
                            struct valence_error *error)
{
    *writer = NULL;
    struct safetensors_writer *begun = calloc(1, sizeof *begun);
    if (!begun)
        return fail_memory(error, sizeof *begun, path);
    int status = file_write_begin(&begun->file, path, flags, error);
    if (status) {
        free(begun);
        return status;
    }
    begun->header = json_object();
    begun->metadata = json_object();
    if (json_object_set_new(begun->header, "__metadata__", begun->metadata)) {
        safetensors_write_abort(begun);
        return fail_memory(error, sizeof *begun, path);
    }
    *writer = begun;
    return VALENCE_OK;
}

/* Both declarations add to an object of the header, which must still be open. Takes over
 * `value`. */
static int add_entry(struct safetensors_writer *writer, json_t *object, const char *name,
                     json_t *value, struct valence_error *error)
{
    int status = VALENCE_OK;
    if (!is_utf8(name, strlen(name)))
        status = fail(error, VALENCE_ERROR_ARGUMENT, "%s: the name '%.200s' is not UTF-8",
                      writer->file.path, name);
    else if (!value)
        status = fail_memory(error, 0, "the header");
    else if (json_object_get(object, name))
        status = fail(error, VALENCE_ERROR_EXISTS, "%s: '%.200s' is declared twice",
                      writer->file.path, name);
    else if (json_object_set(object, name, value))
        status = fail_memory(error, 0, "the header");
    json_decref(value);
    return status;
}

int safetensors_declare(struct safetensors_writer *writer, const char *name, enum element_type type,
                        int n_dims, const int64_t *shape, struct valence_error *error)
{
    assert(writer->header && n_dims >= 0 && n_dims <= ARRAY_MAX_DIMS);
    int64_t count;
    size_t bytes;
    if (!shape_count(shape, n_dims, &count) ||
        !size_multiply(count, (int64_t)element_type_size(type), &bytes) ||
        bytes > (size_t)INT64_MAX - writer->declared)
        return fail(error, VALENCE_ERROR_SHAPE, "%s: tensor '%.200s' is too large",
                    writer->file.path, name);
    json_t *sizes = json_array();
    for (int i = 0; i < n_dims; i++)
        if (json_array_append_new(sizes, json_integer(shape[i])) != 0) {
            json_decref(sizes);
            return fail_memory(error, 0, "the header");
        }
    json_t *entry = json_pack("{s:s, s:o, s:[I, I]}", "dtype", element_type_name(type), "shape",
                              sizes, "data_offsets", (json_int_t)writer->declared,
                              (json_int_t)(writer->declared + bytes));
    int status = add_entry(writer, writer->header, name, entry, error);
    if (!status)
        writer->declared += bytes;
    return status;
}

int safetensors_describe(struct safetensors_writer *writer, const char *key, const char *text,
                         struct valence_error *error)
{
    assert(writer->header);
    if (!is_utf8(text, strlen(text)))
        return fail(error, VALENCE_ERROR_ARGUMENT, "%s: '%.200s' is not UTF-8", writer->file.path,
                    key);
    return add_entry(writer, writer->metadata, key, json_string(text), error);
}

static int write_bytes(struct safetensors_writer *writer, const void *data, size_t bytes,
                       struct valence_error *error)
{
    if (bytes && fwrite(data, 1, bytes, writer->file.stream) != bytes)
        return file_write_failure(&writer->file, error);
    return VALENCE_OK;
}

/* The first data, or the commit of a file without any, closes the header. */
static int finish_header(struct safetensors_writer *writer, struct valence_error *error)
{
    if (!writer->header)
        return VALENCE_OK;
    if (json_object_size(writer->metadata) == 0)
        json_object_del(writer->header, "__metadata__");
    char *text = json_dumps(writer->header, JSON_COMPACT);
    json_decref(writer->header);
    writer->header = NULL;
    if (!text)
        return fail_memory(error, 0, "the header");
    uint64_t length = strlen(text), padded = (length + 7) / 8 * 8;
    int status =
        padded > SAFETENSORS_MAX_HEADER_BYTES
            ? fail(error, VALENCE_ERROR_LIMIT, "%s: the header takes %llu bytes, more than %d",
                   writer->file.path, (unsigned long long)padded, SAFETENSORS_MAX_HEADER_BYTES)
            : write_bytes(writer, &padded, sizeof padded, error);
    if (!status)
        status = write_bytes(writer, text, (size_t)length, error);
    if (!status)
        status = write_bytes(writer, "       ", (size_t)(padded - length), error);
    free(text);
    return status;
}

int safetensors_write(struct safetensors_writer *writer, const void *data, size_t bytes,
                      struct valence_error *error)
{
    int status = finish_header(writer, error);
    if (status)
        return status;
    if (bytes > writer->declared - writer->written)
        return fail(error, VALENCE_ERROR_ARGUMENT, "%s: more data than the %zu bytes declared",
                    writer->file.path, writer->declared);
    status = write_bytes(writer, data, bytes, error);
    if (!status)
        writer->written += bytes;
    return status;
}

int safetensors_write_commit(struct safetensors_writer *writer, struct valence_error *error)
{
    int status = finish_header(writer, error);
    if (!status && writer->written != writer->declared)
        status =
            fail(error, VALENCE_ERROR_ARGUMENT, "%s: %zu of the %zu bytes declared were written",
                 writer->file.path, writer->written, writer->declared);
    if (status) {
        safetensors_write_abort(writer);
        return status;
    }
    status = file_write_commit(&writer->file, error);
    free(writer);
    return status;
}

void safetensors_write_abort(struct safetensors_writer *writer)
{
    if (!writer)
        return;
    json_decref(writer->header);
    file_write_abort(&writer->file);
    free(writer);
}
