#include "experiment/result_file.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/memory.h"
#include "experiment/plan_private.h"

#define TOLERANCE 1e-6
#define MAX_DEPTH 12

/* ---- Reading ---- */

static int damaged(struct valence_error *error, const char *name, const char *what)
{
    return fail(error, VALENCE_ERROR_FORMAT, "%s: not an experiment's result, or a damaged one: %s",
                name, what);
}

static bool read_count(const json_t *object, const char *key, int64_t *count)
{
    const json_t *value = json_object_get(object, key);
    *count = json_integer_value(value);
    return json_is_integer(value) && *count >= 0;
}

static int read_flows(struct result_file *file, const char *name, struct valence_error *error)
{
    const char *flow_name;
    json_t *unused;
    json_object_foreach(json_object_get(file->json, "detectable"), flow_name, unused)
    {
        int flow = valence_flow_from_name(flow_name);
        if (flow < 0)
            return damaged(error, name, "'detectable' holds something other than flows");
        if (file->options.n_flows == VALENCE_MAX_FLOWS)
            return damaged(error, name, "it has too many flows");
        file->flows[file->options.n_flows++] = (unsigned)flow;
    }
    return file->options.n_flows ? VALENCE_OK : damaged(error, name, "it has no flows");
}

static int read_options(struct result_file *file, const char *name, struct valence_error *error)
{
    struct valence_evaluate_options *options = &file->options;
    const json_t *statistics = json_object_get(file->json, "statistics");
    const json_t *data = json_object_get(file->json, "data");
    const char *split = json_string_value(json_object_get(data, "split"));
    const char *scale = json_string_value(json_object_get(data, "scale"));
    int64_t seed;
    int part = split ? valence_split_from_name(split) : -1;
    valence_evaluate_options_default(options);
    options->scale = scale ? valence_scale_from_name(scale) : -1;
    options->flows = file->flows;
    if (part < 0)
        return damaged(error, name, "'data.split' is not a split");
    if (options->scale < 0)
        return damaged(error, name, "'data.scale' is not a scale of labels");
    if (!read_count(statistics, "resamples", &options->n_resamples) ||
        !read_count(statistics, "seed", &seed))
        return damaged(error, name, "'statistics' has no number of resamples, or no seed");
    options->split = (enum valence_split)part;
    options->seed = (uint64_t)seed;
    return read_flows(file, name, error);
}

static int read_runs(struct result_file *file, const char *name, struct valence_error *error)
{
    const json_t *source = json_object_get(file->json, "source");
    const json_t *runs = json_object_get(source, "runs");
    size_t n = json_array_size(runs);
    if (!json_is_object(source))
        return damaged(error, name, "'source' does not say what was compared");
    if (!runs)
        return VALENCE_OK;
    if (n < 1 || n > MAX_RESULT_RUNS)
        return damaged(error, name, "'source.runs' is not a list of runs");
    file->store = json_string_value(json_object_get(json_object_get(file->json, "data"), "store"));
    if (!file->store)
        return damaged(error, name, "'data.store' names no store");
    file->runs = allocate((int64_t)n, sizeof *file->runs);
    if (!file->runs)
        return fail_memory(error, n * sizeof *file->runs, "the runs");
    for (; (size_t)file->n_runs < n; file->n_runs++) {
        file->runs[file->n_runs] = json_string_value(json_array_get(runs, (size_t)file->n_runs));
        if (!file->runs[file->n_runs])
            return damaged(error, name, "'source.runs' holds something other than names");
    }
    return VALENCE_OK;
}

int result_file_parse(const char *text, size_t size, const char *name, struct result_file *file,
                      struct valence_error *error)
{
    *file = (struct result_file){0};
    int status = plan_parse_json(text, size, name, &file->json, error);
    const char *kind = json_string_value(json_object_get(file->json, "valence"));
    if (!status && (!kind || strcmp(kind, "result") != 0))
        status = damaged(error, name, "'valence' is not \"result\"");
    if (!status)
        status = read_options(file, name, error);
    return status ? status : read_runs(file, name, error);
}

int result_file_read(const char *path, struct result_file *file, struct valence_error *error)
{
    char *text;
    size_t size;
    *file = (struct result_file){0};
    int status = plan_read_text(path, &text, &size, error);
    if (status)
        return status;
    status = result_file_parse(text, size, path, file, error);
    free(text);
    return status;
}

void result_file_free(struct result_file *file)
{
    json_decref(file->json);
    free(file->runs);
    *file = (struct result_file){0};
}

/* ---- Comparing ---- */

static void describe(const json_t *value, char text[80])
{
    char *dumped =
        value ? json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT | JSON_REAL_PRECISION(9)) : NULL;
    snprintf(text, 80, "%s", dumped ? dumped : value ? "?" : "nothing");
    free(dumped);
}

static void report(struct result_comparison *c, const char *where, const json_t *recorded,
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

static void compare_values(struct result_comparison *c, const char *where, const json_t *recorded,
                           const json_t *found, int depth);

static void compare_objects(struct result_comparison *c, const char *where, const json_t *recorded,
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

static void compare_arrays(struct result_comparison *c, const char *where, const json_t *recorded,
                           const json_t *found, int depth)
{
    size_t n = json_array_size(recorded), other = json_array_size(found);
    char inside[512];
    for (size_t i = 0; i < (n > other ? n : other); i++) {
        snprintf(inside, sizeof inside, "%.400s[%zu]", where, i);
        compare_values(c, inside, json_array_get(recorded, i), json_array_get(found, i), depth + 1);
    }
}

static void compare_values(struct result_comparison *c, const char *where, const json_t *recorded,
                           const json_t *found, int depth)
{
    bool numbers = json_is_number(recorded) && json_is_number(found);
    bool same = numbers ? same_number(json_number_value(recorded), json_number_value(found))
                        : json_equal(recorded, found);
    if (same || (!recorded && !found))
        return;
    if (depth < MAX_DEPTH && json_is_object(recorded) && json_is_object(found))
        compare_objects(c, where, recorded, found, depth);
    else if (depth < MAX_DEPTH && json_is_array(recorded) && json_is_array(found))
        compare_arrays(c, where, recorded, found, depth);
    else
        report(c, where, recorded, found);
}

void result_file_compare(struct result_comparison *c, const json_t *recorded, const json_t *found)
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

void result_file_compare_all(struct result_comparison *c, const json_t *recorded,
                             const json_t *found)
{
    compare_values(c, "", recorded, found, 0);
}
