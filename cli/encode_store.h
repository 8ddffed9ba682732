/* `valence encode KIND STORE -o NEW`: a copy of the store with the kind's stream added. */
#ifndef VALENCE_CLI_ENCODE_STORE_H
#define VALENCE_CLI_ENCODE_STORE_H

#include <stdbool.h>

#include "store/store_extend.h"

/* True where a command's only input is a store, and not files to encode. */
bool is_store(const char *const *inputs, int n);

/* Extends with progress on the terminal, and says how many clips that were, unless `quiet`. */
int encode_store(const char *from, const char *to, const struct stream_maker *maker, bool quiet,
                 struct valence_error *error);

#endif
