/* A folder for what a command needs only while it runs. */
#ifndef VALENCE_CLI_TEMPORARY_FOLDER_H
#define VALENCE_CLI_TEMPORARY_FOLDER_H

#include "valence/error.h"

/* Makes an empty folder below TMPDIR, or /tmp. */
int temporary_folder_make(char **folder, struct valence_error *error);

/* Removes the folder, which is empty again, or which is a store. NULL is fine. */
void temporary_folder_remove(char *folder);
void temporary_store_remove(char *folder);

#endif
