#include "report/sources.h"

#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/text.h"
#include "format/json_failure.h"
#include "run/run_folder.h"
#include "run/run_list.h"
#include "valence/model.h"
#include "valence/train.h"

#define MAX_SOURCES        4096
#define MAX_DOCUMENT_BYTES ((size_t)1 << 30)
#define MAX_TEXT_BYTES     ((size_t)16 << 20)
#define RESULT_FILE        "result.json"
#define PLAN_FILE          "plan.json"
#define SEED_PREFIX        "seed-"

static int no_memory(struct valence_error *error)
{
    return fail(error, VALENCE_ERROR_MEMORY, "no memory for a report's inputs");
}

/* ---- Names ---- */

/* The last part of a path, whatever slashes it ends in. */
static char *name_of(const char *path)
{
    size_t length = strlen(path);
    while (length > 1 && path[length - 1] == '/')
        length--;
    size_t start = length;
    while (start > 0 && path[start - 1] != '/')
        start--;
    return start == length ? strdup(path) : strndup(path + start, length - start);
}

/* Runs with the name of an earlier one are called by their paths; then groups have names too. */
static int settle_run_names(struct sources *sources, struct valence_error *error)
{
    for (int64_t i = 0; i < sources->n_runs; i++)
        for (int64_t j = 0; j < i; j++)
            if (strcmp(sources->runs[i].name, sources->runs[j].name) == 0) {
                char *name = strdup(sources->runs[i].path);
                if (!name)
                    return no_memory(error);
                free(sources->runs[i].name);
                sources->runs[i].name = name;
                break;
            }
    for (int64_t i = 0; i < sources->n_runs; i++) {
        struct run_source *run = &sources->runs[i];
        bool is_seed = strcmp(run->path, run->parent) != 0;
        size_t length = (size_t)(path_name(run->name) - run->name);
        run->group = is_seed && length > 1 ? strndup(run->name, length - 1) : strdup(run->name);
        if (!run->group)
            return no_memory(error);
    }
    return VALENCE_OK;
}

/* ---- Runs ---- */

static bool holds(const char *folder, const char *name)
{
    char path[PATH_MAX]; /* no memory is taken: without it a file would seem not to be there */
    int length = snprintf(path, sizeof path, "%s/%s", folder, name);
    return length < (int)sizeof path && path_exists(path);
}

/* *text stays NULL where the file is not there. */
static int read_if_there(const char *folder, const char *name, char **text,
                         struct valence_error *error)
{
    *text = NULL;
    char *path = path_join(folder, name);
    int status = path ? VALENCE_OK : no_memory(error);
    if (!status && path_exists(path))
        status = file_read_text(path, MAX_TEXT_BYTES, text, NULL, error);
    free(path);
    return status;
}

/* *results stays NULL while the training has not ended. */
static int read_results(const char *folder, json_t **results, struct valence_error *error)
{
    char *text = NULL;
    json_error_t problem;
    int status = read_if_there(folder, RUN_RESULTS, &text, error);
    if (status || !text)
        return status;
    *results = json_loads(text, JSON_REJECT_DUPLICATES, &problem);
    free(text);
    if (!*results)
        return fail_json(&problem, error, VALENCE_ERROR_FORMAT, "%s/%s: not JSON: %s", folder,
                         RUN_RESULTS, problem.text);
    return json_is_object(*results)
               ? VALENCE_OK
               : fail(error, VALENCE_ERROR_FORMAT, "%s/%s: not a JSON object", folder, RUN_RESULTS);
}

/* The names of the streams that a configuration reads; NULL where memory is short. */
static char *streams_of(const struct valence_train_config *config)
{
    struct text names = {.maximum = 4096};
    for (int s = 0; config && s < VALENCE_N_STREAMS; s++) {
        char key[64], name[VALENCE_CONFIG_VALUE_BYTES];
        snprintf(key, sizeof key, "streams.%s", valence_stream_names[s]);
        if (!valence_train_config_get(config, key, name, sizeof name, NULL))
            text_format(&names, "%s,", name);
    }
    char *made = names.failed ? NULL : strdup(names.length ? names.data : "");
    text_free(&names);
    return made;
}

/* What the run was trained on, as far as it says so: a checkpoint that cannot be loaded is an error
 * where its model is used. */
static int find_data(struct run_source *run, struct valence_error *error)
{
    struct valence_train_config *config = NULL;
    struct valence_model *model = NULL;
    struct valence_error problem;
    char store[VALENCE_CONFIG_VALUE_BYTES] = "";
    char *path = path_join(run->path, RUN_BEST);
    int status = !path            ? VALENCE_ERROR_MEMORY
                 : run->has_model ? valence_model_load(path, &model, &problem)
                                  : VALENCE_OK;
    free(path);
    if (status != VALENCE_ERROR_MEMORY)
        status = valence_train_config_create(&config, &problem);
    if (!status && run->configuration)
        status = valence_train_config_parse(config, run->configuration, strlen(run->configuration),
                                            RUN_CONFIG, &problem);
    if (!status && run->configuration)
        status = valence_train_config_get(config, "store", store, sizeof store, &problem);
    const struct valence_model_provenance *from =
        model ? valence_model_get_provenance(model) : NULL;
    run->store = strdup(*store || !from ? store : from->store);
    run->data = strdup(from ? from->data : "");
    run->version = strdup(from ? from->version : "");
    run->streams = streams_of(config);
    valence_train_config_free(config);
    valence_model_free(model);
    bool is_complete = run->store && run->data && run->version && run->streams;
    return is_complete && status != VALENCE_ERROR_MEMORY ? VALENCE_OK : no_memory(error);
}

/* `seed` is "seed-2", or NULL for a run of its own. */
static int add_run(struct sources *sources, const char *parent, const char *seed,
                   struct valence_error *error)
{
    int status = grow_array((void **)&sources->runs, &sources->run_capacity, sources->n_runs + 1,
                            sizeof *sources->runs, MAX_SOURCES, "runs", error);
    if (status)
        return status;
    struct run_source *run = &sources->runs[sources->n_runs++];
    char *name = name_of(parent);
    *run = (struct run_source){.path = seed ? path_join(parent, seed) : strdup(parent),
                               .name = seed && name ? path_join(name, seed) : name,
                               .parent = strdup(parent)};
    if (seed)
        free(name);
    if (!run->path || !run->name || !run->parent)
        return no_memory(error);
    run->has_model = holds(run->path, RUN_BEST);
    status = read_if_there(run->path, RUN_CONFIG, &run->configuration, error);
    if (!status)
        status = find_data(run, error);
    if (!status && holds(run->path, RUN_LOG))
        status = run_log_read(run->path, &run->log, error);
    return status ? status : read_results(run->path, &run->results, error);
}

/* Adds the runs seed-1, seed-2, ... of a folder; *n says how many there are. */
static int add_seeds(struct sources *sources, const char *path, int *n, struct valence_error *error)
{
    struct dirent **entries;
    int status = run_seeds_list(path, &entries, n, error);
    for (int i = 0; i < *n && !status; i++)
        status = add_run(sources, path, entries[i]->d_name, error);
    run_seeds_free(entries, *n);
    return status;
}

/* ---- Documents ---- */

/* "schema" of a document that a command printed, or "valence" of a folder's own. */
static const struct {
    const char *key, *value;
    enum document_kind kind;
} document_signs[] = {
    {"schema", "valence/evaluate", DOCUMENT_EVALUATION},
    {"schema", "valence/evaluate-protocol", DOCUMENT_PROTOCOL},
    {"schema", "valence/predict", DOCUMENT_PREDICTION},
    {"schema", "valence/ablate", DOCUMENT_RESULT},
    {"schema", "valence/compare", DOCUMENT_RESULT},
    {"schema", "valence/sweep", DOCUMENT_RESULT},
    {"schema", "valence/doctor", DOCUMENT_DOCTOR},
    {"schema", "valence/compare-representations", DOCUMENT_REPRESENTATIONS},
    {"schema", "valence/cost", DOCUMENT_COST},
    {"valence", "result", DOCUMENT_RESULT},
};

static const char *string_at(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "";
}

int document_recognise(const json_t *json, const char *name, enum document_kind *kind,
                       struct valence_error *error)
{
    for (size_t i = 0; i < sizeof document_signs / sizeof document_signs[0]; i++)
        if (strcmp(string_at(json, document_signs[i].key), document_signs[i].value) == 0) {
            *kind = document_signs[i].kind;
            return VALENCE_OK;
        }
    const char *schema = string_at(json, "schema");
    return *schema ? fail(error, VALENCE_ERROR_FORMAT, "%s: a report shows nothing of a %s", name,
                          schema)
                   : fail(error, VALENCE_ERROR_FORMAT,
                          "%s: not a document that valence printed with --json", name);
}

/* Results of experiments all have the same name, so their folders' names stand for them. */
static char *name_of_document(const char *path)
{
    size_t length = strlen(path), end = strlen("/" RESULT_FILE);
    if (length <= end || strcmp(path + length - end, "/" RESULT_FILE) != 0)
        return name_of(path);
    char *folder = strndup(path, length - end), *name = folder ? name_of(folder) : NULL;
    free(folder);
    return name;
}

static int add_document(struct sources *sources, const char *path, struct valence_error *error)
{
    json_error_t problem;
    char *text = NULL;
    int status = grow_array((void **)&sources->documents, &sources->document_capacity,
                            sources->n_documents + 1, sizeof *sources->documents, MAX_SOURCES,
                            "documents", error);
    if (!status)
        status = file_read_text(path, MAX_DOCUMENT_BYTES, &text, NULL, error);
    if (status)
        return status;
    struct document_source *document = &sources->documents[sources->n_documents++];
    *document = (struct document_source){.path = strdup(path), .name = name_of_document(path)};
    document->json = json_loads(text, JSON_REJECT_DUPLICATES, &problem);
    free(text);
    if (!document->path || !document->name)
        return no_memory(error);
    if (!document->json && json_error_code(&problem) == json_error_out_of_memory)
        return no_memory(error);
    if (!document->json)
        return fail(error, VALENCE_ERROR_FORMAT, "%s:%d: not JSON: %s", path, problem.line,
                    problem.text);
    status = document_recognise(document->json, path, &document->kind, error);
    if (!status && document->kind == DOCUMENT_RESULT && !json_object_get(document->json, "data"))
        status = fail(error, VALENCE_ERROR_FORMAT, "%s: a plan or a dry run, which has no figures",
                      path);
    return status;
}

static int add_table(struct sources *sources, const char *path, struct valence_error *error)
{
    int status =
        grow_array((void **)&sources->tables, &sources->table_capacity, sources->n_tables + 1,
                   sizeof *sources->tables, MAX_SOURCES, "tables", error);
    if (status)
        return status;
    struct table_source *table = &sources->tables[sources->n_tables++];
    *table = (struct table_source){.path = strdup(path), .name = name_of(path)};
    return table->path && table->name ? VALENCE_OK : no_memory(error);
}

/* ---- Experiments ---- */

/* The results of the runs that are done. */
static int read_done(struct unfinished_source *source, struct valence_error *error)
{
    const struct valence_experiment_state *state = source->state;
    int status = VALENCE_OK;
    source->results = allocate(state->n_runs + 1, sizeof *source->results);
    if (!source->results)
        return no_memory(error);
    for (int64_t i = 0; i < state->n_runs && !status; i++) {
        const struct valence_planned_run *run = &state->runs[i];
        char name[256];
        if (run->state != VALENCE_RUN_DONE && run->state != VALENCE_RUN_DROPPED)
            continue;
        snprintf(name, sizeof name, "runs/%.120s/%s%lld", run->variant, SEED_PREFIX,
                 (long long)run->seed);
        char *folder = path_join(source->path, name);
        status = folder ? read_results(folder, &source->results[i], error) : no_memory(error);
        free(folder);
    }
    return status;
}

static int add_unfinished(struct sources *sources, const char *folder, struct valence_error *error)
{
    int status = grow_array((void **)&sources->unfinished, &sources->unfinished_capacity,
                            sources->n_unfinished + 1, sizeof *sources->unfinished, MAX_SOURCES,
                            "experiments", error);
    if (status)
        return status;
    struct unfinished_source *source = &sources->unfinished[sources->n_unfinished++];
    *source = (struct unfinished_source){.path = strdup(folder), .name = name_of(folder)};
    if (!source->path || !source->name)
        return no_memory(error);
    status = valence_experiment_open(folder, &source->experiment, error);
    if (!status)
        status = valence_experiment_look(source->experiment, &source->state, error);
    return status ? status : read_done(source, error);
}

static int add_experiment(struct sources *sources, const char *folder, struct valence_error *error)
{
    char *path = path_join(folder, RESULT_FILE);
    int status = !path               ? no_memory(error)
                 : path_exists(path) ? add_document(sources, path, error)
                                     : add_unfinished(sources, folder, error);
    free(path);
    return status;
}

static void free_unfinished(struct unfinished_source *source)
{
    for (int64_t i = 0; source->results && i < source->state->n_runs; i++)
        json_decref(source->results[i]);
    free(source->results);
    valence_experiment_state_free(source->state);
    valence_experiment_close(source->experiment);
    free(source->path);
    free(source->name);
}

/* ---- Inputs ---- */

static int add_folder(struct sources *sources, const char *path, struct valence_error *error)
{
    int n = 0;
    if (holds(path, PLAN_FILE))
        return add_experiment(sources, path, error);
    if (holds(path, RUN_LOG) || holds(path, RUN_BEST))
        return add_run(sources, path, NULL, error);
    int status = add_seeds(sources, path, &n, error);
    if (status || n > 0)
        return status;
    return fail(error, VALENCE_ERROR_NOT_FOUND,
                holds(path, RUN_CONFIG)
                    ? "%s: its training has not finished an epoch yet"
                    : "%s: neither a run nor an experiment; a store is read through a run that was "
                      "trained on it",
                path);
}

static int add_input(struct sources *sources, const char *path, struct valence_error *error)
{
    if (!path_exists(path))
        return fail(error, VALENCE_ERROR_NOT_FOUND, "%s: no such file or folder", path);
    if (path_is_folder(path))
        return add_folder(sources, path, error);
    if (path_has_ending(path, ".csv"))
        return add_table(sources, path, error);
    if (path_has_ending(path, ".safetensors"))
        return fail(error, VALENCE_ERROR_FORMAT,
                    "%s: a report needs the run's folder, not one of its checkpoints", path);
    return add_document(sources, path, error);
}

int sources_read(const char *const *inputs, int n, struct sources *sources,
                 struct valence_error *error)
{
    int status = VALENCE_OK;
    *sources = (struct sources){0};
    for (int i = 0; i < n && !status; i++)
        status = add_input(sources, inputs[i], error);
    if (!status)
        status = settle_run_names(sources, error);
    if (status)
        sources_free(sources);
    return status;
}

void sources_free(struct sources *sources)
{
    for (int64_t i = 0; i < sources->n_runs; i++) {
        struct run_source *run = &sources->runs[i];
        run_log_free(&run->log);
        json_decref(run->results);
        free(run->configuration);
        free(run->store);
        free(run->data);
        free(run->version);
        free(run->streams);
        free(run->path);
        free(run->name);
        free(run->parent);
        free(run->group);
    }
    for (int64_t i = 0; i < sources->n_documents; i++) {
        json_decref(sources->documents[i].json);
        free(sources->documents[i].path);
        free(sources->documents[i].name);
    }
    for (int64_t i = 0; i < sources->n_tables; i++) {
        free(sources->tables[i].path);
        free(sources->tables[i].name);
    }
    for (int64_t i = 0; i < sources->n_unfinished; i++)
        free_unfinished(&sources->unfinished[i]);
    free(sources->unfinished);
    free(sources->runs);
    free(sources->documents);
    free(sources->tables);
    *sources = (struct sources){0};
}
