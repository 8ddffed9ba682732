/* Arrays of N clips: an .npz archive, a .safetensors file, or a folder of .npy files. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/file.h"
#include "format/archive.h"
#include "exchange/import_arrays.h"
#include "exchange/import_tensors.h"
#include "exchange/source_identity.h"

struct dense {
    struct archive *archive; /* one of the two, or neither: a folder */
    struct import_tensors *tensors;
    struct import_arrays arrays;
    enum valence_stream which[VALENCE_N_STREAMS]; /* by the source's index */
    int64_t position;                             /* of the next clip */
};

static const struct import_names usual_names = {
    .id = "id|ids",
    .split = "split|splits|mode",
    .label = "label|labels|regression_labels",
    .group = "group|groups|video_id",
    .transcript = "transcript|transcripts|raw_text",
    .metadata = "metadata",
    .streams = {"audio|acoustic|speech|covarep", "text|language|glove|bert",
                "video|vision|visual|facet", "simulated_text"},
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

static int list_names(void *self, struct id_list *names, struct valence_error *error)
{
    const struct dense *dense = self;
    int status = VALENCE_OK;
    if (dense->tensors)
        return import_tensors_list(dense->tensors, names, error);
    if (!dense->archive)
        return id_list_add_folder(names, dense->arrays.name, error);
    for (int64_t i = 0; i < archive_n_members(dense->archive) && !status; i++) {
        const char *name = archive_member_name(dense->archive, i);
        size_t ending = path_has_ending(name, ".npy") ? strlen(".npy") : 0;
        status = id_list_add(names, name, strlen(name) - ending, error);
    }
    return status;
}

static int restart_dense(void *self, struct valence_error *error)
{
    struct dense *dense = self;
    (void)error;
    dense->position = 0;
    import_arrays_restart(&dense->arrays);
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

static json_t *describe(const struct dense *dense, struct valence_error *error)
{
    const char *path = dense->arrays.name;
    /* What the identities do not say themselves. */
    fail_memory(error, 0, "a source's description");
    json_t *file = dense->archive || dense->tensors ? identity_of_file(path, error)
                                                    : identity_of_folder(path, error);
    return file ? json_pack("{s:s, s:o}", "kind", "dense", "file", file) : NULL;
}

int import_dense(const struct import_request *request, struct valence_error *error)
{
    const char *path = request->source;
    struct dense dense = {
        .arrays = {
            .name = path, .options = request->options, .open = open_named, .list = list_names}};
    struct import_arrays *arrays = &dense.arrays;
    struct import_source source = {
        .self = &dense, .restart = restart_dense, .next = next_clip, .rows = dense_rows};
    dense.arrays.self = &dense;
    int status = VALENCE_OK;
    if (path_has_ending(path, ".safetensors"))
        status = import_tensors_open(path, &dense.tensors, error);
    else if (!path_is_folder(path))
        status = archive_open(path, &dense.archive, error);
    if (!status)
        status = import_arrays_open(&dense.arrays, &usual_names, error);
    for (int i = 0; i < VALENCE_N_STREAMS && !status; i++)
        if (array_stream_exists(&dense.arrays.streams[i])) {
            dense.which[source.n_streams] = (enum valence_stream)i;
            import_name_stream(&source, (enum valence_stream)i, dense.arrays.streams[i].width);
        }
    if (!status && source.n_streams == 0 && !request->options->labels_only)
        status = import_arrays_fail_no_stream(arrays, error);
    if (!status) {
        source.n_clips = dense.arrays.n_clips;
        source.description = describe(&dense, error);
        status = source.description ? import_run(&source, request, error) : error->status;
    }
    if (!status)
        status = import_arrays_note(&arrays, 1, &usual_names, request->result, error);
    import_arrays_close(&dense.arrays);
    import_tensors_close(dense.tensors);
    archive_close(dense.archive);
    return status;
}
