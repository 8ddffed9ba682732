/* Clips kept as arrays of N: what an .npz, a folder of .npy and a pickled dict of arrays have in
 * common. */
#ifndef VALENCE_EXCHANGE_IMPORT_ARRAYS_H
#define VALENCE_EXCHANGE_IMPORT_ARRAYS_H

#include "format/npy.h"
#include "format/pickle/pickle.h"
#include "exchange/import.h"

/* One value a clip: an array of texts or numbers, (N) or (N, 1), or a list of pickled values.
 * Neither: there is none. */
struct import_column {
    struct npy *array;
    int64_t n_values;
    struct pickle_value *const *values;
};

/* (N, T, D) with T rows for each clip, padded; (N, D) for one row a clip; or, where there are
 * lengths whose sum is the number of rows, (sum, D), packed: the clips' rows one after the
 * other. */
struct import_stream {
    struct npy *array;
    int64_t *lengths; /* (N) rows of each clip; NULL: T */
    int64_t *starts;  /* (N) packed: the first row of each clip; else NULL */
    int64_t max_rows, width;
    float *values; /* (max_rows, D): of the clip read last */
};

/* What arrays are called where options do not say; NULL: there is none. */
struct import_names {
    const char *id, *split, *label, *group, *transcript, *metadata;
    const char *streams[VALENCE_N_STREAMS], *lengths[VALENCE_N_STREAMS];
};

struct import_arrays {
    /* Set by the source. */
    const char *name; /* in errors */
    const struct valence_import_options *options;
    void *self;
    /* The column, or array, of that name; ERROR_NOT_FOUND where there is none. */
    int (*open)(void *self, const char *name, struct import_column *column,
                struct valence_error *error);
    const char *split_name; /* of all clips; NULL: as the column says */

    int64_t n_clips; /* -1 before import_arrays_open() */
    struct import_column id, split, label, group, transcript, metadata;
    struct import_stream streams[VALENCE_N_STREAMS]; /* with `array` NULL where there is none */
    char *texts[5]; /* id, split, group, transcript, metadata of the clip read last */
};

/* Opens what the options name, or else what goes by the usual names. Free with
 * import_arrays_close(), after an error too. */
int import_arrays_open(struct import_arrays *arrays, const struct import_names *usual,
                       struct valence_error *error);
void import_arrays_close(struct import_arrays *arrays);

/* Clip `at` (below n_clips) as a record, and the rows of a stream that is there. Both live until
 * the next call. */
int import_arrays_record(struct import_arrays *arrays, int64_t at, struct import_record *record,
                         struct valence_error *error);
int import_arrays_rows(struct import_arrays *arrays, int64_t at, enum valence_stream which,
                       struct valence_clip_rows *rows, struct valence_error *error);

#endif
