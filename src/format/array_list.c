#include "format/array_list.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/file.h"
#include "base/memory.h"
#include "format/pickle/pickled_file.h"
#include "format/safetensors.h"

#define PIECE_VALUES    65536
#define MAX_COLUMNS     (1 << 20)
#define MAX_DEPTH       8
#define MAX_ENTRIES     10000
#define MAX_NAMED_ITEMS 64
#define NAME_BYTES      256

/* ---- Archives ---- */

static int visit_array(const char *name, struct npy *array, array_visit visit, void *user,
                       struct valence_error *error)
{
    struct array_entry entry = {name, array, NULL};
    bool objects = npy_header(array)->kind == NPY_OBJECTS;
    if (objects)
        entry = (struct array_entry){name, NULL, "pickled objects"};
    int status = visit(user, &entry, error);
    npy_close(array);
    return status;
}

static int list_npy(const char *path, array_visit visit, void *user, struct valence_error *error)
{
    struct npy *array;
    int status = npy_open(path, &array, error);
    return status ? status : visit_array("", array, visit, user, error);
}

static int list_npz(const char *path, array_visit visit, void *user, struct valence_error *error)
{
    struct archive *archive;
    int status = archive_open(path, &archive, error);
    for (int64_t i = 0; !status && i < archive_n_members(archive); i++) {
        const char *member = archive_member_name(archive, i);
        char name[NAME_BYTES];
        struct npy *array;
        snprintf(name, sizeof name, "%s", member);
        if (path_has_ending(member, ".npy") && strlen(member) < sizeof name)
            name[strlen(member) - strlen(".npy")] = '\0';
        status = npy_open_member(archive, member, &array, error);
        if (!status)
            status = visit_array(name, array, visit, user, error);
    }
    archive_close(archive);
    return status;
}

static int list_safetensors(const char *path, array_visit visit, void *user,
                            struct valence_error *error)
{
    struct safetensors *file;
    int status = safetensors_open(path, &file, error);
    for (int64_t i = 0; !status && i < safetensors_n_tensors(file); i++) {
        const struct safetensor *tensor = safetensors_tensor(file, i);
        struct npy *array;
        status = safetensor_open_array(tensor, &array, error);
        if (!status)
            status = visit_array(tensor->name, array, visit, user, error);
    }
    safetensors_close(file);
    return status;
}

/* ---- Pickles ---- */

struct pickle_walk {
    const struct pickled_file *file;
    array_visit visit;
    void *user;
    int64_t n_entries; /* a graph that refers to itself has no end */
};

static bool has_names(const struct pickle_value *dict)
{
    bool named = dict->as.items.n > 0 && dict->as.items.n / 2 <= MAX_NAMED_ITEMS;
    for (int64_t i = 0; named && i < dict->as.items.n; i += 2)
        named = dict->as.items.values[i]->type == PICKLE_TEXT;
    return named;
}

static int walk_pickle(struct pickle_walk *walk, const struct pickle_value *value, const char *name,
                       int depth, struct valence_error *error);

static int walk_dict(struct pickle_walk *walk, const struct pickle_value *dict, const char *name,
                     int depth, struct valence_error *error)
{
    int status = VALENCE_OK;
    for (int64_t i = 0; i < dict->as.items.n && !status; i += 2) {
        char inner[NAME_BYTES];
        snprintf(inner, sizeof inner, "%s%s%s", name, name[0] ? "." : "",
                 dict->as.items.values[i]->as.bytes.data);
        status = walk_pickle(walk, dict->as.items.values[i + 1], inner, depth + 1, error);
    }
    return status;
}

static int walk_pickle(struct pickle_walk *walk, const struct pickle_value *value, const char *name,
                       int depth, struct valence_error *error)
{
    struct npy *array;
    char what[64];
    if (walk->n_entries == MAX_ENTRIES)
        return fail(error, VALENCE_ERROR_LIMIT, "%s: more than %d things", name, MAX_ENTRIES);
    if (pickled_file_is_array(value)) {
        walk->n_entries++;
        int status = pickled_file_open_array(walk->file, value, name, &array, error);
        return status ? status : visit_array(name, array, walk->visit, walk->user, error);
    }
    if (value->type == PICKLE_DICT && depth < MAX_DEPTH && has_names(value))
        return walk_dict(walk, value, name, depth, error);
    bool several = value->type == PICKLE_LIST || value->type == PICKLE_TUPLE ||
                   value->type == PICKLE_SET || value->type == PICKLE_DICT;
    int64_t n = several ? value->as.items.n / (value->type == PICKLE_DICT ? 2 : 1) : 0;
    if (several)
        snprintf(what, sizeof what, "%s of %lld", pickle_type_name(value), (long long)n);
    else
        snprintf(what, sizeof what, "%s", pickle_type_name(value));
    walk->n_entries++;
    struct array_entry entry = {name, NULL, what};
    return walk->visit(walk->user, &entry, error);
}

static int list_pickle(const char *path, array_visit visit, void *user, struct valence_error *error)
{
    struct pickled_file *file;
    int status = pickled_file_open(path, &file, error);
    struct pickle_walk walk = {file, visit, user, 0};
    if (!status)
        status = walk_pickle(&walk, pickled_file_root(file), "", 0, error);
    pickled_file_close(file);
    return status;
}

int array_list_file(const char *path, array_visit visit, void *user, struct valence_error *error)
{
    static const struct {
        const char *ending;
        int (*list)(const char *, array_visit, void *, struct valence_error *);
    } formats[] = {{".npy", list_npy},
                   {".npz", list_npz},
                   {".safetensors", list_safetensors},
                   {".safetensors.index.json", list_safetensors},
                   {".pkl", list_pickle},
                   {".pickle", list_pickle},
                   {".pt", list_pickle},
                   {".pth", list_pickle}};
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++)
        if (path_has_ending(path, formats[i].ending))
            return formats[i].list(path, visit, user, error);
    return fail(error, VALENCE_ERROR_UNSUPPORTED,
                "%s: not a file of arrays (.npy, .npz, .safetensors, .pkl, .pt)", path);
}

/* ---- Values ---- */

struct columns {
    int64_t n; /* 0: they are not looked at */
    float *lows, *highs;
};

/* Looks at `n` values, the first of which is number `first` of the array. */
static void add_values(struct array_values *values, struct columns *columns, const float *data,
                       int64_t first, int64_t n)
{
    int64_t column = columns->n ? first % columns->n : 0;
    for (int64_t i = 0; i < n; i++) {
        float value = data[i];
        if (isnan(value))
            values->n_nan++;
        else if (isinf(value))
            values->n_infinite++;
        else {
            values->low = (double)value < values->low ? (double)value : values->low;
            values->high = (double)value > values->high ? (double)value : values->high;
        }
        if (!columns->n)
            continue;
        /* A NaN makes a column one that changes. */
        columns->lows[column] = value < columns->lows[column] ? value : columns->lows[column];
        columns->highs[column] =
            value > columns->highs[column] || isnan(value) ? value : columns->highs[column];
        column = column + 1 == columns->n ? 0 : column + 1;
    }
}

int array_values_read(struct npy *array, struct array_values *values, struct valence_error *error)
{
    const struct npy_header *header = npy_header(array);
    struct columns columns = {0};
    *values = (struct array_values){.low = INFINITY, .high = -INFINITY};
    if (header->n_dims > 1 && header->shape[header->n_dims - 1] <= MAX_COLUMNS)
        columns.n = header->shape[header->n_dims - 1];
    float *data = allocate(PIECE_VALUES, sizeof *data);
    columns.lows = allocate(columns.n, sizeof *columns.lows);
    columns.highs = allocate(columns.n, sizeof *columns.highs);
    int status = data && columns.lows && columns.highs
                     ? VALENCE_OK
                     : fail_memory(error, PIECE_VALUES * sizeof *data, "values");
    for (int64_t j = 0; j < columns.n && !status; j++) {
        columns.lows[j] = INFINITY;
        columns.highs[j] = -INFINITY;
    }
    for (int64_t first = 0; first < header->count && !status; first += PIECE_VALUES) {
        int64_t n = header->count - first < PIECE_VALUES ? header->count - first : PIECE_VALUES;
        status = npy_read_float(array, first, n, data, error);
        if (!status)
            add_values(values, &columns, data, first, n);
    }
    for (int64_t j = 0; j < columns.n && header->count > columns.n && !status; j++)
        values->n_constant += columns.lows[j] == columns.highs[j];
    free(data);
    free(columns.lows);
    free(columns.highs);
    return status;
}
