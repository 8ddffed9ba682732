/* Which streams of a store feed the network, and which of its clips take part. Training, evaluation
 * and prediction choose clips here, so that they cannot disagree about them. */
#ifndef VALENCE_DATA_CLIPS_H
#define VALENCE_DATA_CLIPS_H

#include "valence/store.h"

#define CLIP_MAX_ROWS 10000 /* unless another number is asked for */

/* The store's stream for each of the network's: an index, or -1 if the network gets none. */
struct stream_map {
    int index[VALENCE_N_STREAMS];
    int64_t width[VALENCE_N_STREAMS]; /* where index is -1: 1 of a modality, 0 of simulated text */
    int64_t max_rows;                 /* of one clip and stream; what is longer is cut at its end */
};

/* Looks up `names` (by network stream). "" means none: the network does without that modality, all
 * of whose sequences are empty then; one of the three must be named. Simulated text may also be
 * absent from the store where `names` has its usual name, and must be as wide as text where it is
 * there. Errors: NOT_FOUND naming the streams the store has, CONFIG, SHAPE. */
int stream_map_make(const struct valence_store *store,
                    const char names[VALENCE_N_STREAMS][VALENCE_STORE_NAME_BYTES], int64_t max_rows,
                    struct stream_map *map, struct valence_error *error);

/* Rows of a clip that a batch takes from one of the network's streams. */
int64_t clip_rows(const struct valence_store *store, const struct stream_map *map, int64_t clip,
                  enum valence_stream stream);

/* Clips of one split in the store's order, and what was left out or shortened. */
struct clip_selection {
    int64_t n;
    int64_t *clips;
    int64_t n_unlabelled;                   /* left out: no label */
    int64_t n_empty;                        /* left out: no rows in any stream the network reads */
    int64_t n_cut;                          /* taken, but some stream is longer than max_rows */
    char first_cut[VALENCE_STORE_ID_BYTES]; /* the first of those, or "" */
};

/* With `labelled`, clips without a label are left out. Free with clip_selection_free(); empty on
 * failure. */
int clip_selection_make(const struct valence_store *store, const struct stream_map *map,
                        enum valence_split split, bool labelled, struct clip_selection *selection,
                        struct valence_error *error);
void clip_selection_free(struct clip_selection *selection);

/* The median of the labels that the store's training clips have, the best score to always give; of
 * classes, the most frequent one. NAN if no training clip has a label. */
int training_median(const struct valence_store *store, float *median, struct valence_error *error);

/* The most rows of each stream that any batch has when `clips` are taken in this order,
 * `batch_size` at a time. */
void largest_batch(const struct valence_store *store, const struct stream_map *map,
                   const int64_t *clips, int64_t n, int64_t batch_size,
                   int64_t n_rows[VALENCE_N_STREAMS]);

#endif
