#include "temporary_store.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/fail.h"
#include "base/file.h"
#include "store/store_layout.h"

int temporary_store_make(char **folder, struct valence_error *error)
{
    const char *place = getenv("TMPDIR");
    *folder = path_join(place && place[0] ? place : "/tmp", "valence-store-XXXXXX");
    if (!*folder)
        return fail_memory(error, 0, "a path");
    if (mkdtemp(*folder))
        return VALENCE_OK;
    int status = fail_errno(error, errno, "%s: cannot make a folder", *folder);
    free(*folder);
    *folder = NULL;
    return status;
}

void temporary_store_remove(char *folder)
{
    static const char *const files[] = {STORE_DATA_FILE, STORE_LOCK_FILE};
    if (!folder)
        return;
    for (int i = 0; i < 2; i++) {
        char *path = path_join(folder, files[i]);
        if (path)
            unlink(path);
        free(path);
    }
    rmdir(folder);
    free(folder);
}
