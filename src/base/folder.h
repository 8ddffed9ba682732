/* A folder that appears when it is complete: made beside its place, synced and renamed. */
#ifndef VALENCE_BASE_FOLDER_H
#define VALENCE_BASE_FOLDER_H

#include "valence/error.h"

struct folder_writer {
    char *path;      /* the target */
    char *temporary; /* "PATH.tmp-PID": write below it */
};

/* ERROR_EXISTS where there is something at `path`. Exactly one of the other two must follow a
 * successful begin. */
int folder_write_begin(struct folder_writer *writer, const char *path, struct valence_error *error);
int folder_write_commit(struct folder_writer *writer, struct valence_error *error);

/* Removes what was written. */
void folder_write_abort(struct folder_writer *writer);

#endif
