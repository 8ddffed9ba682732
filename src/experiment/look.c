/* The state of an experiment, as its folder shows it. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/file.h"
#include "base/memory.h"
#include "experiment/resources.h"
#include "experiment/runs.h"
#include "run/run_log.h"

const char *const valence_run_state_names[VALENCE_MAX_NAMES] = {"waiting", "running", "stopped",
                                                                "done", "dropped"};

#define FAILURE_BYTES 800

/* What the caller gets, and the memory behind it. */
struct owned_state {
    struct valence_experiment_state shown; /* first, so that its address is this one's */
    struct valence_planned_run *runs;
    char (*failures)[FAILURE_BYTES];
    char (*names)[VARIANT_NAME_BYTES];
};

void valence_experiment_state_free(const struct valence_experiment_state *state)
{
    struct owned_state *owned = (struct owned_state *)(uintptr_t)state;
    if (!owned)
        return;
    free(owned->runs);
    free(owned->failures);
    free(owned->names);
    free(owned);
}

static int look_at_run(const struct valence_experiment *experiment, const struct rungs *rungs,
                       int variant, struct valence_planned_run *run, char *failure,
                       struct valence_error *error)
{
    char folder[PLAN_FILE_BYTES];
    struct valence_train_config config;
    bool done = false, dropped = rungs->variants[variant].dropped;
    int64_t rung = rungs->variants[variant].rung, n_timed;
    /* what is not dropped will be trained to the last rung, if it stays among the best */
    int status = plan_run_config(experiment, variant, run->seed, rung, &config, error);
    if (!status)
        status = run_is_done(experiment, variant, run->seed, rung, &done, error);
    if (status)
        return status;
    bool busy = run_is_busy(experiment, variant, run->seed);
    plan_run_folder(experiment, variant, run->seed, folder);
    status = run_log_spent(folder, &run->seconds, &n_timed, error);
    run->epoch = run_epochs(experiment, variant, run->seed);
    run->n_epochs = done ? run->epoch : config.epochs;
    run->state = dropped && done       ? VALENCE_RUN_DROPPED
                 : done && !busy       ? VALENCE_RUN_DONE
                 : busy                ? VALENCE_RUN_RUNNING
                 : path_exists(folder) ? VALENCE_RUN_STOPPED
                                       : VALENCE_RUN_WAITING;
    run->seconds_left =
        n_timed ? (double)(run->n_epochs - run->epoch) * run->seconds / (double)n_timed : NAN;
    if (run->state == VALENCE_RUN_STOPPED || run->state == VALENCE_RUN_WAITING)
        run_failure(experiment, variant, run->seed, failure, FAILURE_BYTES);
    return status;
}

/* Runs that have not begun take as long for an epoch as those that have, on average. */
static void estimate(struct valence_experiment_state *state, struct valence_planned_run *runs)
{
    double seconds = 0, epochs = 0, left = 0;
    for (int64_t i = 0; i < state->n_runs; i++)
        if (runs[i].seconds > 0 && runs[i].epoch > 0) {
            seconds += runs[i].seconds;
            epochs += (double)runs[i].epoch;
        }
    for (int64_t i = 0; i < state->n_runs; i++) {
        if (isnan(runs[i].seconds_left) && epochs > 0)
            runs[i].seconds_left = (double)(runs[i].n_epochs - runs[i].epoch) * seconds / epochs;
        left += runs[i].seconds_left;
    }
    state->seconds_left = left / (double)(state->n_jobs ? state->n_jobs : 1);
}

static int look(const struct valence_experiment *experiment, const struct rungs *rungs,
                struct owned_state *made, struct valence_error *error)
{
    int64_t n_seeds = experiment->config.seeds;
    int status = resources_read(experiment, &made->shown.n_jobs, &made->shown.n_threads, error);
    for (int64_t i = 0; i < made->shown.n_runs && !status; i++) {
        int variant = (int)(i / n_seeds);
        snprintf(made->names[i], sizeof made->names[i], "%s", experiment->variants[variant].name);
        struct valence_planned_run *run = &made->runs[i];
        *run = (struct valence_planned_run){.variant = made->names[i],
                                            .seed = experiment->config.seed + i % n_seeds,
                                            .failure = made->failures[i]};
        status = look_at_run(experiment, rungs, variant, run, made->failures[i], error);
        made->shown.counts[run->state]++;
    }
    if (!status)
        estimate(&made->shown, made->runs);
    return status;
}

int valence_experiment_look(const struct valence_experiment *experiment,
                            const struct valence_experiment_state **state,
                            struct valence_error *error)
{
    struct rungs rungs;
    *state = NULL;
    int64_t n = experiment->n_variants * experiment->config.seeds;
    struct owned_state *made = allocate(1, sizeof *made);
    if (made) {
        made->runs = allocate(n, sizeof *made->runs);
        made->failures = allocate(n, sizeof *made->failures);
        made->names = allocate(n, sizeof *made->names);
        made->shown.n_runs = n;
        made->shown.runs = made->runs;
    }
    if (!made || !made->runs || !made->failures || !made->names) {
        valence_experiment_state_free(made ? &made->shown : NULL);
        return fail_memory(error, (size_t)n * FAILURE_BYTES, "the state of an experiment");
    }
    int status = rungs_read(experiment, &rungs, error);
    if (!status)
        status = look(experiment, &rungs, made, error);
    rungs_free(&rungs);
    if (status)
        valence_experiment_state_free(&made->shown);
    else
        *state = &made->shown;
    return status;
}
