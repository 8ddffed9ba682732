/* Batches of a store's clips, the next one read by a thread of its own while the caller computes
 * with the current one.
 *
 * Memory is two batches, whatever the size of the store; buffers grow when a larger batch comes and
 * are kept. Rows stay in the store's element type: the network converts them. */
#ifndef VALENCE_DATA_BATCHES_H
#define VALENCE_DATA_BATCHES_H

#include "data/clips.h"

struct batch_loader;

/* Changes what a pass reads of the clips. */
struct row_filter {
    /* Called by the reading thread with the `n` > 0 rows of a clip in one of the network's streams,
     * (n, width) in the store's element type. May change them in place, and gives how many of them
     * stay: the first of `rows`, 0 for an absent stream. What it does must depend on its arguments
     * alone. */
    int64_t (*apply)(const void *user, int64_t clip, enum valence_stream stream,
                     enum valence_dtype type, int64_t width, int64_t n, void *rows);
    const void *user;
};

/* `store` and `map` must outlive the loader. *loader is NULL on failure. */
int batch_loader_create(const struct valence_store *store, const struct stream_map *map,
                        struct batch_loader **loader, struct valence_error *error);
void batch_loader_free(struct batch_loader *loader);

/* Every pass started from now on finds the store's files in the page cache: a thread reads them
 * ahead of it, `window` files at a time (prefetch.h). To be called once, before the first pass. */
int batch_loader_read_ahead(struct batch_loader *loader, int64_t window,
                            struct valence_error *error);

/* Every pass started from now on goes through `filter`; NULL: rows stay as stored, as at first. It
 * must live as long as such passes. Gives up an unfinished pass. */
void batch_loader_set_filter(struct batch_loader *loader, const struct row_filter *filter);

/* Starts a pass over the `n` given clips in this order, `batch_size` at a time, the last batch
 * being what is left. An unfinished pass is given up. `clips` must live until the pass ends or the
 * next one starts. */
void batch_loader_start(struct batch_loader *loader, const int64_t *clips, int64_t n,
                        int64_t batch_size);

/* The same with batches of these sizes, which may be 0: `sizes`, (n_batches), adds up to the clips,
 * and must live as long. */
void batch_loader_start_sizes(struct batch_loader *loader, const int64_t *clips,
                              const int64_t *sizes, int64_t n_batches);

/* The next batch in *batch, NULL after the last one. It belongs to the loader and lives until the
 * next call. A clip without one of the network's streams has length 0 there; a clip without a label
 * has label NaN. What went wrong while reading is reported here, once the good batches before it
 * were given out. */
int batch_loader_next(struct batch_loader *loader, const struct valence_batch **batch,
                      struct valence_error *error);

#endif
