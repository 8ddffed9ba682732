/* Text from transcripts, for `valence encode text` and whatever else adds it to a store. */
#ifndef VALENCE_CLI_ENCODE_TEXT_H
#define VALENCE_CLI_ENCODE_TEXT_H

#include <stdbool.h>

#include "options.h"
#include "valence/encode.h"

#define TEXT_MODEL "smollm2" /* the default: small, free, and obtained by itself */

/* Which model encodes, how, and into what. Texts are the caller's. */
struct text_encoding {
    const char *model; /* a path, or a name of 'valence models' */
    struct valence_transcript_options settings;
    struct valence_encode_store_options store;
    bool offline, quiet, json;
    bool no_summary; /* the caller prints what came of it */
};

void text_encoding_default(struct text_encoding *encoding); /* all but the model */

/* The two settings that are names; gives EXIT_FINE or, having said which there are, EXIT_USAGE. */
int choose_text_settings(const struct command *command, const char *spelling, const char *rows,
                         struct valence_transcript_options *settings);

/* Copies the store at `from` to `to` and adds the stream, and says what was done unless `quiet`. */
int encode_text_of_store(struct text_encoding *encoding, const char *from, const char *to,
                         struct valence_error *error);

#endif
