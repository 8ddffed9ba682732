/* Inside the store's reader: opening (store_reader.c), and looking and reading (store_access.c). */
#ifndef VALENCE_STORE_INSIDE_H
#define VALENCE_STORE_INSIDE_H

#include "base/sha256.h"
#include "store/lmdb_tree.h"
#include "store/store_checksum.h"
#include "store/store_env.h"
#include "store/store_layout.h"

/* Where a clip's rows of one stream lie in the file; size 0 if it has none. */
struct place {
    uint64_t offset;
    uint32_t size;
};

/* One file of a store in several (store_shards.h), and what its index says of it. */
struct store_shard {
    struct valence_store *store;
    int64_t first_clip, n_clips;
    char folder[64];
    int64_t n_bytes;
    char digest[SHA256_TEXT_BYTES];
};

struct valence_store {
    /* Of one in several files: these. Then there is no file and there are no places of its own, and
     * the texts of clips and failures are the shards'. */
    int n_shards;
    struct store_shard *shards;

    char *path, *data_path;
    int descriptor;
    MDB_env *env;
    /* keeps the pages read from being used again by a writer */
    MDB_txn *snapshot;
    struct lmdb_file file;
    struct valence_store_stream streams[VALENCE_STORE_MAX_STREAMS];
    int version, n_streams;
    uint32_t seeds[VALENCE_STORE_MAX_STREAMS]; /* of their checksums */
    struct store_state state;
    int64_t n_clips, clip_capacity;
    struct valence_clip *clips;
    int32_t *by_id; /* clips in the order of their ids */
    int64_t n_ids;
    struct place *places[VALENCE_STORE_MAX_STREAMS]; /* (n_clips) */
    char *source;                                    /* or NULL */
    json_t *source_json;                             /* the same, parsed; NULL if it is no object */
    int64_t n_failures, failure_capacity;
    struct valence_store_failure *failures;
    bool has_scale;
    struct valence_label_scale scale;
    struct new_stream added; /* in the records, but not among the streams */
};

/* Lets go of LMDB, as the process that writes must: a process may have it open once. Rows can still
 * be read as long as nobody else writes. */
void store_detach(struct valence_store *store);

/* Copies an open store's data file to the path `to`, where that is not NULL, and gives its SHA-256.
 */
int store_shard_copy(const struct valence_store *store, const char *to,
                     char digest[SHA256_TEXT_BYTES], struct valence_error *error);

#endif
