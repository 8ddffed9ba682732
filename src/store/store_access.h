/* Reading many clips of a store: what valence/store.h does not offer. */
#ifndef VALENCE_STORE_STORE_ACCESS_H
#define VALENCE_STORE_STORE_ACCESS_H

#include "valence/store.h"

/* The records of these clips, and the places of their rows, are needed soon. In a large store,
 * clips in a random order are in no cache, and the processor can fetch many at once if it knows
 * them. Changes nothing but the time it takes. */
void store_fetch_records(const struct valence_store *store, const int64_t *clips, int64_t n);

#endif
