#include "base/folder.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fail.h"
#include "base/file.h"

static void clear(struct folder_writer *writer)
{
    free(writer->path);
    free(writer->temporary);
    *writer = (struct folder_writer){0};
}

int folder_write_begin(struct folder_writer *writer, const char *path, struct valence_error *error)
{
    size_t length = strlen(path), room = length + 32;
    while (length > 1 && path[length - 1] == '/')
        length--;
    *writer = (struct folder_writer){.path = strndup(path, length), .temporary = malloc(room)};
    int status = writer->path && writer->temporary ? VALENCE_OK
                                                   : fail_memory(error, room, "a folder's name");
    if (!status && path_exists(path))
        status = fail(error, VALENCE_ERROR_EXISTS, "%s: exists already", path);
    if (!status) {
        snprintf(writer->temporary, room, "%s.tmp-%ld", writer->path, (long)getpid());
        if (mkdir(writer->temporary, 0777) != 0)
            status = fail_errno(error, errno, "%s: cannot make the folder", path);
    }
    if (status)
        clear(writer);
    return status;
}

/* One call syncs all files, where fsync() on each would take minutes for a large set. */
static int sync_all(const char *folder)
{
    int descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int code = descriptor < 0 ? -1 : syncfs(descriptor), number = errno;
    if (descriptor >= 0)
        close(descriptor);
    errno = number;
    return code;
}

int folder_write_commit(struct folder_writer *writer, struct valence_error *error)
{
    /* Onto an empty folder made meanwhile a rename would succeed; onto anything else it fails. */
    if (sync_all(writer->temporary) != 0 || rename(writer->temporary, writer->path) != 0) {
        int status = fail_errno(error, errno, "%s: cannot write", writer->path);
        folder_write_abort(writer);
        return status;
    }
    clear(writer);
    return VALENCE_OK;
}

static int remove_entry(const char *path, const struct stat *status, int type, struct FTW *walk)
{
    (void)status, (void)type, (void)walk;
    return remove(path);
}

void folder_write_abort(struct folder_writer *writer)
{
    if (writer->temporary)
        (void)nftw(writer->temporary, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
    clear(writer);
}
