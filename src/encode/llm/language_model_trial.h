/* Whether llama.cpp survives a language model's file. */
#ifndef VALENCE_ENCODE_LLM_LANGUAGE_MODEL_TRIAL_H
#define VALENCE_ENCODE_LLM_LANGUAGE_MODEL_TRIAL_H

#include "valence/error.h"

/* Loads the file in a child process and computes a few tokens with it, unless that went well before
 * (models/verified_files.h). Errors: those of loading and computing; FORMAT where the child
 * dies. */
int language_model_try(const char *path, const char *memory, struct valence_error *error);

#endif
