#include "run/run_models.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/text.h"

#define SEED_PREFIX "seed-"

/* The number in "seed-12", or -1 for any other name. */
static long long seed_number(const char *name)
{
    long long number;
    size_t length = strlen(SEED_PREFIX);
    bool valid = strncmp(name, SEED_PREFIX, length) == 0 && name[length] >= '0' &&
                 name[length] <= '9' && parse_int64(name + length, &number);
    return valid ? number : -1;
}

static int by_seed(const struct dirent **a, const struct dirent **b)
{
    long long x = seed_number((*a)->d_name), y = seed_number((*b)->d_name);
    return (x > y) - (x < y);
}

static int is_seed(const struct dirent *entry)
{
    return seed_number(entry->d_name) >= 0;
}

/* Takes over `path`. */
static int add_model(struct run_models *models, char *path, const char *name,
                     struct valence_error *error)
{
    if (!path)
        return fail_memory(error, 0, "a file name");
    struct run_model *model = &models->models[models->n++];
    model->path = path;
    snprintf(model->name, sizeof model->name, "%s", name);
    return VALENCE_OK;
}

/* "FOLDER/best.safetensors" in fresh memory, or NULL. */
static char *checkpoint_path(const char *folder, const char *which)
{
    char name[32];
    snprintf(name, sizeof name, "%s.safetensors", which);
    return path_join(folder, name);
}

/* The last part of a path that may end in slashes: "runs/a/" is "a". */
static void folder_name(const char *path, char *name, size_t room)
{
    size_t end = strlen(path);
    while (end > 1 && path[end - 1] == '/')
        end--;
    size_t begin = end;
    while (begin > 0 && path[begin - 1] != '/')
        begin--;
    snprintf(name, room, "%.*s", (int)(end - begin), path + begin);
}

static int add_seeds(const char *run, const char *which, struct run_models *models,
                     struct valence_error *error)
{
    struct dirent **entries;
    int n = scandir(run, &entries, is_seed, by_seed);
    if (n < 0)
        return fail_errno(error, errno, "%s: cannot read the folder", run);
    int status = VALENCE_OK;
    if (n > RUN_MAX_MODELS)
        status = fail(error, VALENCE_ERROR_LIMIT, "%s: more than %d seeds", run, RUN_MAX_MODELS);
    for (int i = 0; i < n && !status; i++) {
        char *folder = path_join(run, entries[i]->d_name);
        char *path = folder ? checkpoint_path(folder, which) : NULL;
        if (path && !path_exists(path))
            status = fail(error, VALENCE_ERROR_NOT_FOUND,
                          "%s: no such file: the training of this seed is not finished", path);
        if (status)
            free(path);
        else
            status = add_model(models, path, entries[i]->d_name, error);
        free(folder);
    }
    for (int i = 0; i < n; i++)
        free(entries[i]);
    free(entries);
    return status;
}

int run_models_find(const char *run, const char *which, struct run_models *models,
                    struct valence_error *error)
{
    *models = (struct run_models){0};
    if (!path_exists(run))
        return fail(error, VALENCE_ERROR_NOT_FOUND, "%s: no such file or folder", run);
    models->models = allocate(RUN_MAX_MODELS, sizeof *models->models);
    if (!models->models)
        return fail_memory(error, RUN_MAX_MODELS * sizeof *models->models, "a run's models");
    bool folder = path_is_folder(run);
    char *path = folder ? checkpoint_path(run, which) : strdup(run);
    char name[sizeof models->models[0].name];
    folder_name(run, name, sizeof name);
    int status;
    if (!folder || (path && path_exists(path))) {
        status = add_model(models, path, name, error);
    } else {
        free(path);
        status = add_seeds(run, which, models, error);
        if (!status && models->n == 0)
            status = fail(error, VALENCE_ERROR_NOT_FOUND,
                          "%s: holds neither %s.safetensors nor folders seed-1, seed-2, ...\n"
                          "         (a run is what 'valence train' writes)",
                          run, which);
    }
    if (status)
        run_models_free(models);
    return status;
}

void run_models_free(struct run_models *models)
{
    for (int i = 0; i < models->n; i++)
        free(models->models[i].path);
    free(models->models);
    *models = (struct run_models){0};
}
