#include "temporary_folder.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "valence/error.h"
#include "valence/store.h"

int temporary_folder_make(char **folder, struct valence_error *error)
{
    const char *place = getenv("TMPDIR");
    if (!place || !place[0])
        place = "/tmp";
    size_t size = strlen(place) + sizeof "/valence-XXXXXX";
    *folder = malloc(size);
    if (!*folder)
        return valence_fail(error, VALENCE_ERROR_MEMORY, NULL, "no memory for %s", "a path");
    snprintf(*folder, size, "%s/valence-XXXXXX", place);
    if (mkdtemp(*folder))
        return VALENCE_OK;
    int status = valence_fail(error, VALENCE_ERROR_IO, NULL, "%s: cannot make a folder: %s",
                              *folder, strerror(errno));
    free(*folder);
    *folder = NULL;
    return status;
}

void temporary_folder_remove(char *folder)
{
    if (folder)
        (void)rmdir(folder);
    free(folder);
}

void temporary_store_remove(char *folder)
{
    struct valence_error ignored; /* what is left lies in the folder for temporary files */
    if (folder)
        (void)valence_store_remove(folder, &ignored);
    free(folder);
}
