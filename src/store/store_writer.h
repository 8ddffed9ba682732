/* What the importers need of a writer beyond valence/store.h. */
#ifndef VALENCE_STORE_WRITER_H
#define VALENCE_STORE_WRITER_H

#include "valence/store.h"

/* The store's "source" when it was opened, as JSON text; NULL where it has none. */
const char *store_writer_source(const struct valence_store_writer *writer);

int64_t store_writer_n_clips(const struct valence_store_writer *writer);

#endif
