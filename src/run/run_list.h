/* The runs below a folder. */
#ifndef VALENCE_RUN_RUN_LIST_H
#define VALENCE_RUN_RUN_LIST_H

#include <dirent.h>

#include "valence/error.h"

#define RUN_LIST_MAX 1000

/* The entries seed-1, seed-2, ... of a folder, by number; *n of them. Free with
 * run_seeds_free(). Errors: IO, LIMIT for more than RUN_LIST_MAX. */
int run_seeds_list(const char *folder, struct dirent ***seeds, int *n, struct valence_error *error);
void run_seeds_free(struct dirent **seeds, int n);

/* A folder with a log. */
struct listed_run {
    char *name; /* "seed-1", "full/seed-1"; the folder's own name where it is the only run */
    char *folder;
};

struct run_list {
    int n;
    struct listed_run runs[RUN_LIST_MAX];
};

/* The runs with a log in `path`: the folder itself, its seeds, or an experiment's runs, whose names
 * are VARIANT/seed-N. Free with run_list_free(), also after an error. Errors: NOT_FOUND for none;
 * LIMIT, IO, MEMORY. */
int run_list_logged(const char *path, struct run_list *list, struct valence_error *error);
void run_list_free(struct run_list *list);

#endif
