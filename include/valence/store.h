/* The feature store: one data set's clips, labels and feature streams in an LMDB file, crash-safe,
 * with many readers beside one writer. Rows are read as they are needed, so the memory that a data
 * set takes grows with the number of its clips, not with their length.
 *
 * A process may have a store open once at a time (LMDB's locks belong to the process). Everything
 * in a store is checked before it is used: a damaged or foreign file gives an error, never wrong
 * numbers.
 *
 * docs/file-formats.md describes the file. Streams carry any name; training maps names to the four
 * streams of the network (audio, text, video, simulated_text), by default each to its own name. */
#ifndef VALENCE_STORE_H
#define VALENCE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "valence/api.h"
#include "valence/error.h"
#include "valence/progress.h"
#include "valence/stream.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A stream's name with its NUL: lower-case letters, digits, '_', '-'. */
#define VALENCE_STORE_NAME_BYTES 64
/* A clip's id with its NUL. */
#define VALENCE_STORE_ID_BYTES    501
#define VALENCE_STORE_MAX_STREAMS 16
#define VALENCE_STORE_MAX_WIDTH   65536
/* Of one clip and stream: 22 hours of 20 ms frames. */
#define VALENCE_STORE_MAX_ROWS 4000000

/* Open for reading. Threads may share it: no function that takes it const changes it. */
struct valence_store;

struct valence_store_stream {
    char name[VALENCE_STORE_NAME_BYTES];
    int64_t width;
    enum valence_dtype type;
};

/* One clip's record. The texts belong to the store and live until it is closed; of a clip to be
 * added they belong to the caller, and NULL is "" (except for the id). */
struct valence_clip {
    const char *id;
    /* The recording the clip was cut from (a video's id), or "" where it is unknown. */
    const char *group;
    /* UTF-8, or "" where it is unknown. */
    const char *transcript;
    /* What the encoder of a stream recorded about the clip: a JSON object, by stream
     * ({"simulated_text": {"transcript": ...}}), or "". */
    const char *metadata;
    enum valence_split split;
    /* NaN where the clip has no label. */
    float label;
    /* By the store's stream index; 0 where the clip lacks the stream. */
    int64_t n_rows[VALENCE_STORE_MAX_STREAMS];
};

#define VALENCE_MAX_CLASSES      32
#define VALENCE_CLASS_NAME_BYTES 64

/* The scale of a store's labels, as whoever made the store declared it. */
struct valence_label_scale {
    /* "sentiment", "ch-sims", ...: up to 63 bytes of UTF-8. */
    char name[64];
    /* The lowest and the highest label possible: -3 and 3, -1 and 1, ... */
    double low, high;
    /* Of classes without an order ("anger", "joy", ...): how many, 2 or more, and their names,
     * which differ. A clip's label is then the number of its class; low is 0 and high the last
     * one's. 0: labels are scores. */
    int n_classes;
    char classes[VALENCE_MAX_CLASSES][VALENCE_CLASS_NAME_BYTES];
};

/* ---- Reading ---- */

struct valence_store_options {
    /* sizeof(struct valence_store_options), set by valence_store_options_default(). */
    size_t size;
    /* Also open a store that its writer did not finish, as far as it got. */
    bool accept_unfinished;
};

/* Unfinished stores are refused. */
VALENCE_API void valence_store_options_default(struct valence_store_options *options);

/* Opens a store and loads the clip records (not the rows). `options` may be NULL: the defaults.
 * *store is NULL on failure. Close with valence_store_close(), which takes NULL too.
 *
 * Errors: NOT_FOUND; DATA with the key "accept_unfinished" where the store is unfinished; FORMAT
 * (not a store, or a damaged one, naming the place); UNSUPPORTED (made by a newer version); IO;
 * MEMORY. */
VALENCE_API int valence_store_open(const char *path, const struct valence_store_options *options,
                                   struct valence_store **store, struct valence_error *error);
VALENCE_API void valence_store_close(struct valence_store *store);

VALENCE_API const char *valence_store_path(const struct valence_store *store);

/* False where the store's writer did not finish it: the import stopped, or is still at work. True
 * for an old store, which does not say. */
VALENCE_API bool valence_store_is_finished(const struct valence_store *store);

/* What the clips were made from: the "source" object as JSON text, or "". Its "kind" is "synthetic"
 * for a synthetic set. Lives until the store is closed. */
VALENCE_API const char *valence_store_source(const struct valence_store *store);

/* NULL where the store does not declare one. Lives until the store is closed. */
VALENCE_API const struct valence_label_scale *
valence_store_label_scale(const struct valence_store *store);

VALENCE_API int64_t valence_store_n_clips(const struct valence_store *store);
VALENCE_API int valence_store_n_streams(const struct valence_store *store);

/* A stream (0 ... n_streams - 1) or a clip (0 ... n_clips - 1, in the order of import); NULL for
 * any other index. Both live until the store is closed. */
VALENCE_API const struct valence_store_stream *
valence_store_get_stream(const struct valence_store *store, int stream);
VALENCE_API const struct valence_clip *valence_store_clip(const struct valence_store *store,
                                                          int64_t clip);

/* The index of a stream by name, or of a clip by id; -1 where the store has none of that name. */
VALENCE_API int valence_store_find_stream(const struct valence_store *store, const char *name);
VALENCE_API int64_t valence_store_find_clip(const struct valence_store *store, const char *id);

/* Reads rows first_row ... first_row + n_rows - 1 of one clip and stream to `rows`, which has room
 * for n_rows * width elements of the stream's type. 0 rows are fine. Reads through the page cache
 * and not through a map, so that reading a whole set does not make the process grow. Thread-safe.
 *
 * Errors: ARGUMENT where there is no such clip or stream, or it has fewer rows; FORMAT where what
 * is stored is not what was written. After an error the content of `rows` is undefined. */
VALENCE_API int valence_store_read_rows(const struct valence_store *store, int64_t clip, int stream,
                                        int64_t first_row, int64_t n_rows, void *rows,
                                        struct valence_error *error);

/* ---- Failures ---- */

/* A clip that should be in the store, and could not be made. The texts belong to the store; of one
 * to be recorded they belong to the caller. */
struct valence_store_failure {
    const char *id;
    int status;         /* enum valence_status */
    const char *reason; /* what was wrong, for people */
    /* What its maker recorded about it, a JSON object, or "". */
    const char *metadata;
};

/* Failures are 0 ... n - 1 in the order of their ids; NULL for another index. */
VALENCE_API int64_t valence_store_n_failures(const struct valence_store *store);
VALENCE_API const struct valence_store_failure *
valence_store_get_failure(const struct valence_store *store, int64_t failure);

/* ---- Statistics ---- */

/* Of each column of one stream, over all rows of the training clips: what standardisation uses. */
struct valence_column_statistics {
    /* 0 where no training clip has the stream; then all means and deviations are 0. */
    int64_t n_rows;
    int64_t width;
    /* (width) */
    float *mean;
    /* (width), of the population; 0 for a constant column. */
    float *deviation;
    /* (width) */
    float *minimum;
    /* (width) */
    float *maximum;
};

/* Reads all rows once and makes the statistics (Welford's method in double precision). `progress`
 * may be NULL. *statistics is NULL on failure; free it with valence_column_statistics_free(), which
 * takes NULL. Errors: ARGUMENT for a stream that the store does not have; those of reading;
 * CANCELLED; MEMORY. */
VALENCE_API int valence_store_statistics(const struct valence_store *store, int stream,
                                         const struct valence_progress *progress,
                                         struct valence_column_statistics **statistics,
                                         struct valence_error *error);
VALENCE_API void valence_column_statistics_free(struct valence_column_statistics *statistics);

/* ---- Writing ---- */

/* Open for writing: by one thread at a time, and one writer per store. */
struct valence_store_writer;

/* What a clip brings for one stream: `n_rows` rows of the stream's width in f32, converted to the
 * stream's type. Values that are NaN or infinite, or that f16 cannot hold, are an error that names
 * clip, stream, row and column. */
struct valence_clip_rows {
    /* The store's index. */
    int stream;
    int64_t n_rows;
    const float *rows;
};

struct valence_store_writer_options {
    /* sizeof(struct valence_store_writer_options), set by the default function. */
    size_t size;
    /* An unfinished store at the path that has other streams, or (valence_store_writer_set_source)
     * was made from something else, is removed and started again. Finished stores are not. */
    bool replace_unfinished;
    /* The same for a finished or damaged store. One of the same streams and source is kept and
     * added to. A folder that holds other files is refused all the same. */
    bool overwrite;
};

/* Nothing is replaced. */
VALENCE_API void valence_store_writer_options_default(struct valence_store_writer_options *options);

/* Makes a store at `path` (the folder must not exist or must be empty), or opens the one there to
 * add to it. `streams` is the table of a new store; an existing one must have the same names,
 * widths and types. `options` may be NULL. *writer is NULL on failure.
 *
 * A new store is unfinished until valence_store_writer_finish(); a finished one is so again from
 * the first clip that is added. Errors: SHAPE (other streams), ARGUMENT (no possible table),
 * EXISTS (the folder holds other files), BUSY (another writer is at work), those of
 * valence_store_open(), DISK_FULL. */
VALENCE_API int valence_store_writer_open(const char *path,
                                          const struct valence_store_stream *streams, int n_streams,
                                          const struct valence_store_writer_options *options,
                                          struct valence_store_writer **writer,
                                          struct valence_error *error);

/* True where a store was removed and started again (replace_unfinished, overwrite). */
VALENCE_API bool valence_store_writer_replaced(const struct valence_store_writer *writer);

/* Clips stored, and whether one of them has this id: an interrupted import continues after it. */
VALENCE_API int64_t valence_store_writer_n_clips(const struct valence_store_writer *writer);
VALENCE_API bool valence_store_writer_has(const struct valence_store_writer *writer,
                                          const char *id);

/* Records what the store is made from, a JSON object, or checks that the store was made from the
 * same: ERROR_EXISTS, naming the first key that differs. ERROR_ARGUMENT where `json` is no object.
 * "encoders" says how each stream was encoded. */
VALENCE_API int valence_store_writer_set_source(struct valence_store_writer *writer,
                                                const char *json, struct valence_error *error);

/* Declares the scale of the labels. ERROR_ARGUMENT unless low < high, both finite, and the name is
 * 1 to 63 bytes of UTF-8. */
VALENCE_API int valence_store_writer_set_label_scale(struct valence_store_writer *writer,
                                                     const struct valence_label_scale *scale,
                                                     struct valence_error *error);

/* Adds a clip: all of it or, on an error, none. `clip->n_rows` is ignored. Errors: EXISTS for an id
 * that is there already, DATA for an unusable value or id, LIMIT, DISK_FULL. */
VALENCE_API int valence_store_writer_add(struct valence_store_writer *writer,
                                         const struct valence_clip *clip,
                                         const struct valence_clip_rows *streams, int n_streams,
                                         struct valence_error *error);

/* Adds clip `clip` of another store with the same streams, rows and all; `record` stands for its
 * record where it is not NULL. Errors: those of reading and adding; ARGUMENT, SHAPE. */
VALENCE_API int valence_store_writer_add_from(struct valence_store_writer *writer,
                                              const struct valence_store *from, int64_t clip,
                                              const struct valence_clip *record,
                                              struct valence_error *error);

/* Records that a clip could not be made, in place of what was recorded of its id before. Adding the
 * clip takes the record away, and so does the second function. Errors: DATA for an unusable id or
 * metadata that is no JSON object; EXISTS where the store has such a clip; LIMIT, DISK_FULL. */
VALENCE_API int valence_store_writer_add_failure(struct valence_store_writer *writer,
                                                 const struct valence_store_failure *failure,
                                                 struct valence_error *error);
VALENCE_API int valence_store_writer_remove_failure(struct valence_store_writer *writer,
                                                    const char *id, struct valence_error *error);

/* Makes everything added so far durable, which also happens by itself from time to time. */
VALENCE_API int valence_store_writer_commit(struct valence_store_writer *writer,
                                            struct valence_error *error);

/* Makes everything durable and marks the store as finished: all its clips are there. */
VALENCE_API int valence_store_writer_finish(struct valence_store_writer *writer,
                                            struct valence_error *error);

/* Commits and closes; on an error closes all the same. What was not finished stays marked as
 * unfinished, and opening the writer again continues with it. Takes NULL. */
VALENCE_API int valence_store_writer_close(struct valence_store_writer *writer,
                                           struct valence_error *error);

/* ---- Adding a stream ---- */

/* One clip's rows of a new stream. Rows and metadata live until the next call of the maker. */
struct valence_made_rows {
    /* 0: the clip lacks the stream. */
    int64_t n_rows;
    /* (n_rows, width) */
    const float *rows;
    /* What to record about the clip under the stream's name, as JSON text, or NULL. */
    const char *metadata;
};

/* Makes the rows of a new stream from the clips. */
struct valence_stream_maker {
    /* sizeof(struct valence_stream_maker), set by valence_stream_maker_default(). */
    size_t size;
    struct valence_store_stream stream;
    /* What the rows are made with, a JSON object as text: recorded as the source's "encoders":
     * {NAME: settings}. NULL: {}. */
    const char *settings;
    /* The most clips that are made together; 1. */
    int64_t batch;
    void *user;
    /* Fills made[0 ... n - 1], which are all 0 before. An error ends the addition. `progress` may
     * be NULL; where it answers with non-zero, return VALENCE_ERROR_CANCELLED. */
    int (*make)(void *user, const struct valence_clip *const *clips, int64_t n,
                const struct valence_progress *progress, struct valence_made_rows *made,
                struct valence_error *error);
};

VALENCE_API void valence_stream_maker_default(struct valence_stream_maker *maker);

/* Adds a stream to the store at `path`, in place: what the store holds already is not rewritten.
 * Readers see the stream once it is complete. Call it again after an interruption: with the same
 * settings it continues, with others it starts again. The process must not have the store open.
 * `progress` may be NULL, and so may n_made: clips that got rows by this call.
 *
 * Errors: EXISTS where the store has such a stream; BUSY (another writer is at work, or the
 * addition of another stream was interrupted); LIMIT; DATA (a value); the maker's, which names the
 * first clip of the batch; CANCELLED; those of valence_store_open(); DISK_FULL. */
VALENCE_API int valence_store_add_stream(const char *path, const struct valence_stream_maker *maker,
                                         const struct valence_progress *progress, int64_t *n_made,
                                         struct valence_error *error);

/* ---- Merging ---- */

/* Set it with valence_store_merge_options_default(). */
struct valence_store_merge_options {
    size_t size;
    bool overwrite;                          /* replace a finished store at `to` */
    const struct valence_progress *progress; /* or NULL */
    bool partial;                            /* also where a part of an extraction is missing */
    /* Makes a store in several files: each given store becomes a shard of it, copied as a file, and
     * shards that are there stay. It is opened like any other, and only added to in this way; the
     * parts of an extraction may come one after the other. `overwrite` and `partial` mean nothing
     * then. */
    bool shards;
};
VALENCE_API void valence_store_merge_options_default(struct valence_store_merge_options *options);

/* Makes the store `to` of all clips and failures of `n` finished stores, in their order. They need
 * the same streams and the same encoders; source and label scale are the first one's. Repeat an
 * interrupted call to continue it. `options` may be NULL, and so may n_clips: the clips of `to`.
 * Errors, found before anything is written: SHAPE for other streams; DATA for other encoders;
 * EXISTS for a clip that is in two of them and, with key "target", for clips that `to` holds and a
 * repeated call would not; NOT_FOUND with key "partial" where some are parts of an extraction and
 * another part is missing; those of opening and writing stores; CANCELLED. */
VALENCE_API int valence_store_merge(const char *const *stores, int n, const char *to,
                                    const struct valence_store_merge_options *options,
                                    int64_t *n_clips, struct valence_error *error);

/* ---- Removing ---- */

/* Removes a store's two files and then its folder, if nothing else is in it. Errors: NOT_FOUND
 * where there is no store; IO. */
VALENCE_API int valence_store_remove(const char *path, struct valence_error *error);

#ifdef __cplusplus
}
#endif
#endif
