/* A result file computed again. */
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "experiment/plan_private.h"
#include "experiment/result.h"
#include "experiment/result_file.h"

static int again_experiment(const char *path, const char *store,
                            const struct valence_evaluate_options *options,
                            const struct valence_progress *progress, struct owned_result **result,
                            struct valence_error *error)
{
    struct valence_experiment *experiment;
    char folder[PLAN_PATH_BYTES];
    snprintf(folder, sizeof folder, "%s", path);
    char *slash = strrchr(folder, '/');
    if (slash)
        *slash = '\0';
    else
        snprintf(folder, sizeof folder, ".");
    int status = valence_experiment_open(folder, &experiment, error);
    if (status)
        return status;
    if (store)
        status = valence_train_config_set(&experiment->config, "store", store, error);
    if (!status)
        status = experiment_measure(experiment, options, progress, result, error);
    valence_experiment_close(experiment);
    return status;
}

static int again_runs(const struct result_file *file, const char *store,
                      const struct valence_progress *progress, struct owned_result **result,
                      struct valence_error *error)
{
    const struct valence_experiment_result *shown = NULL;
    struct valence_store *opened;
    int status = valence_store_open(store ? store : file->store, NULL, &opened, error);
    if (status)
        return status;
    status = valence_compare_runs(file->runs, file->n_runs, opened, &file->options, progress,
                                  &shown, error);
    valence_store_close(opened);
    *result = (struct owned_result *)(uintptr_t)shown;
    return status;
}

/* The plan names its store, which may have moved. */
static void forget_store(json_t *result)
{
    json_object_del(json_object_get(json_object_get(result, "plan"), "configuration"), "store");
}

int valence_result_verify(const char *path, const char *store,
                          void (*differs)(void *user, const char *where, const char *recorded,
                                          const char *found),
                          void *user, const struct valence_progress *progress,
                          int64_t *n_differences, struct valence_error *error)
{
    struct result_comparison comparison = {differs, user, 0};
    struct owned_result *result = NULL;
    struct result_file file;
    json_t *again = NULL;
    *n_differences = 0;
    if (!path || strlen(path) >= PLAN_PATH_BYTES)
        return fail(error, VALENCE_ERROR_ARGUMENT, "a result file is needed");
    int status = result_file_read(path, &file, error);
    if (!status)
        status = file.n_runs
                     ? again_runs(&file, store, progress, &result, error)
                     : again_experiment(path, store, &file.options, progress, &result, error);
    if (!status && !(again = json_loads(result->json, 0, NULL)))
        status = fail_memory(error, strlen(result->json), "the result");
    if (!status) {
        forget_store(file.json);
        forget_store(again);
        result_file_compare(&comparison, file.json, again);
    }
    *n_differences = comparison.n;
    json_decref(again);
    result_file_free(&file);
    valence_experiment_result_free(result ? &result->shown : NULL);
    return status;
}

int valence_result_compare(const char *recorded, const char *found,
                           void (*differs)(void *user, const char *where, const char *recorded,
                                           const char *found),
                           void *user, int64_t *n_differences, struct valence_error *error)
{
    struct result_comparison comparison = {differs, user, 0};
    json_t *documents[2] = {NULL};
    *n_differences = 0;
    if (!recorded || !found)
        return fail(error, VALENCE_ERROR_ARGUMENT, "two documents are needed");
    int status =
        plan_parse_json(recorded, strlen(recorded), "the recorded document", &documents[0], error);
    if (!status)
        status = plan_parse_json(found, strlen(found), "the other document", &documents[1], error);
    if (!status)
        result_file_compare_all(&comparison, documents[0], documents[1]);
    *n_differences = comparison.n;
    json_decref(documents[0]);
    json_decref(documents[1]);
    return status;
}
