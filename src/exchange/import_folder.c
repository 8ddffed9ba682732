#include "exchange/import_folder.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fail.h"
#include "base/file.h"
#include "base/memory.h"
#include "format/npy.h"
#include "exchange/frame_compression.h"
#include "exchange/id_list.h"
#include "exchange/source_identity.h"
#include "exchange/width_vote.h"

#define MAX_SAMPLED 2000 /* clips looked at to see which width most have */

static char *path_of(const struct import_folder *folder, const char *id)
{
    char name[VALENCE_STORE_ID_BYTES + 8];
    snprintf(name, sizeof name, "%s.npy", id);
    return path_join(folder->path, name);
}

static int open_array(struct import_folder *folder, const char *id, struct npy **array,
                      struct valence_error *error)
{
    *array = NULL;
    char *path = path_of(folder, id);
    int status = path ? npy_open(path, array, error) : fail_memory(error, strlen(id), "a path");
    free(path);
    const char *other = status == VALENCE_ERROR_NOT_FOUND
                            ? name_index_find(&folder->names, folder->path, id)
                            : NULL;
    if (!other)
        return status;
    path = path_join(folder->path, other);
    status = path ? npy_open(path, array, error) : fail_memory(error, strlen(id), "a path");
    free(path);
    return status;
}

void import_folder_expect(const struct import_folder *folder, const char *id)
{
    char *path = path_of(folder, id);
    int descriptor = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    free(path);
    if (descriptor < 0)
        return; /* whoever asks for the rows says why */
    (void)posix_fadvise(descriptor, 0, 0, POSIX_FADV_WILLNEED);
    close(descriptor);
}

static int check_array(const struct npy_header *header, const char *id, int64_t *n_rows,
                       int64_t *width, struct valence_error *error)
{
    int first = 0;
    while (first < header->n_dims - 1 && header->shape[first] == 1)
        first++;
    int n_dims = header->n_dims - first;
    if (header->kind != NPY_NUMBERS || n_dims < 1 || n_dims > 2)
        return fail(error, VALENCE_ERROR_FORMAT,
                    "clip '%s': its array is not one of numbers, (T, D) or (D)", id);
    *n_rows = n_dims == 2 ? header->shape[first] : 1;
    *width = header->shape[header->n_dims - 1];
    return VALENCE_OK;
}

int import_folder_width(struct import_folder *folder, const char *id, int64_t *width,
                        struct valence_error *error)
{
    struct npy *array;
    int64_t n_rows = 0;
    *width = 0;
    int status = open_array(folder, id, &array, error);
    if (status == VALENCE_ERROR_NOT_FOUND)
        return VALENCE_OK;
    if (!status)
        status = check_array(npy_header(array), id, &n_rows, width, error);
    npy_close(array);
    if (n_rows == 0)
        *width = 0;
    return status;
}

int import_folder_find_width(struct import_folder *folder, struct import_source *source, bool most,
                             int64_t *width, struct valence_error *error)
{
    struct width_vote vote = {0};
    struct import_record record;
    bool more = true;
    int64_t n_met = 0;
    int status = source->restart(source->self, error);
    while (!status && n_met < (most ? MAX_SAMPLED : 1)) {
        status = source->next(source->self, &record, &more, error);
        if (status || !more)
            break;
        status = import_folder_width(folder, record.id, width, error);
        vote_add(&vote, status ? 0 : *width);
        n_met += *width > 0;
    }
    *width = vote_width(&vote);
    return status;
}

static int read_rows(struct import_folder *folder, struct npy *array, int64_t n_rows, int64_t width,
                     struct valence_error *error)
{
    void *values = folder->values;
    int status = grow_array(&values, &folder->capacity, n_rows * width, sizeof *folder->values,
                            INT64_MAX, "values of a clip", error);
    folder->values = values;
    return status ? status : npy_read_float(array, 0, n_rows * width, folder->values, error);
}

int import_folder_rows(struct import_folder *folder, const char *id,
                       const struct valence_store_stream *format, struct valence_clip_rows *rows,
                       struct valence_error *error)
{
    struct npy *array;
    int64_t n_rows = 0, width = 0;
    int status = open_array(folder, id, &array, error);
    if (!status)
        status = check_array(npy_header(array), id, &n_rows, &width, error);
    if (!status && width != format->width && n_rows > 0)
        status = fail(error, VALENCE_ERROR_SHAPE,
                      "clip '%s': stream '%s' has width %lld, the store has %lld (all clips of a "
                      "stream have one width)",
                      id, format->name, (long long)width, (long long)format->width);
    if (!status && n_rows > VALENCE_STORE_MAX_ROWS)
        status = fail(error, VALENCE_ERROR_LIMIT,
                      "clip '%s': stream '%s' has %lld rows, a clip holds up to %d (cut it into "
                      "shorter ones)",
                      id, format->name, (long long)n_rows, VALENCE_STORE_MAX_ROWS);
    if (!status && n_rows > 0)
        status = read_rows(folder, array, n_rows, width, error);
    npy_close(array);
    if (status)
        return status;
    rows->n_rows = compress_frames(folder->values, n_rows, width, folder->feat_scale);
    rows->rows = folder->values;
    return VALENCE_OK;
}

int import_folder_fail_empty(const struct import_folder *folder, struct import_source *source,
                             const char *labels, struct valence_error *error)
{
    struct id_list found = {0};
    struct import_record record = {.id = ""};
    bool more = false;
    int status = source->restart(source->self, error);
    if (!status)
        status = source->next(source->self, &record, &more, error);
    if (!status)
        status = id_list_add_folder(&found, folder->path, error);
    id_list_sort(&found);
    if (!status && found.n == 0)
        status = fail(error, VALENCE_ERROR_NOT_FOUND, "%s: holds no arrays ID.npy", folder->path);
    else if (!status)
        status = fail(error, VALENCE_ERROR_NOT_FOUND,
                      "%s: no clip of %s has an array ID.npy there (a clip is '%.100s', an array "
                      "'%.100s.npy')",
                      folder->path, labels, more ? record.id : "", found.ids[0]);
    id_list_free(&found);
    return status;
}

json_t *import_folder_identities(const struct import_source *source, const char *const *folders,
                                 struct valence_error *error)
{
    json_t *identities = json_object();
    for (int i = 0; i < source->n_streams; i++) {
        json_t *folder = folders[i] ? identity_of_folder(folders[i], error) : NULL;
        if (folders[i] &&
            (!folder || json_object_set_new(identities, source->streams[i].name, folder))) {
            json_decref(identities);
            return NULL;
        }
    }
    return identities;
}

void import_folder_free(struct import_folder *folder)
{
    free(folder->values);
    name_index_free(&folder->names);
}

/* Ids in one form, so that a file of another is not counted as unlisted. */
static int add_form(struct id_list *list, const char *id, struct valence_error *error)
{
    char *form = name_decompose(id);
    int status = form ? id_list_add(list, form, strlen(form), error)
                      : fail_memory(error, strlen(id), "an id");
    free(form);
    return status;
}

static int list_clips(struct import_source *source, struct id_list *list,
                      struct valence_error *error)
{
    struct import_record record;
    bool more = true;
    int status = source->restart(source->self, error);
    while (!status && more) {
        status = source->next(source->self, &record, &more, error);
        if (!status && more)
            status = add_form(list, record.id, error);
    }
    id_list_sort(list);
    return status;
}

int import_folder_count_unlisted(struct import_source *source, const char *const *folders, int n,
                                 struct valence_import_count *unlisted, struct valence_error *error)
{
    struct id_list listed = {0}, found = {0};
    int status = list_clips(source, &listed, error);
    for (int i = 0; i < n && !status; i++)
        if (folders[i])
            status = id_list_add_folder(&found, folders[i], error);
    id_list_sort(&found);
    for (int64_t i = 0; i < found.n && !status; i++) {
        char *form = name_decompose(found.ids[i]);
        if (form && !id_list_has(&listed, form))
            import_count(unlisted, found.ids[i]);
        free(form);
    }
    id_list_free(&listed);
    id_list_free(&found);
    return status;
}
