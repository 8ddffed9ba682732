/* A result file computed again. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/file.h"
#include "base/memory.h"
#include "experiment/result.h"

#define TOLERANCE 1e-6
#define MAX_DEPTH 12

/* ---- Comparing ---- */

struct comparison {
    void (*differs)(void *user, const char *where, const char *recorded, const char *found);
    void *user;
    int64_t n;
};

static void describe(const json_t *value, char text[80])
{
    char *dumped =
        value ? json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT | JSON_REAL_PRECISION(9)) : NULL;
    snprintf(text, 80, "%s", dumped ? dumped : value ? "?" : "nothing");
    free(dumped);
}

static void report(struct comparison *c, const char *where, const json_t *recorded,
                   const json_t *found)
{
    char texts[2][80];
    describe(recorded, texts[0]);
    describe(found, texts[1]);
    c->n++;
    if (c->differs)
        c->differs(c->user, where, texts[0], texts[1]);
}

static bool same_number(double a, double b)
{
    return fabs(a - b) <= TOLERANCE * fmax(1, fmax(fabs(a), fabs(b)));
}

static void compare_values(struct comparison *c, const char *where, const json_t *recorded,
                           const json_t *found, int depth);

static void compare_objects(struct comparison *c, const char *where, const json_t *recorded,
                            const json_t *found, int depth)
{
    const char *key;
    json_t *value;
    char inside[512];
    json_object_foreach((json_t *)(uintptr_t)recorded, key, value)
    {
        snprintf(inside, sizeof inside, "%.400s%s%.80s", where, where[0] ? "." : "", key);
        compare_values(c, inside, value, json_object_get(found, key), depth + 1);
    }
    json_object_foreach((json_t *)(uintptr_t)found, key, value)
    {
        snprintf(inside, sizeof inside, "%.400s%s%.80s", where, where[0] ? "." : "", key);
        if (!json_object_get(recorded, key))
            report(c, inside, NULL, value);
    }
}

static void compare_arrays(struct comparison *c, const char *where, const json_t *recorded,
                           const json_t *found, int depth)
{
    size_t n = json_array_size(recorded), other = json_array_size(found);
    char inside[512];
    for (size_t i = 0; i < (n > other ? n : other); i++) {
        snprintf(inside, sizeof inside, "%.400s[%zu]", where, i);
        compare_values(c, inside, json_array_get(recorded, i), json_array_get(found, i), depth + 1);
    }
}

static void compare_values(struct comparison *c, const char *where, const json_t *recorded,
                           const json_t *found, int depth)
{
    bool numbers = json_is_number(recorded) && json_is_number(found);
    bool same = numbers ? same_number(json_number_value(recorded), json_number_value(found))
                        : json_equal(recorded, found);
    if (same)
        return;
    if (depth < MAX_DEPTH && json_is_object(recorded) && json_is_object(found))
        compare_objects(c, where, recorded, found, depth);
    else if (depth < MAX_DEPTH && json_is_array(recorded) && json_is_array(found))
        compare_arrays(c, where, recorded, found, depth);
    else
        report(c, where, recorded, found);
}

/* What does not follow from runs and data: where things lie, and who computed. */
static void compare_results(struct comparison *c, const json_t *recorded, const json_t *found)
{
    static const char *const keys[] = {"kind",     "statistics", "metrics", "detectable",
                                       "variants", "best",       "plan"};
    static const char *const data[] = {"fingerprint", "split",    "scale",      "synthetic",
                                       "clips",       "left_out", "recordings", "clips_sha256"};
    const json_t *recorded_data = json_object_get(recorded, "data");
    const json_t *found_data = json_object_get(found, "data");
    char where[64];
    for (size_t i = 0; i < sizeof data / sizeof data[0]; i++) {
        snprintf(where, sizeof where, "data.%s", data[i]);
        compare_values(c, where, json_object_get(recorded_data, data[i]),
                       json_object_get(found_data, data[i]), 0);
    }
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
        if (json_object_get(recorded, keys[i]) || json_object_get(found, keys[i]))
            compare_values(c, keys[i], json_object_get(recorded, keys[i]),
                           json_object_get(found, keys[i]), 0);
}

/* ---- Computing again ---- */

/* What the file was computed with. `flows` has room for what the options point to. */
static int read_options(const json_t *file, unsigned flows[VALENCE_MAX_FLOWS],
                        struct valence_evaluate_options *options, struct valence_error *error)
{
    const json_t *statistics = json_object_get(file, "statistics");
    const json_t *data = json_object_get(file, "data");
    const char *split = json_string_value(json_object_get(data, "split"));
    const char *scale = json_string_value(json_object_get(data, "scale")), *name;
    json_t *unused;
    valence_evaluate_options_default(options);
    options->n_resamples = json_integer_value(json_object_get(statistics, "resamples"));
    options->seed = (uint64_t)json_integer_value(json_object_get(statistics, "seed"));
    int part = split ? valence_split_from_name(split) : -1;
    options->split = part >= 0 ? (enum valence_split)part : options->split;
    options->scale = scale ? valence_scale_from_name(scale) : -1;
    options->flows = flows;
    options->n_flows = 0;
    bool good = part >= 0 && options->scale >= 0;
    json_object_foreach(json_object_get(file, "detectable"), name, unused)
    {
        int flow = valence_flow_from_name(name);
        good = good && flow >= 0 && options->n_flows < VALENCE_MAX_FLOWS;
        if (good)
            flows[options->n_flows++] = (unsigned)flow;
    }
    return good && options->n_flows
               ? VALENCE_OK
               : fail(error, VALENCE_ERROR_FORMAT, "this is not a result, or a damaged one");
}

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

static int again_runs(const json_t *file, const json_t *paths, const char *store,
                      const struct valence_evaluate_options *options,
                      const struct valence_progress *progress, struct owned_result **result,
                      struct valence_error *error)
{
    const char *recorded =
        json_string_value(json_object_get(json_object_get(file, "data"), "store"));
    const struct valence_experiment_result *shown;
    struct valence_store *opened;
    int n = (int)json_array_size(paths);
    const char **runs = allocate(n + 1, sizeof *runs);
    if (!runs)
        return fail_memory(error, (size_t)n * sizeof *runs, "the runs");
    bool good = store || recorded;
    for (int i = 0; i < n; i++) {
        runs[i] = json_string_value(json_array_get(paths, (size_t)i));
        good = good && runs[i];
    }
    int status = good ? valence_store_open(store ? store : recorded, NULL, &opened, error)
                      : fail(error, VALENCE_ERROR_FORMAT, "this is not a result, or a damaged one");
    if (!status) {
        status = valence_compare_runs(runs, n, opened, options, progress, &shown, error);
        valence_store_close(opened);
    }
    *result = status ? NULL : (struct owned_result *)(uintptr_t)shown;
    free(runs);
    return status;
}

static int compute_again(const char *path, const json_t *file, const char *store,
                         const struct valence_progress *progress, struct owned_result **result,
                         struct valence_error *error)
{
    unsigned flows[VALENCE_MAX_FLOWS];
    struct valence_evaluate_options options;
    const json_t *source = json_object_get(file, "source"), *runs = json_object_get(source, "runs");
    int status = read_options(file, flows, &options, error);
    if (status)
        return fail_within(status, error, "%s", path);
    return json_is_array(runs) ? again_runs(file, runs, store, &options, progress, result, error)
                               : again_experiment(path, store, &options, progress, result, error);
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
    struct comparison comparison = {differs, user, 0};
    struct owned_result *result = NULL;
    json_t *file;
    *n_differences = 0;
    if (!path || strlen(path) >= PLAN_PATH_BYTES)
        return fail(error, VALENCE_ERROR_ARGUMENT, "a result file is needed");
    int status = plan_read_json(path, &file, error);
    if (status)
        return status;
    status = compute_again(path, file, store, progress, &result, error);
    json_t *again = status ? NULL : json_loads(result->json, 0, NULL);
    if (!status && !again)
        status = fail_memory(error, strlen(result->json), "the result");
    if (!status) {
        forget_store(file);
        forget_store(again);
        compare_results(&comparison, file, again);
    }
    *n_differences = comparison.n;
    json_decref(again);
    json_decref(file);
    valence_experiment_result_free(result ? &result->shown : NULL);
    return status;
}
