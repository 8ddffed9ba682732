/* The helper: starting it, and asking it for workers. */
#include "media/media_workers.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fail.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/options.h"
#include "base/socket.h"
#include "media/worker_message.h"
#include "valence/version.h"

/* For the helper's answers: it does nothing that takes long. */
#define ANSWER_SECONDS 60

extern char **environ;

struct valence_media_workers {
    struct valence_media_worker_options options;
    char **command;
    pthread_mutex_t lock; /* guards what follows: one request at a time */
    pid_t helper;
    int socket; /* -1: there is no helper */
};

/* ---- Options ---- */

void valence_media_worker_options_default(struct valence_media_worker_options *options)
{
    *options = (struct valence_media_worker_options){.size = sizeof *options,
                                                     .max_memory_bytes = (int64_t)2 << 30,
                                                     .max_cpu_seconds = 600,
                                                     .max_wait_seconds = 30};
}

static int check_options(const struct valence_media_worker_options *options,
                         struct valence_error *error)
{
    const struct {
        const char *name;
        double value, least, most;
    } ranges[] = {{"max_memory_bytes", (double)options->max_memory_bytes, 1 << 20, 1e15},
                  {"max_cpu_seconds", options->max_cpu_seconds, 1, 1e7},
                  {"max_wait_seconds", options->max_wait_seconds, 0.1, 1e7}};
    if (!options->command || !options->command[0])
        return fail_key(error, VALENCE_ERROR_ARGUMENT, "command",
                        "the workers' options name no program to start");
    for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++)
        if (!(ranges[i].value >= ranges[i].least && ranges[i].value <= ranges[i].most))
            return fail_key(error, VALENCE_ERROR_ARGUMENT, ranges[i].name,
                            "worker option %s is %g; it must be %g ... %g", ranges[i].name,
                            ranges[i].value, ranges[i].least, ranges[i].most);
    return VALENCE_OK;
}

static int copy_command(struct valence_media_workers *workers, struct valence_error *error)
{
    const char *const *command = workers->options.command;
    int64_t n = 0;
    while (command[n])
        n++;
    workers->command = allocate(n + 1, sizeof *workers->command);
    workers->options.command = (const char *const *)workers->command;
    for (int64_t i = 0; i < n && workers->command; i++)
        if (!(workers->command[i] = strdup(command[i])))
            return fail_memory(error, strlen(command[i]), "a command");
    return workers->command ? VALENCE_OK
                            : fail_memory(error, (size_t)n * sizeof(char *), "a command");
}

/* ---- The helper's life ---- */

/* Starts the program with `standard_input`, in a process group of its own, so that Ctrl-C in a
 * terminal leaves it alone: it ends when its socket does. */
static int spawn(const struct valence_media_workers *workers, int standard_input, pid_t *process)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none, all;
    if (posix_spawn_file_actions_init(&actions))
        return ENOMEM;
    if (posix_spawnattr_init(&attributes)) {
        posix_spawn_file_actions_destroy(&actions);
        return ENOMEM;
    }
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &all);
    posix_spawnattr_setpgroup(&attributes, 0);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK |
                                              POSIX_SPAWN_SETSIGDEF);
    int number = posix_spawn_file_actions_adddup2(&actions, standard_input, STDIN_FILENO);
    if (!number)
        number =
            posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    if (!number)
        number = posix_spawn_file_actions_addclosefrom_np(&actions, STDERR_FILENO + 1);
    if (!number)
        number = posix_spawn(process, workers->command[0], &actions, &attributes, workers->command,
                             environ);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    return number;
}

static void end_helper(struct valence_media_workers *workers)
{
    if (workers->socket < 0)
        return;
    close(workers->socket);
    workers->socket = -1;
    kill(workers->helper, SIGKILL); /* whatever it does; it has nothing to finish */
    while (waitpid(workers->helper, NULL, 0) < 0 && errno == EINTR)
        ;
}

static int hear_hello(struct valence_media_workers *workers, struct valence_error *error)
{
    struct worker_hello hello;
    bool is_heard = socket_receive(workers->socket, &hello, sizeof hello);
    hello.version[sizeof hello.version - 1] = '\0';
    if (!is_heard || strcmp(hello.version, valence_version()) != 0 ||
        hello.head_bytes != sizeof(struct worker_head) ||
        hello.options_bytes != sizeof(struct valence_media_options))
        return fail_key(error, VALENCE_ERROR_UNSUPPORTED, "command",
                        "%s: does not decode media for valence %s", workers->command[0],
                        valence_version());
    if (!hello.has_seccomp || !hello.has_landlock)
        log_line(VALENCE_LOG_WARNING,
                 "media are decoded in processes of their own, but this system has no %s%s%s to "
                 "confine them",
                 hello.has_seccomp ? "" : "seccomp",
                 hello.has_seccomp || hello.has_landlock ? "" : " and no ",
                 hello.has_landlock ? "" : "Landlock");
    return VALENCE_OK;
}

static int start_helper(struct valence_media_workers *workers, struct valence_error *error)
{
    const struct timeval patience = {.tv_sec = ANSWER_SECONDS};
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
        return fail_errno(error, errno, "no connection to the process that decodes media");
    int number = spawn(workers, pair[1], &workers->helper);
    close(pair[1]);
    if (number) {
        close(pair[0]);
        return fail_errno(error, number, "%s: cannot be started to decode media",
                          workers->command[0]);
    }
    workers->socket = pair[0];
    setsockopt(pair[0], SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    int status = hear_hello(workers, error);
    if (status)
        end_helper(workers);
    return status;
}

int valence_media_workers_create(const struct valence_media_worker_options *options,
                                 struct valence_media_workers **workers,
                                 struct valence_error *error)
{
    *workers = NULL;
    struct valence_media_workers *made = allocate(1, sizeof *made);
    if (!made)
        return fail_memory(error, sizeof *made, "workers");
    made->socket = -1;
    pthread_mutex_init(&made->lock, NULL);
    valence_media_worker_options_default(&made->options);
    int status = options_read(&made->options, sizeof made->options, options, error);
    if (!status)
        status = check_options(&made->options, error);
    if (!status)
        status = copy_command(made, error);
    if (!status)
        status = start_helper(made, error);
    if (status)
        valence_media_workers_free(made);
    else
        *workers = made;
    return status;
}

void valence_media_workers_free(struct valence_media_workers *workers)
{
    if (!workers)
        return;
    end_helper(workers);
    for (char **at = workers->command; at && *at; at++)
        free(*at);
    free(workers->command);
    pthread_mutex_destroy(&workers->lock);
    free(workers);
}

const struct valence_media_worker_options *
media_workers_options(const struct valence_media_workers *workers)
{
    return &workers->options;
}

/* ---- Hiring ---- */

/* Asks the helper. *number is its answer; false where it is gone. */
static bool ask(const struct valence_media_workers *workers, int file, int theirs, int *process,
                int32_t *number)
{
    const struct worker_request request = {workers->options.max_memory_bytes,
                                           workers->options.max_cpu_seconds};
    const int descriptors[2] = {theirs, file};
    int given[2];
    if (!worker_send_descriptors(workers->socket, &request, sizeof request, descriptors, 2) ||
        !worker_receive_descriptors(workers->socket, number, sizeof *number, given))
        return false;
    *process = given[0];
    return true;
}

int media_workers_hire(struct valence_media_workers *workers, int file, int *socket, int *process,
                       struct valence_error *error)
{
    int pair[2], status = VALENCE_OK;
    int32_t number = 0;
    bool is_answered = false;
    *process = -1;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
        return fail_errno(error, errno, "no connection to a process that decodes media");
    pthread_mutex_lock(&workers->lock);
    for (int attempt = 0; attempt < 2 && !status && !is_answered; attempt++) {
        if (workers->socket < 0)
            status = start_helper(workers, error);
        if (!status)
            is_answered = ask(workers, file, pair[1], process, &number);
        if (!status && !is_answered)
            end_helper(workers); /* it was killed: another one */
    }
    pthread_mutex_unlock(&workers->lock);
    close(pair[1]);
    if (!status && (!is_answered || number))
        status = fail_errno(error,
                            !is_answered       ? EPIPE
                            : number == EAGAIN ? ENOMEM
                                               : number,
                            "no process to decode media in could be started");
    if (status)
        close(pair[0]);
    *socket = status ? -1 : pair[0];
    return status;
}
