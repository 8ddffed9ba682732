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
#define GATE             "join.lock"
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

/* Whether another process has merged the pieces, so that the folder is no longer there. */
static bool is_gone(const struct pieces_folder *folder)
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

/* Whether the open file is still the folder's one of that name: another process may have merged or
 * removed the pieces before this one had the lock. */
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

/* One process's way into the folder. */
struct entry {
    struct pieces_folder *folder;
    const char *output;
    char *gate, *record; /* names of files */
    json_t *own;         /* the record of what this process makes */
    enum pieces_entry how;
    bool is_there; /* the store is, so that there is nothing to make */
    bool again;    /* the folder has been removed meanwhile, by this process or another */
};

/* A folder that nobody has begun: what other processes put there again, they remove, too. */
static void leave_unbegun(const struct entry *entry)
{
    (void)unlink(entry->record);
    (void)unlink(entry->gate);
    (void)rmdir(entry->folder->path);
}

/* With the record's lock, where nobody has written it. */
static int begin(struct entry *entry, int file, struct valence_error *error)
{
    entry->is_there = entry->how == PIECES_BEGIN && path_exists(entry->output);
    if (entry->how != PIECES_JOIN && !entry->is_there)
        return write_record(file, entry->record, entry->own, error);
    leave_unbegun(entry);
    return entry->is_there ? VALENCE_OK
                           : fail(error, VALENCE_ERROR_NOT_FOUND,
                                  "%s: the first rank made this folder, but this rank does not "
                                  "find it: all ranks need the output on one shared disk",
                                  entry->folder->path);
}

static bool is_foreign(int status)
{
    return status == VALENCE_ERROR_DATA || status == VALENCE_ERROR_FORMAT ||
           status == VALENCE_ERROR_UNSUPPORTED;
}

/* With the record's lock: compares it, or as the first process writes it. */
static int settle(struct entry *entry, int file, struct valence_error *error)
{
    const char *path = entry->folder->path;
    char *text;
    size_t size;
    int status = read_record(file, entry->record, &text, &size, error);
    if (status)
        return status;
    status = size > 0 ? pieces_record_compare(text, size, entry->own, path, error)
                      : begin(entry, file, error);
    free(text);
    if (is_foreign(status) && entry->how == PIECES_REPLACE) {
        status = discard(file, entry->record, path, error);
        entry->again = true;
    }
    return status;
}

static int join(struct entry *entry, struct valence_error *error)
{
    int file = open_file(entry->record);
    entry->again = file < 0 && errno == ENOENT;
    if (entry->again)
        return VALENCE_OK;
    if (file < 0)
        return fail_errno(error, errno, "%s: cannot be opened", entry->record);
    int status = lock(file, LOCK_SH)
                     ? VALENCE_OK
                     : fail_errno(error, errno, "%s: cannot be locked", entry->record);
    if (!status && !is_current(file, entry->record))
        entry->again = true;
    else if (!status)
        status = settle(entry, file, error);
    if (status || entry->again || entry->is_there)
        close(file);
    else
        entry->folder->record = file;
    return status;
}

/* Processes join one at a time: who has the record's lock while another one joins is at work on the
 * pieces, and does not just compare. */
static int pass_gate(struct entry *entry, struct valence_error *error)
{
    int file = open_file(entry->gate), status = VALENCE_OK;
    entry->again = file < 0 && errno == ENOENT;
    if (entry->again)
        return VALENCE_OK;
    if (file < 0 || !lock(file, LOCK_EX))
        status = fail_errno(error, errno, "%s: cannot be locked", entry->gate);
    else if (!is_current(file, entry->gate))
        entry->again = true;
    else
        status = join(entry, error);
    if (file >= 0)
        close(file);
    return status;
}

static int open_folder(struct entry *entry, struct valence_error *error)
{
    const char *path = entry->folder->path;
    int status = VALENCE_OK;
    do {
        if (mkdir(path, 0777) != 0 && errno != EEXIST)
            return fail_errno(error, errno, "%s: cannot be made", path);
        status = pass_gate(entry, error);
    } while (entry->again && !status);
    return status;
}

int pieces_folder_open(struct pieces_folder *folder, const char *output,
                       const struct extraction *extraction, int64_t n_pieces, enum pieces_entry how,
                       bool *is_there, struct valence_error *error)
{
    *folder = (struct pieces_folder){.path = beside(output, ".pieces"), .record = -1};
    struct entry entry = {.folder = folder, .output = output, .how = how};
    entry.gate = folder->path ? path_join(folder->path, GATE) : NULL;
    entry.record = folder->path ? path_join(folder->path, RECORD) : NULL;
    entry.own = pieces_record_make(extraction, n_pieces);
    bool complete = entry.gate && entry.record && entry.own;
    int status = complete ? open_folder(&entry, error) : fail_name(output, error);
    *is_there = entry.is_there;
    json_decref(entry.own);
    free(entry.gate);
    free(entry.record);
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
    if (locked && !is_gone(folder))
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
