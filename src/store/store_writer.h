/* What the library needs of a writer beyond valence/store.h. */
#ifndef VALENCE_STORE_WRITER_H
#define VALENCE_STORE_WRITER_H

#include <jansson.h>

#include "valence/store.h"

/* valence_store_writer_set_source() of a JSON value. Takes over `source`; NULL is ERROR_MEMORY. */
int store_writer_set_source(struct valence_store_writer *writer, json_t *source,
                            struct valence_error *error);

/* The ordinal of a stored clip, -1 if no clip has this id. */
int64_t store_writer_find(const struct valence_store_writer *writer, const char *id);

/* What the writer was opened with. */
int store_writer_n_streams(const struct valence_store_writer *writer);
const struct valence_store_stream *store_writer_stream(const struct valence_store_writer *writer,
                                                       int stream);

/* *is_new: nothing was ever committed to the data file, or it does not exist. */
int store_look_at_data(const char *data_path, bool *is_new, struct valence_error *error);

#endif
