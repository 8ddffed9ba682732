/* Input that can be read only once, such as standard input and a shell's <(command), made into a
 * file. */
#ifndef VALENCE_FORMAT_SPOOL_H
#define VALENCE_FORMAT_SPOOL_H

#include "valence/error.h"

#define SPOOL_MAX_BYTES ((unsigned long long)1 << 30)

/* The descriptor of this process that `path` names: "-" and "/dev/stdin" are 0, "/dev/fd/63" and
 * "/proc/self/fd/63" are 63; -1 for any other path. */
int spool_descriptor(const char *path);

/* If the descriptor is a pipe, a socket or a terminal, reads it to its end into memory and replaces
 * the descriptor by that memory: opened again, it is a file that you can read from any position and
 * any number of times. VALENCE_ERROR_LIMIT beyond SPOOL_MAX_BYTES, VALENCE_ERROR_CANCELLED if a
 * signal interrupts the waiting. `name` is for errors. */
int spool_input(int descriptor, const char *name, struct valence_error *error);

#endif
