#include "experiment/runs.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/fail.h"
#include "base/file.h"
#include "run/run_folder.h"

/* ---- Results of a run ---- */

static const char *run_file(const struct valence_experiment *experiment, int variant, int64_t seed,
                            const char *name, char path[PLAN_FILE_BYTES])
{
    plan_run_folder(experiment, variant, seed, path);
    size_t length = strlen(path);
    snprintf(path + length, PLAN_FILE_BYTES - length, "/%s", name);
    return path;
}

static int validation_from_json(const json_t *results, struct run_validation *validation)
{
    const json_t *flows = json_object_get(results, "validation"), *epochs, *best;
    const char *name;
    json_t *figures;
    epochs = json_object_get(results, "epochs");
    best = json_object_get(results, "best_epoch");
    *validation = (struct run_validation){.n_epochs = json_integer_value(epochs),
                                          .best_epoch = json_integer_value(best)};
    bool good = json_is_integer(epochs) && json_is_integer(best) && json_object_size(flows) > 0;
    json_object_foreach((json_t *)(uintptr_t)flows, name, figures)
    {
        int flow = valence_flow_from_name(name);
        const json_t *mae = json_object_get(figures, "mae");
        if (!mae) /* of classes */
            mae = json_object_get(figures, "cross_entropy");
        good = good && flow >= 0 && json_is_number(mae) && validation->n_flows < VALENCE_MAX_FLOWS;
        if (!good)
            break;
        validation->flows[validation->n_flows] = (unsigned)flow;
        validation->mae[validation->n_flows++] = json_number_value(mae);
    }
    return good ? VALENCE_OK : VALENCE_ERROR_FORMAT;
}

int run_validation_read(const struct valence_experiment *experiment, int variant, int64_t seed,
                        struct run_validation *validation, struct valence_error *error)
{
    char path[PLAN_FILE_BYTES];
    json_t *results;
    struct valence_train_config config;
    int status =
        plan_run_config(experiment, variant, seed, experiment->n_rungs - 1, &config, error);
    if (!status)
        status =
            plan_read_json(run_file(experiment, variant, seed, RUN_RESULTS, path), &results, error);
    if (status)
        return status;
    if (validation_from_json(results, validation))
        status = fail(error, VALENCE_ERROR_FORMAT, "%s: these are not the results of a run", path);
    else
        validation->selected =
            train_selected_error(config.select, validation->mae, validation->n_flows);
    json_decref(results);
    return status;
}

int run_is_done(const struct valence_experiment *experiment, int variant, int64_t seed,
                int64_t rung, bool *done, struct valence_error *error)
{
    struct run_validation validation;
    struct valence_train_config config;
    char path[PLAN_FILE_BYTES];
    *done = path_exists(run_file(experiment, variant, seed, RUN_RESULTS, path));
    if (!*done || experiment->n_rungs == 1)
        return VALENCE_OK;
    int status = plan_run_config(experiment, variant, seed, rung, &config, error);
    if (!status)
        status = run_validation_read(experiment, variant, seed, &validation, error);
    *done = !status && validation.n_epochs >= config.epochs;
    return status;
}

/* ---- Runs at work ---- */

int64_t run_epochs(const struct valence_experiment *experiment, int variant, int64_t seed)
{
    char path[PLAN_FILE_BYTES], part[4096];
    int file = open(run_file(experiment, variant, seed, RUN_LOG, path), O_RDONLY | O_CLOEXEC);
    int64_t n = 0;
    for (ssize_t size; file >= 0 && (size = read(file, part, sizeof part)) > 0;)
        for (ssize_t i = 0; i < size; i++)
            n += part[i] == '\n';
    if (file >= 0)
        close(file);
    return n;
}

bool folder_is_busy(const char *path)
{
    int folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool busy = folder >= 0 && flock(folder, LOCK_SH | LOCK_NB) != 0;
    if (folder >= 0)
        close(folder);
    return busy;
}

bool run_is_busy(const struct valence_experiment *experiment, int variant, int64_t seed)
{
    char path[PLAN_FILE_BYTES];
    return folder_is_busy(plan_run_folder(experiment, variant, seed, path));
}

const char *run_log_file(const struct valence_experiment *experiment, int variant, int64_t seed,
                         char *path)
{
    snprintf(path, PLAN_FILE_BYTES, "%s/logs/%s/seed-%lld.txt", experiment->folder,
             experiment->variants[variant].name, (long long)seed);
    return path;
}

void run_failure(const struct valence_experiment *experiment, int variant, int64_t seed, char *text,
                 size_t room)
{
    static const char name[] = "valence: ";
    char path[PLAN_FILE_BYTES], log[1024];
    text[0] = '\0';
    int file = open(run_log_file(experiment, variant, seed, path), O_RDONLY | O_CLOEXEC);
    ssize_t size = file >= 0 ? read(file, log, sizeof log - 1) : 0;
    if (file >= 0)
        close(file);
    while (size > 0 && log[size - 1] == '\n')
        size--;
    log[size > 0 ? size : 0] = '\0';
    snprintf(text, room, "%s", strncmp(log, name, strlen(name)) == 0 ? log + strlen(name) : log);
}
