#include "store/store_env.h"

#include <errno.h>

#include "base/fail.h"
#include "store/store_layout.h"

#define MAX_READERS 512

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
