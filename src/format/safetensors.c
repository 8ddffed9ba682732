#include "format/safetensors.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/file.h"
#include "base/memory.h"

#define METADATA_KEY "__metadata__"

struct safetensors {
    const char *name; /* of the file, for errors; only valid while opening */
    struct file_map map;
    json_t *header; /* owns the tensors' names and the metadata */
    struct safetensor *tensors;
    int64_t n_tensors;
};

/* ---- The header ---- */

static int bad_tensor(const struct safetensors *file, const char *tensor, const char *what,
                      struct valence_error *error)
{
    return fail(error, VALENCE_ERROR_FORMAT, "%s: tensor '%.200s': %s", file->name, tensor, what);
}

static int read_shape(const struct safetensors *file, json_t *json, struct safetensor *tensor,
                      struct valence_error *error)
{
    if (!json_is_array(json))
        return bad_tensor(file, tensor->name, "'shape' is missing or not a list", error);
    if (json_array_size(json) > ARRAY_MAX_DIMS)
        return fail(error, VALENCE_ERROR_UNSUPPORTED,
                    "%s: tensor '%.200s' has %zu dimensions, more than %d", file->name,
                    tensor->name, json_array_size(json), ARRAY_MAX_DIMS);
    tensor->n_dims = (int)json_array_size(json);
    for (int i = 0; i < tensor->n_dims; i++) {
        json_t *size = json_array_get(json, (size_t)i);
        if (!json_is_integer(size) || json_integer_value(size) < 0)
            return bad_tensor(file, tensor->name, "a size in 'shape' is not a whole number >= 0",
                              error);
        tensor->shape[i] = json_integer_value(size);
    }
    if (!shape_count(tensor->shape, tensor->n_dims, &tensor->count))
        return bad_tensor(file, tensor->name, "the product of 'shape' overflows", error);
    return VALENCE_OK;
}

/* Offsets relative to the data, of `available` bytes; that tensors do not overlap is checked once
 * all are known. */
static int read_offsets(const struct safetensors *file, json_t *json, const unsigned char *data,
                        size_t available, struct safetensor *tensor, struct valence_error *error)
{
    json_t *first = json_array_get(json, 0), *last = json_array_get(json, 1);
    if (json_array_size(json) != 2 || !json_is_integer(first) || !json_is_integer(last))
        return bad_tensor(file, tensor->name, "'data_offsets' is not a pair of whole numbers",
                          error);
    json_int_t begin = json_integer_value(first), end = json_integer_value(last);
    if (begin < 0 || end < begin || (uint64_t)end > available)
        return fail(
            error, VALENCE_ERROR_FORMAT,
            "%s: tensor '%.200s': data_offsets %lld ... %lld are not within the %zu bytes of "
            "data (is the file cut off?)",
            file->name, tensor->name, (long long)begin, (long long)end, available);
    tensor->bytes = (size_t)(end - begin);
    tensor->data = data + begin;
    size_t needed;
    if (!size_multiply(tensor->count, (int64_t)element_type_size(tensor->type), &needed) ||
        needed != tensor->bytes) {
        char shape[SHAPE_TEXT_BYTES];
        return fail(error, VALENCE_ERROR_FORMAT,
                    "%s: tensor '%.200s': %s of %s do not take the %zu bytes of its data_offsets",
                    file->name, tensor->name,
                    shape_text(tensor->shape, tensor->n_dims, shape, sizeof shape),
                    element_type_name(tensor->type), tensor->bytes);
    }
    return VALENCE_OK;
}

static int read_tensor(const struct safetensors *file, const char *name, json_t *json,
                       const unsigned char *data, size_t available, struct safetensor *tensor,
                       struct valence_error *error)
{
    *tensor = (struct safetensor){.name = name};
    if (!json_is_object(json) || json_object_size(json) != 3)
        return bad_tensor(file, name, "its entry is not {dtype, shape, data_offsets}", error);
    const char *dtype = json_string_value(json_object_get(json, "dtype"));
    if (!dtype)
        return bad_tensor(file, name, "'dtype' is missing or not a text", error);
    int type = element_type_from_name(dtype);
    if (type < 0)
        return fail(error, VALENCE_ERROR_UNSUPPORTED, "%s: tensor '%.200s': unknown dtype '%.40s'",
                    file->name, name, dtype);
    tensor->type = (enum element_type)type;
    int status = read_shape(file, json_object_get(json, "shape"), tensor, error);
    if (status)
        return status;
    return read_offsets(file, json_object_get(json, "data_offsets"), data, available, tensor,
                        error);
}

static int check_metadata(const struct safetensors *file, json_t *metadata,
                          struct valence_error *error)
{
    if (!json_is_object(metadata))
        return fail(error, VALENCE_ERROR_FORMAT, "%s: " METADATA_KEY " is not an object",
                    file->name);
    const char *key;
    json_t *value;
    json_object_foreach(metadata, key, value)
    {
        if (!json_is_string(value))
            return fail(error, VALENCE_ERROR_FORMAT,
                        "%s: " METADATA_KEY ": the value of '%.200s' is not a text", file->name,
                        key);
    }
    return VALENCE_OK;
}

/* By place in the file; an empty tensor comes before what starts where it stands. */
static int compare_places(const void *left, const void *right)
{
    const struct safetensor *a = left, *b = right;
    const unsigned char *a_data = a->data, *b_data = b->data;
    if (a_data != b_data)
        return a_data < b_data ? -1 : 1;
    if (a->bytes != b->bytes)
        return a->bytes < b->bytes ? -1 : 1;
    return strcmp(a->name, b->name);
}

/* Sorts the tensors into file order: each must begin where the one before ended, the last at the
 * end of the data. */
static int check_layout(struct safetensors *file, const unsigned char *data, size_t available,
                        struct valence_error *error)
{
    if (file->n_tensors > 1)
        qsort(file->tensors, (size_t)file->n_tensors, sizeof *file->tensors, compare_places);
    size_t end = 0;
    for (int64_t i = 0; i < file->n_tensors; i++) {
        struct safetensor *tensor = file->tensors + i;
        size_t begin = (size_t)((const unsigned char *)tensor->data - data);
        if (begin != end)
            return bad_tensor(file, tensor->name,
                              begin < end ? "its data overlaps another tensor's"
                                          : "there is a hole before its data",
                              error);
        end = begin + tensor->bytes;
        if (tensor->bytes == 0)
            tensor->data = NULL;
    }
    if (end != available)
        return fail(error, VALENCE_ERROR_FORMAT, "%s: %zu bytes follow the data of the last tensor",
                    file->name, available - end);
    return VALENCE_OK;
}

static int read_header(struct safetensors *file, const unsigned char *data, size_t size,
                       struct valence_error *error)
{
    uint64_t length;
    if (size < sizeof length)
        return fail(error, VALENCE_ERROR_FORMAT, "%s: %zu bytes are no safetensors file",
                    file->name, size);
    memcpy(&length, data, sizeof length);
    if (length > SAFETENSORS_MAX_HEADER_BYTES)
        return fail(error, VALENCE_ERROR_FORMAT,
                    "%s: a header of %llu bytes, more than %d (is this a safetensors file?)",
                    file->name, (unsigned long long)length, SAFETENSORS_MAX_HEADER_BYTES);
    if (length > size - sizeof length)
        return fail(error, VALENCE_ERROR_FORMAT,
                    "%s: a header of %llu bytes, but only %zu follow (is the file cut off?)",
                    file->name, (unsigned long long)length, size - sizeof length);
    const unsigned char *header = data + sizeof length;
    json_error_t json_error;
    file->header =
        json_loadb((const char *)header, (size_t)length, JSON_REJECT_DUPLICATES, &json_error);
    if (!file->header)
        return fail(error, VALENCE_ERROR_FORMAT, "%s: header: %s at byte %d", file->name,
                    json_error.text, json_error.position);
    if (header[0] != '{') /* blanks before it are not allowed, and JSON has other roots */
        return fail(error, VALENCE_ERROR_FORMAT, "%s: the header is not a JSON object", file->name);
    const unsigned char *body = header + length;
    size_t available = size - sizeof length - (size_t)length;
    file->tensors = allocate((int64_t)json_object_size(file->header), sizeof *file->tensors);
    if (!file->tensors)
        return fail_memory(error, json_object_size(file->header) * sizeof *file->tensors,
                           "the list of tensors");
    const char *name;
    json_t *entry;
    json_object_foreach(file->header, name, entry)
    {
        int status;
        if (strcmp(name, METADATA_KEY) == 0)
            status = check_metadata(file, entry, error);
        else
            status = read_tensor(file, name, entry, body, available,
                                 file->tensors + file->n_tensors++, error);
        if (status)
            return status;
    }
    return check_layout(file, body, available, error);
}

/* ---- Access ---- */

/* Takes over `map`, which is empty where the bytes belong to the caller. */
static int open_bytes(struct file_map map, const void *data, size_t size, const char *name,
                      struct safetensors **file, struct valence_error *error)
{
    struct safetensors *opened = calloc(1, sizeof *opened);
    if (!opened) {
        file_map_close(&map);
        return fail_memory(error, sizeof *opened, name);
    }
    opened->name = name;
    opened->map = map;
    int status = read_header(opened, data, size, error);
    if (status) {
        safetensors_close(opened);
        return status;
    }
    opened->name = NULL;
    *file = opened;
    return VALENCE_OK;
}

int safetensors_open(const char *path, struct safetensors **file, struct valence_error *error)
{
    *file = NULL;
    struct file_map map;
    int status = file_map_open(&map, path, error);
    return status ? status : open_bytes(map, map.data, map.size, path, file, error);
}

int safetensors_open_memory(const void *data, size_t size, const char *name,
                            struct safetensors **file, struct valence_error *error)
{
    *file = NULL;
    return open_bytes((struct file_map){0}, data, size, name, file, error);
}

void safetensors_close(struct safetensors *file)
{
    if (!file)
        return;
    json_decref(file->header);
    free(file->tensors);
    file_map_close(&file->map);
    free(file);
}

int64_t safetensors_n_tensors(const struct safetensors *file)
{
    return file->n_tensors;
}

const struct safetensor *safetensors_tensor(const struct safetensors *file, int64_t index)
{
    return file->tensors + index;
}

const struct safetensor *safetensors_find(const struct safetensors *file, const char *name)
{
    for (int64_t i = 0; i < file->n_tensors; i++)
        if (strcmp(file->tensors[i].name, name) == 0)
            return file->tensors + i;
    return NULL;
}

void safetensors_was_read(struct safetensors *file, size_t bytes)
{
    file_map_was_read(&file->map, bytes);
}

const char *safetensors_metadata(const struct safetensors *file, const char *key)
{
    return json_string_value(json_object_get(json_object_get(file->header, METADATA_KEY), key));
}

void safetensor_to_float(const struct safetensor *tensor, float *out)
{
    elements_to_float(tensor->type, false, tensor->data, tensor->count, out);
}

int safetensor_to_int64(const struct safetensor *tensor, int64_t *out, struct valence_error *error)
{
    if (!elements_to_int64(tensor->type, false, tensor->data, tensor->count, out))
        return fail(error, VALENCE_ERROR_DATA,
                    "tensor '%.200s' has values that are not whole numbers of 64 bits",
                    tensor->name);
    return VALENCE_OK;
}
