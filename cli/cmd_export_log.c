/* valence export-log: what a training logged, for other programs. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "choices.h"
#include "commands.h"
#include "json_output.h"
#include "path_kinds.h"
#include "shared_options.h"
#include "table.h"
#include "terminal.h"
#include "valence/output.h"
#include "valence/run_log.h"

struct request {
    const char *run, *target, *format_name;
    enum valence_log_format format;
    bool force, json, quiet;
};

static void print_result(const struct request *request, const struct valence_run_log_result *result)
{
    struct table table = {.title = request->target};
    table_column(&table, "exported", TABLE_LEFT);
    table_column(&table, "number", TABLE_RIGHT);
    table_cell(&table, "runs");
    table_cell(&table, "%" PRId64, result->n_runs);
    table_cell(&table, "epochs");
    table_cell(&table, "%" PRId64, result->n_epochs);
    table_cell(&table, "values");
    table_cell(&table, "%" PRId64, result->n_values);
    if (request->format == VALENCE_LOG_TENSORBOARD)
        table_note(&table, "tensorboard --logdir %s shows them", request->target);
    table_print(&table, summary_stream(request->target));
}

static int export_log(const struct request *request, struct valence_error *error)
{
    struct valence_run_log_result result = {.size = sizeof result};
    struct valence_run_log_options options;
    valence_run_log_options_default(&options);
    options.format = request->format;
    options.overwrite = request->force;
    int status = valence_run_log_export(request->run, request->target, &options, &result, error);
    if (!status && request->json)
        status = print_json(
            json_pack("{s:s, s:s, s:I, s:I, s:I}", "output", request->target, "format",
                      request->format_name, "runs", (json_int_t)result.n_runs, "epochs",
                      (json_int_t)result.n_epochs, "values", (json_int_t)result.n_values),
            error);
    else if (!status)
        print_result(request, &result);
    return status ? explain_path(request->run, WANTED_LOG, error) : VALENCE_OK;
}

/* "base-tensorboard" or "base.csv" for the run in runs/base, in the current folder. */
static bool name_target(const struct request *request, char *target, size_t room)
{
    char *path = realpath(request->run, NULL);
    const char *slash = path ? strrchr(path, '/') : NULL;
    const char *name = slash && slash[1] ? slash + 1 : "run";
    int length = snprintf(target, room, "%s%s", name,
                          request->format == VALENCE_LOG_CSV ? ".csv" : "-tensorboard");
    free(path);
    return length > 0 && (size_t)length < room;
}

static int run_export_log(const struct command *command, int argc, char **argv)
{
    struct request request = {.format_name = "tensorboard"};
    const char *names[VALENCE_N_LOG_FORMATS];
    char target[300];
    int n, code, format = 0;
    for (int i = 0; i < VALENCE_N_LOG_FORMATS; i++)
        names[i] = valence_log_format_name(i);
    const struct option options[] = {
        option_run(&request.run),
        option_output(
            &request.target, "PATH",
            "The folder of event files (default: NAME-tensorboard for a run called NAME), "
            "or the CSV file (default: NAME.csv; '-' is standard output)."),
        {OPTION_TEXT, 0, "format", &request.format_name, "FORMAT",
         "tensorboard or csv (default: tensorboard).", 0, 0},
        option_force(&request.force, "Replace files that are there."),
        option_json(&request.json),
        option_quiet(&request.quiet),
        {.type = OPTION_END}};
    struct valence_error error;
    if (!options_parse(command, options, argc, argv, &request.run, 1, 1, &n, &code))
        return code;
    code = choose_name(command, "--format", request.format_name, names, VALENCE_N_LOG_FORMATS,
                       &format);
    if (code)
        return code;
    request.format = (enum valence_log_format)format;
    if (!request.target && !name_target(&request, target, sizeof target))
        return report_usage(command, "the run's name is too long: name a file with -o");
    request.target = request.target ? request.target : target;
    if (request.json && valence_output_is_standard(request.target))
        return report_usage(command, "--json and --output - both write to standard output");
    return export_log(&request, &error) ? report_error(&error) : EXIT_FINE;
}

const struct command command_export_log = {
    .name = "export-log",
    .arguments = "RUN",
    .summary = "Write a training's log for TensorBoard, or as CSV.",
    .description =
        "RUN is a run's folder, the folder of several seeds, or that of an experiment; a run may "
        "still be training. For TensorBoard you get a folder with an event file for each run; "
        "several runs lie in sub-folders, and TensorBoard overlays them. As CSV you get one file "
        "with a row for each run and epoch.\n\n"
        "The scalars are the loss terms (loss/total, ...), the validation errors of all flows "
        "(validation/complete/mae, ...), the error that chooses the best epoch "
        "(selected/complete), learning_rate, gradient_norm, and the time that an epoch took "
        "(time/seconds, ...). TensorBoard's step is the epoch.",
    .example = "valence export-log run                    # writes run-tensorboard\n"
               "tensorboard --logdir run-tensorboard\n"
               "valence export-log run -o - --format csv | head",
    .run = run_export_log,
};
