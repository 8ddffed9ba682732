#include "exchange/export_sink.h"

#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "format/npy.h"
#include "format/pickle/pickle_write.h"

void export_sink_begin(struct export_sink *sink, FILE *stream, bool is_npz)
{
    *sink = (struct export_sink){.stream = stream, .is_npz = is_npz};
    if (is_npz) {
        zip_writer_begin(&sink->zip, stream);
        return;
    }
    pickle_write_begin(stream);
    pickle_write_dict_begin(stream);
}

void export_sink_end(struct export_sink *sink)
{
    if (sink->is_npz) {
        zip_writer_end(&sink->zip);
        return;
    }
    pickle_write_dict_end(sink->stream);
    pickle_write_end(sink->stream);
}

void export_sink_free(struct export_sink *sink)
{
    zip_writer_free(&sink->zip);
}

void export_split_begin(struct export_sink *sink, const char *name)
{
    sink->split = name;
    if (sink->is_npz)
        return;
    pickle_write_text(sink->stream, name);
    pickle_write_dict_begin(sink->stream);
}

void export_split_end(struct export_sink *sink)
{
    if (!sink->is_npz)
        pickle_write_dict_end(sink->stream);
}

/* ---- Members of an archive ---- */

/* SPLIT/NAME.npy, up to its elements. `texts` is the width of texts, 0 for an array of `type`. */
static int begin_member(struct export_sink *sink, const char *name, enum element_type type,
                        int64_t texts, int n_dims, const int64_t *shape,
                        struct valence_error *error)
{
    char member[256], *header = NULL;
    size_t size = 0;
    snprintf(member, sizeof member, "%s/%s.npy", sink->split, name);
    int status = zip_member_begin(&sink->zip, member, error);
    FILE *stream = status ? NULL : open_memstream(&header, &size);
    if (!status && !stream)
        status = fail_memory(error, 256, "a header");
    if (!status)
        status = texts ? npy_write_text_header(stream, texts, shape[0], member, error)
                       : npy_write_header(stream, type, n_dims, shape, member, error);
    if (stream && fclose(stream) != 0 && !status)
        status = fail_memory(error, 256, "a header");
    if (!status)
        zip_member_write(&sink->zip, header, size);
    free(header);
    return status;
}

/* The code points of well-formed UTF-8; gives how many there are. `points` may be NULL. */
static int64_t decode(const char *text, uint32_t *points)
{
    const unsigned char *at = (const unsigned char *)text;
    int64_t n = 0;
    while (*at) {
        int more = *at < 0x80 ? 0 : *at < 0xE0 ? 1 : *at < 0xF0 ? 2 : 3;
        uint32_t point = more == 0 ? *at : *at & (0x3Fu >> more);
        for (int i = 0; i < more && at[1]; i++)
            point = point << 6 | (*++at & 0x3Fu);
        at++;
        if (points)
            points[n] = point;
        n++;
    }
    return n;
}

static int write_text_array(struct export_sink *sink, const char *name, int64_t n,
                            const char *(*get)(void *user, int64_t i), void *user,
                            struct valence_error *error)
{
    int64_t width = 1;
    for (int64_t i = 0; i < n; i++) {
        int64_t length = decode(get(user, i), NULL);
        width = length > width ? length : width;
    }
    uint32_t *points = calloc((size_t)width, sizeof *points);
    int status = points ? begin_member(sink, name, ELEMENT_U32, width, 1, &n, error)
                        : fail_memory(error, (size_t)width * sizeof *points, "a text");
    for (int64_t i = 0; i < n && !status; i++) {
        memset(points, 0, (size_t)width * sizeof *points);
        (void)decode(get(user, i), points);
        zip_member_write(&sink->zip, points, (size_t)width * sizeof *points);
    }
    if (!status)
        zip_member_end(&sink->zip);
    free(points);
    return status;
}

/* ---- Columns ---- */

int export_texts(struct export_sink *sink, const char *name, int64_t n,
                 const char *(*get)(void *user, int64_t i), void *user, struct valence_error *error)
{
    if (sink->is_npz)
        return write_text_array(sink, name, n, get, user, error);
    pickle_write_text(sink->stream, name);
    pickle_write_list_begin(sink->stream);
    for (int64_t i = 0; i < n; i++)
        pickle_write_text(sink->stream, get(user, i));
    pickle_write_list_end(sink->stream);
    return VALENCE_OK;
}

int export_numbers(struct export_sink *sink, const char *name, int64_t n,
                   int64_t (*get)(void *user, int64_t i), void *user, struct valence_error *error)
{
    if (!sink->is_npz) {
        pickle_write_text(sink->stream, name);
        pickle_write_list_begin(sink->stream);
        for (int64_t i = 0; i < n; i++)
            pickle_write_int(sink->stream, get(user, i));
        pickle_write_list_end(sink->stream);
        return VALENCE_OK;
    }
    int status = begin_member(sink, name, ELEMENT_I64, 0, 1, &n, error);
    for (int64_t i = 0; i < n && !status; i++) {
        int64_t number = get(user, i);
        zip_member_write(&sink->zip, &number, sizeof number);
    }
    if (!status)
        zip_member_end(&sink->zip);
    return status;
}

/* ---- Arrays ---- */

int export_array_begin(struct export_sink *sink, const char *name, int n_dims, const int64_t *shape,
                       struct valence_error *error)
{
    if (sink->is_npz)
        return begin_member(sink, name, ELEMENT_F32, 0, n_dims, shape, error);
    pickle_write_text(sink->stream, name);
    pickle_write_array_begin(sink->stream, ELEMENT_F32, n_dims, shape);
    return VALENCE_OK;
}

void export_array_write(struct export_sink *sink, const float *values, int64_t n)
{
    if (sink->is_npz)
        zip_member_write(&sink->zip, values, (size_t)n * sizeof *values);
    else
        fwrite(values, sizeof *values, (size_t)n, sink->stream);
}

void export_array_end(struct export_sink *sink)
{
    if (sink->is_npz)
        zip_member_end(&sink->zip);
    else
        pickle_write_array_end(sink->stream);
}
