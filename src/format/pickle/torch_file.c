#include "format/pickle/torch_file.h"

#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/memory.h"
#include "base/text.h"

/* A pickle may refer to one value so often that walking it would never end; visits count every item
 * of a container. */
#define MAX_DEPTH       64
#define MAX_VISITS      (1 << 22)
#define MAX_TENSORS     (1 << 20)
#define MAX_PATH_BYTES  4096
#define MAX_PATHS_BYTES (64 << 20)

struct torch_file {
    char *name;
    struct byte_source source;
    struct torch_container *container;
    struct torch_tensor *tensors;
    int64_t n_tensors, capacity;
    struct text paths;             /* of all tensors, each NUL-terminated */
    struct torch_tensor **by_path; /* sorted */
};

/* ---- Listing tensors ---- */

struct walk {
    struct torch_file *file;
    struct text path;
    int64_t visits;
    struct valence_error *error;
};

static int bad_path(const struct walk *walk, const struct text *path, const char *what)
{
    return fail_text(path, walk->error, VALENCE_ERROR_LIMIT, "%s: tensor '%.200s': %s",
                     walk->file->name, walk->path.data ? walk->path.data : "", what);
}

static int read_tensor(struct walk *walk, const struct pickle_value *arguments,
                       struct torch_tensor *tensor)
{
    *tensor = (struct torch_tensor){0};
    int status = torch_tensor_read(walk->file->container, arguments, tensor, walk->error);
    return status ? fail_within(status, walk->error, "%s: tensor '%.200s'", walk->file->name,
                                walk->path.data ? walk->path.data : "")
                  : VALENCE_OK;
}

/* The path is kept in file->paths; finish_list() turns offsets into pointers once they do not move
 * any more. */
static int add_tensor(struct walk *walk, const struct pickle_value *arguments)
{
    struct torch_file *file = walk->file;
    int status = grow_array((void **)&file->tensors, &file->capacity, file->n_tensors + 1,
                            sizeof *file->tensors, MAX_TENSORS, "tensors", walk->error);
    if (!status)
        status = read_tensor(walk, arguments, file->tensors + file->n_tensors);
    if (status)
        return status;
    text_append(&file->paths, walk->path.data, walk->path.length + 1);
    if (file->paths.failed)
        return bad_path(walk, &file->paths, "the paths of all tensors are too long");
    file->n_tensors++;
    return VALENCE_OK;
}

static int walk_value(struct walk *walk, const struct pickle_value *value, int depth);

static bool can_hold_tensors(const struct pickle_value *value)
{
    return value->type == PICKLE_DICT || value->type == PICKLE_LIST ||
           value->type == PICKLE_TUPLE || value->type == PICKLE_OBJECT;
}

/* Lengthens the path by a key for what it leads to. Keys that are neither text nor int lead to
 * nothing named. */
static int walk_entry(struct walk *walk, const struct pickle_value *key, int64_t index,
                      const struct pickle_value *value, int depth)
{
    size_t length = walk->path.length;
    const char *dot = length ? "." : "";
    if (!can_hold_tensors(value))
        return VALENCE_OK;
    if (key && key->type == PICKLE_TEXT)
        text_format(&walk->path, "%s%s", dot, key->as.bytes.data);
    else if (!key || key->type == PICKLE_INT)
        text_format(&walk->path, "%s%lld", dot, (long long)(key ? key->as.integer : index));
    else
        return VALENCE_OK;
    if (walk->path.failed)
        return bad_path(walk, &walk->path, "the path to a tensor in it is too long");
    int status = walk_value(walk, value, depth);
    walk->path.length = length;
    walk->path.data[length] = '\0';
    return status;
}

static int walk_items(struct walk *walk, const struct pickle_value *value, int depth)
{
    int64_t step = value->type == PICKLE_DICT ? 2 : 1;
    walk->visits += value->as.items.n + 1;
    int status = VALENCE_OK;
    for (int64_t i = 0; i < value->as.items.n && !status; i += step) {
        struct pickle_value *const *item = value->as.items.values + i;
        status = step == 2 ? walk_entry(walk, item[0], 0, item[1], depth)
                           : walk_entry(walk, NULL, i, item[0], depth);
    }
    return status;
}

static int walk_value(struct walk *walk, const struct pickle_value *value, int depth)
{
    if (walk->visits > MAX_VISITS || depth > MAX_DEPTH)
        return fail(walk->error, VALENCE_ERROR_LIMIT,
                    "%s: its containers are nested too deeply, or refer to themselves",
                    walk->file->name);
    switch (value->type) {
    case PICKLE_DICT:
    case PICKLE_LIST:
    case PICKLE_TUPLE:
        return walk_items(walk, value, depth + 1);
    case PICKLE_OBJECT: {
        const struct pickle_value *arguments = torch_tensor_arguments(value);
        return arguments ? add_tensor(walk, arguments) : VALENCE_OK;
    }
    default:
        return VALENCE_OK;
    }
}

static int compare_paths(const void *left, const void *right)
{
    return strcmp((*(struct torch_tensor *const *)left)->path,
                  (*(struct torch_tensor *const *)right)->path);
}

static int finish_list(struct torch_file *file, struct valence_error *error)
{
    file->by_path = allocate(file->n_tensors, sizeof(struct torch_tensor *));
    if (!file->by_path)
        return fail_memory(error, (size_t)file->n_tensors * sizeof *file->by_path,
                           "the list of tensors");
    const char *path = file->paths.data;
    for (int64_t i = 0; i < file->n_tensors; i++) {
        file->by_path[i] = file->tensors + i;
        file->tensors[i].path = path;
        path += strlen(path) + 1;
    }
    if (file->n_tensors)
        qsort(file->by_path, (size_t)file->n_tensors, sizeof(struct torch_tensor *), compare_paths);
    for (int64_t i = 1; i < file->n_tensors; i++)
        if (compare_paths(file->by_path + i - 1, file->by_path + i) == 0)
            return fail(error, VALENCE_ERROR_FORMAT, "%s: two tensors are named '%.200s'",
                        file->name, file->by_path[i]->path);
    return VALENCE_OK;
}

static int list_tensors(struct torch_file *file, struct valence_error *error)
{
    struct walk walk = {.file = file, .path = {.maximum = MAX_PATH_BYTES}, .error = error};
    file->paths.maximum = MAX_PATHS_BYTES;
    text_append(&walk.path, "", 0);
    int status = walk.path.failed ? fail_memory(error, 1, file->name)
                                  : walk_value(&walk, pickle_root(torch_file_pickle(file)), 0);
    text_free(&walk.path);
    return status ? status : finish_list(file, error);
}

/* ---- Access ---- */

/* Takes over `source`, which opening gave with `status`. */
static int open_source(struct byte_source *source, int status, struct torch_file **file,
                       struct valence_error *error)
{
    struct torch_file *opened = status ? NULL : calloc(1, sizeof *opened);
    if (!opened) {
        byte_source_close(source);
        return status ? status : fail_memory(error, sizeof *opened, "a file");
    }
    opened->source = *source;
    opened->name = opened->source.name;
    status =
        torch_container_open(&opened->source, 0, opened->source.size, &opened->container, error);
    if (!status)
        status = list_tensors(opened, error);
    if (status)
        torch_file_close(opened);
    else
        *file = opened;
    return status;
}

int torch_file_open(const char *path, struct torch_file **file, struct valence_error *error)
{
    struct byte_source source;
    *file = NULL;
    return open_source(&source, byte_source_open(path, &source, error), file, error);
}

int torch_file_open_memory(const void *data, size_t size, const char *name,
                           struct torch_file **file, struct valence_error *error)
{
    struct byte_source source;
    *file = NULL;
    return open_source(&source, byte_source_open_memory(data, size, name, &source, error), file,
                       error);
}

void torch_file_close(struct torch_file *file)
{
    if (!file)
        return;
    torch_container_close(file->container);
    free(file->tensors);
    free(file->by_path);
    text_free(&file->paths);
    byte_source_close(&file->source);
    free(file);
}

int64_t torch_file_n_tensors(const struct torch_file *file)
{
    return file->n_tensors;
}

const struct torch_tensor *torch_file_tensor(const struct torch_file *file, int64_t index)
{
    return file->tensors + index;
}

const struct torch_tensor *torch_file_find(const struct torch_file *file, const char *path)
{
    const struct torch_tensor wanted = {.path = path}, *key = &wanted;
    struct torch_tensor *const *found = bsearch(&key, file->by_path, (size_t)file->n_tensors,
                                                sizeof(struct torch_tensor *), compare_paths);
    return found ? *found : NULL;
}

const char *torch_tensor_name_within(const struct torch_tensor *tensor, const char *prefix)
{
    size_t length = strlen(prefix);
    if (length == 0)
        return tensor->path;
    if (strncmp(tensor->path, prefix, length) != 0 || tensor->path[length] != '.')
        return NULL;
    return tensor->path + length + 1;
}

const struct pickle *torch_file_pickle(const struct torch_file *file)
{
    return torch_container_pickle(file->container);
}

int torch_file_open_array(const struct torch_file *file, const struct pickle_value *value,
                          const char *name, struct npy **array, struct valence_error *error)
{
    struct torch_tensor tensor;
    const struct pickle_value *arguments = torch_tensor_arguments(value);
    *array = NULL;
    if (!arguments)
        return fail(error, VALENCE_ERROR_NOT_FOUND, "%s: a %s, not a tensor", file->name,
                    pickle_type_name(value));
    int status = torch_tensor_read(file->container, arguments, &tensor, error);
    if (!status)
        status = torch_tensor_open(file->container, &file->source, &tensor, name, array, error);
    return status ? fail_within(status, error, "%s: tensor '%s'", file->name, name) : VALENCE_OK;
}

int torch_file_read_float(const struct torch_file *file, const struct torch_tensor *tensor,
                          float *out, struct valence_error *error)
{
    struct npy *array;
    int status =
        torch_tensor_open(file->container, &file->source, tensor, tensor->path, &array, error);
    if (!status)
        status = npy_read_float(array, 0, tensor->count, out, error);
    npy_close(array);
    return status ? fail_within(status, error, "%s", file->name) : VALENCE_OK;
}
