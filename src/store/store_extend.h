/* A stream more, made from the clips, in a copy of the store. In the store itself:
 * valence_store_add_stream(). */
#ifndef VALENCE_STORE_EXTEND_H
#define VALENCE_STORE_EXTEND_H

#include <jansson.h>

#include "valence/progress.h"
#include "valence/store.h"

/* One clip's rows of the new stream. */
struct made_rows {
    int64_t n_rows;    /* 0: the clip is without */
    const float *rows; /* (n_rows, width); lives until the next call, as `metadata` does */
    json_t *metadata;  /* what is to be said of the clip under the stream's name, or NULL */
};

/* Makes the rows of `n` clips at once, up to `batch` of them. */
struct stream_maker {
    struct valence_store_stream stream;
    /* with what they are made: recorded as the source's "encoders": {NAME: settings} */
    const json_t *settings;
    int64_t batch;
    void *self;
    int (*make)(void *self, const struct valence_clip *const *clips, int64_t n,
                const struct valence_progress *progress, struct made_rows *made,
                struct valence_error *error);
};

/* Copies the store to `path` and adds the stream. Call it again after an interruption:
 * it continues, with the same batches, so that the rows are those of an uninterrupted call.
 * *n_made: clips that now have rows of it by this call; *n_stored: clips that were there before it.
 * Errors: EXISTS if `from` has such a stream, or `path` holds a store made otherwise, unless
 * `overwrite` replaces it; ARGUMENT if `path` is `from`'s; the maker's, naming the first clip of
 * its batch; CANCELLED. */
int store_extend(const struct valence_store *from, const char *path, bool overwrite,
                 const struct stream_maker *maker, const struct valence_progress *progress,
                 int64_t *n_made, int64_t *n_stored, struct valence_error *error);

/* The store's source with what the stream is encoded with. NULL if memory is short. */
json_t *source_with_encoder(const struct valence_store *from, const struct stream_maker *maker);

/* The clip's metadata with the stream's added, as text in *json (free() it). */
int clip_metadata_join(const struct valence_clip *clip, const char *stream, json_t *metadata,
                       char **json, struct valence_error *error);

#endif
