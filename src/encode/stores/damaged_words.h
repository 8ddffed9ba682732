/* Transcripts of low quality: words that are lost, or others in their place, before anything is
 * encoded. What happens to a word is a function of the seed, the clip's id and the word's number,
 * so a word that is deleted at one rate is deleted at every higher one, and resuming changes
 * nothing. */
#ifndef VALENCE_ENCODE_STORES_DAMAGED_WORDS_H
#define VALENCE_ENCODE_STORES_DAMAGED_WORDS_H

#include "valence/store.h"

struct word {
    const char *text; /* of a transcript of the store */
    size_t length;
};

struct word_damage {
    double drop, replace; /* how likely a word is deleted, and replaced */
    uint64_t seed;
    int64_t n; /* all words of all transcripts of the store, what replaces comes from */
    struct word *words;
};

/* The store must live longer. Errors: ARGUMENT, key "drop_words" or "replace_words", for rates
 * outside 0 ... 1 or above 1 together; MEMORY. */
int word_damage_open(const struct valence_store *store, double drop, double replace, uint64_t seed,
                     struct word_damage *damage, struct valence_error *error);
void word_damage_close(struct word_damage *damage);

/* What is left of a transcript, words with one blank between them, and of which word of the
 * transcript each of these is, or stands for. */
struct damaged_text {
    char *text;
    int64_t n;
    int64_t *origins;
};

int word_damage_apply(const struct word_damage *damage, const char *id, const char *transcript,
                      struct damaged_text *damaged, struct valence_error *error);
void damaged_text_free(struct damaged_text *damaged);

#endif
