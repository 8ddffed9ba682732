/* Arrays with N clips each: (N, T, D) streams, and arrays of N for their lengths and what is said of the clips. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/file.h"
#include "base/memory.h"
#include "format/archive.h"
#include "format/npy.h"
#include "store/import.h"
#include "store/store_layout.h"

struct dense_stream {
    struct npy *array, *lengths; /* `lengths` may be NULL */
    int64_t max_rows;            /* T */
    float *values;               /* of one clip */
};

struct dense {
    const char *path;
    const struct valence_import_options *options;
    struct archive *archive; /* NULL: a folder */
    struct import_source *source;
    struct npy *id, *split, *label, *group, *transcript; /* NULL: none */
    struct dense_stream streams[VALENCE_N_STREAMS];
    int64_t n_clips, position; /* of the next clip */
    char *texts[4];            /* of the clip next() gave last: id, split, group, transcript */
};

/* ---- Opening arrays -------------------------------------------------------------------------- */

/* An array by its name, with or without ".npy"; ERROR_NOT_FOUND. */
static int open_named(struct dense *dense, const char *name, struct npy **array,
                      struct valence_error *error)
{
    *array = NULL;
    if (dense->archive)
        return npy_open_member(dense->archive, name, array, error);
    char file[256];
    snprintf(file, sizeof file, "%s%s", name, path_has_ending(name, ".npy") ? "" : ".npy");
    char *path = path_join(dense->path, file);
    int status = path ? npy_open(path, array, error) : fail_memory(error, sizeof file, "a path");
    free(path);
    return status;
}

/* Checks that the first dimension is the number of clips, which the first array sets. */
static int check_clips(struct dense *dense, const char *name, const struct npy *array,
                       struct valence_error *error)
{
    const struct npy_header *header = npy_header(array);
    if (header->n_dims < 1)
        return fail(error, VALENCE_ERROR_SHAPE, "%s: array '%s' is a single value", dense->path,
                    name);
    if (dense->n_clips < 0)
        dense->n_clips = header->shape[0];
    return header->shape[0] == dense->n_clips
               ? VALENCE_OK
               : fail(error, VALENCE_ERROR_SHAPE, "%s: array '%s' has %lld clips, others have %lld",
                      dense->path, name, (long long)header->shape[0], (long long)dense->n_clips);
}

/* An array of one value a clip, (N) or (N, 1): by the option's name, or by the usual one where the option is NULL; none
 * where it is "", or where it is NULL and there is none and none is needed. */
static int open_column(struct dense *dense, const char *name, const char *usual, bool needed,
                       struct npy **array, struct valence_error *error)
{
    *array = NULL;
    if (name && name[0] == '\0')
        return VALENCE_OK;
    int status = open_named(dense, name ? name : usual, array, error);
    if (status == VALENCE_ERROR_NOT_FOUND && !name && !needed)
        return VALENCE_OK;
    if (!status)
        status = check_clips(dense, name ? name : usual, *array, error);
    if (!status && npy_header(*array)->count != dense->n_clips)
        status = fail(error, VALENCE_ERROR_SHAPE, "%s: array '%s' has more than a value for a clip",
                      dense->path, name ? name : usual);
    return status;
}

static int open_columns(struct dense *dense, struct valence_error *error)
{
    const struct valence_import_options *options = dense->options;
    if (options->id && options->id[0] == '\0')
        return fail(error, VALENCE_ERROR_ARGUMENT, "%s: clips need an id", dense->path);
    int status = open_column(dense, options->id, "id", true, &dense->id, error);
    if (!status)
        status = open_column(dense, options->split, "split", true, &dense->split, error);
    if (!status)
        status = open_column(dense, options->label, "label", true, &dense->label, error);
    if (!status)
        status = open_column(dense, options->group, "group", false, &dense->group, error);
    if (!status)
        status =
            open_column(dense, options->transcript, "transcript", false, &dense->transcript, error);
    return status;
}

static int check_stream(struct dense *dense, const char *name, const struct npy_header *header,
                        struct valence_store_stream *format, struct dense_stream *stream,
                        struct valence_error *error)
{
    char shape[SHAPE_TEXT_BYTES];
    bool fits = header->kind == NPY_NUMBERS && (header->n_dims == 2 || header->n_dims == 3);
    if (!fits)
        return fail(error, VALENCE_ERROR_SHAPE, "%s: array '%s' of %s is not (N, T, D) or (N, D)",
                    dense->path, name,
                    shape_text(header->shape, header->n_dims, shape, sizeof shape));
    format->width = header->shape[header->n_dims - 1];
    stream->max_rows = header->n_dims == 3 ? header->shape[1] : 1;
    if (format->width < 1 || format->width > VALENCE_STORE_MAX_WIDTH ||
        stream->max_rows > VALENCE_STORE_MAX_ROWS)
        return fail(error, VALENCE_ERROR_LIMIT,
                    "%s: array '%s' of %s: a stream has 1 to %d "
                    "columns and up to %d rows a clip",
                    dense->path, name,
                    shape_text(header->shape, header->n_dims, shape, sizeof shape),
                    VALENCE_STORE_MAX_WIDTH, VALENCE_STORE_MAX_ROWS);
    stream->values = allocate(stream->max_rows * format->width, sizeof *stream->values);
    return stream->values
               ? VALENCE_OK
               : fail_memory(error,
                             (size_t)(stream->max_rows * format->width) * sizeof *stream->values,
                             "the rows of a clip");
}

static int add_stream(struct dense *dense, enum valence_stream which, struct valence_error *error)
{
    const struct valence_import_stream *wanted = &dense->options->streams[which];
    const char *name = wanted->source ? wanted->source : valence_stream_names[which];
    char lengths[64];
    struct dense_stream *stream = &dense->streams[dense->source->n_streams];
    struct valence_store_stream *format = &dense->source->streams[dense->source->n_streams];
    if (name[0] == '\0')
        return VALENCE_OK;
    int status = open_named(dense, name, &stream->array, error);
    if (status == VALENCE_ERROR_NOT_FOUND && !wanted->source)
        return VALENCE_OK;
    if (!status)
        status = check_clips(dense, name, stream->array, error);
    snprintf(format->name, sizeof format->name, "%s", valence_stream_names[which]);
    snprintf(lengths, sizeof lengths, "%s_lengths", valence_stream_names[which]);
    if (!status)
        status = check_stream(dense, name, npy_header(stream->array), format, stream, error);
    if (!status)
        status = open_column(dense, wanted->lengths, lengths, false, &stream->lengths, error);
    dense->source->n_streams += !status;
    return status;
}

/* ---- Clips ----------------------------------------------------------------------------------- */

static int restart_dense(void *self, struct valence_error *error)
{
    struct dense *dense = self;
    (void)error;
    dense->position = 0;
    return VALENCE_OK;
}

/* Element `at` of an array of texts or whole numbers, "" where there is no array. */
static int read_text(struct npy *array, int64_t at, char **text, struct valence_error *error)
{
    int64_t number;
    free(*text);
    *text = NULL;
    if (array && npy_header(array)->kind == NPY_TEXTS)
        return npy_read_text(array, at, text, error);
    int status = array ? npy_read_int64(array, at, 1, &number, error) : VALENCE_OK;
    if (status)
        return status;
    *text = malloc(24);
    if (!*text)
        return fail_memory(error, 24, "a text");
    (*text)[0] = '\0';
    if (array)
        snprintf(*text, 24, "%lld", (long long)number);
    return VALENCE_OK;
}

static int next_clip(void *self, struct import_record *record, bool *more,
                     struct valence_error *error)
{
    struct dense *dense = self;
    struct npy *const arrays[] = {dense->id, dense->split, dense->group, dense->transcript};
    int64_t at = dense->position;
    float label = NAN;
    *more = at < dense->n_clips;
    if (!*more)
        return VALENCE_OK;
    int status = VALENCE_OK;
    for (int i = 0; i < 4 && !status; i++)
        status = read_text(arrays[i], at, &dense->texts[i], error);
    if (!status && dense->label)
        status = npy_read_float(dense->label, at, 1, &label, error);
    if (status)
        return fail_within(error, "%s: clip %lld", dense->path, (long long)at);
    *record = (struct import_record){
        .id = dense->texts[0],
        .split = dense->split ? dense->texts[1] : NULL,
        .group = dense->texts[2],
        .transcript = dense->texts[3],
        .label_number = label,
    };
    snprintf(record->place, sizeof record->place, "%s[%lld]", dense->path, (long long)at);
    dense->position++;
    return VALENCE_OK;
}

static int64_t without_trailing_zeros(const float *values, int64_t n_rows, int64_t width)
{
    for (int64_t i = n_rows * width; i > 0; i--)
        if (values[i - 1] != 0)
            return (i + width - 1) / width;
    return 0;
}

static int dense_rows(void *self, int index, struct valence_clip_rows *rows,
                      struct valence_error *error)
{
    struct dense *dense = self;
    struct dense_stream *stream = &dense->streams[index];
    const struct valence_store_stream *format = &dense->source->streams[index];
    int64_t clip = dense->position - 1, n_rows = stream->max_rows;
    int status = VALENCE_OK;
    if (stream->lengths)
        status = npy_read_int64(stream->lengths, clip, 1, &n_rows, error);
    if (!status && (n_rows < 0 || n_rows > stream->max_rows))
        return fail(error, VALENCE_ERROR_DATA,
                    "%s: clip '%s': stream '%s' has %lld rows of at most %lld", dense->path,
                    dense->texts[0], format->name, (long long)n_rows, (long long)stream->max_rows);
    if (!status && n_rows > 0)
        status = npy_read_float(stream->array, clip * stream->max_rows * format->width,
                                n_rows * format->width, stream->values, error);
    if (dense->options->trim_zeros && !status)
        n_rows = without_trailing_zeros(stream->values, n_rows, format->width);
    rows->rows = stream->values;
    rows->n_rows = n_rows;
    return status;
}

/* ---- The import ------------------------------------------------------------------------------ */

/* Of a folder only its name: its arrays are what their shapes say. */
static json_t *describe(const struct dense *dense, struct valence_error *error)
{
    json_t *file = dense->archive ? import_describe_file(dense->path, error)
                                  : json_pack("{s:s, s:I}", "name", path_name(dense->path), "clips",
                                              (json_int_t)dense->n_clips);
    return file ? json_pack("{s:s, s:o}", "kind", "dense", "file", file) : NULL;
}

static void close_arrays(struct dense *dense)
{
    for (int i = 0; i < VALENCE_N_STREAMS; i++) {
        npy_close(dense->streams[i].array);
        npy_close(dense->streams[i].lengths);
        free(dense->streams[i].values);
    }
    npy_close(dense->id);
    npy_close(dense->split);
    npy_close(dense->label);
    npy_close(dense->group);
    npy_close(dense->transcript);
    for (int i = 0; i < 4; i++)
        free(dense->texts[i]);
    archive_close(dense->archive);
}

int valence_import_dense(const char *source_path, const char *store_path,
                         const struct valence_import_options *options,
                         const struct valence_progress *progress,
                         struct valence_import_result *result, struct valence_error *error)
{
    struct dense dense = {.path = source_path, .options = options, .n_clips = -1};
    struct import_source source = {
        .self = &dense, .restart = restart_dense, .next = next_clip, .rows = dense_rows};
    *result = (struct valence_import_result){0};
    dense.source = &source;
    int status = VALENCE_OK;
    if (!path_is_folder(source_path))
        status = archive_open(source_path, &dense.archive, error);
    if (!status)
        status = open_columns(&dense, error);
    for (int i = 0; i < VALENCE_N_STREAMS && !status; i++)
        status = add_stream(&dense, (enum valence_stream)i, error);
    if (!status) {
        source.n_clips = dense.n_clips;
        source.description = describe(&dense, error);
        status = source.description
                     ? import_run(&source, store_path, options, progress, result, error)
                     : VALENCE_ERROR_IO;
    }
    close_arrays(&dense);
    return status;
}
