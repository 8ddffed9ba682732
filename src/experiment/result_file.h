/* A result file as its readers see it: foreign bytes, checked; and two results compared. */
#ifndef VALENCE_EXPERIMENT_RESULT_FILE_H
#define VALENCE_EXPERIMENT_RESULT_FILE_H

#include <jansson.h>

#include "valence/evaluate.h"

/* Runs that one comparison can have. */
#define MAX_RESULT_RUNS 1000

struct result_file {
    json_t *json;
    struct valence_evaluate_options options; /* those that it was computed with */
    unsigned flows[VALENCE_MAX_FLOWS];       /* options.flows */
    int n_runs;        /* of a comparison of runs; 0: an experiment's result */
    const char **runs; /* (n_runs), in json */
    const char *store; /* that it names, in json; of a comparison of runs, else NULL */
};

/* Reads a document; `name` stands in errors. The options point into *file, which must stay in its
 * place. Free with result_file_free(), also after a failure. Errors: FORMAT, saying what is wrong;
 * MEMORY. */
int result_file_parse(const char *text, size_t size, const char *name, struct result_file *file,
                      struct valence_error *error);
/* Errors: NOT_FOUND, IO, LIMIT for more than 64 MiB; those of parsing. */
int result_file_read(const char *path, struct result_file *file, struct valence_error *error);
void result_file_free(struct result_file *file);

struct result_comparison {
    void (*differs)(void *user, const char *where, const char *recorded, const char *found);
    void *user;
    int64_t n; /* differences */
};

/* Compares what follows from runs and data; where things lie, and who computed, may differ. */
void result_file_compare(struct result_comparison *c, const json_t *recorded, const json_t *found);

/* Compares everything in two documents. */
void result_file_compare_all(struct result_comparison *c, const json_t *recorded,
                             const json_t *found);

#endif
