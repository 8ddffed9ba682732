#include "base/temporary.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fail.h"
#include "base/file.h"

#define MARK          ".tmp-"
#define MAX_PID_CHARS 20

/* How much of a target's name its temporary's keeps. */
static size_t kept_length(const char *name)
{
    const size_t longest = NAME_MAX - sizeof MARK - MAX_PID_CHARS;
    size_t length = strlen(name);
    return length < longest ? length : longest;
}

char *temporary_name(const char *path)
{
    const char *name = path_name(path);
    size_t room = strlen(path) + sizeof MARK + MAX_PID_CHARS;
    char *temporary = malloc(room);
    if (temporary)
        snprintf(temporary, room, "%.*s%.*s" MARK "%ld", (int)(name - path), path,
                 (int)kept_length(name), name, (long)getpid());
    return temporary;
}

/* ---- Removing ---- */

static int remove_entry(const char *path, const struct stat *status, int type, struct FTW *walk)
{
    (void)status, (void)type, (void)walk;
    return remove(path);
}

void temporary_remove(const char *temporary)
{
    (void)nftw(temporary, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

/* "NAME.tmp-123" as 123, or 0. `name` NULL: of any name. */
static pid_t writer_of(const char *entry, const char *name)
{
    const char *mark = NULL;
    for (const char *at = entry; (at = strstr(at, MARK)); at++)
        mark = at;
    if (!mark || mark == entry)
        return 0;
    const char *digits = mark + strlen(MARK);
    size_t n = strspn(digits, "0123456789"), length = (size_t)(mark - entry);
    if (n == 0 || n > 10 || digits[n] != '\0')
        return 0;
    if (name && (length != kept_length(name) || memcmp(name, entry, length) != 0))
        return 0;
    long pid = strtol(digits, NULL, 10);
    return pid > 0 && pid <= INT_MAX ? (pid_t)pid : 0;
}

/* The lock tells whether a writer lives, also where process numbers mean nothing to each other (two
 * containers with one folder); the number, where a file system knows no locks. Removes the
 * temporary where nobody writes it. */
static bool remove_left(const char *temporary, pid_t pid)
{
    struct stat status;
    int descriptor = open(temporary, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (descriptor < 0)
        return false;
    bool ours =
        fstat(descriptor, &status) == 0 && (S_ISREG(status.st_mode) || S_ISDIR(status.st_mode));
    bool free_of = flock(descriptor, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK;
    bool ended = pid == getpid() || (kill(pid, 0) != 0 && errno == ESRCH);
    if (ours && free_of && ended)
        temporary_remove(temporary);
    close(descriptor);
    return ours && free_of && ended;
}

void temporary_remove_left(const char *folder, const char *name)
{
    DIR *entries = opendir(folder);
    struct dirent *entry;
    while (entries && (entry = readdir(entries))) {
        pid_t pid = writer_of(entry->d_name, name);
        char *path = pid ? path_join(folder, entry->d_name) : NULL;
        if (path)
            (void)remove_left(path, pid);
        free(path);
    }
    if (entries)
        closedir(entries);
}

/* ---- Making ---- */

/* Whether the lock is ours and the entry is still there: another process may have taken it for a
 * leftover between its making and its locking. */
static bool lock_new(int descriptor)
{
    struct stat status;
    if (flock(descriptor, LOCK_EX | LOCK_NB) != 0)
        return errno != EWOULDBLOCK;
    return fstat(descriptor, &status) == 0 && status.st_nlink > 0;
}

static int make_entry(const char *temporary, bool folder, mode_t mode)
{
    if (!folder)
        return open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    return mkdir(temporary, mode) == 0 ? open(temporary, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
}

static int make(const char *temporary, const char *path, bool folder, mode_t mode, int *descriptor,
                struct valence_error *error)
{
    enum { ATTEMPTS = 8 };
    for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
        *descriptor = make_entry(temporary, folder, mode);
        if (*descriptor >= 0 && lock_new(*descriptor))
            return VALENCE_OK;
        if (*descriptor >= 0)
            close(*descriptor);
        else if (errno != EEXIST)
            return fail_errno(error, errno, "%s: cannot %s", path,
                              folder ? "make the folder" : "write");
        else if (!remove_left(temporary, getpid()))
            break;
    }
    *descriptor = -1;
    return fail(error, VALENCE_ERROR_BUSY, "%s: is being written already (as %s)", path, temporary);
}

int temporary_make_file(const char *temporary, const char *path, mode_t mode, int *descriptor,
                        struct valence_error *error)
{
    return make(temporary, path, false, mode, descriptor, error);
}

int temporary_make_folder(const char *temporary, const char *path, int *descriptor,
                          struct valence_error *error)
{
    return make(temporary, path, true, 0777, descriptor, error);
}
