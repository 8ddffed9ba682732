/* Whether a store's streams were encoded as those that a model was trained on. */
#ifndef VALENCE_EVALUATE_ENCODINGS_H
#define VALENCE_EVALUATE_ENCODINGS_H

#include <jansson.h>

#include "valence/store.h"

/* How the stream that the checkpoint reads as `stream` was encoded, as a reference of the caller's,
 * NULL where that is not recorded; and the stream's name. Errors: those of reading the
 * checkpoint. */
int encodings_trained(const char *checkpoint, enum valence_stream stream,
                      char name[VALENCE_STORE_NAME_BYTES], json_t **settings,
                      struct valence_error *error);

/* ERROR_DATA, naming what differs, where a stream that the checkpoint reads was encoded otherwise
 * in `store` than for its training. What is not recorded on either side is taken to fit. */
int encodings_check(const char *checkpoint, const struct valence_store *store,
                    struct valence_error *error);

#endif
