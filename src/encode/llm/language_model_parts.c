#include "encode/llm/language_model_parts.h"

#include <stdlib.h>
#include <string.h>

#include <llama.h>

#include "base/fail.h"
#include "base/memory.h"

/* A number of the header, 16 bits as llama.cpp's splitter writes it; 0 where it is missing. */
static int read_number(const struct weights *weights, const char *key)
{
    int64_t id = gguf_find_key(weights->gguf, key);
    return id >= 0 && gguf_get_kv_type(weights->gguf, id) == GGUF_TYPE_UINT16
               ? gguf_get_val_u16(weights->gguf, id)
               : 0;
}

static int fail_name(const struct weights *first, int n, struct valence_error *error)
{
    return fail(
        error, VALENCE_ERROR_FORMAT,
        "%s: is the first of %d parts of a model, so its name must end in -00001-of-%05d.gguf: "
        "the others are found by it",
        first->path, n, n);
}

/* A part other than the first was given. */
static int fail_part(const struct weights *weights, int number, int n, struct valence_error *error)
{
    char prefix[4096], first[4096] = "";
    if (llama_split_prefix(prefix, sizeof prefix, weights->path, number, n) > 0)
        llama_split_path(first, sizeof first, prefix, 0, n);
    return fail(error, VALENCE_ERROR_FORMAT,
                "%s: is part %d of the %d parts of a model; give the first part%s%s", weights->path,
                number + 1, n, *first ? ", " : "", first);
}

static int open_others(struct language_model_parts *parts, int n, struct valence_error *error)
{
    char prefix[4096];
    const struct weights *first = &parts->list[0];
    if (llama_split_prefix(prefix, sizeof prefix, first->path, 0, n) <= 0)
        return fail_name(first, n, error);
    for (; parts->n < n; parts->n++) {
        char *path = parts->paths[parts->n];
        llama_split_path(path, sizeof parts->paths[0], prefix, parts->n, n);
        int status = weights_open(&parts->list[parts->n], path, error);
        if (status)
            return fail_within(status, error, "%s: a part of the model is missing or damaged",
                               first->path);
    }
    return VALENCE_OK;
}

int language_model_parts_open(struct language_model_parts *parts, const struct weights *first,
                              struct valence_error *error)
{
    int n = read_number(first, "split.count"), number = read_number(first, "split.no");
    *parts = (struct language_model_parts){0};
    if (n > MAX_PARTS || number > MAX_PARTS)
        return fail(error, VALENCE_ERROR_FORMAT,
                    "%s: says that it is part %d of %d; at most %d parts are read", first->path,
                    number + 1, n, MAX_PARTS);
    if (number > 0)
        return fail_part(first, number, n, error);
    n = n > 1 ? n : 1;
    parts->list = allocate(n, sizeof *parts->list);
    parts->paths = allocate(n, sizeof *parts->paths);
    int status = VALENCE_OK;
    if (parts->list && parts->paths) {
        parts->list[parts->n++] = *first;
        status = n > 1 ? open_others(parts, n, error) : VALENCE_OK;
    } else {
        status = fail_memory(error, (size_t)n * sizeof *parts->paths, "a model's parts");
    }
    if (status)
        language_model_parts_close(parts);
    return status;
}

void language_model_parts_close(struct language_model_parts *parts)
{
    for (int i = 1; i < parts->n; i++)
        weights_close(&parts->list[i]);
    free(parts->list);
    free(parts->paths);
    *parts = (struct language_model_parts){0};
}
