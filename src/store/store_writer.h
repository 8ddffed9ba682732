/* What the importers need of a writer beyond valence/store.h. */
#ifndef VALENCE_STORE_WRITER_H
#define VALENCE_STORE_WRITER_H

#include <jansson.h>

#include "valence/store.h"

/* Records what a store is made from, or checks that one to be gone on with was made from the same:
 * ERROR_EXISTS. Takes over `source`; NULL is ERROR_MEMORY. */
int store_writer_set_source(struct valence_store_writer *writer, json_t *source,
                            struct valence_error *error);

/* The ordinal of a stored clip, -1 where there is none of this id. */
int64_t store_writer_find(const struct valence_store_writer *writer, const char *id);

int64_t store_writer_n_clips(const struct valence_store_writer *writer);

#endif
