/* What llama.cpp asserts of a file rather than refuse it: checked before it sees the file. */
#ifndef VALENCE_ENCODE_LLM_LANGUAGE_MODEL_CHECK_H
#define VALENCE_ENCODE_LLM_LANGUAGE_MODEL_CHECK_H

#include "encode/compute/weights.h"

/* Errors: FORMAT, naming the key; UNSUPPORTED for a model that its own header calls not causal. */
int language_model_check(const struct weights *weights, const char *architecture,
                         struct valence_error *error);

#endif
