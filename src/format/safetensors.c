#include "format/safetensors.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/text.h"
#include "format/json_failure.h"

#define METADATA_KEY "__metadata__"
#define INDEX_ENDING ".index.json"
#define MAX_PARTS    1000
#define CHUNK_BYTES  65536

/* One file; a model in several of them has an index. */
struct safetensors_part {
    struct byte_source source;
    json_t *header; /* owns the tensors' names and the metadata */
};

struct safetensors {
    struct safetensors_part *parts;
    int64_t n_parts;
    struct safetensor *tensors;
    int64_t n_tensors, capacity;
};

/* ---- The header ---- */

static int bad_tensor(const struct safetensors_part *part, const char *tensor, const char *what,
                      struct valence_error *error)
{
    return fail(error, VALENCE_ERROR_FORMAT, "%s: tensor '%.200s': %s", part->source.name, tensor,
                what);
}

static int read_shape(const struct safetensors_part *part, json_t *json, struct safetensor *tensor,
                      struct valence_error *error)
{
    if (!json_is_array(json))
        return bad_tensor(part, tensor->name, "'shape' is missing or not a list", error);
    if (json_array_size(json) > ARRAY_MAX_DIMS)
        return fail(error, VALENCE_ERROR_UNSUPPORTED,
                    "%s: tensor '%.200s' has %zu dimensions, more than %d", part->source.name,
                    tensor->name, json_array_size(json), ARRAY_MAX_DIMS);
    tensor->n_dims = (int)json_array_size(json);
    for (int i = 0; i < tensor->n_dims; i++) {
        json_t *size = json_array_get(json, (size_t)i);
        if (!json_is_integer(size) || json_integer_value(size) < 0)
            return bad_tensor(part, tensor->name, "a size in 'shape' is not a whole number >= 0",
                              error);
        tensor->shape[i] = json_integer_value(size);
    }
    if (!shape_count(tensor->shape, tensor->n_dims, &tensor->count))
        return bad_tensor(part, tensor->name, "the product of 'shape' overflows", error);
    return VALENCE_OK;
}

/* Offsets relative to the data, of `available` bytes; that tensors do not overlap is checked once
 * all are known. */
static int read_offsets(const struct safetensors_part *part, json_t *json, uint64_t data,
                        uint64_t available, struct safetensor *tensor, struct valence_error *error)
{
    json_t *first = json_array_get(json, 0), *last = json_array_get(json, 1);
    if (json_array_size(json) != 2 || !json_is_integer(first) || !json_is_integer(last))
        return bad_tensor(part, tensor->name, "'data_offsets' is not a pair of whole numbers",
                          error);
    json_int_t begin = json_integer_value(first), end = json_integer_value(last);
    if (begin < 0 || end < begin || (uint64_t)end > available)
        return fail(
            error, VALENCE_ERROR_FORMAT,
            "%s: tensor '%.200s': data_offsets %lld ... %lld are not within the %llu bytes of "
            "data (is the file cut off?)",
            part->source.name, tensor->name, (long long)begin, (long long)end,
            (unsigned long long)available);
    tensor->bytes = (size_t)(end - begin);
    tensor->position = data + (uint64_t)begin;
    size_t needed;
    if (!size_multiply(tensor->count, (int64_t)element_type_size(tensor->type), &needed) ||
        needed != tensor->bytes) {
        char shape[SHAPE_TEXT_BYTES];
        return fail(error, VALENCE_ERROR_FORMAT,
                    "%s: tensor '%.200s': %s of %s do not take the %zu bytes of its data_offsets",
                    part->source.name, tensor->name,
                    shape_text(tensor->shape, tensor->n_dims, shape, sizeof shape),
                    element_type_name(tensor->type), tensor->bytes);
    }
    return VALENCE_OK;
}

static int read_tensor(const struct safetensors_part *part, const char *name, json_t *json,
                       uint64_t data, uint64_t available, struct safetensor *tensor,
                       struct valence_error *error)
{
    *tensor = (struct safetensor){.name = name, .source = &part->source};
    if (!json_is_object(json) || json_object_size(json) != 3)
        return bad_tensor(part, name, "its entry is not {dtype, shape, data_offsets}", error);
    const char *dtype = json_string_value(json_object_get(json, "dtype"));
    if (!dtype)
        return bad_tensor(part, name, "'dtype' is missing or not a text", error);
    int type = element_type_from_name(dtype);
    if (type < 0)
        return fail(error, VALENCE_ERROR_UNSUPPORTED, "%s: tensor '%.200s': unknown dtype '%.40s'",
                    part->source.name, name, dtype);
    tensor->type = (enum element_type)type;
    int status = read_shape(part, json_object_get(json, "shape"), tensor, error);
    if (status)
        return status;
    return read_offsets(part, json_object_get(json, "data_offsets"), data, available, tensor,
                        error);
}

static int check_metadata(const struct safetensors_part *part, json_t *metadata,
                          struct valence_error *error)
{
    if (!json_is_object(metadata))
        return fail(error, VALENCE_ERROR_FORMAT, "%s: " METADATA_KEY " is not an object",
                    part->source.name);
    const char *key;
    json_t *value;
    json_object_foreach(metadata, key, value)
    {
        if (!json_is_string(value))
            return fail(error, VALENCE_ERROR_FORMAT,
                        "%s: " METADATA_KEY ": the value of '%.200s' is not a text",
                        part->source.name, key);
    }
    return VALENCE_OK;
}

/* By place in the file; an empty tensor comes before what starts where it stands. */
static int compare_places(const void *left, const void *right)
{
    const struct safetensor *a = left, *b = right;
    if (a->position != b->position)
        return a->position < b->position ? -1 : 1;
    if (a->bytes != b->bytes)
        return a->bytes < b->bytes ? -1 : 1;
    return strcmp(a->name, b->name);
}

/* Sorts a part's tensors into file order: each must begin where the one before ended, the last at
 * the end of the data. */
static int check_layout(const struct safetensors_part *part, struct safetensor *tensors, int64_t n,
                        uint64_t data, struct valence_error *error)
{
    if (n > 1)
        qsort(tensors, (size_t)n, sizeof *tensors, compare_places);
    uint64_t end = data;
    for (int64_t i = 0; i < n; i++) {
        if (tensors[i].position != end)
            return bad_tensor(part, tensors[i].name,
                              tensors[i].position < end ? "its data overlaps another tensor's"
                                                        : "there is a hole before its data",
                              error);
        end += tensors[i].bytes;
    }
    if (end != part->source.size)
        return fail(error, VALENCE_ERROR_FORMAT,
                    "%s: %llu bytes follow the data of the last tensor", part->source.name,
                    (unsigned long long)(part->source.size - end));
    return VALENCE_OK;
}

/* The header's JSON; *data is where the tensors' bytes begin. */
static int parse_header(struct safetensors_part *part, uint64_t *data, struct valence_error *error)
{
    uint64_t length;
    const struct byte_source *source = &part->source;
    if (source->size < sizeof length)
        return byte_source_refuse(source, "a safetensors file", error);
    int status = byte_source_read(source, 0, &length, sizeof length, error);
    if (status)
        return status;
    if (length > SAFETENSORS_MAX_HEADER_BYTES)
        return byte_source_kind(source)
                   ? byte_source_refuse(source, "a safetensors file", error)
                   : fail(error, VALENCE_ERROR_FORMAT,
                          "%s: not a safetensors file: its header would have %llu bytes, more than "
                          "%d",
                          source->name, (unsigned long long)length, SAFETENSORS_MAX_HEADER_BYTES);
    if (length > source->size - sizeof length)
        return fail(error, VALENCE_ERROR_FORMAT,
                    "%s: a header of %llu bytes, but only %llu follow (is the file cut off?)",
                    source->name, (unsigned long long)length,
                    (unsigned long long)(source->size - sizeof length));
    char *header = malloc((size_t)length + 1);
    if (!header)
        return fail_memory(error, (size_t)length, "a header");
    status = byte_source_read(source, sizeof length, header, (size_t)length, error);
    json_error_t json_error;
    if (!status) {
        part->header = json_loadb(header, (size_t)length, JSON_REJECT_DUPLICATES, &json_error);
        if (!part->header)
            status =
                fail_json(&json_error, error, VALENCE_ERROR_FORMAT, "%s: header: %s at byte %d",
                          source->name, json_error.text, json_error.position);
        else if (header[0] != '{') /* blanks before it are not allowed, and JSON has other roots */
            status = fail(error, VALENCE_ERROR_FORMAT, "%s: the header is not a JSON object",
                          source->name);
    }
    free(header);
    *data = sizeof length + length;
    return status;
}

/* Adds a part's tensors to the file's. */
static int read_part(struct safetensors *file, struct safetensors_part *part,
                     struct valence_error *error)
{
    uint64_t data;
    int64_t first = file->n_tensors;
    const char *name;
    json_t *entry;
    int status = parse_header(part, &data, error);
    if (!status)
        status = grow_array((void **)&file->tensors, &file->capacity,
                            first + (int64_t)json_object_size(part->header), sizeof *file->tensors,
                            INT64_MAX, "tensors", error);
    if (status)
        return status;
    json_object_foreach(part->header, name, entry)
    {
        status = strcmp(name, METADATA_KEY) == 0
                     ? check_metadata(part, entry, error)
                     : read_tensor(part, name, entry, data, part->source.size - data,
                                   file->tensors + file->n_tensors++, error);
        if (status)
            return status;
    }
    struct safetensor *tensors = file->tensors ? file->tensors + first : NULL; /* NULL: none */
    return check_layout(part, tensors, file->n_tensors - first, data, error);
}

/* ---- Models in several files ---- */

/* The place of a part among the parts, opened where it is new; -1 on error. */
static int64_t find_part(struct safetensors *file, const char *path, struct valence_error *error)
{
    int64_t at = 0;
    while (at < file->n_parts && strcmp(file->parts[at].source.name, path) != 0)
        at++;
    if (at < file->n_parts)
        return at;
    if (at == MAX_PARTS) {
        fail(error, VALENCE_ERROR_LIMIT, "%s: more than %d files", path, MAX_PARTS);
        return -1;
    }
    if (byte_source_open(path, &file->parts[at].source, error))
        return -1;
    file->n_parts++;
    return at;
}

/* "model-00001-of-00002.safetensors" beside the index: a name alone, for the index may not lead
 * elsewhere. */
static int open_parts(struct safetensors *file, const char *path, json_t *map,
                      struct valence_error *error)
{
    const char *tensor;
    json_t *value;
    json_object_foreach(map, tensor, value)
    {
        const char *name = json_string_value(value);
        if (!name || strchr(name, '/') || name[0] == '.' || name[0] == '\0')
            return fail(error, VALENCE_ERROR_FORMAT,
                        "%s: tensor '%.200s' is not in a file beside the index", path, tensor);
        char *part = NULL, *folder = strndup(path, (size_t)(path_name(path) - path));
        if (folder)
            part = folder[0] ? path_join(folder, name) : strdup(name);
        int64_t at = part ? find_part(file, part, error) : -1;
        int status = !part ? fail_memory(error, strlen(path), "a path") : VALENCE_OK;
        free(part);
        free(folder);
        if (at < 0)
            return status ? status : error ? error->status : VALENCE_ERROR_IO;
    }
    return VALENCE_OK;
}

/* The tensors are those that the index names: no more, none twice. */
static int check_index(const struct safetensors *file, const char *path, json_t *map,
                       struct valence_error *error)
{
    for (int64_t i = 0; i < file->n_tensors; i++) {
        const struct safetensor *tensor = &file->tensors[i];
        const char *name = json_string_value(json_object_get(map, tensor->name));
        if (!name || strcmp(name, path_name(tensor->source->name)) != 0)
            return fail(error, VALENCE_ERROR_FORMAT,
                        "%s: tensor '%.200s' is in %s, where the index does not put it", path,
                        tensor->name, path_name(tensor->source->name));
    }
    if ((size_t)file->n_tensors != json_object_size(map))
        return fail(error, VALENCE_ERROR_FORMAT, "%s: it names %zu tensors, the files hold %lld",
                    path, json_object_size(map), (long long)file->n_tensors);
    return VALENCE_OK;
}

static int open_index(struct safetensors *file, const char *path, struct valence_error *error)
{
    char *text;
    size_t size;
    json_error_t json_error;
    int status = file_read_text(path, SAFETENSORS_MAX_HEADER_BYTES, &text, &size, error);
    if (status)
        return status;
    json_t *index = json_loadb(text, size, JSON_REJECT_DUPLICATES, &json_error);
    json_t *map = json_object_get(index, "weight_map");
    free(text);
    file->parts = allocate(MAX_PARTS, sizeof *file->parts);
    if (!file->parts)
        status = fail_memory(error, MAX_PARTS * sizeof *file->parts, "a model's files");
    else if (!index)
        status = fail_json(&json_error, error, VALENCE_ERROR_FORMAT, "%s:%d: %s", path,
                           json_error.line, json_error.text);
    else if (!json_is_object(map) || json_object_size(map) == 0)
        status = fail(error, VALENCE_ERROR_FORMAT,
                      "%s: it has no 'weight_map' that says which file holds which tensor", path);
    if (!status)
        status = open_parts(file, path, map, error);
    for (int64_t i = 0; i < file->n_parts && !status; i++)
        status = read_part(file, &file->parts[i], error);
    if (!status)
        status = check_index(file, path, map, error);
    json_decref(index);
    return status;
}

/* ---- Access ---- */

/* Takes over `source`, which opening gave with `status`. */
static int open_single(struct safetensors *file, struct byte_source *source, int status,
                       struct valence_error *error)
{
    file->parts = status ? NULL : allocate(1, sizeof *file->parts);
    if (!file->parts) {
        byte_source_close(source);
        return status ? status : fail_memory(error, sizeof *file->parts, "a file");
    }
    file->n_parts = 1;
    file->parts[0].source = *source;
    return read_part(file, &file->parts[0], error);
}

int safetensors_open(const char *path, struct safetensors **file, struct valence_error *error)
{
    struct valence_error own; /* its status is needed */
    struct byte_source source;
    *file = NULL;
    error = error ? error : &own;
    struct safetensors *opened = calloc(1, sizeof *opened);
    if (!opened)
        return fail_memory(error, sizeof *opened, path);
    int status = path_has_ending(path, INDEX_ENDING)
                     ? open_index(opened, path, error)
                     : open_single(opened, &source, byte_source_open(path, &source, error), error);
    if (status)
        safetensors_close(opened);
    else
        *file = opened;
    return status;
}

int safetensors_open_memory(const void *data, size_t size, const char *name,
                            struct safetensors **file, struct valence_error *error)
{
    struct byte_source source;
    *file = NULL;
    struct safetensors *opened = calloc(1, sizeof *opened);
    if (!opened)
        return fail_memory(error, sizeof *opened, name);
    int status = byte_source_open_memory(data, size, name, &source, error);
    status = open_single(opened, &source, status, error);
    if (status)
        safetensors_close(opened);
    else
        *file = opened;
    return status;
}

void safetensors_close(struct safetensors *file)
{
    if (!file)
        return;
    for (int64_t i = 0; i < file->n_parts; i++) {
        json_decref(file->parts[i].header);
        byte_source_close(&file->parts[i].source);
    }
    free(file->parts);
    free(file->tensors);
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

const char *safetensors_metadata(const struct safetensors *file, const char *key)
{
    for (int64_t i = 0; i < file->n_parts; i++) {
        json_t *metadata = json_object_get(file->parts[i].header, METADATA_KEY);
        const char *text = json_string_value(json_object_get(metadata, key));
        if (text)
            return text;
    }
    return NULL;
}

int safetensor_read(const struct safetensor *tensor, void *out, struct valence_error *error)
{
    return byte_source_read(tensor->source, tensor->position, out, tensor->bytes, error);
}

int safetensor_add_to_digest(const struct safetensor *tensor, struct sha256 *digest,
                             struct valence_error *error)
{
    return byte_source_add_to_digest(tensor->source, tensor->position, tensor->bytes, digest,
                                     error);
}

/* Elements pass through a small buffer on their way to `floats` or `integers`, whichever is not
 * NULL. */
static int convert(const struct safetensor *tensor, float *floats, int64_t *integers,
                   struct valence_error *error)
{
    unsigned char chunk[CHUNK_BYTES];
    size_t size = element_type_size(tensor->type);
    int64_t most = (int64_t)(sizeof chunk / size);
    int status = VALENCE_OK;
    for (int64_t done = 0; done < tensor->count && !status;) {
        int64_t n = tensor->count - done < most ? tensor->count - done : most;
        status = byte_source_read(tensor->source, tensor->position + (uint64_t)done * size, chunk,
                                  (size_t)n * size, error);
        if (!status && floats)
            elements_to_float(tensor->type, false, chunk, n, floats + done);
        else if (!status && !elements_to_int64(tensor->type, false, chunk, n, integers + done))
            status = fail(error, VALENCE_ERROR_DATA,
                          "%s: tensor '%.200s' has values that are not whole numbers of 64 bits",
                          tensor->source->name, tensor->name);
        done += n;
    }
    return status;
}

int safetensor_to_float(const struct safetensor *tensor, float *out, struct valence_error *error)
{
    return tensor->type == ELEMENT_F32 ? safetensor_read(tensor, out, error)
                                       : convert(tensor, out, NULL, error);
}

int safetensor_to_int64(const struct safetensor *tensor, int64_t *out, struct valence_error *error)
{
    return convert(tensor, NULL, out, error);
}

int safetensor_open_array(const struct safetensor *tensor, struct npy **array,
                          struct valence_error *error)
{
    struct npy_header header = {.kind = NPY_NUMBERS,
                                .type = tensor->type,
                                .item_bytes = element_type_size(tensor->type),
                                .n_dims = tensor->n_dims,
                                .count = tensor->count};
    memcpy(header.shape, tensor->shape, sizeof header.shape);
    return npy_open_part(&header, NULL, tensor->source, tensor->position, tensor->bytes,
                         tensor->name, array, error);
}
