/* Representation maps for people and for programs. */
#ifndef VALENCE_CLI_REPRESENTATIONS_OUTPUT_H
#define VALENCE_CLI_REPRESENTATIONS_OUTPUT_H

#include <jansson.h>

#include "table.h"
#include "valence/representations.h"
#include "valence/run.h"

/* Tables of all rows, of each bin of labels, and of the features. As CSV one table with a row for
 * each figure. */
void print_representations(const struct valence_representation_maps *maps, enum table_format format,
                           FILE *stream);

/* NULL if memory is short. */
json_t *representations_to_json(const struct valence_representation_maps *maps,
                                const struct valence_store *store, const struct valence_run *run);

/* Writes "maps" in every form to a folder, which is made where it is missing. */
int write_representations(const char *folder, const struct valence_representation_maps *maps,
                          const struct valence_store *store, const struct valence_run *run,
                          struct valence_error *error);

#endif
