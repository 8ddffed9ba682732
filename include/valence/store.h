/* The feature store: one data set's clips, labels and feature streams in an LMDB file, crash-safe,
 * with many readers beside one writer. A data set of any size is read with a bounded resident set.
 * A process opens a store once at a time (LMDB's locks belong to the process).
 *
 * On disk (version 1), a folder with LMDB's data.mdb and lock.mdb, and in it the named databases
 *   1. "meta":   text keys, JSON values: "format" {"version": 1, "streams": [{"name", "width",
 * "dtype"}, ...]}, "source" (what was imported, how, by which version: the importer's own object,
 * and "encoders": {stream: how it was encoded}, where valence did it).
 *   2. "clips":  key = ordinal (uint32, big-endian), value = JSON {"id", "split", "label", "group",
 * "transcript", "rows": {stream: n}, "metadata"}; absent streams have no entry in "rows", and most
 * clips no metadata.
 *   3. "ids":    key = clip id (1 ... 500 bytes of UTF-8), value = ordinal.
 *   4. "stream:NAME": key = ordinal, value = the rows, (n, width) row-major, little-endian f16 or
 * f32.
 *
 * Streams carry any name; training maps names to the four streams of the network (audio, text,
 * video, simulated_text), and by default each to its own name. */
#ifndef VALENCE_STORE_H
#define VALENCE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "valence/api.h"
#include "valence/error.h"
#include "valence/stream.h"

#ifdef __cplusplus
extern "C" {
#endif

#define VALENCE_STORE_MAX_STREAMS 16
#define VALENCE_STORE_NAME_BYTES                                                                   \
    64 /* a stream's name with its NUL: lower-case letters, digits, '_', '-' */
#define VALENCE_STORE_ID_BYTES  501 /* a clip's id with its NUL */
#define VALENCE_STORE_MAX_WIDTH 65536
#define VALENCE_STORE_MAX_ROWS  4000000 /* of one clip and stream: 22 hours of 20 ms frames */

struct valence_store; /* open for reading; may be shared by threads */

struct valence_store_stream {
    char name[VALENCE_STORE_NAME_BYTES];
    int64_t width;
    enum valence_dtype type;
};

/* One clip's record. The texts belong to the store and live until it is closed. */
struct valence_clip {
    const char *id;
    const char *group; /* the recording the clip was cut from (a video id), or "" where unknown */
    const char *transcript; /* UTF-8, or "" where unknown */
    /* a JSON object as text: what the encoder of a stream says of the clip, by stream
     * ({"simulated_text": {"transcript": ...}}), or "" (to be added, NULL too) */
    const char *metadata;
    enum valence_split split;
    float label;                               /* NaN where the clip has no label */
    int64_t n_rows[VALENCE_STORE_MAX_STREAMS]; /* by the store's stream index; 0 where absent */
};

/* ---- Reading ---- */

/* Opens for reading and loads the clip records (not the rows). Errors: NOT_FOUND, FORMAT (not a
 * store, a newer version, a damaged record, naming it), IO, MEMORY. *store is NULL on failure.
 * Close with valence_store_close(), which takes NULL too. */
VALENCE_API int valence_store_open(const char *path, struct valence_store **store,
                                   struct valence_error *error);
VALENCE_API void valence_store_close(struct valence_store *store);

VALENCE_API const char *valence_store_path(const struct valence_store *store);

/* What the clips were made from: the "source" object as JSON text, or "". Its "kind" is "synthetic"
 * for a synthetic set. */
VALENCE_API const char *valence_store_source(const struct valence_store *store);

VALENCE_API int64_t valence_store_n_clips(const struct valence_store *store);
VALENCE_API int valence_store_n_streams(const struct valence_store *store);

/* `stream` is 0 ... n_streams-1, `clip` 0 ... n_clips-1 (in the order of import). The result lives
 * until close. */
VALENCE_API const struct valence_store_stream *
valence_store_stream(const struct valence_store *store, int stream);
VALENCE_API const struct valence_clip *valence_store_clip(const struct valence_store *store,
                                                          int64_t clip);

/* The index of a stream by name, or of a clip by id; -1 where there is none. */
VALENCE_API int valence_store_find_stream(const struct valence_store *store, const char *name);
VALENCE_API int64_t valence_store_find_clip(const struct valence_store *store, const char *id);

/* Reads a clip's first `n_rows` rows of one stream (all of them: the record's n_rows) to `rows`,
 * which has room for n_rows * width elements of the stream's type. Goes through the page cache and
 * not through a map, so that reading a whole set does not make the process grow. Thread-safe.
 * Errors: FORMAT where the stored bytes are not the record's rows * width elements; ARGUMENT where
 * the clip has fewer rows. */
VALENCE_API int valence_store_read(const struct valence_store *store, int64_t clip, int stream,
                                   int64_t n_rows, void *rows, struct valence_error *error);

/* ---- Statistics ---- */

/* Per column of one stream, over all rows of the training clips: what standardisation uses. */
struct valence_column_statistics {
    int64_t n_rows;
    int64_t width;
    float *mean;      /* (width) */
    float *deviation; /* (width), population standard deviation, 0 for a constant column */
};

/* Computes them in one pass (Welford in double), as large work with progress; `progress` may be
 * NULL. Free with valence_column_statistics_free(). */
struct valence_progress;
VALENCE_API int valence_store_statistics(const struct valence_store *store, int stream,
                                         const struct valence_progress *progress,
                                         struct valence_column_statistics *statistics,
                                         struct valence_error *error);
VALENCE_API void valence_column_statistics_free(struct valence_column_statistics *statistics);

/* ---- Writing ---- */

struct valence_store_writer; /* one per store and process; a second one gets VALENCE_ERROR_BUSY */

/* What a clip brings for one stream: `n_rows` rows of the stream's width in f32, converted to the
 * stream's type. Values that are NaN or infinite, or that f16 cannot hold, are an error naming
 * clip, stream, row and column. */
struct valence_clip_rows {
    int stream; /* the store's index */
    int64_t n_rows;
    const float *rows;
};

/* Makes a store at `path` (the folder must not exist or must be empty) or opens one to add to it.
 * `streams` is the table of a new store; an existing one must have the same names, widths and types
 * (ERROR_SHAPE). */
VALENCE_API int valence_store_writer_open(const char *path,
                                          const struct valence_store_stream *streams, int n_streams,
                                          struct valence_store_writer **writer,
                                          struct valence_error *error);

/* True where a clip of this id is stored already: an interrupted import goes on after it. */
VALENCE_API bool valence_store_writer_has(const struct valence_store_writer *writer,
                                          const char *id);

/* Adds a clip: all of it or, on an error, none. `clip->n_rows` is ignored. Errors: EXISTS for an id
 * twice, DATA for an unusable value or id, LIMIT, DISK_FULL. */
VALENCE_API int valence_store_writer_add(struct valence_store_writer *writer,
                                         const struct valence_clip *clip,
                                         const struct valence_clip_rows *streams, int n_streams,
                                         struct valence_error *error);

/* Stores `json` under `key` of the "meta" database ("source"). */
VALENCE_API int valence_store_writer_set_meta(struct valence_store_writer *writer, const char *key,
                                              const char *json, struct valence_error *error);

/* Makes everything added so far durable; called now and then by itself as well. */
VALENCE_API int valence_store_writer_commit(struct valence_store_writer *writer,
                                            struct valence_error *error);

/* Commits and closes; on an error closes all the same. NULL is fine. */
VALENCE_API int valence_store_writer_close(struct valence_store_writer *writer,
                                           struct valence_error *error);

#ifdef __cplusplus
}
#endif
#endif
