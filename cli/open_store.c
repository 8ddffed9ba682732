#include "open_store.h"

#include <inttypes.h>
#include <stdio.h>

#include "terminal.h"
#include "valence/error.h"
#include "valence/inspect.h"
#include "valence/text.h"

int open_store(const char *path, bool accept_unfinished, struct valence_store **store,
               struct valence_error *error)
{
    struct valence_store_options options;
    valence_store_options_default(&options);
    options.accept_unfinished = accept_unfinished;
    int status = valence_store_open(path, &options, store, error);
    if (status == VALENCE_ERROR_NOT_FOUND && valence_path_kind(path) == VALENCE_PATH_RUN)
        return valence_fail(error, status, NULL, "%s: a run, where a store is expected", path);
    if (!status && !valence_store_is_finished(*store)) {
        fputs("valence: warning: ", stderr);
        print_clean(stderr, path);
        fprintf(stderr, ": unfinished; it holds the first %" PRId64 " %s of its source\n",
                valence_store_n_clips(*store),
                valence_plural(valence_store_n_clips(*store), "clip", "clips"));
    }
    return status;
}
