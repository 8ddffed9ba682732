/* valence runs: the state of an experiment, and the work of one of its processes. */
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "experiment_worker.h"
#include "json_output.h"
#include "path_kinds.h"
#include "shared_options.h"
#include "table.h"

struct request {
    const char *folder, *train;
    int64_t threads, scheduler, trial;
    double trial_seconds;
    bool json, quiet;
};

/* ---- Output ---- */

/* "1:02:03", or "" where it is not known. */
static void format_seconds(double seconds, char *text, size_t room)
{
    text[0] = '\0';
    if (isnan(seconds) || seconds > 1e9)
        return;
    long long s = (long long)(seconds + 0.5);
    if (s >= 3600)
        snprintf(text, room, "%lld:%02lld:%02lld", s / 3600, s / 60 % 60, s % 60);
    else
        snprintf(text, room, "%lld:%02lld", s / 60, s % 60);
}

static void print_state(const struct valence_experiment *experiment,
                        const struct valence_experiment_state *state)
{
    struct table table = {.title = valence_experiment_folder(experiment)};
    char spent[32], left[32];
    table_column(&table, "variant", TABLE_LEFT);
    table_column(&table, "seed", TABLE_RIGHT);
    table_column(&table, "state", TABLE_LEFT);
    table_column(&table, "epoch", TABLE_RIGHT);
    table_column(&table, "time", TABLE_RIGHT);
    table_column(&table, "left", TABLE_RIGHT);
    for (int64_t i = 0; i < state->n_runs; i++) {
        const struct valence_planned_run *run = &state->runs[i];
        bool over = run->state == VALENCE_RUN_DONE || run->state == VALENCE_RUN_DROPPED;
        format_seconds(run->seconds, spent, sizeof spent);
        format_seconds(over ? NAN : run->seconds_left, left, sizeof left);
        table_cell(&table, "%s", run->variant);
        table_cell(&table, "%lld", (long long)run->seed);
        table_cell(&table, "%s", valence_run_state_names[run->state]);
        table_cell(&table, "%lld/%lld", (long long)run->epoch, (long long)run->n_epochs);
        table_cell(&table, "%s", run->epoch ? spent : "");
        table_cell(&table, "%s", left);
        if (run->failure[0])
            table_note(&table, "WARNING: %s/seed-%lld failed: %s", run->variant,
                       (long long)run->seed, run->failure);
    }
    int64_t over = state->counts[VALENCE_RUN_DONE] + state->counts[VALENCE_RUN_DROPPED];
    format_seconds(state->seconds_left, left, sizeof left);
    table_note(&table, "%lld of %lld runs are done, %lld running%s%s", (long long)over,
               (long long)state->n_runs, (long long)state->counts[VALENCE_RUN_RUNNING],
               over < state->n_runs && left[0] ? "; time left: " : "",
               over < state->n_runs ? left : "");
    if (state->n_jobs)
        table_note(&table, "%lld at a time, with %lld %s each", (long long)state->n_jobs,
                   (long long)state->n_threads, state->n_threads == 1 ? "thread" : "threads");
    table_print(&table, stdout);
}

static json_t *state_to_json(const struct valence_experiment *experiment,
                             const struct valence_experiment_state *state)
{
    json_t *runs = json_array(), *counts = json_object();
    for (int64_t i = 0; i < state->n_runs; i++) {
        const struct valence_planned_run *run = &state->runs[i];
        json_array_append_new(runs,
                              json_pack("{s:s, s:I, s:s, s:I, s:I, s:o, s:o, s:s}", "variant",
                                        run->variant, "seed", (json_int_t)run->seed, "state",
                                        valence_run_state_names[run->state], "epoch",
                                        (json_int_t)run->epoch, "epochs", (json_int_t)run->n_epochs,
                                        "seconds", json_number(run->seconds), "seconds_left",
                                        json_number(run->seconds_left), "failure", run->failure));
    }
    for (int s = 0; s < VALENCE_N_RUN_STATES; s++)
        json_object_set_new(counts, valence_run_state_names[s], json_integer(state->counts[s]));
    return json_pack("{s:s, s:o, s:o, s:I, s:I, s:o}", "folder",
                     valence_experiment_folder(experiment), "counts", counts, "seconds_left",
                     json_number(state->seconds_left), "jobs", (json_int_t)state->n_jobs, "threads",
                     (json_int_t)state->n_threads, "runs", runs);
}

static int show(const struct request *request, struct valence_error *error)
{
    struct valence_experiment *experiment;
    const struct valence_experiment_state *state;
    int status = valence_experiment_open(request->folder, &experiment, error);
    if (status)
        return explain_path(request->folder, WANTED_EXPERIMENT, error);
    status = valence_experiment_look(experiment, &state, error);
    if (!status && request->json)
        status = print_json(state_to_json(experiment, state), error);
    else if (!status)
        print_state(experiment, state);
    valence_experiment_state_free(state);
    valence_experiment_close(experiment);
    return status;
}

/* ---- The work ---- */

/* "NAME/seed-N" into a worker's name and seed. */
static bool read_run(const char *text, char *name, size_t room, int64_t *seed)
{
    static const char prefix[] = "/seed-";
    const char *slash = strrchr(text, '/');
    if (!slash || strncmp(slash, prefix, strlen(prefix)) != 0 || slash - text >= (long)room)
        return false;
    const char *digits = slash + strlen(prefix);
    snprintf(name, room, "%.*s", (int)(slash - text), text);
    return option_read_integer(digits, seed) && digits[0] >= '0' && digits[0] <= '9';
}

static int run_runs(const struct command *command, int argc, char **argv)
{
    struct request request = {0};
    const char *positional[1];
    const struct option options[] = {
        {OPTION_TEXT, 0, "train", &request.train, "NAME/seed-N",
         "Train this run of the plan here, or continue it, until it is finished: what the "
         "experiment's own workers do. Use it to spread a plan over several machines.",
         0, 0},
        option_threads(&request.threads),
        option_json(&request.json),
        option_quiet(&request.quiet),
        /* for the command's own workers */
        {OPTION_INT, 0, "scheduler", &request.scheduler, "PID", NULL, 0, 9e15},
        {OPTION_INT, 0, "trial", &request.trial, "N", NULL, 0, 100000},
        {OPTION_NUMBER, 0, "trial-seconds", &request.trial_seconds, "S", NULL, 0, 3600},
        {.type = OPTION_END}};
    struct valence_error error;
    char name[128];
    int n, code;
    if (!options_parse(command, options, argc, argv, positional, 1, 1, &n, &code))
        return code;
    request.folder = positional[0];
    struct valence_worker worker = {.folder = request.folder,
                                    .variant = name,
                                    .n_threads = request.threads,
                                    .trial_seconds = request.trial_seconds,
                                    .trial = (int)request.trial};
    if (!request.train)
        return show(&request, &error) ? report_error(&error) : EXIT_FINE;
    if (!read_run(request.train, name, sizeof name, &worker.seed))
        return report_usage(command, "--train %s: a run is NAME/seed-N, as in the folder 'runs'",
                            request.train);
    return experiment_worker_run(&worker, request.scheduler, request.quiet);
}

const struct command command_runs = {
    .name = "runs",
    .computes = true,
    .arguments = "FOLDER",
    .summary = "Show what an experiment trains, what is done, and the time left.",
    .description =
        "FOLDER is the folder of an experiment that 'valence ablate', 'compare' or 'sweep' made. "
        "It "
        "holds the whole state, so you can look at it from another terminal while the experiment "
        "is running, and after it was stopped.\n\n"
        "A run is waiting, running, stopped (it was interrupted, and the next call of the "
        "experiment's command resumes it), done, or dropped (successive halving went on without "
        "it). If the last attempt at a run failed, you see why.",
    .example = "valence runs ablation\n"
               "valence runs ablation --json | jq .seconds_left\n"
               "valence runs ablation --train full/seed-2",
    .run = run_runs,
};
