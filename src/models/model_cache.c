#include "valence/models.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fail.h"
#include "base/file.h"
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
    struct file_map map;
    int status = file_map_open(&map, path, error);
    if (status)
        return status;
    sha256_text(map.data, map.size, text);
    file_map_close(&map);
    return VALENCE_OK;
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

static int check_file(const struct valence_known_model *model, const char *path, const char *memory,
                      bool anew, enum valence_model_state *state, struct valence_error *error)
{
    struct stat found;
    char check[80];
    *state = VALENCE_MODEL_ABSENT;
    if (stat(path, &found) != 0 || !S_ISREG(found.st_mode))
        return VALENCE_OK;
    *state = VALENCE_MODEL_PRESENT;
    if (!model->sha256)
        return VALENCE_OK;
    snprintf(check, sizeof check, "sha256:%s", model->sha256);
    *state = VALENCE_MODEL_VERIFIED;
    if (!anew && verified_before(memory, path, check))
        return VALENCE_OK;
    int status = found.st_size == model->bytes ? check_hash(path, model->sha256, error)
                                               : VALENCE_ERROR_FORMAT;
    if (!status)
        verified_remember(memory, path, check);
    else if (status == VALENCE_ERROR_FORMAT)
        *state = VALENCE_MODEL_DAMAGED;
    return *state == VALENCE_MODEL_DAMAGED ? VALENCE_OK : status;
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
    if (model->n_packages > 0 && !(options && options->offline))
        return valence_model_fetch(folder, model, options, error);
    if (state == VALENCE_MODEL_DAMAGED)
        return fail_key(error, VALENCE_ERROR_FORMAT, "offline",
                        "%s: the file is damaged, or not the model that is known as '%s'", path,
                        model->name);
    return fail_key(error, VALENCE_ERROR_NOT_FOUND, model->n_packages > 0 ? "offline" : "",
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
