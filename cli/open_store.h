/* Opening the store that a command was given, finished or, where the user insists, not. */
#ifndef VALENCE_CLI_OPEN_STORE_H
#define VALENCE_CLI_OPEN_STORE_H

#include "valence/store.h"

/* The option of every command that reads a store; `target` is a bool. */
#define OPTION_ACCEPT_UNFINISHED(target)                                                           \
    {                                                                                              \
        OPTION_FLAG, 0, "accept-unfinished", target, NULL,                                         \
            "Read the finished part of a store whose import was interrupted.", 0, 0                \
    }

/* valence_store_open(); warns on stderr where the store is unfinished and accepted. */
int open_store(const char *path, bool accept_unfinished, struct valence_store **store,
               struct valence_error *error);

#endif
