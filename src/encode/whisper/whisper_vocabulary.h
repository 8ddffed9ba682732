/* The vocabulary beside a Whisper checkpoint. */
#ifndef VALENCE_ENCODE_WHISPER_VOCABULARY_H
#define VALENCE_ENCODE_WHISPER_VOCABULARY_H

#include <stdint.h>

#include "valence/error.h"

/* Tokens as GPT-2 spells them (a character a byte), by id; "" for an id without one. */
struct whisper_vocabulary {
    int64_t n;
    const char **tokens;
    char *text; /* that they stand in */
};

/* Reads vocabulary.txt, vocabulary.json or vocab.json of the folder; without any of them the
 * vocabulary is empty. Errors: FORMAT, LIMIT, MEMORY. */
int whisper_vocabulary_read(struct whisper_vocabulary *vocabulary, const char *folder,
                            struct valence_error *error);
void whisper_vocabulary_free(struct whisper_vocabulary *vocabulary);

#endif
