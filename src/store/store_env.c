#include "store/store_env.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fail.h"
#include "base/file.h"
#include "store/store_layout.h"
#include "valence/store.h"

#define MAX_READERS 512
/* Of LMDB's lock file: a cache line for each reader, and two of its own. */
#define LOCK_BYTES ((off_t)(MAX_READERS + 2) * 64)

int fail_lmdb(struct valence_error *error, int code, const char *path, const char *what)
{
    switch (code) {
    case EFBIG: /* a limit on the size of files */
        return fail(error, VALENCE_ERROR_DISK_FULL, "%s: %s: the file may not become larger", path,
                    what);
    case MDB_READERS_FULL:
        return fail(error, VALENCE_ERROR_BUSY, "%s: %s: %d processes read it already", path, what,
                    MAX_READERS);
    case MDB_CORRUPTED:
    case MDB_INVALID:
    case MDB_PAGE_NOTFOUND:
    case MDB_VERSION_MISMATCH:
        return fail(error, VALENCE_ERROR_FORMAT, "%s: %s: %s", path, what, mdb_strerror(code));
    default:
        return code > 0
                   ? fail_errno(error, code, "%s: %s", path, what)
                   : fail(error, VALENCE_ERROR_IO, "%s: %s: %s", path, what, mdb_strerror(code));
    }
}

/* LMDB writes to its lock file through a map: where the disk has no room for a page of it, the
 * process would die of SIGBUS. So the room is taken before. Gives 0 or an errno; a file system that
 * cannot say beforehand is left to LMDB. */
static int reserve_lock_file(const char *folder)
{
    char *path = path_join(folder, STORE_LOCK_FILE);
    if (!path)
        return ENOMEM;
    int descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    int number = descriptor < 0 ? errno : 0;
    if (!number && fallocate(descriptor, FALLOC_FL_KEEP_SIZE, 0, LOCK_BYTES) != 0)
        number = errno == EOPNOTSUPP || errno == ENOSYS ? 0 : errno;
    if (descriptor >= 0)
        close(descriptor);
    free(path);
    return number;
}

int store_env_open(const char *folder, unsigned flags, size_t map_bytes, MDB_env **env,
                   struct valence_error *error)
{
    int dead = 0;
    *env = NULL;
    int code = mdb_env_create(env);
    if (!code)
        code = mdb_env_set_maxdbs(*env, STORE_MAX_DATABASES);
    if (!code)
        code = mdb_env_set_maxreaders(*env, MAX_READERS);
    if (!code && map_bytes)
        code = mdb_env_set_mapsize(*env, map_bytes);
    if (!code && !(flags & MDB_NOLOCK))
        code = reserve_lock_file(folder);
    if (!code)
        code = mdb_env_open(*env, folder, flags | MDB_NOTLS, 0666);
    /* Processes that were killed while reading still hold on to old pages. */
    if (!code && !(flags & MDB_NOLOCK))
        code = mdb_reader_check(*env, &dead);
    if (!code)
        return VALENCE_OK;
    mdb_env_close(*env);
    *env = NULL;
    return fail_lmdb(error, code, folder, "cannot open the store");
}

int valence_store_remove(const char *path, struct valence_error *error)
{
    static const char *const files[] = {STORE_DATA_FILE, STORE_LOCK_FILE};
    bool found = false;
    for (int i = 0; i < 2; i++) {
        char *file = path_join(path, files[i]);
        if (!file)
            return fail_memory(error, strlen(path), "a path");
        bool gone = unlink(file) == 0;
        int number = errno;
        free(file);
        if (!gone && number != ENOENT)
            return fail_errno(error, number, "%s: cannot remove %s", path, files[i]);
        found = found || gone;
    }
    if (!found)
        return fail(error, VALENCE_ERROR_NOT_FOUND, "%s: no such store", path);
    if (rmdir(path) != 0 && errno != ENOTEMPTY && errno != EEXIST)
        return fail_errno(error, errno, "%s: cannot remove the folder", path);
    return VALENCE_OK;
}
