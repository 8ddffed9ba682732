/* Opening LMDB on a store's folder, for the reader and the writer. */
#ifndef VALENCE_STORE_ENV_H
#define VALENCE_STORE_ENV_H

#include <lmdb.h>

#include "valence/error.h"

/* The environment in `folder`, with `flags` beyond MDB_NOTLS. `map_bytes` 0 takes the file's own.
 * data.mdb must have passed lmdb_file_open() before, or not exist. *env is NULL on failure. */
int store_env_open(const char *folder, unsigned flags, size_t map_bytes, MDB_env **env,
                   struct valence_error *error);

/* Turns LMDB's code into ours: "PATH: what: LMDB's words". */
int fail_lmdb(struct valence_error *error, int code, const char *path, const char *what);

#endif
