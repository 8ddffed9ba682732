#include "run/run_log.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/text.h"
#include "format/json_failure.h"
#include "run/run_folder.h"

#define MAX_LOG_BYTES (64 << 20)
#define MAX_EPOCHS    (1 << 22)
#define MAX_VALUES    (1 << 24)
#define MAX_DEPTH     4 /* of objects in a line */

static const char *const time_keys[RUN_N_TIMES] = {"seconds", "training_seconds",
                                                   "clips_per_second"};
static const char *const time_names[RUN_N_TIMES] = {"time/seconds", "time/training_seconds",
                                                    "time/clips_per_second"};

/* ---- Lines ---- */

/* The next whole line; NULL at the end. A line without an end is still being written, or was when
 * its process was killed. */
static char *next_line(char **rest)
{
    char *line = *rest, *end = strchr(line, '\n');
    if (!end)
        return NULL;
    *end = '\0';
    *rest = end + 1;
    return line;
}

/* ---- Scalars ---- */

static int find_scalar(struct run_log *log, const char *name, int *scalar,
                       struct valence_error *error)
{
    for (*scalar = 0; *scalar < log->n_scalars; ++*scalar)
        if (strcmp(log->names[*scalar], name) == 0)
            return VALENCE_OK;
    if (log->n_scalars == RUN_LOG_MAX_SCALARS)
        return fail(error, VALENCE_ERROR_LIMIT, "more than %d scalars", RUN_LOG_MAX_SCALARS);
    void *names = log->names;
    int status = grow_array(&names, &log->names_capacity, log->n_scalars + 1, sizeof *log->names,
                            RUN_LOG_MAX_SCALARS, "the names of scalars", error);
    log->names = names;
    if (!status)
        snprintf(log->names[log->n_scalars++], RUN_LOG_NAME_BYTES, "%s", name);
    return status;
}

static int add_value(struct run_log *log, const char *name, double value,
                     struct valence_error *error)
{
    void *values = log->values;
    int scalar;
    int status = find_scalar(log, name, &scalar, error);
    if (!status)
        status = grow_array(&values, &log->values_capacity, log->n_values + 1, sizeof *log->values,
                            MAX_VALUES, "the values of a log", error);
    log->values = values;
    if (!status)
        log->values[log->n_values++] = (struct run_log_value){scalar, value};
    return status;
}

/* The error by which the best epoch is chosen stands under the name of its rule; without a prefix
 * it would look like a loss. */
static const char *prefix_of(const char *key)
{
    bool selects =
        strcmp(key, "complete") == 0 || strcmp(key, "missing") == 0 || strcmp(key, "mean") == 0;
    return selects ? RUN_LOG_SELECTED : "";
}

static int add_members(struct run_log *log, const char *prefix, const json_t *object, int depth,
                       struct valence_error *error);

static int add_member(struct run_log *log, const char *prefix, const char *key, const json_t *value,
                      int depth, struct valence_error *error)
{
    struct text name = {.maximum = RUN_LOG_NAME_BYTES - 1};
    text_format(&name, "%s%s", depth == 1 ? prefix_of(key) : prefix, key);
    if (json_is_object(value))
        text_format(&name, "/");
    int status = VALENCE_OK;
    if (name.failed || depth > MAX_DEPTH)
        status = fail_text(&name, error, VALENCE_ERROR_FORMAT,
                           "the name of %s%.40s is too long or too deep", prefix, key);
    else if (json_is_number(value))
        status = add_value(log, name.data, json_number_value(value), error);
    else
        status = add_members(log, name.data, value, depth + 1, error);
    text_free(&name);
    return status;
}

/* Numbers, also those inside objects: {"loss": {"total": 1}} is loss/total. */
static int add_members(struct run_log *log, const char *prefix, const json_t *object, int depth,
                       struct valence_error *error)
{
    const char *key;
    json_t *value;
    int status = VALENCE_OK;
    json_object_foreach((json_t *)(uintptr_t)object, key, value)
    {
        bool counts = depth == 1 && (strcmp(key, "epoch") == 0 || strcmp(key, "step") == 0);
        if (!counts && (json_is_number(value) || json_is_object(value)))
            status = add_member(log, prefix, key, value, depth, error);
        if (status)
            return status;
    }
    return VALENCE_OK;
}

/* ---- Epochs ---- */

static int add_epoch(struct run_log *log, const json_t *line, struct valence_error *error)
{
    void *epochs = log->epochs;
    json_int_t wanted = log->n_epochs + 1;
    if (!json_is_object(line) || json_integer_value(json_object_get(line, "epoch")) != wanted)
        return fail(error, VALENCE_ERROR_FORMAT, "not the record of epoch %lld", (long long)wanted);
    int status = grow_array(&epochs, &log->epochs_capacity, wanted, sizeof *log->epochs, MAX_EPOCHS,
                            "the epochs of a log", error);
    log->epochs = epochs;
    if (status)
        return status;
    struct run_log_epoch epoch = {.step = json_integer_value(json_object_get(line, "step")),
                                  .ended = NAN,
                                  .times = {NAN, NAN, NAN},
                                  .first = log->n_values};
    if (epoch.step < 0)
        return fail(error, VALENCE_ERROR_FORMAT, "a negative step");
    status = add_members(log, "", line, 1, error);
    epoch.n = log->n_values - epoch.first;
    log->epochs[log->n_epochs++] = epoch;
    return status;
}

/* Of epochs that were trained twice, the last line is the one whose record was kept. */
static void set_times(struct run_log *log, const json_t *line)
{
    json_int_t number = json_integer_value(json_object_get(line, "epoch"));
    if (number < 1 || number > log->n_epochs)
        return;
    struct run_log_epoch *epoch = &log->epochs[number - 1];
    const json_t *ended = json_object_get(line, "unix_milliseconds");
    epoch->ended = json_is_integer(ended) ? (double)json_integer_value(ended) / 1000 : NAN;
    for (int t = 0; t < RUN_N_TIMES; t++) {
        const json_t *value = json_object_get(line, time_keys[t]);
        epoch->times[t] = json_is_number(value) ? json_number_value(value) : NAN;
    }
}

/* Lines that are not JSON are passed over: a killed process may have left half of one, behind which
 * the next process went on. Only a lack of memory is an error. */
static int read_times(char *text, void (*visit)(void *user, const json_t *line), void *user,
                      struct valence_error *error)
{
    for (char *line; (line = next_line(&text));) {
        json_error_t problem;
        json_t *times = json_loads(line, 0, &problem);
        if (!times && fail_json(&problem, error, VALENCE_ERROR_FORMAT, "%s", RUN_TIMING) ==
                          VALENCE_ERROR_MEMORY)
            return VALENCE_ERROR_MEMORY;
        visit(user, times);
        json_decref(times);
    }
    return VALENCE_OK;
}

static void visit_times(void *user, const json_t *line)
{
    set_times(user, line);
}

int run_log_parse(char *text, char *timing, const char *path, struct run_log *log,
                  struct valence_error *error)
{
    *log = (struct run_log){0};
    int status = VALENCE_OK;
    for (char *line; !status && (line = next_line(&text));) {
        json_error_t problem;
        json_t *record = json_loads(line, JSON_REJECT_DUPLICATES, &problem);
        if (!record)
            status =
                fail_json(&problem, error, VALENCE_ERROR_FORMAT, "not JSON (%s)", problem.text);
        else
            status = add_epoch(log, record, error);
        json_decref(record);
    }
    if (status)
        return fail_within(status, error, "%s: line %lld", path, (long long)log->n_epochs + 1);
    return timing ? read_times(timing, visit_times, log, error) : VALENCE_OK;
}

void run_log_free(struct run_log *log)
{
    free(log->names);
    free(log->epochs);
    free(log->values);
    *log = (struct run_log){0};
}

/* ---- Files ---- */

/* *text is NULL where the file does not exist. */
static int read_text(const char *folder, const char *name, char **path, char **text,
                     struct valence_error *error)
{
    *text = NULL;
    *path = path_join(folder, name);
    if (!*path)
        return fail_memory(error, strlen(folder), "a path");
    return path_exists(*path) ? file_read_text(*path, MAX_LOG_BYTES, text, NULL, error)
                              : VALENCE_OK;
}

int run_log_read(const char *folder, struct run_log *log, struct valence_error *error)
{
    char *path = NULL, *timing_path = NULL, *text = NULL, *timing = NULL;
    *log = (struct run_log){0};
    int status = read_text(folder, RUN_LOG, &path, &text, error);
    if (!status && !text)
        status = fail(error, VALENCE_ERROR_NOT_FOUND, "%s: no such file", path);
    if (!status)
        status = read_text(folder, RUN_TIMING, &timing_path, &timing, error);
    if (!status)
        status = run_log_parse(text, timing, path, log, error);
    free(path);
    free(timing_path);
    free(text);
    free(timing);
    return status;
}

struct spent {
    double *seconds;
    int64_t *n;
};

static void add_spent(void *user, const json_t *line)
{
    struct spent *spent = user;
    const json_t *value = json_object_get(line, time_keys[RUN_TIME_SECONDS]);
    if (json_is_number(value)) {
        *spent->seconds += json_number_value(value);
        ++*spent->n;
    }
}

int run_log_spent(const char *folder, double *seconds, int64_t *n, struct valence_error *error)
{
    char *path, *text;
    *seconds = 0;
    *n = 0;
    int status = read_text(folder, RUN_TIMING, &path, &text, error);
    if (!status && text)
        status = read_times(text, add_spent, &(struct spent){seconds, n}, error);
    free(path);
    free(text);
    return status;
}

/* ---- Reading it ---- */

void run_log_visit(const struct run_log *log, int64_t epoch, run_scalar_visit visit, void *user)
{
    const struct run_log_epoch *read = &log->epochs[epoch];
    for (int64_t i = read->first; i < read->first + read->n; i++)
        visit(user, log->names[log->values[i].scalar], log->values[i].value);
    for (int t = 0; t < RUN_N_TIMES; t++)
        if (!isnan(read->times[t]))
            visit(user, time_names[t], read->times[t]);
}

void run_log_column(const struct run_log *log, int64_t scalar, double *values)
{
    for (int64_t e = 0; e < log->n_epochs; e++) {
        const struct run_log_epoch *epoch = &log->epochs[e];
        values[e] = NAN;
        for (int64_t i = epoch->first; i < epoch->first + epoch->n; i++)
            if (log->values[i].scalar == scalar)
                values[e] = log->values[i].value;
    }
}

int64_t run_log_find_selected(const struct run_log *log)
{
    for (int64_t s = 0; s < log->n_scalars; s++)
        if (strncmp(log->names[s], RUN_LOG_SELECTED, strlen(RUN_LOG_SELECTED)) == 0)
            return s;
    return -1;
}
