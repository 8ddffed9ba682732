/* Names that look the same but are other bytes: file names that macOS wrote are decomposed ("e" and
 * a combining accent), ids are mostly composed; and endings may be in capitals. */
#ifndef VALENCE_EXCHANGE_NAME_FORMS_H
#define VALENCE_EXCHANGE_NAME_FORMS_H

#include <stdbool.h>
#include <stdint.h>

/* Canonical decomposition of a UTF-8 name, for the European scripts, kana and Hangul; others stay
 * as they are. In fresh memory (free() it); NULL if memory is short. */
char *name_decompose(const char *name);

/* The .npy files of a folder that can be ID.npy in another form: those with letters beyond ASCII or
 * an ending in capitals. Begin with all zero. */
struct name_index {
    bool is_read;
    int64_t n, capacity;
    struct name_form *forms; /* sorted */
};

/* The name of the file that is ID.npy in another form; NULL if there is none, or more than one,
 * or memory is short. Reads the folder at the first call. */
const char *name_index_find(struct name_index *index, const char *folder, const char *id);
void name_index_free(struct name_index *index);

#endif
