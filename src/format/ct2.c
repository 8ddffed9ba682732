#include "format/ct2.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/file.h"
#include "base/memory.h"
#include "format/byte_source.h"

#define VERSION       6
#define MAX_VARIABLES 100000
#define MAX_PARTS     99

struct ct2 {
    struct byte_source source;
    unsigned char *joined; /* of parts */
    uint64_t position;
    char *spec;
    int64_t n;
    struct ct2_variable *variables;
    char fingerprint[SHA256_TEXT_BYTES];
};

/* ---- Pieces ---- */

static int fail_here(const struct ct2 *ct2, const char *what, struct valence_error *error)
{
    return fail(error, VALENCE_ERROR_FORMAT, "%s: byte %" PRIu64 ": %s (is the file cut off?)",
                ct2->source.name, ct2->position, what);
}

static uint64_t bytes_left(const struct ct2 *ct2)
{
    return ct2->source.size - ct2->position;
}

static int read_number(struct ct2 *ct2, int bytes, uint32_t *value, struct valence_error *error)
{
    unsigned char read[4];
    if (bytes_left(ct2) < (uint64_t)bytes)
        return fail_here(ct2, "the file ends within a number", error);
    int status = byte_source_read(&ct2->source, ct2->position, read, (size_t)bytes, error);
    *value = 0;
    for (int i = 0; i < bytes && !status; i++)
        *value |= (uint32_t)read[i] << (8 * i);
    ct2->position += (uint64_t)bytes;
    return status;
}

/* In fresh memory. */
static int read_string(struct ct2 *ct2, char **text, struct valence_error *error)
{
    uint32_t n = 0;
    *text = NULL;
    int status = read_number(ct2, 2, &n, error);
    if (status)
        return status;
    if (n < 1 || bytes_left(ct2) < n)
        return fail_here(ct2, "a name does not fit into the file", error);
    char *made = malloc(n);
    status = made ? byte_source_read(&ct2->source, ct2->position, made, n, error)
                  : fail_memory(error, n, "a name");
    if (!status && memchr(made, '\0', n) != made + n - 1)
        status = fail_here(ct2, "a name does not end in a zero byte", error);
    if (status) {
        free(made);
        return status;
    }
    *text = made;
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
        bytes_left(ct2) < bytes)
        return fail_here(ct2, "a variable's size is not that of its shape, or beyond the file",
                         error);
    variable->position = ct2->position;
    ct2->position += bytes;
    return VALENCE_OK;
}

/* Another name of a variable is of no use here, but must name one. */
static int read_alias(struct ct2 *ct2, struct valence_error *error)
{
    char *alias = NULL, *name = NULL;
    bool is_known = false;
    int status = read_string(ct2, &alias, error);
    if (!status)
        status = read_string(ct2, &name, error);
    for (int64_t i = 0; !status && i < ct2->n && !is_known; i++)
        is_known = strcmp(ct2->variables[i].name, name) == 0;
    if (!status && !is_known)
        status = fail_here(ct2, "an alias names no variable", error);
    free(alias);
    free(name);
    return status;
}

static int read_all(struct ct2 *ct2, struct valence_error *error)
{
    uint32_t version = 0, revision = 0, n = 0;
    int status = read_number(ct2, 4, &version, error);
    if (!status && version != VERSION)
        return fail(error, VALENCE_ERROR_UNSUPPORTED,
                    "%s: is of CTranslate2's format %" PRIu32 "; format %d is read",
                    ct2->source.name, version, VERSION);
    if (!status)
        status = read_string(ct2, &ct2->spec, error);
    if (!status)
        status = read_number(ct2, 4, &revision, error);
    if (!status)
        status = read_number(ct2, 4, &n, error);
    if (!status && (n > MAX_VARIABLES || n > ct2->source.size / 8))
        status = fail_here(ct2, "there are too many variables", error);
    if (status)
        return status;
    ct2->variables = allocate(n ? n : 1, sizeof *ct2->variables);
    if (!ct2->variables)
        return fail_memory(error, n * sizeof *ct2->variables, "a list of variables");
    for (uint32_t i = 0; i < n && !status; i++, ct2->n++)
        status = read_variable(ct2, &ct2->variables[i], error);
    n = 0;
    if (!status)
        status = read_number(ct2, 4, &n, error);
    for (; !status && n > 0; n--)
        status = read_alias(ct2, error);
    if (!status && ct2->position != ct2->source.size)
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

/* Takes over the source and `joined`, also on failure. */
static int open_source(const struct byte_source *source, unsigned char *joined, struct ct2 **ct2,
                       struct valence_error *error)
{
    struct ct2 *made = allocate(1, sizeof *made);
    struct ct2 taken = {.source = *source, .joined = joined};
    if (!made) {
        byte_source_close(&taken.source);
        free(joined);
        return fail_memory(error, sizeof *made, "a model");
    }
    *made = taken;
    int status = read_all(made, error);
    if (!status)
        status = byte_source_digest(&made->source, 0, made->fingerprint, error);
    if (status)
        ct2_close(made);
    else
        *ct2 = made;
    return status;
}

int ct2_open_memory(const void *data, size_t size, const char *name, struct ct2 **ct2,
                    struct valence_error *error)
{
    struct byte_source source;
    *ct2 = NULL;
    int status = byte_source_open_memory(data, size, name, &source, error);
    return status ? status : open_source(&source, NULL, ct2, error);
}

/* Appends a whole file. */
static int append_file(const char *path, unsigned char **joined, size_t *size,
                       struct valence_error *error)
{
    struct byte_source source;
    int status = byte_source_open(path, &source, error);
    if (status)
        return status;
    unsigned char *grown = realloc(*joined, *size + (size_t)source.size + 1);
    if (grown) {
        *joined = grown;
        status = byte_source_read(&source, 0, grown + *size, (size_t)source.size, error);
        *size += (size_t)source.size;
    } else {
        status = fail_memory(error, *size + (size_t)source.size, "a model");
    }
    byte_source_close(&source);
    return status;
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
        snprintf(name, strlen(path) + 8, "%.*s%d", stem, path, part);
        if (!path_exists(name))
            break;
        status = append_file(name, joined, size, error);
    }
    free(name);
    return status;
}

int ct2_open(const char *path, struct ct2 **ct2, struct valence_error *error)
{
    struct byte_source source;
    unsigned char *joined = NULL;
    size_t size = 0;
    *ct2 = NULL;
    int status;
    if (path_has_ending(path, ".part1")) {
        status = join_parts(path, &joined, &size, error);
        if (!status)
            status = byte_source_open_memory(joined, size, path, &source, error);
    } else {
        status = byte_source_open(path, &source, error);
    }
    if (status) {
        free(joined);
        return status;
    }
    return open_source(&source, joined, ct2, error);
}

void ct2_close(struct ct2 *ct2)
{
    if (!ct2)
        return;
    for (int64_t i = 0; i < ct2->n; i++)
        free(ct2->variables[i].name);
    byte_source_close(&ct2->source);
    free(ct2->joined);
    free(ct2->spec);
    free(ct2->variables);
    free(ct2);
}

int ct2_read(const struct ct2 *ct2, const struct ct2_variable *variable, void *out,
             struct valence_error *error)
{
    size_t bytes = (size_t)variable->count * element_type_size(variable->type);
    return byte_source_read(&ct2->source, variable->position, out, bytes, error);
}

int ct2_to_float(const struct ct2 *ct2, const struct ct2_variable *variable, float *out,
                 struct valence_error *error)
{
    unsigned char chunk[32 * 1024];
    size_t size = element_type_size(variable->type);
    int64_t most = (int64_t)(sizeof chunk / size);
    int status = VALENCE_OK;
    for (int64_t done = 0; done < variable->count && !status;) {
        int64_t n = variable->count - done < most ? variable->count - done : most;
        status = byte_source_read(&ct2->source, variable->position + (uint64_t)done * size, chunk,
                                  (size_t)n * size, error);
        if (!status)
            elements_to_float(variable->type, false, chunk, n, out + done);
        done += n;
    }
    return status;
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
