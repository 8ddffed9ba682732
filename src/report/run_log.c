#include "report/run_log.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/file.h"
#include "base/memory.h"

#define MAX_BYTES ((size_t)256 << 20)

/* ---- Lines ---- */

/* A number of a line; NaN where there is none. */
static double number_at(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    return json_is_number(value) ? json_number_value(value) : NAN;
}

static int name_members(const json_t *object, char (*names)[RUN_LOG_NAME], int *n, const char *name,
                        int64_t line, struct valence_error *error)
{
    const char *key;
    json_t *value;
    if (*n > 0)
        return VALENCE_OK;
    json_object_foreach((json_t *)object, key, value)
    {
        if (*n == RUN_LOG_MAX_NAMES || strlen(key) >= RUN_LOG_NAME)
            return fail(error, VALENCE_ERROR_FORMAT,
                        "%s:%lld: too many or too long names of losses or flows", name,
                        (long long)line);
        memcpy(names[(*n)++], key, strlen(key) + 1);
    }
    return VALENCE_OK;
}

/* What chooses the best epoch stands behind "validation", under its own name. */
static void find_selected(const json_t *line, struct run_log *log)
{
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)line, key, value)
    {
        bool is_known = strcmp(key, "epoch") == 0 || strcmp(key, "step") == 0 ||
                        strcmp(key, "learning_rate") == 0 || strcmp(key, "gradient_norm") == 0;
        if (!log->selected_by[0] && !is_known && json_is_number(value) &&
            strlen(key) < RUN_LOG_NAME)
            memcpy(log->selected_by, key, strlen(key) + 1);
    }
}

static int read_names(const json_t *lines, struct run_log *log, const char *name,
                      struct valence_error *error)
{
    size_t i;
    json_t *line;
    int status = VALENCE_OK;
    json_array_foreach(lines, i, line)
    {
        if (status)
            break;
        status = name_members(json_object_get(line, "loss"), log->losses, &log->n_losses, name,
                              (int64_t)i + 1, error);
        if (!status)
            status = name_members(json_object_get(line, "validation"), log->flows, &log->n_flows,
                                  name, (int64_t)i + 1, error);
        find_selected(line, log);
    }
    return status;
}

static void read_values(const json_t *lines, struct run_log *log)
{
    double least = INFINITY;
    for (int64_t i = 0; i < log->n; i++) {
        const json_t *line = json_array_get(lines, (size_t)i);
        const json_t *loss = json_object_get(line, "loss");
        const json_t *validation = json_object_get(line, "validation");
        log->epoch[i] = number_at(line, "epoch");
        log->step[i] = number_at(line, "step");
        log->learning_rate[i] = number_at(line, "learning_rate");
        log->gradient_norm[i] = number_at(line, "gradient_norm");
        log->selected[i] = log->selected_by[0] ? number_at(line, log->selected_by) : NAN;
        for (int j = 0; j < log->n_losses; j++)
            log->loss[i * log->n_losses + j] = number_at(loss, log->losses[j]);
        for (int j = 0; j < log->n_flows; j++)
            log->validation[i * log->n_flows + j] =
                number_at(json_object_get(validation, log->flows[j]), "mae");
        if (log->selected[i] < least) {
            least = log->selected[i];
            log->best = i;
        }
    }
}

/* ---- The file ---- */

/* Every line with its end, as JSON. */
static int parse_lines(const char *text, size_t size, const char *name, json_t *lines,
                       struct valence_error *error)
{
    const char *at = text, *end = text + size;
    for (long long number = 1; at < end; number++) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        if (!stop)
            return VALENCE_OK;
        json_error_t problem;
        json_t *line = json_loadb(at, (size_t)(stop - at), JSON_REJECT_DUPLICATES, &problem);
        if (!json_is_object(line)) {
            bool parsed = line != NULL;
            json_decref(line);
            if (!parsed && json_error_code(&problem) == json_error_out_of_memory)
                return fail(error, VALENCE_ERROR_MEMORY, "no memory for %s", name);
            return fail(error, VALENCE_ERROR_FORMAT, "%s:%lld: not a JSON object%s%s", name, number,
                        parsed ? "" : ": ", parsed ? "" : problem.text);
        }
        if (json_array_append_new(lines, line))
            return fail(error, VALENCE_ERROR_MEMORY, "no memory for %s", name);
        at = stop + 1;
    }
    return VALENCE_OK;
}

static int take_lines(const json_t *lines, const char *name, struct run_log *log,
                      struct valence_error *error)
{
    int status = read_names(lines, log, name, error);
    if (status)
        return status;
    log->n = (int64_t)json_array_size(lines);
    double **columns[] = {&log->epoch, &log->step, &log->learning_rate, &log->gradient_norm,
                          &log->selected};
    bool whole = true;
    for (size_t i = 0; i < sizeof columns / sizeof columns[0]; i++)
        whole = (*columns[i] = allocate(log->n + 1, sizeof(double))) && whole;
    log->loss = allocate(log->n * log->n_losses + 1, sizeof(double));
    log->validation = allocate(log->n * log->n_flows + 1, sizeof(double));
    if (!whole || !log->loss || !log->validation)
        return fail(error, VALENCE_ERROR_MEMORY, "no memory for %s", name);
    read_values(lines, log);
    return VALENCE_OK;
}

int run_log_parse(const char *text, size_t size, const char *name, struct run_log *log,
                  struct valence_error *error)
{
    *log = (struct run_log){.best = -1};
    json_t *lines = json_array();
    int status = lines ? parse_lines(text, size, name, lines, error)
                       : fail(error, VALENCE_ERROR_MEMORY, "no memory for %s", name);
    if (!status)
        status = take_lines(lines, name, log, error);
    json_decref(lines);
    if (status)
        run_log_free(log);
    return status;
}

int run_log_read(const char *path, struct run_log *log, struct valence_error *error)
{
    char *text = NULL;
    size_t size = 0;
    *log = (struct run_log){.best = -1};
    int status = file_read_text(path, MAX_BYTES, &text, &size, error);
    if (!status)
        status = run_log_parse(text, size, path, log, error);
    free(text);
    return status;
}

void run_log_free(struct run_log *log)
{
    free(log->epoch);
    free(log->step);
    free(log->learning_rate);
    free(log->gradient_norm);
    free(log->selected);
    free(log->loss);
    free(log->validation);
    *log = (struct run_log){.best = -1};
}
