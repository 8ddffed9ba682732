/* Trains all runs of an experiment, several at a time. What is done is known from the folder alone,
 * so that nothing is lost with this process. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fail.h"
#include "base/memory.h"
#include "base/options.h"
#include "experiment/resources.h"
#include "experiment/runs.h"

#define MAX_RESTARTS   10  /* of a run, in a row without a new epoch */
#define REPORT_SECONDS 0.2 /* between looks at the runs' logs */

/* A run that is to be trained in the current rung. */
struct task {
    int variant;
    int64_t seed;
    int64_t n_epochs;
    int n_restarts;
    bool is_started, is_done;
};

struct scheduler {
    const struct valence_experiment *experiment;
    struct valence_experiment_options options;
    struct rungs rungs;
    int64_t n_tasks;
    struct task *tasks;
    struct workers *workers;
    double last_report;
};

/* ---- Tasks ---- */

/* The runs of the current rung. */
static int make_tasks(struct scheduler *s, struct valence_error *error)
{
    const struct valence_experiment *experiment = s->experiment;
    int status = VALENCE_OK;
    s->n_tasks = 0;
    for (int v = 0; v < experiment->n_variants && !status; v++)
        for (int64_t i = 0; i < experiment->config.seeds && !status; i++) {
            struct task *task = &s->tasks[s->n_tasks];
            struct valence_train_config config;
            *task = (struct task){.variant = v, .seed = experiment->config.seed + i};
            if (s->rungs.variants[v].dropped)
                continue;
            status = plan_run_config(experiment, v, task->seed, s->rungs.current, &config, error);
            task->n_epochs = config.epochs;
            if (!status)
                status =
                    run_is_done(experiment, v, task->seed, s->rungs.current, &task->is_done, error);
            s->n_tasks++;
        }
    return status;
}

static int64_t count_undone(const struct scheduler *s)
{
    int64_t n = 0;
    for (int64_t i = 0; i < s->n_tasks; i++)
        n += !s->tasks[i].is_done;
    return n;
}

static struct task *find_task(struct scheduler *s, const struct worker_process *process)
{
    for (int64_t i = 0; i < s->n_tasks; i++)
        if (s->tasks[i].variant == process->variant && s->tasks[i].seed == process->seed)
            return &s->tasks[i];
    return NULL;
}

/* ---- Progress ---- */

static int report(struct scheduler *s, struct valence_error *error)
{
    const struct valence_progress *progress = s->options.progress;
    char detail[80];
    double now = seconds_now();
    if (!progress || now - s->last_report < REPORT_SECONDS)
        return VALENCE_OK;
    s->last_report = now;
    int64_t done = 0, total = 0;
    for (int64_t i = 0; i < s->n_tasks; i++) {
        const struct task *task = &s->tasks[i];
        total += task->n_epochs;
        done += task->is_done      ? task->n_epochs
                : task->is_started ? run_epochs(s->experiment, task->variant, task->seed)
                                   : 0;
    }
    int n = snprintf(detail, sizeof detail, "%lld of %lld runs",
                     (long long)(s->n_tasks - count_undone(s)), (long long)s->n_tasks);
    if (s->experiment->n_rungs > 1)
        snprintf(detail + n, sizeof detail - (size_t)n, ", rung %lld of %lld",
                 (long long)s->rungs.current + 1, (long long)s->experiment->n_rungs);
    struct valence_progress_event event = {"training", done, total, "epochs", detail};
    if (!progress->report(progress->user, &event))
        return VALENCE_OK;
    return fail_key(error, VALENCE_ERROR_CANCELLED, "resume",
                    "%s: stopped; everything is saved, and the same call continues",
                    s->experiment->folder);
}

/* ---- Processes ---- */

/* The error of a worker, from what it wrote. */
static int fail_run(const struct scheduler *s, const struct worker_process *process, int status,
                    struct valence_error *error)
{
    char text[800];
    run_failure(s->experiment, process->variant, process->seed, text, sizeof text);
    return fail(error, status, "run %s/seed-%lld: %s",
                s->experiment->variants[process->variant].name, (long long)process->seed,
                text[0] ? text : "its process ended without a message");
}

static int restart(struct scheduler *s, struct task *task, const struct worker_process *process,
                   struct valence_error *error)
{
    bool advanced = run_epochs(s->experiment, task->variant, task->seed) > process->epochs;
    task->is_started = false;
    task->n_restarts = advanced ? 0 : task->n_restarts + 1;
    if (task->n_restarts < MAX_RESTARTS)
        return VALENCE_OK;
    return fail(error, VALENCE_ERROR_DATA,
                "run %s/seed-%lld: its process was ended %d times in a row without a new epoch\n"
                "         (if the system ended it for lack of memory, set a limit on memory or run "
                "fewer at once)",
                s->experiment->variants[task->variant].name, (long long)task->seed, MAX_RESTARTS);
}

static int reap(struct scheduler *s, bool *any, struct valence_error *error)
{
    struct worker_process ended;
    int library;
    enum worker_end end = workers_reap(s->workers, &ended, &library);
    *any = end != WORKER_WORKS;
    struct task *task = *any ? find_task(s, &ended) : NULL;
    if (!task)
        return VALENCE_OK;
    if (end == WORKER_FAILED)
        return fail_run(s, &ended, library, error);
    int status = run_is_done(s->experiment, task->variant, task->seed, s->rungs.current,
                             &task->is_done, error);
    if (!status && task->is_done) {
        char log[PLAN_FILE_BYTES];
        (void)unlink(run_log_file(s->experiment, task->variant, task->seed, log));
    }
    return status || task->is_done ? status : restart(s, task, &ended, error);
}

static int start_next(struct scheduler *s, struct valence_error *error)
{
    int status = VALENCE_OK;
    for (int64_t i = 0; i < s->n_tasks && !status && workers_busy(s->workers) < s->workers->n;
         i++) {
        struct task *task = &s->tasks[i];
        if (task->is_done || task->is_started)
            continue;
        status = workers_start(s->workers, task->variant, task->seed, error);
        task->is_started = !status;
    }
    return status;
}

static int train_in_processes(struct scheduler *s, struct valence_error *error)
{
    int status = VALENCE_OK;
    while (!status && count_undone(s) > 0) {
        bool any = false;
        status = start_next(s, error);
        if (!status)
            status = reap(s, &any, error);
        if (!status)
            status = report(s, error);
        if (!status && !any)
            workers_pause();
    }
    workers_stop(s->workers);
    return status;
}

static int train_here(struct scheduler *s, struct valence_error *error)
{
    int status = VALENCE_OK;
    for (int64_t i = 0; i < s->n_tasks && !status; i++) {
        struct task *task = &s->tasks[i];
        const char *name = s->experiment->variants[task->variant].name;
        const struct valence_worker worker = {.folder = s->experiment->folder,
                                              .variant = name,
                                              .seed = task->seed,
                                              .n_threads = s->workers->n_threads};
        if (task->is_done)
            continue;
        status = valence_experiment_work(&worker, s->options.progress, error);
        task->is_done = !status;
        if (status)
            (void)fail_within(status, error, "run %s/seed-%lld", name, (long long)task->seed);
    }
    return status;
}

/* ---- The whole ---- */

static int train_all(struct scheduler *s, struct valence_error *error)
{
    for (;;) {
        int status = make_tasks(s, error);
        int64_t n = count_undone(s);
        if (!status && n > 0 && s->workers->n == 0)
            status = resources_choose(s->workers, n, error);
        if (!status && n > 0)
            status = s->options.start ? train_in_processes(s, error) : train_here(s, error);
        if (status || s->rungs.current == s->experiment->n_rungs - 1)
            return status;
        status = rungs_advance(s->experiment, &s->rungs, error);
        if (status)
            return status;
    }
}

/* Held while the experiment runs; a killed process cannot leave it behind. */
static int lock(const struct valence_experiment *experiment, int *descriptor,
                struct valence_error *error)
{
    char path[PLAN_FILE_BYTES];
    *descriptor = open(plan_file(experiment, PLAN_FILE, path), O_RDONLY | O_CLOEXEC);
    if (*descriptor < 0)
        return fail_errno(error, errno, "%s: cannot open", path);
    if (flock(*descriptor, LOCK_EX | LOCK_NB) == 0)
        return VALENCE_OK;
    int number = errno;
    close(*descriptor);
    return number == EWOULDBLOCK
               ? fail(error, VALENCE_ERROR_BUSY, "%s: another process runs this experiment",
                      experiment->folder)
               : fail_errno(error, number, "%s: cannot lock", path);
}

void valence_experiment_options_default(struct valence_experiment_options *options)
{
    *options = (struct valence_experiment_options){.size = sizeof *options};
}

static int read_options(const struct valence_experiment_options *given,
                        struct valence_experiment_options *options, struct valence_error *error)
{
    valence_experiment_options_default(options);
    int status = options_read(options, sizeof *options, given, error);
    if (status)
        return status;
    if (options->n_cores < 0 || options->n_cores > 4096)
        return fail_key(error, VALENCE_ERROR_ARGUMENT, "n_cores", "there can be 1 to 4096 cores");
    if (options->n_jobs < 0 || options->n_jobs > MAX_WORKERS)
        return fail_key(error, VALENCE_ERROR_ARGUMENT, "n_jobs",
                        "there can be 1 to %d runs at once", MAX_WORKERS);
    if (options->memory < 0)
        return fail_key(error, VALENCE_ERROR_ARGUMENT, "memory", "memory is negative");
    return VALENCE_OK;
}

int valence_experiment_run(const struct valence_experiment *experiment,
                           const struct valence_experiment_options *given,
                           struct valence_error *error)
{
    struct scheduler s = {.experiment = experiment};
    int descriptor, status = read_options(given, &s.options, error);
    if (!status)
        status = lock(experiment, &descriptor, error);
    if (status)
        return status;
    s.tasks = allocate(experiment->n_variants * experiment->config.seeds, sizeof *s.tasks);
    s.workers = allocate(1, sizeof *s.workers);
    if (!s.tasks || !s.workers)
        status = fail_memory(error, sizeof *s.workers, "the runs");
    if (!status) {
        *s.workers = (struct workers){.experiment = experiment, .options = &s.options};
        status = rungs_read(experiment, &s.rungs, error);
    }
    if (!status)
        status = train_all(&s, error);
    rungs_free(&s.rungs);
    free(s.tasks);
    free(s.workers);
    close(descriptor);
    return status;
}
