/* Inside the store's writer: opening (store_writer_open.c), and adding and committing
 * (store_writer.c). */
#ifndef VALENCE_STORE_WRITER_INSIDE_H
#define VALENCE_STORE_WRITER_INSIDE_H

#include "store/store_checksum.h"
#include "store/store_env.h"
#include "store/store_layout.h"
#include "store/store_writer.h"

struct valence_store_writer {
    char *path, *data_path;
    /* its flock() keeps other writers out, and goes with the process however that ends */
    int folder;
    MDB_env *env;
    MDB_txn *batch;
    MDB_dbi meta, clips, ids, rows[VALENCE_STORE_MAX_STREAMS];
    struct valence_store_stream streams[VALENCE_STORE_MAX_STREAMS];
    int version, n_streams;
    uint32_t seeds[VALENCE_STORE_MAX_STREAMS]; /* of the streams' checksums */
    char *source;
    struct store_state state;
    /* valence_store_writer_options, and whether that happened */
    bool replace_unfinished, overwrite, replaced;
    bool adds_stream; /* and no clips */
    int64_t n_clips, n_committed;
    /* what to take away again where nothing could be stored */
    bool made_folder, made_store, has_failed;
    size_t map_bytes;
    size_t room_bytes; /* of the map, when the batch began */
    size_t batch_bytes;
    int64_t batch_clips;
    size_t mapped_bytes; /* committed since the file was mapped */
};

/* ERROR_IO if an earlier write failed: then nothing more is written. */
int store_writer_need_batch(const struct valence_store_writer *writer, struct valence_error *error);

/* Begins a transaction, the batch; `batch` is NULL if that fails. */
int store_writer_begin(struct valence_store_writer *writer, struct valence_error *error);

/* Appends the checksum that a text under `key` of a database has in this store's version. */
void store_writer_sum(const struct valence_store_writer *writer, const char *database,
                      const void *key, size_t key_size, struct text *text);

/* Stores a text under `key` of "meta", in the batch; its checksum is appended. */
int store_writer_put_meta(struct valence_store_writer *writer, const char *key, struct text *json,
                          struct valence_error *error);

/* Records in the batch whether the store is finished. */
int store_writer_put_state(struct valence_store_writer *writer, bool is_finished,
                           struct valence_error *error);

/* Before `bytes` more are written: commits and grows the map where they would not fit. */
int store_writer_make_room(struct valence_store_writer *writer, size_t bytes,
                           struct valence_error *error);

/* A clip's record with its checksum; streams 0 ... n_streams - 1 of the writer can have rows. */
int store_writer_encode_record(const struct valence_store_writer *writer, uint32_t ordinal,
                               const struct valence_clip *clip, int n_streams, struct text *record,
                               struct valence_error *error);

/* Puts a clip's rows of one stream, with their checksums. Gives LMDB's code; *status is set where a
 * value is the trouble. `flags`: LMDB's. */
int store_writer_put_rows(struct valence_store_writer *writer, MDB_txn *txn, uint32_t ordinal,
                          unsigned flags, const struct valence_clip *clip,
                          const struct valence_clip_rows *rows, int *status,
                          struct valence_error *error);

/* Takes the record away that the clip could not be made, where there is one. Gives LMDB's code. */
int store_writer_forget_failure(struct valence_store_writer *writer, MDB_txn *txn, const char *id);

/* valence_store_writer_open() with the options that only the library has. */
int store_writer_open(const char *path, const struct valence_store_stream *streams, int n_streams,
                      const struct valence_store_writer_options *options, bool adds_stream,
                      struct valence_store_writer **opened, struct valence_error *error);

/* Removes the store and makes a new one of the writer's streams in its place. */
/* Whether what is there may be removed: an unfinished store that says so, or, asked to, any. */
bool store_writer_may_replace(const struct valence_store_writer *writer);

int store_writer_restart(struct valence_store_writer *writer, struct valence_error *error);

/* Closes and frees without committing. */
void store_writer_release(struct valence_store_writer *writer);

#endif
