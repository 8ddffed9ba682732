/* Named columns and arrays by split, into a pickle of nested dicts or an .npz of arrays
 * SPLIT/NAME. */
#ifndef VALENCE_EXCHANGE_EXPORT_SINK_H
#define VALENCE_EXCHANGE_EXPORT_SINK_H

#include <stdbool.h>

#include "format/elements.h"
#include "format/zip_write.h"

struct export_sink {
    FILE *stream;
    bool is_npz;
    struct zip_writer zip;
    const char *split;
};

/* Everything goes to the stream, which can be sought in; its error flag tells of failed writes.
 * Free with export_sink_free(). */
void export_sink_begin(struct export_sink *sink, FILE *stream, bool is_npz);
void export_sink_end(struct export_sink *sink);
void export_sink_free(struct export_sink *sink);

/* What is written between the two belongs to the split. */
void export_split_begin(struct export_sink *sink, const char *name);
void export_split_end(struct export_sink *sink);

/* n texts: a list of str, or an array of them ('<U', as wide as the longest). `get` is asked for
 * each once or twice. */
int export_texts(struct export_sink *sink, const char *name, int64_t n,
                 const char *(*get)(void *user, int64_t i), void *user,
                 struct valence_error *error);

/* n whole numbers: a list of int, or an array of I64. */
int export_numbers(struct export_sink *sink, const char *name, int64_t n,
                   int64_t (*get)(void *user, int64_t i), void *user, struct valence_error *error);

/* An array of F32, row-major: its values in pieces, as many as the shape says. */
int export_array_begin(struct export_sink *sink, const char *name, int n_dims, const int64_t *shape,
                       struct valence_error *error);
void export_array_write(struct export_sink *sink, const float *values, int64_t n);
void export_array_end(struct export_sink *sink);

#endif
