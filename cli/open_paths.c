#include "open_paths.h"

#include <inttypes.h>
#include <stdio.h>

#include "path_kinds.h"
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
    if (status)
        return explain_path(path, WANTED_STORE, error);
    if (!valence_store_is_finished(*store)) {
        fputs("valence: warning: ", stderr);
        print_clean(stderr, path);
        fprintf(stderr, ": unfinished; it holds the first %" PRId64 " %s of its source\n",
                valence_store_n_clips(*store),
                valence_plural(valence_store_n_clips(*store), "clip", "clips"));
    }
    return status;
}

int open_run(const char *path, enum valence_checkpoint which, struct valence_run **run,
             struct valence_error *error)
{
    struct valence_model *model;
    int status = valence_run_open(path, which, run, error);
    enum valence_path_kind kind = valence_path_kind(path);
    if (!status && kind != VALENCE_PATH_RUN && kind != VALENCE_PATH_CHECKPOINT) {
        status = valence_model_load(path, &model, error); /* and says what is wrong with the file */
        valence_model_free(model);
    }
    if (!status)
        return VALENCE_OK;
    valence_run_close(*run);
    *run = NULL;
    return explain_path(path, WANTED_MODEL, error);
}
