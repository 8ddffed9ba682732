/* Rows of text to put in the place of others, drawn from a store; and whether its rows are words.
 */
#ifndef VALENCE_EVALUATE_WORD_ROWS_H
#define VALENCE_EVALUATE_WORD_ROWS_H

#include "data/clips.h"

#define MAX_WORD_ROWS 4096

struct word_rows {
    int64_t n;
    char *rows; /* (n, width) in the store's element type */
};

/* All rows of the text that `map` reads, of all clips; of more than MAX_WORD_ROWS that many, drawn
 * without replacement. The same seed draws the same. Free with word_rows_free(), also after a
 * failure. Errors: NOT_FOUND where the store has no text; those of reading it; MEMORY. */
int word_rows_draw(const struct valence_store *store, const struct stream_map *map, uint64_t seed,
                   struct word_rows *words, struct valence_error *error);
void word_rows_free(struct word_rows *words);

/* The clip has a transcript, and as many rows of text as it has words between blanks. */
bool clip_rows_are_words(const struct valence_store *store, const struct stream_map *map,
                         int64_t clip);

#endif
