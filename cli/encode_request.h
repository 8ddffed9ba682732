/* What the kinds of `valence encode` that take sound and pictures have in common. */
#ifndef VALENCE_CLI_ENCODE_REQUEST_H
#define VALENCE_CLI_ENCODE_REQUEST_H

#include "encode_summary.h"
#include "media_files.h"
#include "shared_options.h"
#include "valence/encode.h"

struct encode_request {
    const char *model, *output;
    int64_t threads;
    bool quiet, json, offline, describe;

    /* Where the columns have names; else 0 and NULL. */
    int64_t n_columns;
    int (*column_name)(int64_t column, char *name, size_t bytes);

    struct valence_encode_options files;
    struct media_limits limits;
    const char *const *inputs;
    int64_t n_inputs;
};

#define ENCODE_OUTPUT_HELP                                                                         \
    "Where to write the features: FILE.npy (the rows of all inputs in one array), "                \
    "FILE.safetensors (a tensor for each input), or a folder (an .npy for each input)."

/* Rows of the table of each kind. */
#define ENCODE_REQUEST_OPTIONS(request)                                                            \
    option_output(&(request).output, "PATH", ENCODE_OUTPUT_HELP), FILES_OPTIONS((request).files),  \
        MEDIA_OPTIONS((request).limits), option_threads(&(request).threads),                       \
        option_json(&(request).json), option_quiet(&(request).quiet)

/* --describe, for kinds whose columns have names. */
struct option option_describe(bool *target);

/* Encodes the inputs to the output; `user` is what encode_request_run() was given. */
typedef int encode_function(void *user, const struct encode_request *request,
                            struct valence_encode_report **report, struct valence_error *error);

void encode_request_default(struct encode_request *request);

/* Parses the command line of a kind, encodes, and says what was done. `user` is handed on to
 * `check`, which may be NULL and otherwise may refuse what was parsed (an exit code; EXIT_FINE goes
 * on), and to `encode`. */
int encode_request_run(struct encode_request *request, const struct command *command,
                       const struct option *options, int argc, char **argv,
                       int (*check)(void *user, const struct command *command),
                       encode_function *encode, void *user);

#endif
