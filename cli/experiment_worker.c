#include "experiment_worker.h"

#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "options.h"

extern char **environ;

/* A group of its own: Ctrl-C in the terminal reaches the scheduler alone, which asks its workers to
 * save. */
static int spawn(const struct valence_worker *worker, char *const *argv, pid_t *process)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    int number = posix_spawn_file_actions_init(&actions);
    if (number)
        return number;
    number = posix_spawnattr_init(&attributes);
    if (!number) {
        posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
        posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
        posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, worker->log,
                                         O_WRONLY | O_CREAT | O_TRUNC, 0644);
        posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
        number = posix_spawn(process, "/proc/self/exe", &actions, &attributes, argv, environ);
        posix_spawnattr_destroy(&attributes);
    }
    posix_spawn_file_actions_destroy(&actions);
    return number;
}

int experiment_worker_start(void *user, const struct valence_worker *worker, int64_t *process,
                            struct valence_error *error)
{
    char run[128], threads[32], scheduler[32], trial[32], seconds[32];
    char name[] = "valence", command[] = "runs", train[] = "--train", thread_option[] = "--threads";
    char scheduler_option[] = "--scheduler", trial_option[] = "--trial", quiet[] = "--quiet";
    char seconds_option[] = "--trial-seconds", end[] = "--", folder[2048];
    (void)user;
    snprintf(run, sizeof run, "%s/seed-%lld", worker->variant, (long long)worker->seed);
    snprintf(threads, sizeof threads, "%lld", (long long)worker->n_threads);
    snprintf(scheduler, sizeof scheduler, "%lld", (long long)getpid());
    snprintf(trial, sizeof trial, "%d", worker->trial);
    snprintf(seconds, sizeof seconds, "%d.%03d", (int)worker->trial_seconds,
             (int)(worker->trial_seconds * 1000) % 1000);
    snprintf(folder, sizeof folder, "%s", worker->folder);
    char *argv[] = {name,
                    command,
                    train,
                    run,
                    thread_option,
                    threads,
                    scheduler_option,
                    scheduler,
                    seconds_option,
                    seconds,
                    trial_option,
                    trial,
                    quiet,
                    end,
                    folder,
                    NULL};
    pid_t started = 0;
    int number = spawn(worker, argv, &started);
    *process = started;
    return number ? valence_fail(error, VALENCE_ERROR_IO, NULL, "cannot start a worker: %s",
                                 strerror(number))
                  : VALENCE_OK;
}

/* ---- The worker ---- */

struct watch {
    pid_t scheduler; /* 0: none */
    const struct valence_progress *terminal;
};

/* Without its scheduler a worker saves and ends: the next scheduler starts its own. */
static int report(void *user, const struct valence_progress_event *event)
{
    const struct watch *watch = user;
    if (watch->scheduler && getppid() != watch->scheduler)
        return 1;
    return watch->terminal->report(watch->terminal->user, event);
}

int experiment_worker_run(const struct valence_worker *worker, int64_t scheduler, bool quiet)
{
    struct watch watch = {(pid_t)scheduler, terminal_progress(quiet)};
    struct valence_progress progress = {report, &watch};
    struct valence_error error;
    int status = valence_experiment_work(worker, &progress, &error);
    terminal_progress_finish();
    int code = status ? report_error(&error) : EXIT_FINE;
    return scheduler ? -status : code;
}
