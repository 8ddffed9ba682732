/* What an import was made from, so that it can be told whether a second one reads the same. */
#ifndef VALENCE_EXCHANGE_SOURCE_IDENTITY_H
#define VALENCE_EXCHANGE_SOURCE_IDENTITY_H

#include <jansson.h>
#include <stdbool.h>

#include "valence/error.h"

/* {"name", "bytes", "modified", "hash"}: the file's name, size, time of its last change (seconds)
 * and a hash of all of it. Of a file beyond 1 GiB a part in 16 is hashed, {"sampled": true} says
 * so, and the time counts. NULL on error. */
json_t *identity_of_file(const char *path, struct valence_error *error);

/* {"name", "files", "bytes", "hash"}: of the .npy files in a folder, their number, sizes together,
 * and a hash of their names, sizes and times. NULL on error. */
json_t *identity_of_folder(const char *path, struct valence_error *error);

#define DIFFERENCE_BYTES 512

/* Whether a store's recorded source is the given one, whatever version of the program wrote it.
 * Else `difference` says what is not: "label was 'a', is 'b'". */
bool identity_is_same(const json_t *recorded, const json_t *wanted,
                      char difference[DIFFERENCE_BYTES]);

#endif
