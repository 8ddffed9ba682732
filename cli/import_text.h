/* `valence import --model`: the text stream of transcripts that were imported alone. */
#ifndef VALENCE_CLI_IMPORT_TEXT_H
#define VALENCE_CLI_IMPORT_TEXT_H

#include <stdbool.h>

#include "options.h"
#include "valence/import.h"

/* What the options say; `model` is NULL if nothing is encoded, the others at their defaults. */
struct text_request {
    const char *model, *layers, *prefix, *suffix;
    const char *spelling, *rows; /* NULL: as they are, one a token */
    bool offline, quiet, no_summary, overwrite;
};

/* Checks the request and sets the import to labels and transcripts alone, where text is to be
 * encoded. Gives EXIT_FINE or, having said what is wrong, EXIT_USAGE. */
int import_text_choose(const struct command *command, const struct text_request *request,
                       struct valence_import_options *options);

/* The store at `to`: that at `from`, with the text stream. */
int import_text_encode(const struct command *command, const struct text_request *request,
                       const char *from, const char *to, struct valence_error *error);

#endif
