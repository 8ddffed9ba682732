/* What a path of the command line is. */
#ifndef VALENCE_CLI_PATHS_H
#define VALENCE_CLI_PATHS_H

#include <stdbool.h>

bool is_folder(const char *path);

#endif
