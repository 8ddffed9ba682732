/* The models of a run: what a path stands for. */
#include "valence/run.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/text.h"
#include "run/run_folder.h"
#include "run/run_list.h"

const char *const valence_checkpoint_names[VALENCE_MAX_NAMES] = {"best", "last"};

struct run_model {
    char *path;
    char name[256];
};

struct valence_run {
    int n;
    struct run_model models[RUN_LIST_MAX];
};

/* Takes over `path`. */
static int add_model(struct valence_run *made, char *path, const char *name,
                     struct valence_error *error)
{
    if (!path)
        return fail_memory(error, 0, "a file name");
    struct run_model *model = &made->models[made->n++];
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

static int add_seeds(const char *run, const char *which, struct valence_run *made,
                     struct valence_error *error)
{
    struct dirent **seeds;
    int n, status = run_seeds_list(run, &seeds, &n, error);
    for (int i = 0; i < n && !status; i++) {
        char *folder = path_join(run, seeds[i]->d_name);
        char *path = folder ? checkpoint_path(folder, which) : NULL;
        if (path && !path_exists(path))
            status = fail(error, VALENCE_ERROR_NOT_FOUND,
                          "%s: no such file: the training of this seed is not finished", path);
        if (status)
            free(path);
        else
            status = add_model(made, path, seeds[i]->d_name, error);
        free(folder);
    }
    run_seeds_free(seeds, n);
    return status;
}

/* "which" names a checkpoint. */
static int find_models(const char *path, const char *which, struct valence_run *made,
                       struct valence_error *error)
{
    bool folder = path_is_folder(path);
    char *checkpoint = folder ? checkpoint_path(path, which) : strdup(path);
    char *name = path_last_part(path);
    if (!checkpoint || !name || !folder || path_exists(checkpoint)) {
        int status = name ? add_model(made, checkpoint, name, error)
                          : fail_memory(error, strlen(path), "a path");
        if (!name)
            free(checkpoint);
        free(name);
        return status;
    }
    free(name);
    free(checkpoint);
    int status = add_seeds(path, which, made, error);
    if (!status && made->n == 0)
        status = fail(error, VALENCE_ERROR_NOT_FOUND,
                      "%s: holds neither %s.safetensors nor folders seed-1, seed-2, ...\n"
                      "         (a run is a folder that training wrote)",
                      path, which);
    return status;
}

int valence_run_open(const char *path, enum valence_checkpoint which, struct valence_run **run,
                     struct valence_error *error)
{
    *run = NULL;
    if (!path || (unsigned)which >= VALENCE_N_CHECKPOINTS)
        return fail(error, VALENCE_ERROR_ARGUMENT,
                    "a run needs a path, and one of its checkpoints");
    if (!path_exists(path))
        return fail(error, VALENCE_ERROR_NOT_FOUND, "%s: no such file or folder", path);
    struct valence_run *made = allocate(1, sizeof *made);
    if (!made)
        return fail_memory(error, sizeof *made, "a run's models");
    int status = find_models(path, valence_checkpoint_names[which], made, error);
    if (status)
        valence_run_close(made);
    else
        *run = made;
    return status;
}

void valence_run_close(struct valence_run *run)
{
    for (int i = 0; run && i < run->n; i++)
        free(run->models[i].path);
    free(run);
}

int valence_run_n_models(const struct valence_run *run)
{
    return run->n;
}

const char *valence_run_model_name(const struct valence_run *run, int model)
{
    return model >= 0 && model < run->n ? run->models[model].name : NULL;
}

const char *valence_run_model_path(const struct valence_run *run, int model)
{
    return model >= 0 && model < run->n ? run->models[model].path : NULL;
}

/* ---- Kept epochs ---- */

int valence_run_epoch_path(const struct valence_run *run, int model, int64_t epoch, char *path,
                           size_t room, struct valence_error *error)
{
    char name[RUN_EPOCH_BYTES];
    if (!path || room == 0)
        return fail(error, VALENCE_ERROR_ARGUMENT, "no room for the path of an epoch");
    path[0] = '\0';
    const char *checkpoint = valence_run_model_path(run, model);
    if (!checkpoint)
        return fail(error, VALENCE_ERROR_NOT_FOUND, "the run has no model %d", model);
    const char *slash = strrchr(checkpoint, '/');
    int folder = slash ? (int)(slash + 1 - checkpoint) : 0;
    int length = snprintf(path, room, "%.*s%s", folder, checkpoint, run_epoch_name(epoch, name));
    if (length < 0 || (size_t)length >= room) {
        path[0] = '\0';
        return fail(error, VALENCE_ERROR_LIMIT, "the path of an epoch has more than %zu bytes",
                    room - 1);
    }
    return path_exists(path) ? VALENCE_OK
                             : fail_key(error, VALENCE_ERROR_NOT_FOUND, "keep_epochs",
                                        "%s: no such file: this epoch was not kept", path);
}

int64_t valence_run_n_epochs(const struct valence_run *run, int model)
{
    char path[RUN_PATH_BYTES];
    int64_t n = 0;
    while (!valence_run_epoch_path(run, model, n + 1, path, sizeof path, NULL))
        n++;
    return n;
}

int valence_run_load(const struct valence_run *run, struct valence_model **model,
                     struct valence_error *error)
{
    *model = NULL;
    if (run->n == 1)
        return valence_model_load(run->models[0].path, model, error);
    struct valence_model **members = allocate(run->n, sizeof(struct valence_model *));
    if (!members)
        return fail_memory(error, (size_t)run->n * sizeof *members, "a run's models");
    int status = VALENCE_OK, n = 0;
    for (; n < run->n && !status; n += !status)
        status = valence_model_load(run->models[n].path, &members[n], error);
    if (!status)
        status = valence_model_group(members, n, model, error);
    for (int i = 0; i < n; i++)
        valence_model_free(members[i]); /* the group keeps them */
    free(members);
    return status;
}
