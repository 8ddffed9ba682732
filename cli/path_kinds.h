/* Arguments that are something else than a command reads: what was found, and what takes it. */
#ifndef VALENCE_CLI_PATH_KINDS_H
#define VALENCE_CLI_PATH_KINDS_H

#include <stdbool.h>

#include "valence/error.h"

/* What a command reads. */
enum wanted_path {
    WANTED_STORE,
    WANTED_MODEL,      /* a run or a model file */
    WANTED_RUN,        /* a run's folder */
    WANTED_LOG,        /* a run's or an experiment's folder */
    WANTED_EXPERIMENT, /* its folder */
    WANTED_RESULT,     /* of an experiment */
    WANTED_REPORT,     /* whatever a report can show */
    WANTED_CONFIG,     /* of a training */
    WANTED_MEDIA,      /* or texts, or a folder of either */
    WANTED_SOURCE,     /* of an import */
    WANTED_INSPECTED,  /* whatever inspect shows */
    N_WANTED_PATHS
};

/* Whether the path's ending is that of a table: .csv or .tsv. */
bool is_table_path(const char *path);

/* After an error with the file or folder `path`: where that is not what the command reads, says
 * what it is, which command reads it, and where the wanted thing comes from. Leaves other errors as
 * they are. Gives back the status. */
int explain_path(const char *path, enum wanted_path wanted, struct valence_error *error);

/* The same for the first of `n` paths that is something else. */
int explain_paths(const char *const *paths, int n, enum wanted_path wanted,
                  struct valence_error *error);

#endif
