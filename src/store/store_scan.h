/* Reading a whole stream piece by piece, in the order it lies in the file: memory does not grow
 * with the clips' length. */
#ifndef VALENCE_STORE_SCAN_H
#define VALENCE_STORE_SCAN_H

#include "valence/progress.h"
#include "valence/store.h"

/* Some rows of one clip, as stored and as f32; both (n_rows, width), living for the call only. */
struct store_piece {
    int64_t clip, n_rows;
    const void *elements;
    const float *rows;
};

/* False for a store of version 1. */
bool store_has_checksums(const struct valence_store *store);

typedef int (*store_visit)(void *user, const struct store_piece *piece,
                           struct valence_error *error);

/* Calls `visit` for every piece of one clip's rows, in a buffer of its own. */
int store_scan_clip(const struct valence_store *store, int stream, int64_t clip, store_visit visit,
                    void *user, struct valence_error *error);

/* Calls `visit` for every piece of a stream's clips in `split`, or of all with VALENCE_N_SPLITS,
 * until it returns an error, which is given back. `stage` names the work to `progress`, which may
 * be NULL. */
int store_scan(const struct valence_store *store, int stream, enum valence_split split,
               const char *stage, const struct valence_progress *progress, store_visit visit,
               void *user, struct valence_error *error);

#endif
