/* Runs' logs for other programs. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/file.h"
#include "base/file_writer.h"
#include "base/memory.h"
#include "base/options.h"
#include "base/text.h"
#include "format/event_file.h"
#include "run/run_list.h"
#include "run/run_log.h"
#include "valence/run_log.h"
#include "valence/text.h"

/* TensorBoard takes every file with "tfevents" in its name. */
#define EVENT_FILE "events.out.tfevents.valence"

/* As many as the logs have. */
#define VALUE_DIGITS 9
/* Seconds since 1970 to the millisecond. */
#define TIME_DIGITS 13

const char *valence_log_format_name(int format)
{
    static const char *const names[VALENCE_N_LOG_FORMATS] = {"tensorboard", "csv"};
    return format >= 0 && format < VALENCE_N_LOG_FORMATS ? names[format] : NULL;
}

void valence_run_log_options_default(struct valence_run_log_options *options)
{
    *options = (struct valence_run_log_options){.size = sizeof *options};
}

/* The runs that have finished an epoch, and their logs. */
struct logged {
    struct run_list list;
    struct run_log *logs; /* list.n */
};

/* ---- TensorBoard ---- */

static void add_scalar(void *user, const char *name, double value)
{
    event_add_scalar(user, name, (float)value);
}

/* When an epoch ended. Where that was not recorded, the epochs' durations are added up from 0. */
static double wall_time(const struct run_log_epoch *epoch, double before)
{
    double seconds = epoch->times[RUN_TIME_SECONDS];
    return !isnan(epoch->ended) ? epoch->ended : before + (isnan(seconds) ? 0 : seconds);
}

static int write_events(FILE *stream, const struct run_log *log, struct valence_error *error)
{
    double time = wall_time(&log->epochs[0], 0);
    bool complete = event_file_write_head(stream, time);
    for (int64_t i = 0; i < log->n_epochs && complete; i++) {
        struct event event;
        time = i == 0 ? time : wall_time(&log->epochs[i], time);
        event_begin(&event, time, i + 1);
        run_log_visit(log, i, add_scalar, &event);
        complete = event_end(stream, &event);
    }
    return complete ? VALENCE_OK : fail_memory(error, 4096, "an event");
}

static int write_event_file(const struct run_log *log, const char *folder, unsigned flags,
                            struct valence_error *error)
{
    struct file_writer writer;
    char *path = path_join(folder, EVENT_FILE);
    int status = path ? make_folders(folder, error) : fail_memory(error, strlen(folder), "a path");
    if (!status)
        status = file_write_begin(&writer, path, flags, error);
    free(path);
    if (status)
        return status;
    status = write_events(writer.stream, log, error);
    if (!status)
        return file_write_commit(&writer, error);
    file_write_abort(&writer);
    return status;
}

/* A run that is alone lies in the folder itself. */
static int write_event_files(void *user, const char *folder, unsigned flags,
                             struct valence_error *error)
{
    const struct logged *logged = user;
    int status = VALENCE_OK;
    for (int i = 0; i < logged->list.n && !status; i++) {
        char *below =
            logged->list.n == 1 ? strdup(folder) : path_join(folder, logged->list.runs[i].name);
        status = below ? write_event_file(&logged->logs[i], below, flags, error)
                       : fail_memory(error, strlen(folder), "a path");
        free(below);
    }
    return status;
}

static int export_tensorboard(struct logged *logged, const char *target, bool overwrite,
                              struct valence_error *error)
{
    if (file_is_standard_output(target))
        return fail_key(error, VALENCE_ERROR_ARGUMENT, "target",
                        "event files need a folder, not standard output");
    return folder_write(target, overwrite, write_event_files, logged, error);
}

/* ---- CSV ---- */

/* All scalars, in the order in which the runs name them, and a row's values. */
struct columns {
    int n;
    const char *names[RUN_LOG_MAX_SCALARS + RUN_N_TIMES];
    double values[RUN_LOG_MAX_SCALARS + RUN_N_TIMES];
    bool overflows;
};

static int column_of(struct columns *columns, const char *name)
{
    for (int i = 0; i < columns->n; i++)
        if (strcmp(columns->names[i], name) == 0)
            return i;
    return -1;
}

static void add_column(void *user, const char *name, double value)
{
    struct columns *columns = user;
    (void)value;
    if (column_of(columns, name) >= 0)
        return;
    columns->overflows = columns->n == RUN_LOG_MAX_SCALARS + RUN_N_TIMES;
    if (!columns->overflows)
        columns->names[columns->n++] = name;
}

static void set_value(void *user, const char *name, double value)
{
    struct columns *columns = user;
    columns->values[column_of(columns, name)] = value;
}

static void write_number(FILE *stream, double value, int digits)
{
    char text[NUMBER_TEXT_BYTES] = "";
    if (!isnan(value))
        format_double(value, digits, text);
    fprintf(stream, ",%s", text);
}

static void write_row(FILE *stream, const char *run, const struct run_log *log, int64_t epoch,
                      struct columns *columns)
{
    for (int c = 0; c < columns->n; c++)
        columns->values[c] = NAN;
    run_log_visit(log, epoch, set_value, columns);
    valence_write_csv_field(stream, run);
    fprintf(stream, ",%lld,%lld", (long long)epoch + 1, (long long)log->epochs[epoch].step);
    write_number(stream, log->epochs[epoch].ended, TIME_DIGITS);
    for (int c = 0; c < columns->n; c++)
        write_number(stream, columns->values[c], VALUE_DIGITS);
    fputc('\n', stream);
}

static int export_csv(struct logged *logged, const char *target, bool overwrite,
                      struct valence_error *error)
{
    struct file_writer writer;
    struct columns columns = {0};
    for (int i = 0; i < logged->list.n; i++)
        for (int64_t e = 0; e < logged->logs[i].n_epochs && !columns.overflows; e++)
            run_log_visit(&logged->logs[i], e, add_column, &columns);
    if (columns.overflows)
        return fail(error, VALENCE_ERROR_LIMIT, "the runs have more than %d scalars",
                    RUN_LOG_MAX_SCALARS);
    int status = file_write_begin(&writer, target, overwrite ? FILE_OVERWRITE : 0, error);
    if (status)
        return status;
    fputs("run,epoch,step,time", writer.stream);
    for (int c = 0; c < columns.n; c++) {
        fputc(',', writer.stream);
        valence_write_csv_field(writer.stream, columns.names[c]);
    }
    fputc('\n', writer.stream);
    for (int i = 0; i < logged->list.n; i++)
        for (int64_t e = 0; e < logged->logs[i].n_epochs; e++)
            write_row(writer.stream, logged->list.runs[i].name, &logged->logs[i], e, &columns);
    return file_write_commit(&writer, error);
}

/* ---- Both ---- */

static void free_logged(struct logged *logged)
{
    for (int i = 0; i < logged->list.n && logged->logs; i++)
        run_log_free(&logged->logs[i]);
    free(logged->logs);
    run_list_free(&logged->list);
}

/* Takes runs without a finished epoch off the list. */
static void drop_empty(struct logged *logged)
{
    int kept = 0;
    for (int i = 0; i < logged->list.n; i++) {
        struct listed_run run = logged->list.runs[i];
        struct run_log log = logged->logs[i];
        if (log.n_epochs > 0) {
            logged->logs[kept] = log;
            logged->list.runs[kept++] = run;
            continue;
        }
        run_log_free(&log);
        free(run.name);
        free(run.folder);
    }
    logged->list.n = kept;
}

static int read_logs(const char *run, struct logged *logged, struct valence_error *error)
{
    int status = run_list_logged(run, &logged->list, error);
    if (status)
        return status;
    logged->logs = allocate(logged->list.n, sizeof *logged->logs);
    if (!logged->logs)
        return fail_memory(error, (size_t)logged->list.n * sizeof *logged->logs, "the logs");
    for (int i = 0; i < logged->list.n && !status; i++)
        status = run_log_read(logged->list.runs[i].folder, &logged->logs[i], error);
    if (status)
        return status;
    drop_empty(logged);
    return logged->list.n
               ? VALENCE_OK
               : fail(error, VALENCE_ERROR_NOT_FOUND, "%s: no epoch is finished yet", run);
}

static void count(const struct logged *logged, struct valence_run_log_result *result)
{
    result->n_runs = logged->list.n;
    for (int i = 0; i < logged->list.n; i++) {
        const struct run_log *log = &logged->logs[i];
        result->n_epochs += log->n_epochs;
        result->n_values += log->n_values;
        for (int64_t e = 0; e < log->n_epochs; e++)
            for (int t = 0; t < RUN_N_TIMES; t++)
                result->n_values += !isnan(log->epochs[e].times[t]);
    }
}

/* All the logs are read before anything is written. */
static int export_logs(const char *run, const char *target,
                       const struct valence_run_log_options *options,
                       struct valence_run_log_result *result, struct valence_error *error)
{
    struct logged *logged = allocate(1, sizeof *logged);
    if (!logged)
        return fail_memory(error, sizeof *logged, "the runs' logs");
    int status = read_logs(run, logged, error);
    if (!status)
        status = (options->format == VALENCE_LOG_CSV ? export_csv : export_tensorboard)(
            logged, target, options->overwrite, error);
    if (!status)
        count(logged, result);
    free_logged(logged);
    free(logged);
    return status;
}

int valence_run_log_export(const char *run, const char *target,
                           const struct valence_run_log_options *given,
                           struct valence_run_log_result *given_result, struct valence_error *error)
{
    struct valence_run_log_options options;
    struct valence_run_log_result result = {.size = sizeof result};
    valence_run_log_options_default(&options);
    int status = options_read(&options, sizeof options, given, error);
    if (!status && given_result && given_result->size != sizeof result)
        status = fail(error, VALENCE_ERROR_ARGUMENT,
                      "the result struct does not begin with its size, or is of a newer version");
    if (!status && (!run || !target))
        status = fail(error, VALENCE_ERROR_ARGUMENT, "an export needs a run and a target");
    if (!status && !valence_log_format_name((int)options.format))
        status = fail_key(error, VALENCE_ERROR_ARGUMENT, "format", "unknown format of a log %d",
                          (int)options.format);
    if (!status)
        status = export_logs(run, target, &options, &result, error);
    if (!status && given_result)
        *given_result = result;
    return status;
}
