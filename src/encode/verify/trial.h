/* Trying in a child process what may end the process: llama.cpp aborts on some damaged files
 * instead of refusing them, and a library may not end its host. */
#ifndef VALENCE_ENCODE_VERIFY_TRIAL_H
#define VALENCE_ENCODE_VERIFY_TRIAL_H

#include "valence/error.h"

/* Runs `work` in a child and gives what it gives; its memory is a copy, so that it changes nothing
 * here. The child has only the thread that called. Where it dies, ERROR_FORMAT with what it said
 * last, after `path`; ERROR_MEMORY if it
 * was killed. Signals that end a program on request, such as Ctrl-C, are left to the caller's
 * process. ERROR_UNSUPPORTED, key "unverified", where there can be no child. */
int trial_run(int (*work)(const void *argument, struct valence_error *error), const void *argument,
              const char *path, struct valence_error *error);

#endif
