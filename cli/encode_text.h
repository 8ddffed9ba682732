/* Text from transcripts, for `valence encode text` and whatever else adds it to a store. */
#ifndef VALENCE_CLI_ENCODE_TEXT_H
#define VALENCE_CLI_ENCODE_TEXT_H

#include <stdbool.h>

#include "options.h"
#include "valence/stream.h"
#include "valence/transcripts.h"

#define TEXT_MODEL "smollm2" /* the default: small, free, and obtained by itself */

/* Which model encodes, how, and into what. Texts are the caller's. */
struct text_encoding {
    const char *model; /* a path, or a name of 'valence models' */
    struct valence_transcript_options settings;
    const char *stream;
    enum valence_dtype type;
    bool offline, quiet;
};

/* The two settings that are names; gives EXIT_FINE or, having said which there are, EXIT_USAGE. */
int choose_text_settings(const struct command *command, const char *spelling, const char *rows,
                         struct valence_transcript_options *settings);

/* Copies the store at `from` to `to` and adds the stream, and says what was done unless `quiet`. */
int encode_text_of_store(const struct text_encoding *encoding, const char *from, const char *to,
                         struct valence_error *error);

#endif
