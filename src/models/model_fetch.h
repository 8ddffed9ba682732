/* Making a model's file from its packages; the part of valence_model_fetch() that does not look
 * into the list of known models. */
#ifndef VALENCE_MODELS_MODEL_FETCH_H
#define VALENCE_MODELS_MODEL_FETCH_H

#include "models/known_models.h"

/* As valence_model_fetch(), by `recipes`, one for each source, which may be NULL. */
int model_fetch(const char *folder, const struct valence_known_model *model,
                const struct model_recipe *recipes,
                const struct valence_model_fetch_options *options, struct valence_error *error);

#endif
