/* Sentences from the command line as a store of one stream, encoded as a model's training encoded
 * its text, so that they are scored as any clips are. */
#ifndef VALENCE_CLI_SENTENCES_H
#define VALENCE_CLI_SENTENCES_H

#include <stdbool.h>

#include "options.h"

/* Makes the store in a temporary folder, whose path goes to *folder; temporary_store_remove() takes
 * both away. A clip's id is the
 * sentence, cut to what an id may have. `encoder` is the language model's GGUF file or name, NULL:
 * the one known by name that training used. Errors: UNSUPPORTED where the model at `checkpoint` was
 * not trained on text that valence encoded; DATA where the encoder is not the one that training
 * used. */
int sentences_encode(const char *checkpoint, const struct option_list *sentences,
                     const char *encoder, bool offline, bool quiet, char **folder,
                     struct valence_error *error);

#endif
