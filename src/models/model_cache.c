#include "valence/models.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fail.h"
#include "base/file.h"
#include "format/byte_source.h"
#include "models/model_file.h"
#include "models/verified_files.h"

int valence_model_path(const char *folder, const struct valence_known_model *model, char **path,
                       struct valence_error *error)
{
    *path = path_join(folder, model->file);
    return *path ? VALENCE_OK : fail_memory(error, strlen(folder), "a path");
}

int valence_model_memory(const char *folder, char **path, struct valence_error *error)
{
    *path = path_join(folder, "verified");
    return *path ? VALENCE_OK : fail_memory(error, strlen(folder), "a path");
}

/* ---- Checking ---- */

int hash_file(const char *path, char text[SHA256_TEXT_BYTES], struct valence_error *error)
{
    struct byte_source source;
    int status = byte_source_open(path, &source, error);
    if (!status)
        status = byte_source_digest(&source, 0, text, error);
    byte_source_close(&source);
    return status;
}

int check_hash(const char *path, const char *wanted, struct valence_error *error)
{
    char found[SHA256_TEXT_BYTES];
    int status = hash_file(path, found, error);
    if (status || strcmp(found, wanted) == 0)
        return status;
    return fail(error, VALENCE_ERROR_FORMAT,
                "%s: its SHA-256 is %s, not %s (it is damaged, or not the one that is pinned)",
                path, found, wanted);
}

bool model_has_hash(const struct valence_known_model *model, const char *hash)
{
    for (int64_t i = 0; i < model->n_sources; i++)
        if (strcmp(hash, model->sources[i].sha256) == 0)
            return true;
    return false;
}

#define CHECK_BYTES 80

/* What verified_files.h remembers of a file with this digest. */
static void make_check(const char *sha256, char check[CHECK_BYTES])
{
    snprintf(check, CHECK_BYTES, "sha256:%s", sha256);
}

static bool is_remembered(const struct valence_known_model *model, const char *path,
                          const char *memory)
{
    char check[CHECK_BYTES];
    for (int64_t i = 0; i < model->n_sources; i++) {
        make_check(model->sources[i].sha256, check);
        if (verified_before(memory, path, check))
            return true;
    }
    return false;
}

static int check_file(const struct valence_known_model *model, const char *path, const char *memory,
                      bool anew, enum valence_model_state *state, struct valence_error *error)
{
    struct stat found;
    char hash[SHA256_TEXT_BYTES], check[CHECK_BYTES];
    *state = VALENCE_MODEL_ABSENT;
    if (stat(path, &found) != 0 || !S_ISREG(found.st_mode))
        return VALENCE_OK;
    *state = VALENCE_MODEL_PRESENT;
    if (model->n_sources == 0)
        return VALENCE_OK;
    *state = VALENCE_MODEL_VERIFIED;
    if (!anew && is_remembered(model, path, memory))
        return VALENCE_OK;
    int status = hash_file(path, hash, error);
    if (status)
        return status;
    make_check(hash, check);
    if (model_has_hash(model, hash))
        verified_remember(memory, path, check);
    else
        *state = VALENCE_MODEL_DAMAGED;
    return VALENCE_OK;
}

int valence_model_check(const char *folder, const struct valence_known_model *model, bool anew,
                        enum valence_model_state *state, struct valence_error *error)
{
    char *path = NULL, *memory = NULL;
    *state = VALENCE_MODEL_ABSENT;
    int status = valence_model_path(folder, model, &path, error);
    if (!status)
        status = valence_model_memory(folder, &memory, error);
    if (!status)
        status = check_file(model, path, memory, anew, state, error);
    free(path);
    free(memory);
    return status;
}

/* ---- Finding ---- */

static int obtain(const char *folder, const struct valence_known_model *model, const char *path,
                  const struct valence_model_fetch_options *options, struct valence_error *error)
{
    enum valence_model_state state;
    int status = valence_model_check(folder, model, false, &state, error);
    if (status || state == VALENCE_MODEL_PRESENT || state == VALENCE_MODEL_VERIFIED)
        return status;
    if (model->n_sources > 0 && !(options && options->offline))
        return valence_model_fetch(folder, model, options, error);
    if (state == VALENCE_MODEL_DAMAGED)
        return fail_key(error, VALENCE_ERROR_FORMAT, "offline",
                        "%s: the file is damaged, or not the model that is known as '%s'", path,
                        model->name);
    return fail_key(error, VALENCE_ERROR_NOT_FOUND, model->n_sources > 0 ? "offline" : "",
                    "%s: is not there; '%s' comes from %s", path, model->name, model->origin);
}

int valence_model_resolve(const char *folder, const char *name,
                          const struct valence_model_fetch_options *options, char **path,
                          struct valence_error *error)
{
    const struct valence_known_model *model = valence_known_model_find(name);
    *path = model ? path_join(folder, model->file) : strdup(name);
    if (!*path)
        return fail_memory(error, strlen(name), "a path");
    int status = model ? obtain(folder, model, *path, options, error) : VALENCE_OK;
    if (status) {
        free(*path);
        *path = NULL;
    }
    return status;
}
