/* Programs that download: started, watched and, where the caller says so, ended. */
#ifndef VALENCE_MODELS_PROGRAM_H
#define VALENCE_MODELS_PROGRAM_H

#include <stdbool.h>
#include <stdint.h>

#include "valence/error.h"
#include "valence/progress.h"

struct program_run {
    const char *const *arguments;            /* NULL at the end; found as a shell finds it */
    const char *log;                         /* the file that receives what it prints */
    const char *watched;                     /* the folder or file that grows as it works */
    int64_t expected_bytes;                  /* of what grows, for progress */
    const char *detail;                      /* for progress: what is fetched */
    const struct valence_progress *progress; /* or NULL */
    bool says_it_first; /* why it failed: in its first line, and not its last */
};

/* Runs it in a process group of its own, so that what it starts is ended with it. *exit_code is its
 * own, or -1 where it could not be started or was ended by a signal. `said` receives the first
 * or last line that it printed, "" where it printed nothing. Errors: CANCELLED. */
int program_run(const struct program_run *run, int *exit_code, char said[300],
                struct valence_error *error);

#endif
