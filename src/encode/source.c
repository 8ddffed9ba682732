#include "encode/source.h"

#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/file.h"
#include "base/memory.h"

#define LISTED_BYTES 300 /* of each list in an error */

/* ---- Opening ---- */

static int compare_tensors(const void *a, const void *b)
{
    const struct safetensor *const *x = a, *const *y = b;
    return strcmp((*x)->name, (*y)->name);
}

static int add_tensor(struct sha256 *digest, const struct safetensor *tensor,
                      struct valence_error *error)
{
    void *bytes = allocate((int64_t)tensor->bytes + 1, 1);
    int status = bytes ? safetensor_read(tensor, bytes, error)
                       : fail_memory(error, tensor->bytes, tensor->name);
    if (!status) {
        sha256_add(digest, tensor->name, strlen(tensor->name) + 1);
        sha256_add(digest, bytes, tensor->bytes);
    }
    free(bytes);
    return status;
}

/* The same however the tensors are divided among files. */
static int take_common_fingerprint(struct source *source, struct valence_error *error)
{
    struct sha256 digest;
    const struct safetensor **tensors = allocate(source->n + 1, sizeof *tensors);
    int status =
        tensors ? VALENCE_OK : fail_memory(error, (size_t)source->n * sizeof *tensors, "tensors");
    for (int64_t i = 0; i < source->n && !status; i++)
        tensors[i] = safetensors_tensor(source->safetensors, i);
    if (!status)
        qsort(tensors, (size_t)source->n, sizeof *tensors, compare_tensors);
    sha256_begin(&digest);
    for (int64_t i = 0; i < source->n && !status; i++)
        status = add_tensor(&digest, tensors[i], error);
    sha256_end(&digest, source->fingerprint);
    free(tensors);
    return status;
}

/* safetensors begin with the length of a header that is JSON; anything else is left to
 * torch_file. */
static int look(struct source *source, const char *path, bool *is_safetensors, bool *is_ct2,
                struct valence_error *error)
{
    unsigned char start[CT2_LOOKED_AT] = {0};
    struct byte_source file;
    int status = byte_source_open(path, &file, error);
    size_t n = file.size < sizeof start ? (size_t)file.size : sizeof start;
    if (!status)
        status = byte_source_read(&file, 0, start, n, error);
    *is_safetensors = n > 8 && start[8] == '{';
    *is_ct2 = ct2_is_file(start, n);
    if (!status && !*is_ct2) /* ct2_open() makes its own */
        status = byte_source_digest(&file, 0, source->fingerprint, error);
    byte_source_close(&file);
    return status;
}

static int open_container(struct source *source, const char *path, struct valence_error *error)
{
    bool several = path_has_ending(path, ".index.json"), is_safetensors = several, is_ct2 = false;
    int status = several ? VALENCE_OK : look(source, path, &is_safetensors, &is_ct2, error);
    if (!status && is_ct2) {
        status = ct2_open(path, &source->ct2, error);
        source->n = status ? 0 : ct2_n_variables(source->ct2);
        if (!status)
            memcpy(source->fingerprint, ct2_fingerprint(source->ct2), sizeof source->fingerprint);
    } else if (!status && is_safetensors) {
        status = safetensors_open(path, &source->safetensors, error);
        source->n = status ? 0 : safetensors_n_tensors(source->safetensors);
    } else if (!status) {
        status = torch_file_open(path, &source->torch, error);
        source->n = status ? 0 : torch_file_n_tensors(source->torch);
    }
    return !status && several ? take_common_fingerprint(source, error) : status;
}

static const char *full_name(const struct source *source, int64_t index)
{
    return source->safetensors ? safetensors_tensor(source->safetensors, index)->name
           : source->torch     ? torch_file_tensor(source->torch, index)->path
           : source->tfjs      ? tfjs_tensor(source->tfjs, index)->name
                               : ct2_variable(source->ct2, index)->name;
}

static bool strip_prefix(struct source *source, const char *prefix)
{
    size_t length = strlen(prefix);
    bool found = false;
    for (int64_t i = 0; i < source->n; i++) {
        const char *name = full_name(source, i);
        bool within = strncmp(name, prefix, length) == 0;
        source->names[i] = within ? name + length : NULL;
        found = found || within;
    }
    return found;
}

/* Makes the list of names, once the container is open. */
static int list_names(struct source *source, const char *const *prefixes, int n_prefixes,
                      struct valence_error *error)
{
    if (source->n == 0)
        return fail(error, VALENCE_ERROR_FORMAT, "%s: holds no tensors", source->path);
    source->names = allocate(source->n, sizeof *source->names);
    source->used = allocate(source->n, sizeof *source->used);
    if (!source->names || !source->used)
        return fail_memory(error, (size_t)source->n * sizeof *source->names, "a list of tensors");
    for (int i = 0; i < n_prefixes; i++)
        if (strip_prefix(source, prefixes[i]))
            break;
    return VALENCE_OK;
}

static void begin(struct source *source, const char *path)
{
    *source = (struct source){
        .path = path, .missing = {.maximum = LISTED_BYTES}, .misshapen = {.maximum = LISTED_BYTES}};
}

int source_open(struct source *source, const char *path, const char *const *prefixes,
                int n_prefixes, struct valence_error *error)
{
    begin(source, path);
    int status = open_container(source, path, error);
    if (!status)
        status = list_names(source, prefixes, n_prefixes, error);
    if (status)
        source_close(source);
    return status;
}

int source_open_tfjs(struct source *source, const char *folder, const char *const *stems,
                     int n_stems, struct valence_error *error)
{
    static const char *const no_prefix = "";
    begin(source, folder);
    int status = tfjs_open(folder, stems, n_stems, &source->tfjs, error);
    if (!status) {
        source->n = tfjs_n_tensors(source->tfjs);
        memcpy(source->fingerprint, tfjs_fingerprint(source->tfjs), sizeof source->fingerprint);
        status = list_names(source, &no_prefix, 1, error);
    }
    if (status)
        source_close(source);
    return status;
}

void source_close(struct source *source)
{
    safetensors_close(source->safetensors);
    torch_file_close(source->torch);
    tfjs_close(source->tfjs);
    ct2_close(source->ct2);
    free(source->names);
    free(source->used);
    text_free(&source->missing);
    text_free(&source->misshapen);
    *source = (struct source){0};
}

const struct pickle_value *source_root(const struct source *source)
{
    return source->torch ? pickle_root(torch_file_pickle(source->torch)) : NULL;
}

/* ---- Taking ---- */

static int64_t find(const struct source *source, const char *name)
{
    for (int64_t i = 0; i < source->n; i++)
        if (source->names[i] && strcmp(source->names[i], name) == 0)
            return i;
    return -1;
}

bool source_has(const struct source *source, const char *name)
{
    return find(source, name) >= 0;
}

static const int64_t *shape_of(const struct source *source, int64_t index, int *n_dims)
{
    if (source->safetensors) {
        const struct safetensor *tensor = safetensors_tensor(source->safetensors, index);
        *n_dims = tensor->n_dims;
        return tensor->shape;
    }
    if (source->tfjs) {
        const struct tfjs_tensor *tensor = tfjs_tensor(source->tfjs, index);
        *n_dims = tensor->n_dims;
        return tensor->shape;
    }
    if (source->ct2) {
        const struct ct2_variable *variable = ct2_variable(source->ct2, index);
        *n_dims = variable->n_dims;
        return variable->shape;
    }
    const struct torch_tensor *tensor = torch_file_tensor(source->torch, index);
    *n_dims = tensor->n_dims;
    return tensor->shape;
}

int64_t source_size(const struct source *source, const char *name, int dimension)
{
    int64_t index = find(source, name);
    int n_dims = 0;
    const int64_t *shape = index < 0 ? NULL : shape_of(source, index, &n_dims);
    return dimension < n_dims ? shape[dimension] : 0;
}

/* Appends to a list for an error, which may be cut. */
static void note(struct text *list, const char *name, const char *detail)
{
    text_format(list, "%s%s%s", list->length ? ", " : "", name, detail);
}

static bool check_shape(struct source *source, int64_t index, int n_dims, const int64_t *shape)
{
    int found_dims;
    const int64_t *found = shape_of(source, index, &found_dims);
    if (found_dims == n_dims && memcmp(found, shape, (size_t)n_dims * sizeof *shape) == 0)
        return true;
    char is[SHAPE_TEXT_BYTES], want[SHAPE_TEXT_BYTES], detail[2 * SHAPE_TEXT_BYTES + 16];
    snprintf(detail, sizeof detail, " %s, not %s", shape_text(found, found_dims, is, sizeof is),
             shape_text(shape, n_dims, want, sizeof want));
    note(&source->misshapen, source->names[index], detail);
    return false;
}

int source_take(struct source *source, const char *name, int n_dims, const int64_t *shape,
                float *values, struct valence_error *error)
{
    int64_t index = find(source, name), count = 0;
    if (index < 0)
        note(&source->missing, name, "");
    else
        source->used[index] = true;
    if (index < 0 || !check_shape(source, index, n_dims, shape)) {
        if (values && shape_count(shape, n_dims, &count))
            memset(values, 0, (size_t)count * sizeof *values);
        return VALENCE_OK;
    }
    if (!values)
        return VALENCE_OK;
    if (source->torch)
        return torch_file_read_float(source->torch, torch_file_tensor(source->torch, index), values,
                                     error);
    if (source->safetensors)
        return safetensor_to_float(safetensors_tensor(source->safetensors, index), values, error);
    if (source->ct2)
        return ct2_to_float(source->ct2, ct2_variable(source->ct2, index), values, error);
    tfjs_to_float(tfjs_tensor(source->tfjs, index), values);
    return VALENCE_OK;
}

void source_ignore(struct source *source, const char *pattern)
{
    for (int64_t i = 0; i < source->n; i++)
        if (source->names[i] && fnmatch(pattern, source->names[i], 0) == 0)
            source->used[i] = true;
}

void source_keep(struct source *source, const char *const *kept, int n_kept)
{
    for (int64_t i = 0; i < source->n; i++) {
        bool keep = false;
        for (int k = 0; k < n_kept && source->names[i] && !keep; k++)
            keep = fnmatch(kept[k], source->names[i], 0) == 0;
        if (!keep)
            source->names[i] = NULL;
    }
}

void source_left_aside(const struct source *source, char *names, size_t bytes)
{
    size_t length = 0;
    for (int64_t i = 0; i < source->n; i++)
        if (!source->names[i] && length < bytes)
            length += (size_t)snprintf(names + length, bytes - length, "%s%s", length ? ", " : "",
                                       full_name(source, i));
    if (length == 0 && bytes > 0)
        names[0] = '\0';
}

int source_check(struct source *source, struct valence_error *error)
{
    struct text unexpected = {.maximum = LISTED_BYTES};
    for (int64_t i = 0; i < source->n; i++)
        if (source->names[i] && !source->used[i])
            note(&unexpected, source->names[i], "");
    int status = VALENCE_OK;
    const struct {
        const char *what;
        const struct text *list;
    } lists[] = {{"missing", &source->missing},
                 {"of another shape", &source->misshapen},
                 {"unexpected", &unexpected}};
    struct text all = {.maximum = 4 * LISTED_BYTES};
    for (int i = 0; i < 3; i++)
        if (lists[i].list->length || lists[i].list->failed)
            text_format(&all, "%s%s: %s%s", all.length ? "; " : "", lists[i].what,
                        lists[i].list->data ? lists[i].list->data : "",
                        lists[i].list->failed ? ", and more" : "");
    if (all.length)
        status = fail(error, VALENCE_ERROR_SHAPE, "%s: tensors do not fit the network; %s",
                      source->path, all.data);
    text_free(&unexpected);
    text_free(&all);
    return status;
}
