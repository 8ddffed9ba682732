/* The temporaries of unfinished outputs, "PATH.tmp-PID": made under a lock that ends with the
 * process, so that the next one can tell which of them were left behind. */
#ifndef VALENCE_BASE_TEMPORARY_H
#define VALENCE_BASE_TEMPORARY_H

#include <stdbool.h>
#include <sys/types.h>

#include "valence/error.h"

/* "PATH.tmp-PID" of this process in fresh memory, NULL if memory is short. A long name is cut so
 * that it stays a name that file systems take. */
char *temporary_name(const char *path);

/* Makes the file (mode `mode`, before the umask) or folder and locks it; closing *descriptor ends
 * the lock. `path` is the target, for errors. */
int temporary_make_file(const char *temporary, const char *path, mode_t mode, int *descriptor,
                        struct valence_error *error);
int temporary_make_folder(const char *temporary, const char *path, int *descriptor,
                          struct valence_error *error);

/* Removes the temporaries in `folder` that no process is writing any more: those of the target
 * called `name`, or of all where it is NULL. */
void temporary_remove_left(const char *folder, const char *name);

/* Removes a file, or a folder with everything in it. */
void temporary_remove(const char *temporary);

#endif
