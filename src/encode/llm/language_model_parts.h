/* A language model in several GGUF files, NAME-00001-of-00003.gguf: llama.cpp loads them by the
 * first one's name, and what identifies the model is of all of them. */
#ifndef VALENCE_ENCODE_LLM_LANGUAGE_MODEL_PARTS_H
#define VALENCE_ENCODE_LLM_LANGUAGE_MODEL_PARTS_H

#include "encode/compute/weights.h"

#define MAX_PARTS 999

struct language_model_parts {
    int n;
    struct weights *list; /* (n); the first is a copy of the caller's, which keeps it open */
    char (*paths)[4096];  /* (n), of the others */
};

/* Opens the parts that belong to the first one. A file that is the whole is its only part. Errors:
 * FORMAT for a part that is not the first, naming that, or one that is not called as it must be;
 * those of opening the others. *parts is cleared on failure. */
int language_model_parts_open(struct language_model_parts *parts, const struct weights *first,
                              struct valence_error *error);
void language_model_parts_close(struct language_model_parts *parts);

#endif
