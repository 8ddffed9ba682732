/* `valence import --encode-text`: the text stream of transcripts that were imported alone. */
#ifndef VALENCE_CLI_IMPORT_TEXT_H
#define VALENCE_CLI_IMPORT_TEXT_H

#include "encode_text.h"
#include "valence/import.h"

/* What the options say; encoding.model is NULL where nothing is encoded. */
struct text_request {
    const char *spelling, *rows; /* NULL: as they are, one a token */
    struct text_encoding encoding;
};

/* The settings of the encoding at their defaults. */
void text_request_default(struct text_request *request);

/* Completes the encoding and sets the import to labels and transcripts alone, where text is to be
 * encoded. Gives EXIT_FINE or, having said what is wrong, EXIT_USAGE. */
int import_text_choose(const struct command *command, struct text_request *request,
                       struct valence_import_options *options);

/* The store at `to`: that at `from`, with the text stream. */
int import_text_encode(struct text_request *request, const char *from, const char *to,
                       struct valence_error *error);

#endif
