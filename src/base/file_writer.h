/* The one way to write a file that a caller names.
 *
 * What the path is decides how:
 *
 *   a regular file, or nothing yet   written to "PATH.tmp-PID" beside it, synced, renamed: there is
 *                                    the old file or the complete new one, never a part. The mode
 *                                    and, where allowed, the owner of an old file are kept
 *   a symbolic link                  followed; the link stays
 *   a device, a pipe, a socket       written into as it is
 *   "-", /dev/stdout, /dev/fd/N      the open descriptor, written into as it is
 *
 * A writer is used by one thread. */
#ifndef VALENCE_BASE_FILE_WRITER_H
#define VALENCE_BASE_FILE_WRITER_H

#include <stdbool.h>
#include <stdio.h>

#include "valence/error.h"

enum file_write_flags {
    /* An existing regular file is replaced; without it, it is ERROR_EXISTS with key "overwrite". */
    FILE_OVERWRITE = 1,
    /* One of many files in a folder for which file_remove_leftovers() was called already: looking
     * through the folder for each of them would take long. */
    FILE_ONE_OF_MANY = 2,
    /* In a folder that folder_write_commit() syncs as a whole. */
    FILE_NOT_SYNCED = 4
};

struct file_writer {
    /* To write to. Nothing need be checked: the commit reports the first write that failed. */
    FILE *stream;
    /* As the caller named it, for messages. */
    char *path;
    /* The file that is written beside the target, NULL if the target is written directly. */
    char *temporary;
    /* Whether the stream can seek: a pipe cannot. */
    bool can_seek;
    struct file_sink *sink;
};

/* Removes what killed processes left of the same target and opens the output. `flags` is a set of
 * enum file_write_flags. On failure *writer is cleared.
 * Errors: EXISTS; BUSY if another thread writes the same target; IO, DISK_FULL. */
int file_write_begin(struct file_writer *writer, const char *path, unsigned flags,
                     struct valence_error *error);

/* The failure of a write that has just failed, for work that should end with it. */
int file_write_failure(const struct file_writer *writer, struct valence_error *error);

/* Exactly one of the two must follow a successful begin; both close the stream. An aborted write
 * leaves no file, but what went into a device or pipe is there. */
int file_write_commit(struct file_writer *writer, struct valence_error *error);
void file_write_abort(struct file_writer *writer);

/* What file_write_begin() would say of the path, without touching anything: for work that should
 * not take an hour before it is told that its output cannot be written. */
int file_write_check(const char *path, unsigned flags, struct valence_error *error);

/* True for "-" and /dev/stdout: nothing else should be printed there. */
bool file_is_standard_output(const char *path);

/* Removes files "NAME.tmp-PID" and folders of that name in `folder` whose process has ended. */
void file_remove_leftovers(const char *folder);

/* A folder that appears when it is complete: made beside its place, synced and renamed. */
struct folder_writer {
    /* The target. */
    char *path;
    /* "PATH.tmp-PID": write below it. */
    char *temporary;
    int lock;
};

/* ERROR_EXISTS if there is something at `path`. Exactly one of the other two must follow a
 * successful begin. */
int folder_write_begin(struct folder_writer *writer, const char *path, struct valence_error *error);
int folder_write_commit(struct folder_writer *writer, struct valence_error *error);

/* Removes what was written. */
void folder_write_abort(struct folder_writer *writer);

/* Writes files to a folder: `fill` is given the folder to write below, and the flags for
 * file_write_begin(). A new folder appears when all is written. In one that is there, which is
 * ERROR_EXISTS with key "overwrite" unless `overwrite` is set, each file is replaced in one step,
 * and others stay. */
typedef int folder_fill_function(void *user, const char *folder, unsigned flags,
                                 struct valence_error *error);
int folder_write(const char *path, bool overwrite, folder_fill_function *fill, void *user,
                 struct valence_error *error);

#endif
