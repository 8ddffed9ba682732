#include "extract/pieces_folder.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fail.h"
#include "base/file.h"
#include "base/temporary.h"
#include "base/text.h"
#include "extract/pieces_record.h"

#define RECORD           "pieces.json"
#define MAX_RECORD_BYTES ((size_t)1 << 24)

/* ---- Names and locks ---- */

static char *beside(const char *path, const char *ending)
{
    struct text text = {.maximum = EXTRACT_PATH_BYTES + 64};
    text_format(&text, "%s%s", path, ending);
    if (text.failed)
        text_free(&text);
    return text.data;
}

static int fail_name(const char *path, struct valence_error *error)
{
    return fail_memory(error, strlen(path), "a path");
}

char *pieces_folder_name(const struct pieces_folder *folder, int64_t piece, const char *ending)
{
    char name[64];
    snprintf(name, sizeof name, "%" PRId64 "%s", piece, ending);
    return path_join(folder->path, name);
}

bool pieces_folder_is_gone(const struct pieces_folder *folder)
{
    return !path_exists(folder->path);
}

/* flock() that a signal does not end: false with errno. */
static bool lock(int file, int how)
{
    int code;
    do
        code = flock(file, how);
    while (code != 0 && errno == EINTR);
    return code == 0;
}

/* The open file, -1 with errno. */
static int open_file(const char *path)
{
    return open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
}

/* ---- The record ---- */

/* Whether the open file is still the folder's record: another process may have merged or removed
 * the pieces before this one had the lock. */
static bool is_current(int file, const char *name)
{
    struct stat open_one, named;
    return fstat(file, &open_one) == 0 && stat(name, &named) == 0 &&
           open_one.st_dev == named.st_dev && open_one.st_ino == named.st_ino;
}

/* The record's text in *text (free() it); *size is 0 where nobody has written it yet. */
static int read_record(int file, const char *name, char **text, size_t *size,
                       struct valence_error *error)
{
    struct stat status;
    *text = NULL;
    *size = 0;
    if (fstat(file, &status) != 0)
        return fail_errno(error, errno, "%s: cannot be read", name);
    if (status.st_size > (off_t)MAX_RECORD_BYTES)
        return fail(error, VALENCE_ERROR_LIMIT, "%s: is too large (remove the folder)", name);
    *text = malloc((size_t)status.st_size + 1);
    if (!*text)
        return fail_memory(error, (size_t)status.st_size, "a record of pieces");
    *size = (size_t)status.st_size;
    return file_read_at(file, name, 0, *text, *size, error);
}

/* A record that is not whole is none. */
static int write_record(int file, const char *name, const json_t *own, struct valence_error *error)
{
    char *text = json_dumps(own, JSON_INDENT(1));
    if (!text)
        return fail_memory(error, 1 << 14, "a record of pieces");
    size_t size = strlen(text);
    ssize_t written = pwrite(file, text, size, 0);
    int number = written < 0 ? errno : ENOSPC;
    free(text);
    if (written == (ssize_t)size)
        return VALENCE_OK;
    (void)!ftruncate(file, 0);
    return fail_errno(error, number, "%s: cannot be written", name);
}

/* Under the shared lock: compares, or as the first process writes. A lock that becomes exclusive is
 * given up in between, so that another process may write meanwhile. */
static int settle(int file, const char *name, const char *folder, const json_t *own,
                  struct valence_error *error)
{
    char *text;
    size_t size;
    int status = read_record(file, name, &text, &size, error);
    if (!status && size == 0) {
        free(text);
        if (!lock(file, LOCK_EX))
            return fail_errno(error, errno, "%s: cannot be locked", name);
        status = read_record(file, name, &text, &size, error);
        if (!status && size == 0)
            status = write_record(file, name, own, error);
        if (!lock(file, LOCK_SH) && !status)
            status = fail_errno(error, errno, "%s: cannot be locked", name);
    }
    if (!status && size > 0)
        status = pieces_record_compare(text, size, own, folder, error);
    free(text);
    return status;
}

/* Removes pieces that were begun with other settings, unless a process still works on them. */
static int discard(int file, const char *name, const char *path, struct valence_error *error)
{
    if (!lock(file, LOCK_EX | LOCK_NB))
        return errno == EWOULDBLOCK
                   ? fail(error, VALENCE_ERROR_BUSY,
                          "%s: another process works on these pieces with other settings (stop it "
                          "first)",
                          path)
                   : fail_errno(error, errno, "%s: cannot be locked", name);
    if (!is_current(file, name)) /* another process has removed them */
        return VALENCE_OK;
    char *discarded = beside(path, ".discarded");
    if (!discarded)
        return fail_name(path, error);
    temporary_remove(discarded); /* of a process that was killed here */
    int status = rename(path, discarded) == 0
                     ? VALENCE_OK
                     : fail_errno(error, errno, "%s: cannot be renamed", path);
    if (!status)
        temporary_remove(discarded);
    free(discarded);
    return status;
}

/* ---- Opening ---- */

/* One try; *again: the folder has been removed meanwhile, by this process or another. */
static int join(struct pieces_folder *folder, const char *name, const json_t *own, bool overwrite,
                bool *again, struct valence_error *error)
{
    *again = false;
    int file = open_file(name);
    if (file < 0 && errno == ENOENT) {
        *again = true;
        return VALENCE_OK;
    }
    if (file < 0)
        return fail_errno(error, errno, "%s: cannot be opened", name);
    int status =
        lock(file, LOCK_SH) ? VALENCE_OK : fail_errno(error, errno, "%s: cannot be locked", name);
    if (!status && !is_current(file, name))
        *again = true;
    else if (!status)
        status = settle(file, name, folder->path, own, error);
    bool differs = status == VALENCE_ERROR_DATA || status == VALENCE_ERROR_FORMAT ||
                   status == VALENCE_ERROR_UNSUPPORTED;
    if (differs && overwrite) {
        status = discard(file, name, folder->path, error);
        *again = true;
    }
    if (status || *again)
        close(file);
    else
        folder->record = file;
    return status;
}

static int open_folder(struct pieces_folder *folder, const char *name, const json_t *own,
                       bool overwrite, bool *is_new, struct valence_error *error)
{
    bool again = true;
    int status = VALENCE_OK;
    while (again && !status) {
        *is_new = mkdir(folder->path, 0777) == 0;
        if (!*is_new && errno != EEXIST)
            return fail_errno(error, errno, "%s: cannot be made", folder->path);
        status = join(folder, name, own, overwrite, &again, error);
    }
    return status;
}

int pieces_folder_open(struct pieces_folder *folder, const char *output,
                       const struct extraction *extraction, int64_t n_pieces, bool overwrite,
                       bool *is_new, struct valence_error *error)
{
    *folder = (struct pieces_folder){.path = beside(output, ".pieces"), .record = -1};
    char *name = folder->path ? path_join(folder->path, RECORD) : NULL;
    json_t *own = pieces_record_make(extraction, n_pieces);
    int status = name && own ? open_folder(folder, name, own, overwrite, is_new, error)
                             : fail_name(output, error);
    json_decref(own);
    free(name);
    return status;
}

void pieces_folder_close(struct pieces_folder *folder)
{
    if (folder->record >= 0)
        close(folder->record);
    free(folder->path);
    *folder = (struct pieces_folder){.record = -1};
}

/* ---- Pieces ---- */

static int is_done(const struct pieces_folder *folder, int64_t piece, bool *done,
                   struct valence_error *error)
{
    char *name = pieces_folder_name(folder, piece, ".done");
    if (!name)
        return fail_name(folder->path, error);
    *done = path_exists(name);
    free(name);
    return VALENCE_OK;
}

/* *taken is -1 where another process has the file (unless `waiting`), or the folder is gone. */
static int take_file(const struct pieces_folder *folder, const char *name, bool waiting, int *taken,
                     struct valence_error *error)
{
    *taken = open_file(name);
    if (*taken < 0)
        return errno == ENOENT ? VALENCE_OK
                               : fail_errno(error, errno, "%s: cannot be opened", name);
    bool locked = lock(*taken, LOCK_EX | (waiting ? 0 : LOCK_NB));
    int number = errno;
    if (locked && !pieces_folder_is_gone(folder))
        return VALENCE_OK;
    close(*taken);
    *taken = -1;
    return locked || number == EWOULDBLOCK
               ? VALENCE_OK
               : fail_errno(error, number, "%s: cannot be locked", name);
}

int pieces_folder_take(const struct pieces_folder *folder, int64_t piece, bool waiting, int *taken,
                       struct valence_error *error)
{
    bool done = false;
    *taken = -1;
    int status = is_done(folder, piece, &done, error);
    if (status || done)
        return status;
    char *name = pieces_folder_name(folder, piece, ".lock");
    status = name ? take_file(folder, name, waiting, taken, error) : fail_name(folder->path, error);
    free(name);
    if (status || *taken < 0)
        return status;
    status = is_done(folder, piece, &done, error); /* before the lock was free */
    if (status || done) {
        close(*taken);
        *taken = -1;
    }
    return status;
}

int pieces_folder_mark_done(const struct pieces_folder *folder, int64_t piece,
                            struct valence_error *error)
{
    char *name = pieces_folder_name(folder, piece, ".done");
    if (!name)
        return fail_name(folder->path, error);
    int file = open_file(name);
    int status = file >= 0 ? VALENCE_OK : fail_errno(error, errno, "%s: cannot be made", name);
    if (file >= 0)
        close(file);
    free(name);
    return status;
}

/* ---- The end ---- */

int pieces_folder_begin_merge(const struct pieces_folder *folder, int *taken,
                              struct valence_error *error)
{
    char *name = path_join(folder->path, "merge.lock");
    int status =
        name ? take_file(folder, name, true, taken, error) : fail_name(folder->path, error);
    free(name);
    return status;
}

int pieces_folder_remove(const struct pieces_folder *folder, struct valence_error *error)
{
    char *merged = beside(folder->path, ".merged");
    if (!merged)
        return fail_name(folder->path, error);
    temporary_remove(merged); /* of a process that was killed here */
    int status = rename(folder->path, merged) == 0
                     ? VALENCE_OK
                     : fail_errno(error, errno, "%s: cannot be renamed", folder->path);
    if (!status)
        temporary_remove(merged);
    if (!status && path_exists(merged))
        status = fail_errno(error, errno, "%s: cannot be removed", merged);
    free(merged);
    return status;
}
