#include "encode/whisper/whisper_vocabulary.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/fail.h"
#include "base/file.h"
#include "base/memory.h"
#include "format/json_failure.h"

#define MAX_BYTES  (16 << 20)
#define MAX_TOKENS 1000000

/* A token a line; an empty line is a token without a spelling. */
static int split_lines(struct whisper_vocabulary *vocabulary, struct valence_error *error)
{
    int64_t n = 0;
    for (const char *c = vocabulary->text; *c; c++)
        n += *c == '\n';
    vocabulary->tokens = allocate(n + 1, sizeof *vocabulary->tokens);
    if (!vocabulary->tokens)
        return fail_memory(error, (size_t)n * sizeof *vocabulary->tokens, "a vocabulary");
    for (char *line = vocabulary->text; *line;) {
        size_t length = strcspn(line, "\n");
        bool is_last = line[length] == '\0';
        line[length] = '\0';
        vocabulary->tokens[vocabulary->n++] = line;
        line += length + !is_last;
    }
    return VALENCE_OK;
}

/* Copies a spelling into the text, which has room; gives where it stands. */
static const char *keep(char **end, const char *spelling)
{
    const char *kept = *end;
    size_t length = strlen(spelling) + 1;
    memcpy(*end, spelling, length);
    *end += length;
    return kept;
}

/* An array of spellings, or an object of spellings and their ids. */
static int read_spellings(struct whisper_vocabulary *vocabulary, json_t *json, const char *path,
                          struct valence_error *error)
{
    size_t n = json_is_array(json) ? json_array_size(json) : json_object_size(json), index;
    const char *key;
    json_t *value;
    char *end = vocabulary->text; /* the spellings take less than the JSON did */
    vocabulary->tokens = n > 0 && n <= MAX_TOKENS ? allocate((int64_t)n, sizeof(char *)) : NULL;
    if (!vocabulary->tokens)
        return fail(error, VALENCE_ERROR_FORMAT, "%s: has no usable number of tokens", path);
    vocabulary->n = (int64_t)n;
    for (size_t i = 0; i < n; i++)
        vocabulary->tokens[i] = "";
    if (json_is_array(json)) {
        json_array_foreach(json, index, value) if (json_is_string(value))
            vocabulary->tokens[index] = keep(&end, json_string_value(value));
        return VALENCE_OK;
    }
    json_object_foreach(json, key, value)
    {
        json_int_t id = json_is_integer(value) ? json_integer_value(value) : -1;
        if (id < 0 || id >= (json_int_t)n)
            return fail(error, VALENCE_ERROR_FORMAT, "%s: the id of token '%s' is out of range",
                        path, key);
        vocabulary->tokens[id] = keep(&end, key);
    }
    return VALENCE_OK;
}

static int read_json(struct whisper_vocabulary *vocabulary, const char *path, size_t size,
                     struct valence_error *error)
{
    json_error_t problem;
    json_t *json = json_loadb(vocabulary->text, size, 0, &problem);
    int status = json ? read_spellings(vocabulary, json, path, error)
                      : fail_json(&problem, error, VALENCE_ERROR_FORMAT, "%s:%d: %s", path,
                                  problem.line, problem.text);
    json_decref(json);
    return status;
}

int whisper_vocabulary_read(struct whisper_vocabulary *vocabulary, const char *folder,
                            struct valence_error *error)
{
    static const char *const names[] = {"vocabulary.txt", "vocabulary.json", "vocab.json"};
    *vocabulary = (struct whisper_vocabulary){0};
    for (int i = 0; i < 3; i++) {
        size_t size;
        char *path = path_join(folder, names[i]);
        if (!path)
            return fail_memory(error, strlen(folder), "a path");
        bool exists = path_exists(path);
        int status =
            exists ? file_read_text(path, MAX_BYTES, &vocabulary->text, &size, error) : VALENCE_OK;
        if (exists && !status)
            status =
                i == 0 ? split_lines(vocabulary, error) : read_json(vocabulary, path, size, error);
        free(path);
        if (status)
            whisper_vocabulary_free(vocabulary);
        if (exists)
            return status;
    }
    return VALENCE_OK;
}

void whisper_vocabulary_free(struct whisper_vocabulary *vocabulary)
{
    free(vocabulary->tokens);
    free(vocabulary->text);
    *vocabulary = (struct whisper_vocabulary){0};
}
