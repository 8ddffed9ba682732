#include "format/tfjs.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/text.h"
#include "format/json_failure.h"

#define MAX_BYTES    ((size_t)64 << 20)
#define MAX_MANIFEST ((size_t)1 << 20)
#define MAX_TENSORS  10000

struct tfjs {
    unsigned char *data; /* the binary files, joined */
    size_t bytes;
    int64_t n, capacity;
    struct tfjs_tensor *tensors;
    char fingerprint[SHA256_TEXT_BYTES];
};

/* ---- The manifest ---- */

static int read_quantization(const json_t *object, struct tfjs_tensor *tensor,
                             struct valence_error *error)
{
    const json_t *quantization = json_object_get(object, "quantization");
    if (!quantization)
        return VALENCE_OK;
    const char *type = json_string_value(json_object_get(quantization, "dtype"));
    const json_t *scale = json_object_get(quantization, "scale"),
                 *min = json_object_get(quantization, "min");
    if (!type || strcmp(type, "uint8") != 0 || !json_is_number(scale) || !json_is_number(min))
        return fail(error, VALENCE_ERROR_FORMAT, "tensor '%s': only quantization to uint8 is read",
                    tensor->name);
    tensor->quantised = true;
    tensor->scale = json_number_value(scale);
    tensor->min = json_number_value(min);
    return VALENCE_OK;
}

static int read_shape(const json_t *shape, struct tfjs_tensor *tensor, struct valence_error *error)
{
    if (!json_is_array(shape) || json_array_size(shape) > TFJS_MAX_DIMS)
        return fail(error, VALENCE_ERROR_FORMAT, "tensor '%s' has no usable shape", tensor->name);
    tensor->count = 1;
    tensor->n_dims = (int)json_array_size(shape);
    for (int i = 0; i < tensor->n_dims; i++) {
        int64_t size = json_integer_value(json_array_get(shape, (size_t)i));
        if (size < 1 || size > (int64_t)MAX_BYTES / tensor->count)
            return fail(error, VALENCE_ERROR_FORMAT, "tensor '%s' has no usable shape",
                        tensor->name);
        tensor->shape[i] = size;
        tensor->count *= size;
    }
    return VALENCE_OK;
}

/* Adds the tensor that `object` describes, whose values begin at *at of the data. It gets its
 * pointer once all data is there; until then it keeps the offset. */
static int add_tensor(struct tfjs *tfjs, const json_t *object, const char *stem, size_t *at,
                      struct valence_error *error)
{
    const char *name = json_string_value(json_object_get(object, "name"));
    const char *type = json_string_value(json_object_get(object, "dtype"));
    if (!name || !type || strcmp(type, "float32") != 0)
        return fail(error, VALENCE_ERROR_FORMAT, "tensor '%s' is not float32", name ? name : "?");
    int status = grow_array((void **)&tfjs->tensors, &tfjs->capacity, tfjs->n + 1,
                            sizeof *tfjs->tensors, MAX_TENSORS, "tensors", error);
    if (status)
        return status;
    struct tfjs_tensor *tensor = &tfjs->tensors[tfjs->n];
    *tensor = (struct tfjs_tensor){0};
    struct text full = {.maximum = 1024};
    text_format(&full, "%s%s%s", stem, stem[0] ? "/" : "", name);
    tensor->name = full.data;
    tfjs->n++;
    if (full.failed)
        return fail_text(&full, error, VALENCE_ERROR_LIMIT, "a tensor's name is too long");
    status = read_shape(json_object_get(object, "shape"), tensor, error);
    if (!status)
        status = read_quantization(object, tensor, error);
    if (status)
        return status;
    size_t bytes = (size_t)tensor->count * (tensor->quantised ? 1 : sizeof(float));
    if (bytes > tfjs->bytes - *at)
        return fail(error, VALENCE_ERROR_FORMAT,
                    "tensor '%s' ends beyond the binary files (are they cut off?)", name);
    *at += bytes;
    return VALENCE_OK;
}

/* Adds a manifest's tensors, whose data is what follows `at`. */
static int add_manifest(struct tfjs *tfjs, const json_t *manifest, const char *stem, size_t at,
                        struct valence_error *error)
{
    const json_t *group, *object;
    size_t i, j;
    int status = json_is_array(manifest)
                     ? VALENCE_OK
                     : fail(error, VALENCE_ERROR_FORMAT, "is not a list of groups of weights");
    json_array_foreach((json_t *)(uintptr_t)manifest, i, group)
    {
        json_array_foreach(json_object_get(group, "weights"), j, object)
        {
            if (!status)
                status = add_tensor(tfjs, object, stem, &at, error);
        }
    }
    if (!status && at != tfjs->bytes)
        status = fail(error, VALENCE_ERROR_FORMAT,
                      "the binary files hold %zu bytes more than the tensors", tfjs->bytes - at);
    return status;
}

static int parse_json(const char *text, size_t bytes, json_t **root, struct valence_error *error)
{
    json_error_t problem;
    *root = json_loadb(text, bytes, JSON_REJECT_DUPLICATES, &problem);
    return *root ? VALENCE_OK
                 : fail_json(&problem, error, VALENCE_ERROR_FORMAT, "line %d: %s", problem.line,
                             problem.text);
}

/* ---- Files ---- */

static int append_file(struct tfjs *tfjs, const char *folder, const char *name,
                       struct valence_error *error)
{
    char *text = NULL, *path;
    size_t size;
    if (!name || !name[0] || strchr(name, '/') || strcmp(name, "..") == 0)
        return fail(error, VALENCE_ERROR_FORMAT, "'%s' is not a file beside the manifest",
                    name ? name : "");
    path = path_join(folder, name);
    int status = path ? file_read_text(path, MAX_BYTES - tfjs->bytes, &text, &size, error)
                      : fail_memory(error, strlen(name), "a path");
    if (!status) {
        unsigned char *grown = realloc(tfjs->data, tfjs->bytes + size + 1);
        if (grown) {
            memcpy(grown + tfjs->bytes, text, size);
            tfjs->data = grown;
            tfjs->bytes += size;
        } else {
            status = fail_memory(error, tfjs->bytes + size, "weights");
        }
    }
    free(text);
    free(path);
    return status;
}

static int append_files(struct tfjs *tfjs, const json_t *manifest, const char *folder,
                        struct valence_error *error)
{
    const json_t *group, *path;
    size_t i, j;
    int status = VALENCE_OK;
    json_array_foreach((json_t *)(uintptr_t)manifest, i, group)
    {
        json_array_foreach(json_object_get(group, "paths"), j, path)
        {
            if (!status)
                status = append_file(tfjs, folder, json_string_value(path), error);
        }
    }
    return status;
}

static int read_stem(struct tfjs *tfjs, const char *folder, const char *stem,
                     struct valence_error *error)
{
    char *text = NULL;
    size_t size, from = tfjs->bytes;
    struct text path = {.maximum = 65536};
    text_format(&path, "%s/%s-weights_manifest.json", folder, stem);
    int status = path.failed
                     ? fail_text(&path, error, VALENCE_ERROR_LIMIT, "the folder's name is too long")
                     : file_read_text(path.data, MAX_MANIFEST, &text, &size, error);
    if (!status) {
        json_t *manifest;
        status = parse_json(text, size, &manifest, error);
        if (!status)
            status = append_files(tfjs, manifest, folder, error);
        if (!status)
            status = add_manifest(tfjs, manifest, stem, from, error);
        json_decref(manifest);
        if (status)
            status = fail_within(status, error, "%s", path.data);
    }
    free(text);
    text_free(&path);
    return status;
}

/* ---- Opening ---- */

/* Gives the tensors their values once all data is there. */
static void finish(struct tfjs *tfjs)
{
    size_t at = 0;
    for (int64_t i = 0; i < tfjs->n; i++) {
        struct tfjs_tensor *tensor = &tfjs->tensors[i];
        tensor->data = tfjs->data + at;
        at += (size_t)tensor->count * (tensor->quantised ? 1 : sizeof(float));
    }
    sha256_text(tfjs->data, tfjs->bytes, tfjs->fingerprint);
}

int tfjs_open(const char *folder, const char *const *stems, int n_stems, struct tfjs **tfjs,
              struct valence_error *error)
{
    struct valence_error own;
    error = error ? error : &own;
    *tfjs = NULL;
    struct tfjs *opened = allocate(1, sizeof *opened);
    int status = opened ? VALENCE_OK : fail_memory(error, sizeof *opened, "weights");
    for (int i = 0; !status && i < n_stems; i++)
        status = read_stem(opened, folder, stems[i], error);
    if (status) {
        tfjs_close(opened);
        return status;
    }
    finish(opened);
    *tfjs = opened;
    return VALENCE_OK;
}

int tfjs_parse(const char *manifest, size_t manifest_bytes, const unsigned char *data, size_t bytes,
               const char *stem, struct tfjs **tfjs, struct valence_error *error)
{
    *tfjs = NULL;
    struct tfjs *opened = allocate(1, sizeof *opened);
    if (!opened)
        return fail_memory(error, sizeof *opened, "weights");
    opened->data = malloc(bytes + 1);
    int status = opened->data ? VALENCE_OK : fail_memory(error, bytes, "weights");
    if (!status) {
        memcpy(opened->data, data, bytes);
        opened->bytes = bytes;
        json_t *root;
        status = parse_json(manifest, manifest_bytes, &root, error);
        if (!status)
            status = add_manifest(opened, root, stem, 0, error);
        json_decref(root);
    }
    if (status) {
        tfjs_close(opened);
        return status;
    }
    finish(opened);
    *tfjs = opened;
    return VALENCE_OK;
}

void tfjs_close(struct tfjs *tfjs)
{
    if (!tfjs)
        return;
    for (int64_t i = 0; i < tfjs->n; i++)
        free(tfjs->tensors[i].name);
    free(tfjs->data);
    free(tfjs->tensors);
    free(tfjs);
}

int64_t tfjs_n_tensors(const struct tfjs *tfjs)
{
    return tfjs->n;
}

const struct tfjs_tensor *tfjs_tensor(const struct tfjs *tfjs, int64_t index)
{
    return &tfjs->tensors[index];
}

void tfjs_to_float(const struct tfjs_tensor *tensor, float *values)
{
    if (!tensor->quantised) {
        memcpy(values, tensor->data, (size_t)tensor->count * sizeof *values);
        return;
    }
    for (int64_t i = 0; i < tensor->count; i++)
        values[i] = (float)(tensor->data[i] * tensor->scale + tensor->min);
}

const char *tfjs_fingerprint(const struct tfjs *tfjs)
{
    return tfjs->fingerprint;
}
