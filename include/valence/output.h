/* Writing a file the way the library does: the old file or the complete new one, never a part.
 *
 *     valence_output_open("scores.csv", false, &output, &error);
 *     fprintf(valence_output_stream(output), "id,score\n");
 *     valence_output_commit(output, &error);
 *
 * A regular file is written beside its place as "PATH.tmp-PID", synced and renamed; its mode is
 * kept. A symbolic link is followed. Devices, pipes and "-" (standard output) are written into. */
#ifndef VALENCE_OUTPUT_H
#define VALENCE_OUTPUT_H

#include <stdbool.h>
#include <stdio.h>

#include "valence/api.h"
#include "valence/error.h"

#ifdef __cplusplus
extern "C" {
#endif

struct valence_output; /* used by one thread */

/* *output is NULL on failure. Exactly one of commit and abort must follow a success. Errors: EXISTS
 * with key "overwrite" for an existing regular file, unless `overwrite` is set; BUSY where another
 * thread writes the same file; IO, DISK_FULL, MEMORY. */
VALENCE_API int valence_output_open(const char *path, bool overwrite,
                                    struct valence_output **output, struct valence_error *error);

/* To write to; it belongs to the output. You need not check each write: the commit reports the
 * first that failed. */
VALENCE_API FILE *valence_output_stream(const struct valence_output *output);

/* Puts the file into its place, or removes what was written; both free the output. Abort takes
 * NULL. */
VALENCE_API int valence_output_commit(struct valence_output *output, struct valence_error *error);
VALENCE_API void valence_output_abort(struct valence_output *output);

/* What valence_output_open() would say of the path, without touching anything: for work that should
 * not take an hour before it is told that its output cannot be written. */
VALENCE_API int valence_output_check(const char *path, bool overwrite, struct valence_error *error);

/* True for "-" and /dev/stdout: nothing else should be printed there. */
VALENCE_API bool valence_output_is_standard(const char *path);

#ifdef __cplusplus
}
#endif
#endif
