/* A model's file in its folder, and its hash. */
#ifndef VALENCE_MODELS_MODEL_FILE_H
#define VALENCE_MODELS_MODEL_FILE_H

#include "valence/error.h"

/* ERROR_FORMAT where the file's SHA-256 is another. */
int check_hash(const char *path, const char *wanted, struct valence_error *error);

#endif
