/* Batches of a store's clips, the next one read by a thread of its own while the caller computes
 * with the current one.
 *
 * Memory is two batches, whatever the size of the store; buffers grow when a larger batch comes and
 * are kept. Rows stay in the store's element type: the network converts them. */
#ifndef VALENCE_DATA_BATCHES_H
#define VALENCE_DATA_BATCHES_H

#include "data/clips.h"

struct batch_loader;

/* `store` and `map` must outlive the loader. *loader is NULL on failure. */
int batch_loader_create(const struct valence_store *store, const struct stream_map *map,
                        struct batch_loader **loader, struct valence_error *error);
void batch_loader_free(struct batch_loader *loader);

/* Starts a pass over the `n` given clips in this order, `batch_size` at a time, the last batch
 * being what is left. An unfinished pass is given up. `clips` must live until the pass ends or the
 * next one starts. */
void batch_loader_start(struct batch_loader *loader, const int64_t *clips, int64_t n,
                        int64_t batch_size);

/* The next batch in *batch, NULL after the last one. It belongs to the loader and lives until the
 * next call. A clip without one of the network's streams has length 0 there; a clip without a label
 * has label NaN. What went wrong while reading is reported here, once the good batches before it
 * were given out. */
int batch_loader_next(struct batch_loader *loader, const struct valence_batch **batch,
                      struct valence_error *error);

#endif
