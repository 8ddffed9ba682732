/* One value a clip: what arrays and pickled lists of N have in common. */
#ifndef VALENCE_EXCHANGE_IMPORT_COLUMN_H
#define VALENCE_EXCHANGE_IMPORT_COLUMN_H

#include <stdbool.h>

#include "format/npy.h"
#include "format/pickle/pickle.h"

/* An array of texts or numbers, (N) or (N, 1), or a list of pickled values. Neither: there is
 * none. */
struct import_column {
    struct npy *array;
    int64_t n_clips;
    /* Elements a clip: 1; of ids up to 4. */
    int64_t n_parts;
    struct pickle_value *const *values; /* (n_clips * n_parts) */
    /* Of an array of objects: what `values` belong to. */
    struct pickle *pickle;
};

/* The pickle of an .npy array of objects. */
struct pickled_objects {
    void *bytes;
    struct pickle *pickle;
};

/* Makes a column that is an array of objects (column->array) a list of values, which live until
 * pickled_objects_free(). Takes up to 1 GiB. */
int column_unpickle(struct import_column *column, const char *name, struct pickled_objects *objects,
                    struct valence_error *error);
void pickled_objects_free(struct pickled_objects *objects);

void column_close(struct import_column *column);
bool column_exists(const struct import_column *column);

/* Element `at` as a whole number; ERROR_DATA if it is not one. */
int column_read_whole(const struct import_column *column, int64_t at, int64_t *number,
                      struct valence_error *error);

/* Element `at` as a text in fresh memory, which replaces the one in *text: a text, or a number as
 * one; "" if there is no column and, where the value `may_miss`, for None and NaN. */
int column_read_text(const struct import_column *column, int64_t at, bool may_miss, char **text,
                     struct valence_error *error);

/* Element `at` as a label: a text to *text (else NULL), or a number, NaN for None and where there
 * is no column. *problem (else NULL) says what is wrong with any other value. */
int column_read_label(const struct import_column *column, int64_t at, double *label, char **text,
                      const char **problem, struct valence_error *error);

#endif
