#include <stdlib.h>

#include "base/fail.h"
#include "base/memory.h"
#include "data/data_summary.h"
#include "store/store_scan.h"

struct values {
    struct valence_data_summary *summary;
    int stream;
};

static int add_piece(void *user, const struct store_piece *piece, struct valence_error *error)
{
    const struct values *values = user;
    (void)error;
    data_summary_add_rows(values->summary, piece->clip, values->stream, piece->rows, piece->n_rows);
    return VALENCE_OK;
}

static int summarise(const struct valence_store *store, bool values,
                     const struct valence_progress *progress, struct valence_data_summary *summary,
                     struct valence_error *error)
{
    struct valence_store_stream streams[VALENCE_STORE_MAX_STREAMS];
    int n_streams = valence_store_n_streams(store);
    for (int s = 0; s < n_streams; s++)
        streams[s] = *valence_store_get_stream(store, s);
    int status = data_summary_begin(summary, streams, n_streams, error);
    if (!status)
        data_summary_borrow(summary);
    for (int64_t i = 0; i < valence_store_n_clips(store) && !status; i++)
        status = data_summary_add(summary, valence_store_clip(store, i), error);
    for (int s = 0; s < n_streams && values && !status; s++) {
        struct values scanned = {summary, s};
        status =
            store_scan(store, s, VALENCE_N_SPLITS, "reading", progress, add_piece, &scanned, error);
    }
    return status ? status : data_summary_finish(summary, error);
}

int valence_store_summarise(const struct valence_store *store, bool values,
                            const struct valence_progress *progress,
                            struct valence_data_summary **summary, struct valence_error *error)
{
    *summary = NULL;
    struct valence_data_summary *made = allocate(1, sizeof *made);
    if (!made)
        return fail_memory(error, sizeof *made, "a summary");
    int status = summarise(store, values, progress, made, error);
    const struct valence_label_scale *scale = valence_store_label_scale(store);
    made->n_classes = scale ? scale->n_classes : 0;
    if (status)
        valence_data_summary_free(made);
    else
        *summary = made;
    return status;
}
