#include "store/clip_copy.h"

#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/memory.h"
#include "store/rows.h"
#include "store/store_writer.h"

void clip_copy_free(struct clip_copy *copy)
{
    free(copy->elements);
    free(copy->values);
    *copy = (struct clip_copy){0};
}

/* Appends a stream's rows at values[*used]. */
static int read_stream(struct clip_copy *copy, const struct valence_store *from, int64_t clip,
                       int stream, int64_t *used, struct valence_error *error)
{
    const struct valence_store_stream *format = valence_store_get_stream(from, stream);
    int64_t n_rows = valence_store_clip(from, clip)->n_rows[stream], n = n_rows * format->width;
    int status = grow_array(&copy->elements, &copy->element_capacity, n, sizeof(float),
                            INT64_MAX / 8, "values", error);
    if (!status)
        status = grow_array((void **)&copy->values, &copy->value_capacity, *used + n, sizeof(float),
                            INT64_MAX / 8, "values", error);
    if (!status)
        status = valence_store_read_rows(from, clip, stream, 0, n_rows, copy->elements, error);
    if (!status)
        rows_decode(copy->elements, n, format->type, copy->values + *used);
    *used += n;
    return status;
}

int clip_copy_read(struct clip_copy *copy, const struct valence_store *from, int64_t clip,
                   struct valence_error *error)
{
    const struct valence_clip *record = valence_store_clip(from, clip);
    int64_t used = 0, starts[VALENCE_STORE_MAX_STREAMS];
    int status = VALENCE_OK;
    copy->n = 0;
    for (int s = 0; s < valence_store_n_streams(from) && !status; s++) {
        if (record->n_rows[s] == 0)
            continue;
        starts[copy->n] = used;
        copy->rows[copy->n++] =
            (struct valence_clip_rows){.stream = s, .n_rows = record->n_rows[s]};
        status = read_stream(copy, from, clip, s, &used, error);
    }
    for (int i = 0; i < copy->n; i++) /* the values lie still now */
        copy->rows[i].rows = copy->values + starts[i];
    return status;
}

/* ---- From store to store ---- */

static int check_streams(const struct valence_store_writer *writer,
                         const struct valence_store *from, struct valence_error *error)
{
    int n = valence_store_n_streams(from);
    bool is_same = store_writer_n_streams(writer) == n;
    for (int s = 0; is_same && s < n; s++) {
        const struct valence_store_stream *a = store_writer_stream(writer, s),
                                          *b = valence_store_get_stream(from, s);
        is_same = strcmp(a->name, b->name) == 0 && a->width == b->width && a->type == b->type;
    }
    return is_same ? VALENCE_OK
                   : fail(error, VALENCE_ERROR_SHAPE,
                          "%s: has other streams than the store that it is added to",
                          valence_store_path(from));
}

int valence_store_writer_add_from(struct valence_store_writer *writer,
                                  const struct valence_store *from, int64_t clip,
                                  const struct valence_clip *record, struct valence_error *error)
{
    const struct valence_clip *old = valence_store_clip(from, clip);
    struct clip_copy copy = {0};
    if (!old)
        return fail(error, VALENCE_ERROR_ARGUMENT, "%s: has no clip %lld", valence_store_path(from),
                    (long long)clip);
    int status = check_streams(writer, from, error);
    if (!status)
        status = clip_copy_read(&copy, from, clip, error);
    if (!status)
        status = valence_store_writer_add(writer, record ? record : old, copy.rows, copy.n, error);
    clip_copy_free(&copy);
    return status;
}
