/* Documents of --json whose figures follow from a model and a store: `valence verify` runs the
 * command that they record again, and compares. */
#ifndef VALENCE_CLI_VERIFY_DOCUMENT_H
#define VALENCE_CLI_VERIFY_DOCUMENT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "valence/error.h"

/* The document in a file, or NULL where it is none that verify_document() takes. */
json_t *verify_document_read(const char *path);

struct document_verification {
    const char *path;
    const char *store; /* in place of the one that the document names; may be NULL */
    int64_t n_threads; /* 0: as the command has it by default */
    bool quiet;
    /* As in valence_result_verify(). */
    void (*differs)(void *user, const char *where, const char *recorded, const char *found);
    void *user;
};

/* *n_differences counts what differs. Takes over nothing; keys that say where things lie and who
 * computed leave `document`. Errors: FORMAT where it records no command that only reads; DATA where
 * the command fails (which says why on standard error); IO; MEMORY. */
int verify_document(const struct document_verification *verification, json_t *document,
                    int64_t *n_differences, struct valence_error *error);

#endif
