/* A package's file: what it holds. */
#ifndef VALENCE_MODELS_PACKAGE_FILE_H
#define VALENCE_MODELS_PACKAGE_FILE_H

#include "valence/error.h"

/* Writes one member of a package to the file `to`, replacing it: a zip archive, as Python's wheels
 * are, or where its name ends in .tgz a gzipped tar archive, as npm's packages are. Errors: FORMAT
 * where the package is damaged or holds no such member; IO, DISK_FULL; MEMORY. */
int package_unpack(const char *package, const char *member, const char *to,
                   struct valence_error *error);

#endif
