/* A folder that appears when it is complete. */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fail.h"
#include "base/file.h"
#include "base/file_writer.h"
#include "base/temporary.h"

static void clear(struct folder_writer *writer)
{
    if (writer->lock >= 0)
        close(writer->lock);
    free(writer->path);
    free(writer->temporary);
    *writer = (struct folder_writer){.lock = -1};
}

int folder_write_begin(struct folder_writer *writer, const char *path, struct valence_error *error)
{
    size_t length = strlen(path);
    while (length > 1 && path[length - 1] == '/')
        length--;
    *writer = (struct folder_writer){.path = strndup(path, length), .lock = -1};
    writer->temporary = writer->path ? temporary_name(writer->path) : NULL;
    char *copy = writer->path ? strdup(writer->path) : NULL;
    int status =
        writer->temporary && copy ? VALENCE_OK : fail_memory(error, length, "a folder's name");
    if (!status && path_exists(path))
        status = fail_key(error, VALENCE_ERROR_EXISTS, "target", "%s: already exists", path);
    if (!status) {
        temporary_remove_left(dirname(copy), path_name(writer->path));
        status = temporary_make_folder(writer->temporary, path, &writer->lock, error);
    }
    free(copy);
    if (status)
        clear(writer);
    return status;
}

int folder_write_commit(struct folder_writer *writer, struct valence_error *error)
{
    /* One call syncs all files, where fsync() on each would take minutes for a large set. Onto an
     * empty folder made meanwhile the rename would succeed; onto anything else it fails. */
    if (syncfs(writer->lock) != 0 || rename(writer->temporary, writer->path) != 0) {
        int status = fail_errno(error, errno, "%s: cannot write", writer->path);
        folder_write_abort(writer);
        return status;
    }
    clear(writer);
    return VALENCE_OK;
}

void folder_write_abort(struct folder_writer *writer)
{
    if (writer->temporary)
        temporary_remove(writer->temporary);
    clear(writer);
}

int folder_write(const char *path, bool overwrite, folder_fill_function *fill, void *user,
                 struct valence_error *error)
{
    struct folder_writer writer;
    if (path_exists(path))
        return overwrite
                   ? fill(user, path, FILE_OVERWRITE, error)
                   : fail_key(error, VALENCE_ERROR_EXISTS, "overwrite", "%s: already exists", path);
    int status = folder_write_begin(&writer, path, error);
    if (status)
        return status;
    status = fill(user, writer.temporary, FILE_ONE_OF_MANY | FILE_NOT_SYNCED, error);
    if (!status)
        return folder_write_commit(&writer, error);
    folder_write_abort(&writer);
    return status;
}
