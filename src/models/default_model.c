/* The model that comes with valence. */
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/file.h"
#include "valence/models.h"

#define TEXT_MODEL "valence-text-en"

/* Where the folder of models is, as seen from the folder of the library: of an installation, of the
 * build tree, and of a program in the build tree that the library is linked into. */
static const char *const places[] = {VALENCE_MODELS_FROM_LIBRARY, "models", "../models"};

/* Some object of this library, to ask the loader where it was loaded from. */
static const char here = 0;

/* The folder that the library lies in, links followed, in fresh memory. */
static int library_folder(char **folder, struct valence_error *error)
{
    Dl_info info;
    if (dladdr(&here, &info) == 0 || !info.dli_fname)
        return fail(error, VALENCE_ERROR_NOT_FOUND, "cannot find out where the library is");
    errno = 0;
    *folder = realpath(info.dli_fname, NULL);
    if (!*folder)
        return fail_errno(error, errno, "%s: cannot find the library's folder", info.dli_fname);
    char *end = strrchr(*folder, '/');
    *(end == *folder ? end + 1 : end) = '\0';
    return VALENCE_OK;
}

int valence_default_model_path(char **path, struct valence_error *error)
{
    char *folder = NULL;
    *path = NULL;
    int status = library_folder(&folder, error);
    for (size_t i = 0; i < sizeof places / sizeof places[0] && !status && !*path; i++) {
        char *models = path_join(folder, places[i]);
        char *candidate = models ? path_join(models, TEXT_MODEL) : NULL;
        if (!candidate)
            status = fail_memory(error, strlen(folder), "a path");
        else if (path_exists(candidate)) {
            *path = candidate;
            candidate = NULL;
        }
        free(candidate);
        free(models);
    }
    if (!status && !*path)
        status =
            fail(error, VALENCE_ERROR_NOT_FOUND,
                 "the model '" TEXT_MODEL "' is not installed beside the library in %s", folder);
    free(folder);
    return status;
}
