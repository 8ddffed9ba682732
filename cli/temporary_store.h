/* A folder for a store that a command needs only while it runs. */
#ifndef VALENCE_CLI_TEMPORARY_STORE_H
#define VALENCE_CLI_TEMPORARY_STORE_H

#include "valence/error.h"

/* Makes an empty folder below TMPDIR, or /tmp. */
int temporary_store_make(char **folder, struct valence_error *error);

/* Removes the store in it, and the folder; NULL is fine. */
void temporary_store_remove(char *folder);

#endif
