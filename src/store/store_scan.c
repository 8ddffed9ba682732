#include "store/store_scan.h"

#include <stdlib.h>

#include "base/fail.h"
#include "base/memory.h"
#include "store/rows.h"

/* Values decoded at a time: they stay in the processor's cache. */
#define PIECE_VALUES 65536

/* Room for some rows of a stream, as stored and as f32. */
struct piece_buffer {
    int64_t n_rows;
    void *elements;
    float *rows;
};

static int buffer_make(const struct valence_store *store, int stream, struct piece_buffer *buffer,
                       struct valence_error *error)
{
    const struct valence_store_stream *format = valence_store_get_stream(store, stream);
    buffer->n_rows = PIECE_VALUES / format->width + 1;
    buffer->elements = allocate(buffer->n_rows * format->width, valence_dtype_size(format->type));
    buffer->rows = allocate(buffer->n_rows * format->width, sizeof *buffer->rows);
    return buffer->elements && buffer->rows
               ? VALENCE_OK
               : fail_memory(error, (size_t)(buffer->n_rows * format->width) * sizeof(float),
                             "some rows of a stream");
}

static void buffer_free(struct piece_buffer *buffer)
{
    free(buffer->elements);
    free(buffer->rows);
}

static int scan_clip(const struct valence_store *store, int stream, int64_t clip,
                     const struct piece_buffer *buffer, store_visit visit, void *user,
                     struct valence_error *error)
{
    const struct valence_store_stream *format = valence_store_get_stream(store, stream);
    int64_t n_rows = valence_store_clip(store, clip)->n_rows[stream], room = buffer->n_rows;
    int status = VALENCE_OK;
    for (int64_t first = 0; first < n_rows && !status; first += room) {
        int64_t n = n_rows - first < room ? n_rows - first : room;
        status = valence_store_read_rows(store, clip, stream, first, n, buffer->elements, error);
        if (status)
            break;
        rows_decode(buffer->elements, n * format->width, format->type, buffer->rows);
        struct store_piece piece = {clip, n, buffer->elements, buffer->rows};
        status = visit(user, &piece, error);
    }
    return status;
}

int store_scan_clip(const struct valence_store *store, int stream, int64_t clip, store_visit visit,
                    void *user, struct valence_error *error)
{
    struct piece_buffer buffer = {0};
    int status = buffer_make(store, stream, &buffer, error);
    if (!status)
        status = scan_clip(store, stream, clip, &buffer, visit, user, error);
    buffer_free(&buffer);
    return status;
}

int store_scan(const struct valence_store *store, int stream, enum valence_split split,
               const char *stage, const struct valence_progress *progress, store_visit visit,
               void *user, struct valence_error *error)
{
    const struct valence_store_stream *format = valence_store_get_stream(store, stream);
    int64_t n_clips = valence_store_n_clips(store);
    struct piece_buffer buffer = {0};
    int status = buffer_make(store, stream, &buffer, error);
    for (int64_t clip = 0; clip < n_clips && !status; clip++) {
        struct valence_progress_event event = {stage, clip, n_clips, "clips", format->name};
        if (progress && progress->report(progress->user, &event))
            status =
                fail(error, VALENCE_ERROR_CANCELLED, "reading '%s' was cancelled", format->name);
        else if (split == VALENCE_N_SPLITS || valence_store_clip(store, clip)->split == split)
            status = scan_clip(store, stream, clip, &buffer, visit, user, error);
    }
    buffer_free(&buffer);
    return status;
}
