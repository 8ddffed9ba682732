#include "run/run_folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/fail.h"
#include "base/file.h"
#include "base/file_writer.h"

/* ---- The folder ---- */

static bool is_empty(const char *path)
{
    DIR *folder = opendir(path);
    if (!folder)
        return false;
    bool empty = true;
    for (struct dirent *entry; empty && (entry = readdir(folder)) != NULL;)
        empty = strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0;
    closedir(folder);
    return empty;
}

/* What a killed process left half-written: files of ours that were never renamed into place. */
static void remove_leftovers(const char *path)
{
    static const char *const names[] = {RUN_LAST, RUN_BEST, RUN_CONFIG, RUN_RESULTS, "epoch-"};
    DIR *folder = opendir(path);
    if (!folder)
        return;
    for (struct dirent *entry; (entry = readdir(folder)) != NULL;)
        for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
            const char *temporary = strstr(entry->d_name, ".tmp-");
            if (temporary && strncmp(entry->d_name, names[i], strlen(names[i])) == 0)
                (void)unlinkat(dirfd(folder), entry->d_name, 0);
        }
    closedir(folder);
}

int run_folder_check_new(const char *path, struct valence_error *error)
{
    file_remove_leftovers(path); /* of one that was killed as it began */
    if (!path_exists(path) || is_empty(path))
        return VALENCE_OK;
    return fail_key(error, VALENCE_ERROR_EXISTS, "output", "%s: exists and is not an empty folder",
                    path);
}

int run_folder_open(struct run_folder *folder, const char *path, bool resume,
                    struct valence_error *error)
{
    *folder = (struct run_folder){.lock = -1};
    /* Room for the names of the files in it. */
    if (strlen(path) + 64 > sizeof folder->path)
        return fail(error, VALENCE_ERROR_ARGUMENT, "the run's folder has too long a name");
    strcpy(folder->path, path);
    if (resume && !path_is_folder(path))
        return fail(error, VALENCE_ERROR_NOT_FOUND, "%s: no run to resume there", path);
    folder->is_made = !path_exists(path);
    int status = make_folders(path, error);
    if (status)
        return status;
    folder->lock = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder->lock < 0)
        return fail_errno(error, errno, "%s: cannot open the run's folder", path);
    bool locked = flock(folder->lock, LOCK_EX | LOCK_NB) == 0;
    if (locked)
        remove_leftovers(path);
    if (!locked)
        status = errno == EWOULDBLOCK
                     ? fail(error, VALENCE_ERROR_BUSY,
                            "%s: another process is training there\n"
                            "         (wait for it, or choose another output folder)",
                            path)
                     : fail_errno(error, errno, "%s: cannot lock the run's folder", path);
    else if (!resume)
        status = run_folder_check_new(path, error);
    folder->is_begun = !status && !resume;
    if (status)
        run_folder_close(folder);
    return status;
}

void run_folder_abandon(const struct run_folder *folder)
{
    static const char *const begun[] = {RUN_CONFIG, RUN_LOG, RUN_TIMING};
    bool has_more = false;
    DIR *listed = folder->is_begun ? opendir(folder->path) : NULL;
    if (!listed)
        return;
    for (struct dirent *entry; (entry = readdir(listed)) != NULL;) {
        bool is_ours = strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0;
        for (size_t i = 0; i < sizeof begun / sizeof begun[0]; i++)
            is_ours = is_ours || strcmp(entry->d_name, begun[i]) == 0;
        has_more = has_more || !is_ours;
    }
    for (size_t i = 0; i < sizeof begun / sizeof begun[0] && !has_more; i++)
        (void)unlinkat(dirfd(listed), begun[i], 0);
    closedir(listed);
    if (folder->is_made && !has_more)
        (void)rmdir(folder->path);
}

void run_folder_close(struct run_folder *folder)
{
    if (folder->lock >= 0)
        close(folder->lock);
    folder->lock = -1;
}

const char *run_epoch_name(int64_t epoch, char *name)
{
    snprintf(name, RUN_EPOCH_BYTES, "epoch-%lld.safetensors", (long long)epoch);
    return name;
}

const char *run_folder_file(const struct run_folder *folder, const char *name, char *path)
{
    snprintf(path, RUN_PATH_BYTES, "%.*s/%s", (int)(RUN_PATH_BYTES - 64), folder->path, name);
    return path;
}

/* ---- Its files ---- */

int run_folder_write_text(const struct run_folder *folder, const char *name, const char *text,
                          struct valence_error *error)
{
    char path[RUN_PATH_BYTES];
    struct file_writer writer;
    if (!text)
        return fail_memory(error, 1 << 16, name);
    int status =
        file_write_begin(&writer, run_folder_file(folder, name, path), FILE_OVERWRITE, error);
    if (status)
        return status;
    size_t length = strlen(text);
    fputs(text, writer.stream);
    if (length == 0 || text[length - 1] != '\n')
        fputc('\n', writer.stream);
    return file_write_commit(&writer, error);
}

int run_folder_write_json(const struct run_folder *folder, const char *name, const json_t *value,
                          struct valence_error *error)
{
    char *text = json_dumps(value, JSON_INDENT(2) | JSON_REAL_PRECISION(9));
    int status = run_folder_write_text(folder, name, text, error);
    free(text);
    return status;
}

int run_log_open(const struct run_folder *folder, const char *name, int64_t size, FILE **log,
                 struct valence_error *error)
{
    char path[RUN_PATH_BYTES];
    *log = fopen(run_folder_file(folder, name, path), "ae");
    if (!*log)
        return fail_errno(error, errno, "%s: cannot write", path);
    int64_t there = fseeko(*log, 0, SEEK_END) == 0 ? (int64_t)ftello(*log) : 0;
    int status = VALENCE_OK;
    if (size > there)
        status = fail(error, VALENCE_ERROR_DATA,
                      "%s: has %lld bytes, but the checkpoint was saved after %lld\n"
                      "         (the log was changed; put it back or start a new run)",
                      path, (long long)there, (long long)size);
    else if (size >= 0 && ftruncate(fileno(*log), size) != 0)
        status = fail_errno(error, errno, "%s: cannot cut the log to the checkpoint", path);
    if (status) {
        fclose(*log);
        *log = NULL;
    }
    return status;
}

int run_log_append(FILE *log, const char *name, json_t *line, int64_t *size,
                   struct valence_error *error)
{
    char *text = line ? json_dumps(line, JSON_COMPACT | JSON_REAL_PRECISION(9)) : NULL;
    json_decref(line);
    if (!text)
        return fail_memory(error, 4096, name);
    bool written = fprintf(log, "%s\n", text) > 0 && fflush(log) == 0 && fsync(fileno(log)) == 0;
    int number = errno;
    free(text);
    if (!written)
        return fail_errno(error, number, "%s: cannot write", name);
    *size = (int64_t)ftello(log);
    return VALENCE_OK;
}
