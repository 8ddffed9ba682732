#include "models/program.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/fail.h"
#include "base/file.h"

extern char **environ;

#define MAX_DEPTH 4 /* of folders that are watched */
#define MIB       (1 << 20)

/* ---- Progress ---- */

/* Bytes of a file, or of all files in a folder. */
static int64_t bytes_below(const char *path, int depth)
{
    struct stat found;
    if (lstat(path, &found) != 0)
        return 0;
    if (S_ISREG(found.st_mode))
        return found.st_size;
    DIR *folder = S_ISDIR(found.st_mode) && depth < MAX_DEPTH ? opendir(path) : NULL;
    int64_t bytes = 0;
    for (struct dirent *entry; folder && (entry = readdir(folder));) {
        bool is_itself = strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0;
        char *inside = is_itself ? NULL : path_join(path, entry->d_name);
        bytes += inside ? bytes_below(inside, depth + 1) : 0;
        free(inside);
    }
    if (folder)
        closedir(folder);
    return bytes;
}

static bool cancelled(const struct program_run *run)
{
    if (!run->progress)
        return false;
    int64_t total = run->expected_bytes / MIB + 1, done = bytes_below(run->watched, 0) / MIB;
    /* A finished file may be copied before the first copy is removed. */
    struct valence_progress_event event = {"fetching", done < total ? done : total, total, "MiB",
                                           run->detail};
    return run->progress->report(run->progress->user, &event) != 0;
}

/* ---- Processes ---- */

/* 0 where it cannot be started. */
static pid_t start(const struct program_run *run)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    pid_t child = 0;
    if (posix_spawn_file_actions_init(&actions) != 0)
        return 0;
    if (posix_spawnattr_init(&attributes) == 0) {
        posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
        posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, run->log,
                                         O_WRONLY | O_CREAT | O_TRUNC, 0600);
        posix_spawn_file_actions_adddup2(&actions, STDOUT_FILENO, STDERR_FILENO);
        posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
        if (posix_spawnp(&child, run->arguments[0], &actions, &attributes,
                         (char *const *)(uintptr_t)run->arguments, environ) != 0)
            child = 0;
        posix_spawnattr_destroy(&attributes);
    }
    posix_spawn_file_actions_destroy(&actions);
    return child;
}

static int wait_for(const struct program_run *run, pid_t child, int *exit_code,
                    struct valence_error *error)
{
    const struct timespec pause = {0, 100000000};
    int state = 0;
    pid_t ended;
    while ((ended = waitpid(child, &state, WNOHANG)) == 0 || (ended < 0 && errno == EINTR)) {
        if (cancelled(run)) {
            kill(-child, SIGTERM);
            while (waitpid(child, &state, 0) < 0 && errno == EINTR)
                ;
            return fail(error, VALENCE_ERROR_CANCELLED, "fetching was cancelled");
        }
        nanosleep(&pause, NULL);
    }
    *exit_code = ended == child && WIFEXITED(state) ? WEXITSTATUS(state) : -1;
    return VALENCE_OK;
}

/* The first or last line of a log that is not empty. */
static void read_line(const char *log, bool first, char line[300])
{
    char *text;
    line[0] = '\0';
    if (file_read_text(log, 1 << 20, &text, NULL, NULL))
        return;
    for (char *rest = text, *at; (at = strtok_r(rest, "\n", &rest));)
        if (at[strspn(at, " \r")] != '\0' && !(first && line[0]))
            snprintf(line, 300, "%s", at);
    free(text);
}

int program_run(const struct program_run *run, int *exit_code, char said[300],
                struct valence_error *error)
{
    *exit_code = -1;
    said[0] = '\0';
    pid_t child = start(run);
    int status = child > 0 ? wait_for(run, child, exit_code, error) : VALENCE_OK;
    if (!status && child > 0)
        read_line(run->log, run->says_it_first, said);
    return status;
}
