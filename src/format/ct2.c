#include "format/ct2.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/file.h"
#include "base/memory.h"

#define VERSION       6
#define MAX_VARIABLES 100000
#define MAX_PARTS     99

struct ct2 {
    const char *name; /* of the file, for errors while it is read */
    struct file_map map;
    unsigned char *joined; /* of parts */
    const unsigned char *data;
    size_t size, position;
    const char *spec;
    int64_t n;
    struct ct2_variable *variables;
    char fingerprint[SHA256_TEXT_BYTES];
};

/* ---- Pieces ---- */

static int fail_here(const struct ct2 *ct2, const char *what, struct valence_error *error)
{
    return fail(error, VALENCE_ERROR_FORMAT, "%s: byte %zu: %s (is the file cut off?)", ct2->name,
                ct2->position, what);
}

static int read_number(struct ct2 *ct2, int bytes, uint32_t *value, struct valence_error *error)
{
    if (ct2->size - ct2->position < (size_t)bytes)
        return fail_here(ct2, "the file ends within a number", error);
    *value = 0;
    for (int i = 0; i < bytes; i++)
        *value |= (uint32_t)ct2->data[ct2->position + (size_t)i] << (8 * i);
    ct2->position += (size_t)bytes;
    return VALENCE_OK;
}

static int read_string(struct ct2 *ct2, const char **text, struct valence_error *error)
{
    uint32_t n = 0;
    int status = read_number(ct2, 2, &n, error);
    if (status)
        return status;
    if (n < 1 || ct2->size - ct2->position < n)
        return fail_here(ct2, "a name does not fit into the file", error);
    *text = (const char *)ct2->data + ct2->position;
    if (memchr(*text, '\0', n) != *text + n - 1)
        return fail_here(ct2, "a name does not end in a zero byte", error);
    ct2->position += n;
    return VALENCE_OK;
}

static int read_variable(struct ct2 *ct2, struct ct2_variable *variable,
                         struct valence_error *error)
{
    static const enum element_type types[] = {ELEMENT_F32, ELEMENT_I8,  ELEMENT_I16,
                                              ELEMENT_I32, ELEMENT_F16, ELEMENT_BF16};
    uint32_t rank = 0, type = 0, bytes = 0, size = 0;
    int status = read_string(ct2, &variable->name, error);
    if (!status)
        status = read_number(ct2, 1, &rank, error);
    if (!status && rank > ARRAY_MAX_DIMS)
        status = fail_here(ct2, "a variable has too many dimensions", error);
    for (uint32_t i = 0; !status && i < rank; i++) {
        status = read_number(ct2, 4, &size, error);
        variable->shape[i] = status ? 0 : size;
    }
    if (!status)
        status = read_number(ct2, 1, &type, error);
    if (!status)
        status = read_number(ct2, 4, &bytes, error);
    if (status)
        return status;
    variable->n_dims = (int)rank;
    if (type >= sizeof types / sizeof *types)
        return fail_here(ct2, "a variable is of an unknown type", error);
    variable->type = types[type];
    if (!shape_count(variable->shape, variable->n_dims, &variable->count) ||
        variable->count > UINT32_MAX ||
        (uint64_t)variable->count * element_type_size(variable->type) != bytes ||
        ct2->size - ct2->position < bytes)
        return fail_here(ct2, "a variable's size is not that of its shape, or beyond the file",
                         error);
    variable->data = ct2->data + ct2->position;
    ct2->position += bytes;
    return VALENCE_OK;
}

/* Another name of a variable is of no use here, but must name one. */
static int read_alias(struct ct2 *ct2, struct valence_error *error)
{
    const char *alias, *name;
    int status = read_string(ct2, &alias, error);
    if (!status)
        status = read_string(ct2, &name, error);
    for (int64_t i = 0; !status && i < ct2->n; i++)
        if (strcmp(ct2->variables[i].name, name) == 0)
            return VALENCE_OK;
    return status ? status : fail_here(ct2, "an alias names no variable", error);
}

static int read_all(struct ct2 *ct2, struct valence_error *error)
{
    uint32_t version = 0, revision = 0, n = 0;
    int status = read_number(ct2, 4, &version, error);
    if (!status && version != VERSION)
        return fail(error, VALENCE_ERROR_UNSUPPORTED,
                    "%s: is of CTranslate2's format %" PRIu32 "; format %d is read", ct2->name,
                    version, VERSION);
    if (!status)
        status = read_string(ct2, &ct2->spec, error);
    if (!status)
        status = read_number(ct2, 4, &revision, error);
    if (!status)
        status = read_number(ct2, 4, &n, error);
    if (!status && (n > MAX_VARIABLES || n > ct2->size / 8))
        status = fail_here(ct2, "there are too many variables", error);
    if (status)
        return status;
    ct2->variables = allocate(n ? n : 1, sizeof *ct2->variables);
    if (!ct2->variables)
        return fail_memory(error, n * sizeof *ct2->variables, "a list of variables");
    for (; !status && ct2->n < n; ct2->n += !status)
        status = read_variable(ct2, &ct2->variables[ct2->n], error);
    n = 0;
    if (!status)
        status = read_number(ct2, 4, &n, error);
    for (; !status && n > 0; n--)
        status = read_alias(ct2, error);
    if (!status && ct2->position != ct2->size)
        status = fail_here(ct2, "something follows the last alias", error);
    return status;
}

/* ---- Files ---- */

bool ct2_is_file(const void *data, size_t size)
{
    const unsigned char *bytes = data;
    return size > 10 && bytes[1] == 0 && bytes[2] == 0 && bytes[3] == 0 && bytes[5] == 0 &&
           bytes[4] > 4 && bytes[4] < size - 6 && bytes[6 + bytes[4] - 1] == '\0' &&
           memcmp(bytes + 6 + bytes[4] - 5, "Spec", 4) == 0;
}

int ct2_open_memory(const void *data, size_t size, const char *name, struct ct2 **ct2,
                    struct valence_error *error)
{
    *ct2 = NULL;
    struct ct2 *made = allocate(1, sizeof *made);
    if (!made)
        return fail_memory(error, sizeof *made, "a model");
    made->name = name;
    made->data = data;
    made->size = size;
    int status = read_all(made, error);
    if (status) {
        ct2_close(made);
        return status;
    }
    sha256_text(data, size, made->fingerprint);
    *ct2 = made;
    return VALENCE_OK;
}

/* Joins the parts PATH1, PATH2, ..., where PATH ends in ".part". */
static int join_parts(const char *path, unsigned char **joined, size_t *size,
                      struct valence_error *error)
{
    int stem = (int)strlen(path) - 1, status = VALENCE_OK;
    char *name = malloc(strlen(path) + 8);
    *joined = NULL;
    *size = 0;
    if (!name)
        return fail_memory(error, strlen(path), "a path");
    for (int part = 1; !status && part <= MAX_PARTS; part++) {
        struct file_map map;
        snprintf(name, strlen(path) + 8, "%.*s%d", stem, path, part);
        if (!path_exists(name))
            break;
        status = file_map_open(&map, name, error);
        if (status)
            break;
        unsigned char *grown = realloc(*joined, *size + map.size + 1);
        if (grown) {
            memcpy(grown + *size, map.data, map.size);
            *joined = grown;
            *size += map.size;
        } else {
            status = fail_memory(error, *size + map.size, "a model");
        }
        file_map_close(&map);
    }
    free(name);
    return status;
}

int ct2_open(const char *path, struct ct2 **ct2, struct valence_error *error)
{
    struct file_map map = {0};
    unsigned char *joined = NULL;
    size_t size = 0;
    bool is_part = path_has_ending(path, ".part1");
    *ct2 = NULL;
    int status =
        is_part ? join_parts(path, &joined, &size, error) : file_map_open(&map, path, error);
    if (!status)
        status = ct2_open_memory(is_part ? joined : map.data, is_part ? size : map.size, path, ct2,
                                 error);
    if (status) {
        free(joined);
        if (!is_part)
            file_map_close(&map);
        return status;
    }
    (*ct2)->joined = joined;
    (*ct2)->map = map;
    return VALENCE_OK;
}

void ct2_close(struct ct2 *ct2)
{
    if (!ct2)
        return;
    if (ct2->map.data)
        file_map_close(&ct2->map);
    free(ct2->joined);
    free(ct2->variables);
    free(ct2);
}

const char *ct2_spec(const struct ct2 *ct2)
{
    return ct2->spec;
}

int64_t ct2_n_variables(const struct ct2 *ct2)
{
    return ct2->n;
}

const struct ct2_variable *ct2_variable(const struct ct2 *ct2, int64_t index)
{
    return &ct2->variables[index];
}

const char *ct2_fingerprint(const struct ct2 *ct2)
{
    return ct2->fingerprint;
}
