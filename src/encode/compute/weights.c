#include "encode/compute/weights.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <ggml-cpu.h>

#include "base/fail.h"
#include "base/sha256.h"
#include "encode/compute/backend.h"
#include "format/byte_source.h"
#include "models/verified_files.h"

/* ---- Opening ---- */

/* gguf.h promises that a tensor's offset and size lie within the file only after it read the data
 * itself. */
static int check_tensors(const struct weights *weights, struct valence_error *error)
{
    size_t start = gguf_get_data_offset(weights->gguf);
    if (gguf_get_alignment(weights->gguf) % GGUF_DEFAULT_ALIGNMENT != 0)
        return fail(error, VALENCE_ERROR_UNSUPPORTED,
                    "%s: its tensors are aligned to %zu bytes, not to %d", weights->path,
                    gguf_get_alignment(weights->gguf), GGUF_DEFAULT_ALIGNMENT);
    for (int64_t i = 0; i < gguf_get_n_tensors(weights->gguf); i++) {
        size_t offset = gguf_get_tensor_offset(weights->gguf, i);
        size_t size = gguf_get_tensor_size(weights->gguf, i);
        if (start > weights->source.size || offset > weights->source.size - start ||
            size > weights->source.size - start - offset)
            return fail(
                error, VALENCE_ERROR_FORMAT,
                "%s: tensor '%s' ends beyond the file's %" PRIu64 " bytes (the file is cut; "
                "convert or fetch it again)",
                weights->path, gguf_get_tensor_name(weights->gguf, i), weights->source.size);
    }
    return VALENCE_OK;
}

/* The header, through stdio. */
static int read_header(struct weights *weights, struct valence_error *error)
{
    int descriptor = dup(weights->source.file);
    FILE *stream = descriptor < 0 ? NULL : fdopen(descriptor, "r");
    if (!stream) {
        int number = errno;
        if (descriptor >= 0)
            close(descriptor);
        return fail_errno(error, number, "%s: cannot read it", weights->path);
    }
    backend_log_clear();
    weights->gguf = gguf_init_from_file_ptr(
        stream, (struct gguf_init_params){.no_alloc = true, .ctx = &weights->context});
    fclose(stream);
    return weights->gguf ? VALENCE_OK
                         : fail(error, VALENCE_ERROR_FORMAT, "%s: is not a sound GGUF file%s%s",
                                weights->path, *backend_log() ? ": " : "", backend_log());
}

int weights_open(struct weights *weights, const char *path, struct valence_error *error)
{
    char start[4] = {0};
    *weights = (struct weights){.path = path, .source = {.file = -1}};
    int status = backends_load(error);
    if (!status)
        status = byte_source_open(path, &weights->source, error);
    if (!status && weights->source.size >= sizeof start)
        status = byte_source_read(&weights->source, 0, start, sizeof start, error);
    if (!status && memcmp(start, "GGUF", 4) != 0)
        status = byte_source_refuse(&weights->source, "a GGUF file", error);
    if (!status)
        status = read_header(weights, error);
    if (!status)
        status = check_tensors(weights, error);
    if (status)
        weights_close(weights);
    return status;
}

static void free_extra(struct ggml_context *context)
{
    for (struct ggml_tensor *tensor = context ? ggml_get_first_tensor(context) : NULL; tensor;
         tensor = ggml_get_next_tensor(context, tensor))
        free(tensor->extra);
}

void weights_close(struct weights *weights)
{
    if (weights->owns_extra)
        free_extra(weights->context);
    ggml_backend_buffer_free(weights->buffer);
    ggml_free(weights->context);
    gguf_free(weights->gguf);
    file_map_close(&weights->map);
    arena_free(&weights->copy);
    byte_source_close(&weights->source);
    *weights = (struct weights){.source = {.file = -1}};
}

/* ---- Getters ---- */

__attribute__((format(printf, 3, 4))) static void complain(struct weights *weights, int status,
                                                           const char *format, ...)
{
    if (weights->problem.status)
        return;
    char text[400];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    fail(&weights->problem, status, "%s: %s", weights->path, text);
}

int weights_check(const struct weights *weights, struct valence_error *error)
{
    if (weights->problem.status && error)
        *error = weights->problem;
    return weights->problem.status;
}

/* The key's id where it has that type (of its elements, for an array), else -1. */
static int64_t find_key(struct weights *weights, const char *key, enum gguf_type type, bool array)
{
    int64_t id = gguf_find_key(weights->gguf, key);
    enum gguf_type found = id < 0 ? type : gguf_get_kv_type(weights->gguf, id);
    if (id >= 0 && array == (found == GGUF_TYPE_ARRAY) &&
        (array ? gguf_get_arr_type(weights->gguf, id) : found) == type)
        return id;
    complain(weights, VALENCE_ERROR_FORMAT,
             id < 0 ? "key '%s' is missing" : "key '%s' is of another type", key);
    return -1;
}

static int64_t in_range(struct weights *weights, const char *key, int64_t value, int64_t minimum,
                        int64_t maximum)
{
    if (value >= minimum && value <= maximum)
        return value;
    complain(weights, VALENCE_ERROR_FORMAT,
             "key '%s' is %" PRId64 ", not within %" PRId64 " ... %" PRId64, key, value, minimum,
             maximum);
    return minimum;
}

int64_t weights_int(struct weights *weights, const char *key, int64_t minimum, int64_t maximum)
{
    int64_t id = find_key(weights, key, GGUF_TYPE_UINT32, false);
    return id < 0 ? minimum
                  : in_range(weights, key, gguf_get_val_u32(weights->gguf, id), minimum, maximum);
}

double weights_float(struct weights *weights, const char *key)
{
    int64_t id = find_key(weights, key, GGUF_TYPE_FLOAT32, false);
    return id < 0 ? 0.0 : (double)gguf_get_val_f32(weights->gguf, id);
}

bool weights_bool(struct weights *weights, const char *key)
{
    int64_t id = find_key(weights, key, GGUF_TYPE_BOOL, false);
    return id >= 0 && gguf_get_val_bool(weights->gguf, id);
}

const char *weights_text(struct weights *weights, const char *key)
{
    int64_t id = find_key(weights, key, GGUF_TYPE_STRING, false);
    return id < 0 ? "" : gguf_get_val_str(weights->gguf, id);
}

void weights_ints(struct weights *weights, const char *key, int n, int64_t minimum, int64_t maximum,
                  int64_t *values)
{
    int64_t id = find_key(weights, key, GGUF_TYPE_UINT32, true);
    if (id >= 0 && gguf_get_arr_n(weights->gguf, id) != (size_t)n) {
        complain(weights, VALENCE_ERROR_FORMAT, "key '%s' has %zu values, not %d", key,
                 gguf_get_arr_n(weights->gguf, id), n);
        id = -1;
    }
    const uint32_t *found = id < 0 ? NULL : gguf_get_arr_data(weights->gguf, id);
    for (int i = 0; i < n; i++)
        values[i] = found ? in_range(weights, key, found[i], minimum, maximum) : minimum;
}

struct ggml_tensor *weights_tensor(struct weights *weights, bool f32, int64_t ne0, int64_t ne1,
                                   int64_t ne2, const char *format, ...)
{
    char name[GGML_MAX_NAME];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(name, sizeof name, format, arguments);
    va_end(arguments);
    struct ggml_tensor *tensor = ggml_get_tensor(weights->context, name);
    if (!tensor) {
        complain(weights, VALENCE_ERROR_FORMAT, "tensor '%s' is missing", name);
        return NULL;
    }
    int64_t want[GGML_MAX_DIMS] = {ne0, ne1 ? ne1 : 1, ne2 ? ne2 : 1, 1};
    for (int i = 0; i < GGML_MAX_DIMS; i++)
        if (tensor->ne[i] != want[i]) {
            complain(weights, VALENCE_ERROR_SHAPE,
                     "tensor '%s' has sizes (%" PRId64 ", %" PRId64 ", %" PRId64 ", %" PRId64
                     "), not (%" PRId64 ", %" PRId64 ", %" PRId64 ", 1)",
                     name, tensor->ne[0], tensor->ne[1], tensor->ne[2], tensor->ne[3], want[0],
                     want[1], want[2]);
            return NULL;
        }
    if (f32 && tensor->type != GGML_TYPE_F32) {
        complain(weights, VALENCE_ERROR_FORMAT, "tensor '%s' is of type %s, not f32", name,
                 ggml_type_name(tensor->type));
        return NULL;
    }
    if (!ggml_get_type_traits(tensor->type)->to_float && tensor->type != GGML_TYPE_F32) {
        complain(weights, VALENCE_ERROR_UNSUPPORTED,
                 "tensor '%s' is of type %s, which holds no weights", name,
                 ggml_type_name(tensor->type));
        return NULL;
    }
    return tensor;
}

int weights_check_digest(struct weights *weights, const char *memory, struct valence_error *error)
{
    int64_t id = gguf_find_key(weights->gguf, WEIGHTS_DIGEST_KEY);
    char digest[SHA256_TEXT_BYTES];
    if (id < 0)
        return VALENCE_OK; /* older versions wrote none */
    weights->is_verified = verified_before(memory, weights->path, "data");
    if (weights->is_verified)
        return VALENCE_OK;
    int status =
        byte_source_digest(&weights->source, gguf_get_data_offset(weights->gguf), digest, error);
    if (status)
        return status;
    if (gguf_get_kv_type(weights->gguf, id) != GGUF_TYPE_STRING ||
        strcmp(gguf_get_val_str(weights->gguf, id), digest) != 0)
        return fail(
            error, VALENCE_ERROR_FORMAT,
            "%s: the weights are not those that were written (their SHA-256 differs from the "
            "one in the file): the file is damaged; convert or copy it again",
            weights->path);
    weights->is_verified = true;
    verified_remember(memory, weights->path, "data");
    return VALENCE_OK;
}

/* ---- Loading ---- */

static size_t place_of(const struct weights *weights, const struct ggml_tensor *tensor)
{
    return gguf_get_tensor_offset(weights->gguf, gguf_find_tensor(weights->gguf, tensor->name));
}

int weights_read(const struct weights *weights, const struct ggml_tensor *tensor, size_t first,
                 void *out, size_t bytes, struct valence_error *error)
{
    size_t place = gguf_get_data_offset(weights->gguf) + place_of(weights, tensor);
    return byte_source_read(&weights->source, place + first, out, bytes, error);
}

static int map_data(struct weights *weights, size_t start, struct valence_error *error)
{
    int status = file_map_descriptor(&weights->map, weights->source.file,
                                     (size_t)weights->source.size, weights->path, error);
    if (!status)
        weights->data = weights->map.data + start;
    return status;
}

static int copy_data(struct weights *weights, size_t start, struct valence_error *error)
{
    size_t bytes = (size_t)weights->source.size - start;
    int status = arena_create(&weights->copy, bytes, "the encoder's weights", error);
    if (!status)
        status = byte_source_read(&weights->source, start, weights->copy.block, bytes, error);
    if (!status)
        weights->data = weights->copy.block;
    return status;
}

int weights_load(struct weights *weights, struct valence_error *error)
{
    size_t start = gguf_get_data_offset(weights->gguf);
    if (weights->data)
        return VALENCE_OK;
    if (start >= weights->source.size)
        return fail(error, VALENCE_ERROR_FORMAT, "%s: holds no tensors", weights->path);
    return weights->is_verified ? map_data(weights, start, error)
                                : copy_data(weights, start, error);
}

const void *weights_data(const struct weights *weights, const struct ggml_tensor *tensor)
{
    return weights->data + place_of(weights, tensor);
}

/* ---- Placing ---- */

static int fail_placing(const struct weights *weights, size_t size, struct valence_error *error)
{
    int status = fail_memory(error, size, "the encoder's weights");
    return fail_within(status, error, "%s", weights->path);
}

/* Copies all tensors into a buffer of that type. */
static int copy_to(struct weights *weights, ggml_backend_buffer_type_t type,
                   struct valence_error *error)
{
    size_t alignment = ggml_backend_buft_get_alignment(type), total = 0;
    struct ggml_tensor *tensor;
    for (tensor = ggml_get_first_tensor(weights->context); tensor;
         tensor = ggml_get_next_tensor(weights->context, tensor))
        total += GGML_PAD(ggml_backend_buft_get_alloc_size(type, tensor), alignment);
    weights->buffer = ggml_backend_buft_alloc_buffer(type, total);
    if (!weights->buffer)
        return fail_placing(weights, total, error);
    ggml_backend_buffer_set_usage(weights->buffer, GGML_BACKEND_BUFFER_USAGE_WEIGHTS);
    char *place = ggml_backend_buffer_get_base(weights->buffer);
    for (tensor = ggml_get_first_tensor(weights->context); tensor;
         tensor = ggml_get_next_tensor(weights->context, tensor)) {
        if (ggml_backend_tensor_alloc(weights->buffer, tensor, place) != GGML_STATUS_SUCCESS)
            return fail_placing(weights, total, error);
        place += GGML_PAD(ggml_backend_buft_get_alloc_size(type, tensor), alignment);
        ggml_backend_tensor_set(tensor, weights_data(weights, tensor), 0, ggml_nbytes(tensor));
    }
    return VALENCE_OK;
}

static int read_in_place(struct weights *weights, struct valence_error *error)
{
    size_t bytes = (size_t)weights->source.size - gguf_get_data_offset(weights->gguf);
    weights->buffer = ggml_backend_cpu_buffer_from_ptr((void *)(uintptr_t)weights->data, bytes);
    if (!weights->buffer)
        return fail_placing(weights, bytes, error);
    ggml_backend_buffer_set_usage(weights->buffer, GGML_BACKEND_BUFFER_USAGE_WEIGHTS);
    for (struct ggml_tensor *tensor = ggml_get_first_tensor(weights->context); tensor;
         tensor = ggml_get_next_tensor(weights->context, tensor))
        if (ggml_backend_tensor_alloc(weights->buffer, tensor,
                                      (void *)(uintptr_t)weights_data(weights, tensor)) !=
            GGML_STATUS_SUCCESS)
            return fail_placing(weights, bytes, error);
    return VALENCE_OK;
}

/* Tells the kernel that the whole pages of a map are not needed any more. */
void weights_release_pages(const struct weights *weights)
{
    if (weights->map.data)
        madvise((void *)(uintptr_t)weights->map.data, weights->map.size, MADV_DONTNEED);
}

int weights_place(struct weights *weights, ggml_backend_dev_t device, struct valence_error *error)
{
    int status = weights_load(weights, error);
    if (status)
        return status;
    if (ggml_backend_dev_type(device) == GGML_BACKEND_DEVICE_TYPE_CPU)
        return read_in_place(weights, error);
    status = copy_to(weights, ggml_backend_dev_buffer_type(device), error);
    weights_release_pages(weights);
    return status;
}

bool weights_prefer_ggml(const struct ggml_tensor *tensor)
{
    return tensor->type == GGML_TYPE_Q4_K || tensor->type == GGML_TYPE_Q5_K ||
           tensor->type == GGML_TYPE_Q6_K;
}
