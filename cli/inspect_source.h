/* valence inspect on what is no store, run, checkpoint or encoder: sources of import, arrays,
 * tables. */
#ifndef VALENCE_CLI_INSPECT_SOURCE_H
#define VALENCE_CLI_INSPECT_SOURCE_H

#include <stdbool.h>

#include "valence/error.h"
#include "valence/progress.h"

/* Prints what the file or folder holds: the clips, where it is a set of clips, and else its arrays
 * or columns. */
int inspect_source(const char *path, bool json, const struct valence_progress *progress,
                   struct valence_error *error);

#endif
