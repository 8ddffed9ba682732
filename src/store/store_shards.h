/* A store in several files: a folder of stores, the shards, and an index.
 *
 *   FOLDER/shards.json   {"format": "valence-shards", "version": 1, "shards": [{"folder":
 *                        "shard-000001", "clips": 120, "bytes": 81920, "sha256": "..."}, ...]}
 *   FOLDER/shard-000001  a finished store, whose data file has that size and digest
 *
 * Its clips are those of the shards, in their order. Shards are only ever added. */
#ifndef VALENCE_STORE_STORE_SHARDS_H
#define VALENCE_STORE_STORE_SHARDS_H

#include <stdbool.h>
#include <stddef.h>

#include "valence/store.h"

#define STORE_SHARDS_FILE "shards.json"

/* Whether there is such an index in the folder. */
bool store_is_sharded(const char *path);

/* Reads the text of an index into the shards of `store`, whose path names it in errors; nothing is
 * opened yet. Errors: FORMAT, UNSUPPORTED, MEMORY. */
int store_shards_decode(struct valence_store *store, const char *text, size_t size,
                        struct valence_error *error);

/* Opens all shards into `store`, whose path is set. Errors: FORMAT for a damaged index, or a shard
 * that is not the one the index names; DATA, SHAPE for shards that do not fit together; EXISTS for
 * a clip in two of them. */
int store_shards_open(struct valence_store *store, struct valence_error *error);

/* ---- The files of any store ---- */

/* One of the files that a store is: its data file, or a shard's. Files hold clips that follow each
 * other, in the store's order. */
struct store_file {
    int64_t first_clip, n_clips;
    int descriptor;  /* open for reading; the store's */
    int64_t n_bytes; /* -1: unknown */
};

int store_n_files(const struct valence_store *store);
struct store_file store_get_file(const struct valence_store *store, int i);

/* The file that has a clip; of an empty shard's and its successor's first clip the latter. */
int store_file_of_clip(const struct valence_store *store, int64_t clip);

/* ---- Inside the store ---- */

/* Reads from the shard that has the clip. */
int store_shards_read_rows(const struct valence_store *store, int64_t clip, int stream,
                           int64_t first_row, int64_t n_rows, void *rows,
                           struct valence_error *error);

/* Frees what store_shards_open() made; the clips themselves are the shards'. */
void store_shards_close(struct valence_store *store);

/* Compares the data files of all shards with their digests, if there are any. ERROR_FORMAT names
 * the first that differs. */
int store_shards_verify(const struct valence_store *store, const struct valence_progress *progress,
                        struct valence_error *error);

/* Copies `n` open stores, which fit together, behind the shards of `to`, or makes it; *n_clips is
 * what it has then. A call that was interrupted has changed nothing. ERROR_BUSY while another
 * process adds. */
int store_shards_add(const char *to, struct valence_store *const *stores, int n,
                     const struct valence_progress *progress, int64_t *n_clips,
                     struct valence_error *error);

/* Whether two stores can be one: the same streams, encoders and classes. Errors: SHAPE, DATA. */
int store_check_fits(const struct valence_store *first, const struct valence_store *store,
                     struct valence_error *error);

#endif
