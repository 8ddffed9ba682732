#include "store/store_scan.h"

#include <stdlib.h>

#include "base/fail.h"
#include "base/memory.h"
#include "store/rows.h"

/* Values decoded at a time: they stay in the processor's cache. */
#define PIECE_VALUES 65536

static int scan_clip(const struct valence_store *store, int stream, int64_t clip, void *elements,
                     float *rows, int64_t room, store_visit visit, void *user,
                     struct valence_error *error)
{
    const struct valence_store_stream *format = valence_store_stream(store, stream);
    int64_t n_rows = valence_store_clip(store, clip)->n_rows[stream];
    int status = VALENCE_OK;
    for (int64_t first = 0; first < n_rows && !status; first += room) {
        int64_t n = n_rows - first < room ? n_rows - first : room;
        status = valence_store_read_rows(store, clip, stream, first, n, elements, error);
        if (status)
            break;
        rows_decode(elements, n * format->width, format->type, rows);
        struct store_piece piece = {clip, n, elements, rows};
        status = visit(user, &piece, error);
    }
    return status;
}

int store_scan(const struct valence_store *store, int stream, enum valence_split split,
               const char *stage, const struct valence_progress *progress, store_visit visit,
               void *user, struct valence_error *error)
{
    const struct valence_store_stream *format = valence_store_stream(store, stream);
    int64_t room = PIECE_VALUES / format->width + 1, n_clips = valence_store_n_clips(store);
    void *elements = allocate(room * format->width, valence_dtype_size(format->type));
    float *rows = allocate(room * format->width, sizeof *rows);
    int status = elements && rows
                     ? VALENCE_OK
                     : fail_memory(error, (size_t)(room * format->width) * sizeof *rows,
                                   "some rows of a stream");
    for (int64_t clip = 0; clip < n_clips && !status; clip++) {
        struct valence_progress_event event = {stage, clip, n_clips, "clips", format->name};
        if (progress && progress->report(progress->user, &event))
            status =
                fail(error, VALENCE_ERROR_CANCELLED, "reading '%s' was cancelled", format->name);
        else if (split == VALENCE_N_SPLITS || valence_store_clip(store, clip)->split == split)
            status = scan_clip(store, stream, clip, elements, rows, room, visit, user, error);
    }
    free(elements);
    free(rows);
    return status;
}
