/* Which package a known model comes from. */
#ifndef VALENCE_MODELS_KNOWN_MODELS_H
#define VALENCE_MODELS_KNOWN_MODELS_H

#include "valence/models.h"

struct model_package {
    const char *name, *version, *wheel_sha256, *member;
};

/* NULL for a model that no package holds. */
const struct model_package *model_package(const struct valence_known_model *model);

#endif
