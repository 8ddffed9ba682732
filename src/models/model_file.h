/* A model's file in its folder, and its hash. */
#ifndef VALENCE_MODELS_MODEL_FILE_H
#define VALENCE_MODELS_MODEL_FILE_H

#include "base/sha256.h"
#include "valence/models.h"

/* Errors: NOT_FOUND, IO. */
int hash_file(const char *path, char text[SHA256_TEXT_BYTES], struct valence_error *error);

/* Whether a source of the model makes a file with this SHA-256. */
bool model_has_hash(const struct valence_known_model *model, const char *hash);

/* ERROR_FORMAT where the file's SHA-256 is another. */
int check_hash(const char *path, const char *wanted, struct valence_error *error);

#endif
