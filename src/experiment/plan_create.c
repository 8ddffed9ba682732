/* Plans made, written and read. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fail.h"
#include "base/file.h"
#include "base/file_writer.h"
#include "base/options.h"
#include "config/config_table.h"
#include "experiment/plan_private.h"
#include "format/json_failure.h"
#include "run/run_folder.h"

#define MAX_RUNGS       10
#define MAX_JSON_BYTES  (64u << 20)
#define MAX_ASSIGNMENTS 80

/* ---- JSON files ---- */

int plan_parse_json(const char *text, size_t size, const char *name, json_t **value,
                    struct valence_error *error)
{
    json_error_t problem;
    *value = json_loadb(text, size, JSON_REJECT_DUPLICATES, &problem);
    return *value ? VALENCE_OK
                  : fail_json(&problem, error, VALENCE_ERROR_FORMAT,
                              "%s:%d: this is not JSON: %.200s", name, problem.line, problem.text);
}

int plan_read_text(const char *path, char **text, size_t *size, struct valence_error *error)
{
    return path_exists(path) ? file_read_text(path, MAX_JSON_BYTES, text, size, error)
                             : fail(error, VALENCE_ERROR_NOT_FOUND, "%s: no such file", path);
}

int plan_read_json(const char *path, json_t **value, struct valence_error *error)
{
    char *text;
    size_t size;
    *value = NULL;
    int status = plan_read_text(path, &text, &size, error);
    if (status)
        return status;
    status = plan_parse_json(text, size, path, value, error);
    free(text);
    return status;
}

int plan_write_json(const char *path, json_t *value, struct valence_error *error)
{
    char *text =
        value ? json_dumps(value, JSON_INDENT(2) | JSON_REAL_PRECISION(9) | JSON_ENCODE_ANY) : NULL;
    json_decref(value);
    struct file_writer writer;
    int status = text ? file_write_begin(&writer, path, FILE_OVERWRITE, error)
                      : fail_memory(error, 1 << 16, "a JSON document");
    if (!status) {
        fprintf(writer.stream, "%s\n", text);
        status = file_write_commit(&writer, error);
    }
    free(text);
    return status;
}

/* ---- plan.json ---- */

/* Where the experiment lies and how many threads it has is not part of the plan. */
static bool is_planned(const char *key)
{
    return strcmp(key, "output") != 0 && strcmp(key, "threads") != 0;
}

json_t *plan_config_to_json(const struct valence_train_config *config)
{
    json_t *object = json_object();
    char value[VALENCE_CONFIG_VALUE_BYTES];
    int failed = !object;
    for (int i = 0; i < valence_train_n_keys() && !failed; i++) {
        const char *key = valence_train_get_key(i)->name;
        failed =
            is_planned(key) && (valence_train_config_get(config, key, value, sizeof value, NULL) ||
                                json_object_set_new(object, key, json_string(value)));
    }
    if (!failed)
        return object;
    json_decref(object);
    return NULL;
}

static json_t *plan_to_json(const struct valence_experiment *experiment)
{
    json_t *variants = json_array();
    int failed = !variants;
    for (int i = 0; i < experiment->n_variants; i++) {
        const struct plan_variant *variant = &experiment->variants[i];
        json_t *set = json_array();
        for (int j = 0; j < variant->n_assignments; j++)
            failed |= json_array_append_new(set, json_string(variant->assignments[j]));
        failed |= json_array_append_new(variants,
                                        json_pack("{s:s, s:o}", "name", variant->name, "set", set));
    }
    if (failed) {
        json_decref(variants);
        return NULL;
    }
    return json_pack("{s:s, s:i, s:s, s:I, s:I, s:o, s:o}", "valence", "plan", "version", 1, "kind",
                     experiment->kind, "rungs", (json_int_t)experiment->n_rungs, "factor",
                     (json_int_t)experiment->factor, "configuration",
                     plan_config_to_json(&experiment->config), "variants", variants);
}

static int read_variant(struct valence_experiment *experiment, const json_t *value,
                        struct valence_error *error)
{
    const json_t *set = json_object_get(value, "set");
    size_t n = json_array_size(set);
    if (n > MAX_ASSIGNMENTS)
        return fail(error, VALENCE_ERROR_FORMAT, "a variant sets %zu keys", n);
    int status = plan_add_variant(experiment, json_string_value(json_object_get(value, "name")),
                                  (int)n, error);
    for (size_t i = 0; i < n && !status; i++)
        status = plan_add_assignment(experiment, json_string_value(json_array_get(set, i)), error);
    return status;
}

static int read_config(struct valence_experiment *experiment, const json_t *object,
                       struct valence_error *error)
{
    const char *key;
    json_t *value;
    int status = VALENCE_OK;
    train_config_set_before(&experiment->config);
    json_object_foreach((json_t *)(uintptr_t)object, key, value)
    {
        const char *text = json_string_value(value);
        if (!status && !is_planned(key))
            status = fail(error, VALENCE_ERROR_FORMAT, "'%.80s' is not part of a plan", key);
        if (!status)
            status = valence_train_config_set(&experiment->config, key, text ? text : "", error);
    }
    return status
               ? status
               : valence_train_config_set(&experiment->config, "output", experiment->folder, error);
}

static bool is_range(const json_t *value, int64_t low, int64_t high)
{
    return json_is_integer(value) && json_integer_value(value) >= low &&
           json_integer_value(value) <= high;
}

static int plan_from_json(const char *folder, const json_t *plan,
                          struct valence_experiment **experiment, struct valence_error *error)
{
    const json_t *variants = json_object_get(plan, "variants");
    const json_t *rungs = json_object_get(plan, "rungs"), *factor = json_object_get(plan, "factor");
    const char *what = json_string_value(json_object_get(plan, "valence"));
    const char *kind = json_string_value(json_object_get(plan, "kind"));
    if (!what || strcmp(what, "plan") != 0 || !kind || strlen(kind) >= VARIANT_NAME_BYTES ||
        !is_range(json_object_get(plan, "version"), 1, 1) || !is_range(rungs, 1, MAX_RUNGS) ||
        !is_range(factor, 2, 100))
        return fail(error, VALENCE_ERROR_FORMAT, "this is not a plan of this version");
    int status = plan_allocate(folder, (int)json_array_size(variants), experiment, error);
    if (status)
        return status;
    snprintf((*experiment)->kind, sizeof(*experiment)->kind, "%s", kind);
    (*experiment)->n_rungs = json_integer_value(rungs);
    (*experiment)->factor = json_integer_value(factor);
    status = read_config(*experiment, json_object_get(plan, "configuration"), error);
    for (size_t i = 0; i < json_array_size(variants) && !status; i++)
        status = read_variant(*experiment, json_array_get(variants, i), error);
    return status;
}

int plan_parse(const char *folder, const char *json, size_t size, const char *name,
               struct valence_experiment **experiment, struct valence_error *error)
{
    json_t *plan;
    *experiment = NULL;
    int status = plan_parse_json(json, size, name, &plan, error);
    if (status)
        return status;
    status = plan_from_json(folder, plan, experiment, error);
    json_decref(plan);
    if (!status)
        return VALENCE_OK;
    valence_experiment_close(*experiment);
    *experiment = NULL;
    return fail_within(status, error, "%s", name);
}

int valence_experiment_open(const char *folder, struct valence_experiment **experiment,
                            struct valence_error *error)
{
    char path[PLAN_FILE_BYTES], *text;
    size_t size;
    *experiment = NULL;
    if (!folder || strlen(folder) >= PLAN_PATH_BYTES)
        return fail(error, VALENCE_ERROR_ARGUMENT, "an experiment needs a folder");
    snprintf(path, sizeof path, "%s/%s", folder, PLAN_FILE);
    if (!path_exists(path))
        return fail(error, VALENCE_ERROR_NOT_FOUND, "%s: no experiment there (it would have a %s)",
                    folder, PLAN_FILE);
    int status = file_read_text(path, MAX_JSON_BYTES, &text, &size, error);
    if (status)
        return status;
    status = plan_parse(folder, text, size, path, experiment, error);
    free(text);
    return status;
}

/* ---- Creating ---- */

void valence_plan_options_default(struct valence_plan_options *options)
{
    *options = (struct valence_plan_options){
        .size = sizeof *options, .kind = "comparison", .n_rungs = 1, .factor = 3};
}

static int read_options(const struct valence_plan_options *given,
                        struct valence_plan_options *options, struct valence_error *error)
{
    valence_plan_options_default(options);
    int status = options_read(options, sizeof *options, given, error);
    if (status)
        return status;
    if (!options->kind || !options->kind[0] || strlen(options->kind) >= VARIANT_NAME_BYTES)
        return fail(error, VALENCE_ERROR_ARGUMENT, "the kind of the experiment is not one word");
    if (options->n_rungs < 1 || options->n_rungs > MAX_RUNGS || options->factor < 2 ||
        options->factor > 100)
        return fail_key(error, VALENCE_ERROR_ARGUMENT, "n_rungs",
                        "successive halving has 1 to %d rungs, and a factor from 2 to 100",
                        MAX_RUNGS);
    return VALENCE_OK;
}

static int copy_variants(struct valence_experiment *experiment,
                         const struct valence_variant *variants, int n, struct valence_error *error)
{
    int status = VALENCE_OK;
    for (int i = 0; i < n && !status; i++) {
        if (variants[i].n_assignments < 0 || variants[i].n_assignments > MAX_ASSIGNMENTS)
            return fail(error, VALENCE_ERROR_ARGUMENT, "variant '%.80s' sets too many keys",
                        variants[i].name ? variants[i].name : "");
        status = plan_add_variant(experiment, variants[i].name, variants[i].n_assignments, error);
        for (int j = 0; j < variants[i].n_assignments && !status; j++)
            status = plan_add_assignment(experiment, variants[i].assignments[j], error);
    }
    return status;
}

/* Writes the numbers of a plan's configuration as `now` does, where they are the same. */
static void rewrite_numbers(json_t *there, const json_t *now)
{
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)now, key, value)
    {
        const struct valence_config_key *known = valence_train_key_find(key);
        const char *before = json_string_value(json_object_get(there, key));
        if (known && before && config_values_equal(known, before, json_string_value(value)))
            (void)json_object_set(there, key, value); /* fails: it counts as another plan */
    }
}

/* Whether the folder's plan is the one that was made. */
static int check_same_plan(const struct valence_experiment *made, struct valence_error *error)
{
    char path[PLAN_FILE_BYTES];
    json_t *there = NULL, *now = plan_to_json(made);
    int status = now ? plan_read_json(plan_file(made, PLAN_FILE, path), &there, error)
                     : fail_memory(error, 1 << 16, "a plan");
    if (!status)
        rewrite_numbers(json_object_get(there, "configuration"),
                        json_object_get(now, "configuration"));
    if (!status && !json_equal(there, now))
        status = fail_key(error, VALENCE_ERROR_EXISTS, "output",
                          "%s: holds an experiment with another plan\n"
                          "         (its %s says which; an experiment continues with the plan that "
                          "it began with)",
                          made->folder, PLAN_FILE);
    json_decref(there);
    json_decref(now);
    return status;
}

static int begin(const struct valence_experiment *made, struct valence_error *error)
{
    char path[PLAN_FILE_BYTES];
    if (path_exists(plan_file(made, PLAN_FILE, path)))
        return check_same_plan(made, error);
    int status = run_folder_check_new(made->folder, error);
    if (!status)
        status = plan_try_variants(made, error);
    bool is_there = path_exists(made->folder);
    if (!status)
        status = make_folders(made->folder, error);
    if (!status && (status = plan_write_json(path, plan_to_json(made), error)) && !is_there)
        (void)rmdir(made->folder);
    return status;
}

int valence_experiment_create(const struct valence_train_config *config,
                              const struct valence_variant *variants, int n_variants,
                              const struct valence_plan_options *given,
                              struct valence_experiment **experiment, struct valence_error *error)
{
    struct valence_plan_options options;
    *experiment = NULL;
    if (!config || !variants)
        return fail(error, VALENCE_ERROR_ARGUMENT, "a plan needs a configuration and variants");
    int status = read_options(given, &options, error);
    if (!status)
        status = plan_allocate(config->output, n_variants, experiment, error);
    if (status)
        return status;
    struct valence_experiment *made = *experiment;
    made->config = *config;
    made->n_rungs = options.n_rungs;
    made->factor = options.factor;
    snprintf(made->kind, sizeof made->kind, "%s", options.kind);
    status = copy_variants(made, variants, n_variants, error);
    if (!status)
        status = plan_check_variants(made, options.allow_equal, error);
    if (!status && !options.dry_run)
        status = begin(made, error);
    if (status || options.dry_run) {
        valence_experiment_close(made);
        *experiment = NULL;
    }
    return status;
}
