#include "train/batch_slice.h"

#include <stdlib.h>

#include "base/fail.h"
#include "base/memory.h"

static int reserve(struct batch_slice *slice, int64_t n, struct valence_error *error)
{
    if (n <= slice->capacity)
        return VALENCE_OK;
    batch_slice_free(slice);
    bool complete = true;
    for (int s = 0; s < VALENCE_N_STREAMS; s++)
        complete = (slice->offsets[s] = allocate(n + 1, sizeof **slice->offsets)) && complete;
    if (!complete) {
        batch_slice_free(slice);
        return fail_memory(error, (size_t)n * 32, "a part of a batch");
    }
    slice->capacity = n;
    return VALENCE_OK;
}

int batch_slice_cut(const struct valence_batch *batch, int64_t begin, int64_t end,
                    struct batch_slice *slice, struct valence_error *error)
{
    int status = reserve(slice, end - begin, error);
    if (status)
        return status;
    slice->batch = (struct valence_batch){.n_clips = end - begin,
                                          .keys = batch->keys ? batch->keys + begin : NULL,
                                          .labels = batch->labels ? batch->labels + begin : NULL};
    for (int s = 0; s < VALENCE_N_STREAMS; s++) {
        const struct valence_rows *rows = &batch->streams[s];
        if (!rows->width)
            continue;
        int64_t first = rows->offsets[begin];
        for (int64_t i = 0; i <= end - begin; i++)
            slice->offsets[s][i] = rows->offsets[begin + i] - first;
        slice->batch.streams[s] = (struct valence_rows){
            .data = (const char *)rows->data +
                    first * rows->width * (int64_t)valence_dtype_size(rows->type),
            .type = rows->type,
            .width = rows->width,
            .offsets = slice->offsets[s]};
    }
    return VALENCE_OK;
}

void batch_slice_free(struct batch_slice *slice)
{
    for (int s = 0; s < VALENCE_N_STREAMS; s++)
        free(slice->offsets[s]);
    *slice = (struct batch_slice){.capacity = 0};
}
