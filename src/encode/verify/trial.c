#include "encode/verify/trial.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <ggml.h>

#include "base/fail.h"
#include "valence/runtime.h"

#define CPU_SECONDS 900 /* a damaged file may also make it compute for ever */

/* What parent and child share. */
struct outcome {
    bool finished;
    struct valence_error error;
    char last_words[400]; /* of ggml's abort */
};

/* In the child. */
static struct outcome *own_outcome;

static void keep_words(const char *message)
{
    snprintf(own_outcome->last_words, sizeof own_outcome->last_words, "%s", message);
}

/* Never comes back. Nothing of the parent's is closed or flushed. */
static void be_child(pid_t parent, struct outcome *outcome,
                     int (*work)(const void *, struct valence_error *), const void *argument)
{
    struct rlimit cpu = {CPU_SECONDS, CPU_SECONDS}, core = {0, 0};
    int nowhere = open("/dev/null", O_RDWR);
    setrlimit(RLIMIT_CPU, &cpu);
    setrlimit(RLIMIT_CORE, &core);
    if (nowhere >= 0) {
        dup2(nowhere, STDOUT_FILENO);
        dup2(nowhere, STDERR_FILENO);
    }
    static const int deadly[] = {SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGXCPU};
    static const int ignored[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE};
    for (size_t i = 0; i < sizeof deadly / sizeof *deadly; i++)
        signal(deadly[i], SIG_DFL); /* the host's handlers are not for this */
    /* Ctrl-C goes to both: the host answers it, and the file is not to blame. */
    for (size_t i = 0; i < sizeof ignored / sizeof *ignored; i++)
        signal(ignored[i], SIG_IGN);
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(0);
    own_outcome = outcome;
    valence_set_log(NULL, NULL); /* the parent loads the same once more */
    ggml_set_abort_callback(keep_words);
    outcome->error.status = work(argument, &outcome->error);
    outcome->finished = true;
    _exit(0);
}

static int fail_dead(const struct outcome *outcome, int state, const char *path,
                     struct valence_error *error)
{
    if (WIFSIGNALED(state) && WTERMSIG(state) == SIGKILL)
        return fail(error, VALENCE_ERROR_MEMORY,
                    "%s: loading it was killed, as the system does where memory is short", path);
    const char *words = outcome->last_words;
    const char *place = strrchr(words, '/'); /* "/build/ggml/src/ggml.c:1: ..." */
    return fail(
        error, VALENCE_ERROR_FORMAT,
        "%s: llama.cpp cannot cope with this file, it is probably damaged: loading it ended "
        "a trial process%s%s%s%s",
        path, WIFSIGNALED(state) ? " by signal: " : "",
        WIFSIGNALED(state) ? strsignal(WTERMSIG(state)) : "", *words ? ": " : "",
        place ? place + 1 : words);
}

int trial_run(int (*work)(const void *argument, struct valence_error *error), const void *argument,
              const char *path, struct valence_error *error)
{
    int state = 0, status = VALENCE_OK;
    struct outcome *outcome =
        mmap(NULL, sizeof *outcome, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (outcome == MAP_FAILED)
        return fail_memory(error, sizeof *outcome, "a trial process");
    const pid_t parent = getpid(), child = fork();
    if (child == 0)
        be_child(parent, outcome, work, argument);
    if (child < 0)
        status =
            fail_key(error, VALENCE_ERROR_UNSUPPORTED, "unverified",
                     "%s: cannot start a process to try the file in: %s", path, strerror(errno));
    else
        while (waitpid(child, &state, 0) < 0 && errno == EINTR)
            ;
    if (child > 0 && !outcome->finished)
        status = fail_dead(outcome, state, path, error);
    else if (child > 0 && outcome->error.status) {
        status = outcome->error.status;
        if (error)
            *error = outcome->error;
    }
    munmap(outcome, sizeof *outcome);
    return status;
}
