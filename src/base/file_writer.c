#include "base/file_writer.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fail.h"
#include "base/file.h"
#include "base/temporary.h"
#include "base/text.h"

/* ---- The stream ---- */

/* Behind writer->stream. Buffered writing reports a failure long after its errno is overwritten;
 * this keeps the number of the first one. */
struct file_sink {
    int descriptor;
    int number;
    /* Where a regular file goes, links followed; NULL for what is written into directly. */
    char *target;
    unsigned flags;
};

static ssize_t sink_write(void *cookie, const char *data, size_t size)
{
    struct file_sink *sink = cookie;
    size_t done = 0;
    while (done < size && !sink->number) {
        ssize_t put = write(sink->descriptor, data + done, size - done);
        if (put >= 0)
            done += (size_t)put;
        else if (errno != EINTR)
            sink->number = errno;
    }
    return (ssize_t)done; /* fewer than asked for: an error to the stream */
}

static int sink_seek(void *cookie, off64_t *position, int whence)
{
    struct file_sink *sink = cookie;
    off64_t moved = lseek64(sink->descriptor, *position, whence);
    if (moved < 0)
        return -1;
    *position = moved;
    return 0;
}

/* ---- What a path is ---- */

/* "-" and the names of open descriptors: opening them anew would start a regular file behind them
 * at its beginning. -1: the path is none of them. */
static int open_descriptor(const char *path)
{
    static const char *const prefixes[] = {"/dev/fd/", "/proc/self/fd/"};
    long long number;
    if (strcmp(path, "-") == 0 || strcmp(path, "/dev/stdout") == 0)
        return STDOUT_FILENO;
    if (strcmp(path, "/dev/stderr") == 0)
        return STDERR_FILENO;
    for (size_t i = 0; i < sizeof prefixes / sizeof prefixes[0]; i++) {
        size_t length = strlen(prefixes[i]);
        if (strncmp(path, prefixes[i], length) == 0 && parse_int64(path + length, &number) &&
            number >= 0 && number <= INT32_MAX)
            return (int)number;
    }
    return -1;
}

bool file_is_standard_output(const char *path)
{
    return open_descriptor(path) == STDOUT_FILENO;
}

static char *folder_of(const char *path)
{
    char *copy = strdup(path), *folder = copy ? strdup(dirname(copy)) : NULL;
    free(copy);
    return folder;
}

/* What a link points to, read once: a path relative to where we are. */
static char *read_link(const char *path)
{
    char text[4096];
    ssize_t length = readlink(path, text, sizeof text - 1);
    if (length < 0)
        return NULL;
    text[length] = '\0';
    char *folder = text[0] == '/' ? NULL : folder_of(path);
    char *joined = text[0] == '/' ? strdup(text) : folder ? path_join(folder, text) : NULL;
    free(folder);
    return joined;
}

/* The path with links followed; what the last one names need not exist. NULL with errno set. */
static char *follow_links(const char *path)
{
    enum { MOST_LINKS = 40 };
    char *at = strdup(path);
    struct stat status;
    for (int i = 0; at && lstat(at, &status) == 0 && S_ISLNK(status.st_mode); i++) {
        char *next = i < MOST_LINKS ? read_link(at) : NULL;
        if (i == MOST_LINKS)
            errno = ELOOP;
        free(at);
        at = next;
    }
    return at;
}

enum path_kind { PATH_NEW, PATH_REGULAR, PATH_DIRECT };

/* Looks at a path that names no open descriptor. *target is fresh memory. */
static int look(const char *path, unsigned flags, char **target, enum path_kind *kind,
                struct stat *status, struct valence_error *error)
{
    if (path[0] == '\0')
        return fail(error, VALENCE_ERROR_ARGUMENT, "the name of the file to write is empty");
    if (!(*target = follow_links(path)))
        return fail_errno(error, errno, "%s: cannot write", path);
    int code = VALENCE_OK;
    if (stat(*target, status) != 0) {
        *kind = PATH_NEW;
        if (errno != ENOENT)
            code = fail_errno(error, errno, "%s: cannot write", path);
    } else if (S_ISDIR(status->st_mode)) {
        code = fail(error, VALENCE_ERROR_EXISTS, "%s: already exists and is a folder", path);
    } else if (S_ISREG(status->st_mode)) {
        *kind = PATH_REGULAR;
        if (!(flags & FILE_OVERWRITE))
            code = fail_key(error, VALENCE_ERROR_EXISTS, "overwrite", "%s: already exists", path);
        else if (faccessat(AT_FDCWD, *target, W_OK, AT_EACCESS) != 0)
            code = fail_errno(error, errno, "%s: cannot write", path);
    } else {
        *kind = PATH_DIRECT;
    }
    if (code) {
        free(*target);
        *target = NULL;
    }
    return code;
}

int file_write_check(const char *path, unsigned flags, struct valence_error *error)
{
    char *target = NULL;
    enum path_kind kind;
    struct stat status;
    if (open_descriptor(path) >= 0)
        return VALENCE_OK;
    int code = look(path, flags, &target, &kind, &status, error);
    char *folder = code ? NULL : folder_of(target);
    if (folder && kind != PATH_DIRECT && faccessat(AT_FDCWD, folder, W_OK, AT_EACCESS) != 0)
        code = fail_errno(error, errno, "%s: cannot write", path);
    free(folder);
    free(target);
    return code;
}

/* ---- Opening ---- */

static void remove_leftovers_of(const char *target)
{
    char *folder = folder_of(target);
    if (folder)
        temporary_remove_left(folder, path_name(target));
    free(folder);
}

static int open_beside(struct file_writer *writer, enum path_kind kind, const struct stat *status,
                       unsigned flags, struct valence_error *error)
{
    struct file_sink *sink = writer->sink;
    char *temporary = temporary_name(sink->target);
    if (!temporary)
        return fail_memory(error, strlen(sink->target), "a file name");
    if (!(flags & FILE_ONE_OF_MANY))
        remove_leftovers_of(sink->target);
    /* What was private must not be readable by others for a moment. */
    mode_t mode = kind == PATH_REGULAR ? 0600 : 0666;
    int code = temporary_make_file(temporary, writer->path, mode, &sink->descriptor, error);
    if (code) {
        free(temporary);
        return code;
    }
    writer->temporary = temporary;
    if (kind != PATH_REGULAR)
        return VALENCE_OK;
    if (fchown(sink->descriptor, status->st_uid, status->st_gid) != 0)
        (void)0; /* another's file in a folder of ours: it becomes ours, as with any editor */
    if (fchmod(sink->descriptor, status->st_mode & 07777) != 0)
        return fail_errno(error, errno, "%s: cannot set its mode", writer->path);
    return VALENCE_OK;
}

static int open_target(struct file_writer *writer, unsigned flags, struct valence_error *error)
{
    struct file_sink *sink = writer->sink;
    enum path_kind kind = PATH_DIRECT;
    struct stat status;
    int given = open_descriptor(writer->path), code = VALENCE_OK;
    if (given >= 0)
        sink->descriptor = fcntl(given, F_DUPFD_CLOEXEC, 0);
    else
        code = look(writer->path, flags, &sink->target, &kind, &status, error);
    if (!code && kind != PATH_DIRECT)
        return open_beside(writer, kind, &status, flags, error);
    if (!code && given < 0)
        sink->descriptor = open(sink->target, O_WRONLY | O_NOCTTY | O_CLOEXEC);
    if (!code && sink->descriptor < 0)
        code = fail_errno(error, errno, "%s: cannot write", writer->path);
    free(sink->target);
    sink->target = NULL;
    return code;
}

int file_write_begin(struct file_writer *writer, const char *path, unsigned flags,
                     struct valence_error *error)
{
    static const cookie_io_functions_t functions = {.write = sink_write, .seek = sink_seek};
    *writer = (struct file_writer){.path = strdup(path), .sink = calloc(1, sizeof *writer->sink)};
    if (writer->sink)
        *writer->sink = (struct file_sink){.descriptor = -1, .flags = flags};
    int status = writer->path && writer->sink
                     ? VALENCE_OK
                     : fail_memory(error, strlen(path) + sizeof *writer->sink, "a file name");
    if (!status)
        status = open_target(writer, flags, error);
    if (!status) {
        writer->can_seek = lseek(writer->sink->descriptor, 0, SEEK_CUR) >= 0;
        writer->stream = fopencookie(writer->sink, "w", functions);
        if (!writer->stream)
            status = fail_memory(error, BUFSIZ, "a file's buffer");
    }
    if (status)
        file_write_abort(writer);
    return status;
}

/* ---- Ending ---- */

/* A rename is durable once its folder is synced; failing to do so is not a failure of the write. */
static void sync_folder_of(const char *path)
{
    char *folder = folder_of(path);
    int fd = folder ? open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    if (fd >= 0) {
        (void)fsync(fd);
        close(fd);
    }
    free(folder);
}

/* Unless it may be overwritten, a target that appeared meanwhile stays. */
static int rename_into_place(const char *temporary, const struct file_sink *sink)
{
    if (!(sink->flags & FILE_OVERWRITE)) {
        if (renameat2(AT_FDCWD, temporary, AT_FDCWD, sink->target, RENAME_NOREPLACE) == 0)
            return 0;
        if (errno != EINVAL && errno != ENOSYS) /* not every file system can */
            return errno;
    }
    return rename(temporary, sink->target) == 0 ? 0 : errno;
}

int file_write_failure(const struct file_writer *writer, struct valence_error *error)
{
    return fail_errno(error, writer->sink->number ? writer->sink->number : EIO, "%s: cannot write",
                      writer->path);
}

int file_write_commit(struct file_writer *writer, struct valence_error *error)
{
    struct file_sink *sink = writer->sink;
    errno = 0;
    if (fflush(writer->stream) != 0 || ferror(writer->stream) || sink->number)
        sink->number = sink->number ? sink->number : errno ? errno : EIO;
    bool synced = writer->temporary && !(sink->flags & FILE_NOT_SYNCED);
    if (!sink->number && synced && fsync(sink->descriptor) != 0)
        sink->number = errno;
    if (!sink->number && writer->temporary)
        sink->number = rename_into_place(writer->temporary, sink);
    int status = VALENCE_OK;
    if (sink->number == EEXIST)
        status =
            fail_key(error, VALENCE_ERROR_EXISTS, "overwrite", "%s: already exists", writer->path);
    else if (sink->number)
        status = fail_errno(error, sink->number, "%s: cannot write", writer->path);
    else if (synced)
        sync_folder_of(sink->target);
    if (!status) { /* nothing to remove any more */
        free(writer->temporary);
        writer->temporary = NULL;
    }
    file_write_abort(writer);
    return status;
}

void file_write_abort(struct file_writer *writer)
{
    if (writer->temporary)
        unlink(writer->temporary);
    if (writer->sink && writer->stream) {
        /* What is still buffered of an abandoned file is not worth writing. */
        if (writer->temporary)
            writer->sink->number = ECANCELED;
        fclose(writer->stream);
    }
    if (writer->sink) {
        if (writer->sink->descriptor >= 0)
            close(writer->sink->descriptor);
        free(writer->sink->target);
    }
    free(writer->sink);
    free(writer->temporary);
    free(writer->path);
    *writer = (struct file_writer){0};
}

void file_remove_leftovers(const char *folder)
{
    temporary_remove_left(folder, NULL);
}
