#include "experiment/workers.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/fail.h"
#include "base/file.h"
#include "experiment/runs.h"

static int start(struct workers *workers, const struct valence_worker *worker,
                 struct worker_process process, struct valence_error *error)
{
    char folder[PLAN_FILE_BYTES];
    snprintf(folder, sizeof folder, "%s", worker->log);
    *strrchr(folder, '/') = '\0';
    int at = 0, status = make_folders(folder, error);
    while (workers->processes[at].process)
        at++;
    if (!status)
        status = workers->options->start(workers->options->user, worker, &process.process, error);
    if (!status)
        workers->processes[at] = process;
    return status;
}

int workers_start(struct workers *workers, int variant, int64_t seed, struct valence_error *error)
{
    char log[PLAN_FILE_BYTES];
    const struct valence_experiment *experiment = workers->experiment;
    const struct valence_worker worker = {.folder = experiment->folder,
                                          .variant = experiment->variants[variant].name,
                                          .seed = seed,
                                          .n_threads = workers->n_threads,
                                          .log = run_log_file(experiment, variant, seed, log)};
    struct worker_process process = {
        .variant = variant, .seed = seed, .epochs = run_epochs(experiment, variant, seed)};
    return start(workers, &worker, process, error);
}

int workers_start_trial(struct workers *workers, int trial, double seconds,
                        struct valence_error *error)
{
    char log[PLAN_FILE_BYTES];
    const struct valence_experiment *experiment = workers->experiment;
    snprintf(log, sizeof log, "%s/logs/trial.txt", experiment->folder);
    const struct valence_worker worker = {.folder = experiment->folder,
                                          .variant = experiment->variants[0].name,
                                          .seed = experiment->config.seed,
                                          .n_threads = workers->n_threads,
                                          .trial_seconds = seconds,
                                          .trial = trial,
                                          .log = log};
    return start(workers, &worker, (struct worker_process){.seed = experiment->config.seed}, error);
}

int workers_busy(const struct workers *workers)
{
    int n = 0;
    for (int i = 0; i < MAX_WORKERS; i++)
        n += workers->processes[i].process != 0;
    return n;
}

/* What a process's end means. A worker ends with minus the library's status. */
static enum worker_end meaning(int state, int *status)
{
    *status = WIFEXITED(state) ? -WEXITSTATUS(state) : 0;
    if (!WIFEXITED(state) || *status == VALENCE_ERROR_CANCELLED)
        return WORKER_KILLED;
    return *status ? WORKER_FAILED : WORKER_DONE;
}

enum worker_end workers_reap(struct workers *workers, struct worker_process *ended, int *status)
{
    for (int i = 0; i < MAX_WORKERS; i++) {
        struct worker_process *process = &workers->processes[i];
        int state = 0;
        pid_t id = process->process ? waitpid((pid_t)process->process, &state, WNOHANG) : 0;
        if (id == 0 || (id < 0 && errno == EINTR))
            continue;
        *ended = *process;
        *process = (struct worker_process){0};
        if (id > 0)
            return meaning(state, status);
        *status = 0; /* somebody else has waited for it: its folder says what became of it */
        return WORKER_KILLED;
    }
    return WORKER_WORKS;
}

void workers_stop(struct workers *workers)
{
    struct worker_process ended;
    int status;
    for (int i = 0; i < MAX_WORKERS; i++)
        if (workers->processes[i].process)
            (void)kill((pid_t)workers->processes[i].process, SIGTERM);
    while (workers_busy(workers))
        if (workers_reap(workers, &ended, &status) == WORKER_WORKS)
            workers_pause();
}

void workers_pause(void)
{
    const struct timespec pause = {0, 10000000};
    nanosleep(&pause, NULL);
}
