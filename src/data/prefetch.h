/* Reads the files of a store ahead of a pass that takes their clips group by group (shuffle.h):
 * each from its beginning to its end, by a thread of its own, into the system's page cache. The
 * pass then finds its clips in memory. The cache is to have room for two groups: the one that the
 * pass is in, and the next.
 *
 * Reading ahead is advice: a file that cannot be read is an error when its rows are. */
#ifndef VALENCE_DATA_PREFETCH_H
#define VALENCE_DATA_PREFETCH_H

#include <stdint.h>

#include "valence/store.h"

struct prefetch;

/* `store` must outlive it. *prefetch is NULL on failure; free takes NULL. */
int prefetch_create(const struct valence_store *store, int64_t window, struct prefetch **prefetch,
                    struct valence_error *error);
void prefetch_free(struct prefetch *prefetch);

/* Begins a pass over the `n` clips in this order, which are not needed after the call; an earlier
 * pass is given up, as by prefetch_stop(). */
void prefetch_start(struct prefetch *prefetch, const int64_t *clips, int64_t n);
void prefetch_stop(struct prefetch *prefetch);

/* The pass is about to read its clips up to place `end`, exclusive: waits until their files have
 * been read, or the pass is given up. */
void prefetch_reach(struct prefetch *prefetch, int64_t end);

#endif
