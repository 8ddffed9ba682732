/* Opening what a command was given: a store, finished or, where the user insists, not, and a run.
 */
#ifndef VALENCE_CLI_OPEN_PATHS_H
#define VALENCE_CLI_OPEN_PATHS_H

#include "valence/run.h"
#include "valence/store.h"

/* The option of every command that reads a store; `target` is a bool. */
#define OPTION_ACCEPT_UNFINISHED(target)                                                           \
    {                                                                                              \
        OPTION_FLAG, 0, "accept-unfinished", target, NULL,                                         \
            "Read the finished part of a store whose import was interrupted.", 0, 0                \
    }

/* valence_store_open(); warns on stderr where the store is unfinished and accepted. Something else
 * than a store is explained (path_kinds.h). */
int open_store(const char *path, bool accept_unfinished, struct valence_store **store,
               struct valence_error *error);

/* valence_run_open(), which takes any file for a model; here it must be one. */
int open_run(const char *path, enum valence_checkpoint which, struct valence_run **run,
             struct valence_error *error);

#endif
