/* The order in which an epoch takes the clips of a store.
 *
 * In full: any order of all clips is as likely as any other. Then a pass jumps through all files of
 * a store, which is slow where they do not fit into memory.
 *
 * By shards, on two levels: the files of the store (store/store_shards.h) in a random order, a
 * group of `window` files at a time, and the clips of a group in a random order. Then the pass
 * needs the files of one group at a time, which can be read one after the other (prefetch.h). With
 * one group, this is the full shuffle. */
#ifndef VALENCE_DATA_SHUFFLE_H
#define VALENCE_DATA_SHUFFLE_H

#include <stdint.h>

#include "base/random.h"
#include "valence/store.h"

/* Puts the `n` clips, which ascend, into `order` in a random order; window 0: in full. What comes
 * out depends on the arguments alone. */
int shuffle_clips(const struct valence_store *store, const int64_t *clips, int64_t n,
                  int64_t window, struct random_source *source, int64_t *order,
                  struct valence_error *error);

/* A key that changes with the files that the clips are in: with a window, the order depends on
 * them. */
uint64_t shuffle_key(const struct valence_store *store, uint64_t key);

#endif
