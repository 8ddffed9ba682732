/* Whether a store's streams were encoded as those that a model was trained on. */
#ifndef VALENCE_EVALUATE_DATA_MATCH_H
#define VALENCE_EVALUATE_DATA_MATCH_H

#include "valence/model.h"
#include "valence/store.h"

/* ERROR_DATA, naming what differs, where a stream that the model reads was encoded otherwise in
 * `store` than for its training; `text_stream`, where it is not NULL, is its text there. What is
 * not recorded on either side is taken to fit. */
int check_encodings(const struct valence_model *model, const struct valence_store *store,
                    const char *text_stream, struct valence_error *error);

#endif
