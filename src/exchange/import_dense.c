/* Arrays of N clips: an .npz archive, a .safetensors file, or a folder of .npy files. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/file.h"
#include "format/archive.h"
#include "exchange/import_arrays.h"
#include "exchange/import_tensors.h"

struct dense {
    struct archive *archive; /* one of the two, or neither: a folder */
    struct import_tensors *tensors;
    struct import_arrays arrays;
    enum valence_stream which[VALENCE_N_STREAMS]; /* by the source's index */
    int64_t position;                             /* of the next clip */
};

static const struct import_names usual_names = {
    .id = "id",
    .split = "split",
    .label = "label",
    .group = "group",
    .transcript = "transcript",
    .metadata = "metadata",
    .streams = {"audio", "text", "video", "simulated_text"},
    .lengths = {"audio_lengths", "text_lengths", "video_lengths", "simulated_text_lengths"},
};

/* An array by its name, with or without ".npy". */
static int open_named(void *self, const char *name, struct import_column *column,
                      struct valence_error *error)
{
    struct dense *dense = self;
    if (dense->tensors)
        return import_tensors_column(dense->tensors, name, column, error);
    if (dense->archive)
        return npy_open_member(dense->archive, name, &column->array, error);
    char file[256];
    snprintf(file, sizeof file, "%s%s", name, path_has_ending(name, ".npy") ? "" : ".npy");
    char *path = path_join(dense->arrays.name, file);
    int status =
        path ? npy_open(path, &column->array, error) : fail_memory(error, sizeof file, "a path");
    free(path);
    return status;
}

static int restart_dense(void *self, struct valence_error *error)
{
    struct dense *dense = self;
    (void)error;
    dense->position = 0;
    return VALENCE_OK;
}

static int next_clip(void *self, struct import_record *record, bool *more,
                     struct valence_error *error)
{
    struct dense *dense = self;
    *more = dense->position < dense->arrays.n_clips;
    return *more ? import_arrays_record(&dense->arrays, dense->position++, record, error)
                 : VALENCE_OK;
}

static int dense_rows(void *self, int index, struct valence_clip_rows *rows,
                      struct valence_error *error)
{
    struct dense *dense = self;
    enum valence_stream which = dense->which[index];
    return import_arrays_rows(&dense->arrays, dense->position - 1, which, rows, error);
}

/* Of a folder only its name: its arrays are what their shapes say. */
static json_t *describe(const struct dense *dense, struct valence_error *error)
{
    const char *path = dense->arrays.name;
    json_t *file = dense->archive || dense->tensors
                       ? import_describe_file(path, error)
                       : json_pack("{s:s, s:I}", "name", path_name(path), "clips",
                                   (json_int_t)dense->arrays.n_clips);
    return file ? json_pack("{s:s, s:o}", "kind", "dense", "file", file) : NULL;
}

int valence_import_dense(const char *source_path, const char *store_path,
                         const struct valence_import_options *options,
                         const struct valence_progress *progress,
                         struct valence_import_result *result, struct valence_error *error)
{
    struct dense dense = {.arrays = {.name = source_path, .options = options, .open = open_named}};
    struct import_source source = {
        .self = &dense, .restart = restart_dense, .next = next_clip, .rows = dense_rows};
    *result = (struct valence_import_result){0};
    dense.arrays.self = &dense;
    int status = VALENCE_OK;
    if (path_has_ending(source_path, ".safetensors"))
        status = import_tensors_open(source_path, &dense.tensors, error);
    else if (!path_is_folder(source_path))
        status = archive_open(source_path, &dense.archive, error);
    if (!status)
        status = import_arrays_open(&dense.arrays, &usual_names, error);
    for (int i = 0; i < VALENCE_N_STREAMS && !status; i++)
        if (dense.arrays.streams[i].array) {
            dense.which[source.n_streams] = (enum valence_stream)i;
            import_name_stream(&source, (enum valence_stream)i, dense.arrays.streams[i].width);
        }
    if (!status) {
        source.n_clips = dense.arrays.n_clips;
        source.description = describe(&dense, error);
        status = source.description
                     ? import_run(&source, store_path, options, progress, result, error)
                     : VALENCE_ERROR_IO;
    }
    import_arrays_close(&dense.arrays);
    import_tensors_close(dense.tensors);
    archive_close(dense.archive);
    return status;
}
