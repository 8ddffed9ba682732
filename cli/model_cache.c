#include "model_cache.h"

#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "options.h"
#include "valence/text.h"
#ifdef VALENCE_WITH_ENCODERS
#include "valence/convert.h"
#endif

/* Services often run without HOME: then the one that the system has for the user. */
static const char *home_folder(void)
{
    const char *home = getenv("HOME");
    if (home && home[0])
        return home;
    const struct passwd *user = getpwuid(getuid());
    return user && user->pw_dir && user->pw_dir[0] ? user->pw_dir : ".";
}

static char *in_cache(const char *name)
{
    const char *cache = getenv("VALENCE_CACHE");
    bool is_set = cache && cache[0];
    const char *begin = is_set ? cache : home_folder();
    const char *rest = is_set ? "/" : "/.cache/valence/";
    size_t bytes = strlen(begin) + strlen(rest) + strlen(name) + 1;
    char *folder = malloc(bytes);
    if (folder)
        snprintf(folder, bytes, "%s%s%s", begin, rest, name);
    return folder;
}

char *model_folder(void)
{
    return in_cache("models");
}

char *journal_folder(void)
{
    return in_cache("journals");
}

char *model_memory(void)
{
    char *folder = model_folder(), *path = NULL;
    if (folder)
        valence_model_memory(folder, &path, NULL);
    free(folder);
    return path;
}

void model_fetch_options(const char *mirror, bool offline, bool quiet,
                         struct valence_model_fetch_options *options)
{
    const char *usual = getenv("VALENCE_MIRROR");
    valence_model_fetch_options_default(options);
    options->mirror = mirror ? mirror : usual && usual[0] ? usual : NULL;
    options->offline = offline;
    options->progress = terminal_progress(quiet);
#ifdef VALENCE_WITH_ENCODERS
    options->convert = valence_convert_known_model;
#endif
}

int model_path(const char *name, bool offline, bool quiet, char **path, struct valence_error *error)
{
    char *folder = model_folder();
    struct valence_model_fetch_options options;
    model_fetch_options(NULL, offline, quiet, &options);
    int status = valence_model_resolve(folder ? folder : "", name, &options, path, error);
    terminal_progress_finish();
    free(folder);
    if (status || access(*path, F_OK) == 0 || (errno != ENOENT && errno != ENOTDIR))
        return status;
    valence_text_free(*path);
    *path = NULL;
    return valence_fail(error, VALENCE_ERROR_NOT_FOUND, NULL,
                        "%s: no such file, and 'valence models' lists no model of this name", name);
}
