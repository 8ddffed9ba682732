/* The work of one process: a run, or a measurement. */
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/fail.h"
#include "base/file.h"
#include "experiment/runs.h"
#include "experiment/speed_trial.h"

/* A worker that was stopped may still be saving, and whoever looks at the state holds the run's
 * folder for a moment. */
#define BUSY_SECONDS 60

static int train(const struct valence_train_config *config, const struct valence_progress *progress,
                 struct valence_error *error)
{
    const struct timespec pause = {0, 50000000};
    struct valence_train_options options;
    valence_train_options_default(&options);
    options.progress = progress;
    for (double began = seconds_now();;) {
        options.resume = path_is_folder(config->output);
        int status = valence_train(config, &options, NULL, error);
        if (status != VALENCE_ERROR_BUSY || seconds_now() - began > BUSY_SECONDS)
            return status;
        nanosleep(&pause, NULL);
    }
}

static int train_run(const struct valence_experiment *experiment,
                     const struct valence_worker *worker, int variant,
                     const struct valence_progress *progress, struct valence_error *error)
{
    struct valence_train_config config;
    struct rungs rungs;
    bool done = false;
    int status = rungs_read(experiment, &rungs, error);
    int64_t rung = status ? 0 : rungs.variants[variant].rung;
    rungs_free(&rungs);
    if (!status)
        status = run_is_done(experiment, variant, worker->seed, rung, &done, error);
    if (status || done)
        return status;
    status = plan_run_config(experiment, variant, worker->seed, rung, &config, error);
    config.threads = worker->n_threads;
    if (!status && worker->trial_seconds > 0)
        return speed_trial_run(experiment, worker, &config, progress, error);
    return status ? status : train(&config, progress, error);
}

static int check_worker(const struct valence_worker *worker, struct valence_error *error)
{
    if (!worker || !worker->folder || !worker->variant)
        return fail(error, VALENCE_ERROR_ARGUMENT, "the work is not described");
    if (worker->n_threads < 0 || worker->n_threads > 4096 || !(worker->trial_seconds >= 0))
        return fail(error, VALENCE_ERROR_ARGUMENT, "a worker has 1 to 4096 threads");
    return VALENCE_OK;
}

int valence_experiment_work(const struct valence_worker *worker,
                            const struct valence_progress *progress, struct valence_error *error)
{
    struct valence_experiment *experiment;
    int status = check_worker(worker, error);
    if (!status)
        status = valence_experiment_open(worker->folder, &experiment, error);
    if (status)
        return status;
    int variant = plan_find_variant(experiment, worker->variant);
    int64_t first = experiment->config.seed, n = experiment->config.seeds;
    if (variant < 0 || worker->seed < first || worker->seed >= first + n)
        status = fail(error, VALENCE_ERROR_NOT_FOUND, "%s: the plan has no run %.80s/seed-%lld",
                      worker->folder, worker->variant, (long long)worker->seed);
    else
        status = train_run(experiment, worker, variant, progress, error);
    valence_experiment_close(experiment);
    return status;
}
