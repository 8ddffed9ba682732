/* What an import says: clips taken and left out, and notes. */
#ifndef VALENCE_CLI_IMPORT_OUTPUT_H
#define VALENCE_CLI_IMPORT_OUTPUT_H

#include <jansson.h>

#include "valence/import.h"

void print_import_result(const char *store, const struct valence_import_result *result);
json_t *import_result_to_json(const char *store, const struct valence_import_result *result);

/* The notes alone. */
void print_import_notes(const struct valence_import_result *result);
json_t *import_notes_to_json(const struct valence_import_result *result);

#endif
