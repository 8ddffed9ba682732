/* Consecutive clips of a packed batch, as a batch of their own. */
#ifndef VALENCE_TRAIN_BATCH_SLICE_H
#define VALENCE_TRAIN_BATCH_SLICE_H

#include "valence/stream.h"
#include "valence/error.h"

struct batch_slice {
    struct valence_batch batch; /* rows, keys and labels are those of the batch it was cut from */
    int64_t capacity;           /* clips */
    int64_t *offsets[VALENCE_N_STREAMS];
};

/* The clips from `begin` to before `end`. A slice is used again and again, zeroed at first. */
int batch_slice_cut(const struct valence_batch *batch, int64_t begin, int64_t end,
                    struct batch_slice *slice, struct valence_error *error);
void batch_slice_free(struct batch_slice *slice);

#endif
