/* A stream of N clips as an array or a list, and which of its rows are a clip's. */
#ifndef VALENCE_EXCHANGE_ARRAY_STREAM_H
#define VALENCE_EXCHANGE_ARRAY_STREAM_H

#include "exchange/import_column.h"
#include "valence/store.h"

/* Opens an array that a list holds. */
struct array_opener {
    void *self;
    int (*open)(void *self, const struct pickle_value *value, const char *name, struct npy **array,
                struct valence_error *error);
};

/* (N, T, D) with T rows for each clip, padded; (N, D) for one row a clip; (sum, D), packed, where
 * there are lengths whose sum is the number of rows: the clips' rows one after the other; or
 * ragged: a list of N arrays (T, D).
 *
 * Padding is rows of zeros behind a clip's rows or, as some tools write it, before them. With
 * lengths each clip says where its own is: where the last rows are not all zero, and all before the
 * last `length` are. Without, the majority of the clips says where the stream's is. */
struct array_stream {
    struct npy *array;
    struct pickle_value *const *items; /* ragged; else NULL */
    struct array_opener opener;
    int64_t *lengths; /* (N) rows of each clip; NULL: T */
    int64_t *starts;  /* (N) packed: the first row of each clip; else NULL */
    int64_t n_clips, max_rows, width;
    char name[64]; /* of the array */
    float *values; /* (capacity): of the clip read last */
    int64_t capacity;
    bool trims;      /* rows of zeros at the padded end are left out */
    bool pads_front; /* which end that is */
    /* Clips whose rows were taken from behind padding, and clips that begin or end with a row of
     * zeros which is stored. */
    int64_t n_front, n_zero_ends;
};

bool array_stream_exists(const struct array_stream *stream);
void array_stream_close(struct array_stream *stream);

/* Completes a stream whose `array` or `items`, `opener`, `lengths`, `name` and `trims` are set.
 * `most`: the width of a ragged stream is that of most clips, not of the first. `place` stands for
 * the source in errors. */
int array_stream_open(struct array_stream *stream, int64_t n_clips, bool most, const char *place,
                      struct valence_error *error);

/* The clip's rows, living until the next call. ERROR_DATA for an impossible length or value,
 * ERROR_SHAPE for another width. */
int array_stream_rows(struct array_stream *stream, int64_t clip, struct valence_clip_rows *rows,
                      struct valence_error *error);

#endif
