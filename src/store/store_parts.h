/* Stores that are parts of one extraction, as their sources say: {"part": {"number": 2, "of": 3}}.
 * A store that says nothing of it is whole. */
#ifndef VALENCE_STORE_STORE_PARTS_H
#define VALENCE_STORE_STORE_PARTS_H

#include "valence/store.h"

/* Whether the stores hold all parts of what some of them are parts of. ERROR_NOT_FOUND with key
 * "partial" names one that is missing. */
int store_parts_check(struct valence_store *const *stores, int n, struct valence_error *error);

/* A source without what it says of parts, in fresh memory; NULL if memory is short. A source that
 * is no JSON stays as it is. */
char *store_source_of_whole(const char *source);

#endif
