/* What a store records of where it comes from. */
#ifndef VALENCE_STORE_SOURCE_H
#define VALENCE_STORE_SOURCE_H

#include <jansson.h>

#include "valence/store.h"

/* valence_store_source() as a JSON object that belongs to the store, parsed when it was opened;
 * NULL if nothing is recorded, or something else than an object. */
const json_t *store_source_json(const struct valence_store *store);

#endif
