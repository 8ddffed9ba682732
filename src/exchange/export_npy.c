/* A folder with labels.csv and STREAM/ID.npy for each clip: what `import table` and MERBench's
 * loaders read. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/file.h"
#include "base/file_writer.h"
#include "valence/text.h"
#include "format/npy.h"
#include "exchange/export.h"
#include "store/store_scan.h"

#define MAX_FILE_NAME 255 /* of Linux's file systems */

/* A file's name must be an id, all of it and nothing else. */
static int check_ids(const struct valence_store *store, struct valence_error *error)
{
    for (int64_t i = 0; i < valence_store_n_clips(store); i++) {
        const char *id = valence_store_clip(store, i)->id;
        if (strchr(id, '/') || id[0] == '.' || strlen(id) + strlen(".npy") > MAX_FILE_NAME)
            return fail_key(error, VALENCE_ERROR_DATA, "kind",
                            "clip '%s': its id cannot be the name of a file", id);
    }
    return VALENCE_OK;
}

static int write_labels(const struct valence_store *store, const char *folder,
                        struct valence_error *error)
{
    struct file_writer writer;
    char *path = path_join(folder, "labels.csv");
    int status = path ? file_write_begin(&writer, path, 0, error)
                      : fail_memory(error, strlen(folder), "a path");
    free(path);
    if (status)
        return status;
    fputs("id,split,label,group,transcript\n", writer.stream);
    for (int64_t i = 0; i < valence_store_n_clips(store); i++) {
        const struct valence_clip *clip = valence_store_clip(store, i);
        valence_write_csv_field(writer.stream, clip->id);
        fprintf(writer.stream, ",%s,", valence_split_names[clip->split]);
        valence_write_csv_number(writer.stream, clip->label);
        fputc(',', writer.stream);
        valence_write_csv_field(writer.stream, clip->group);
        fputc(',', writer.stream);
        valence_write_csv_field(writer.stream, clip->transcript);
        fputc('\n', writer.stream);
    }
    return file_write_commit(&writer, error);
}

struct array_files {
    const struct valence_store *store;
    int stream;
    const char *folder;
    struct file_writer file; /* of the clip being written; stream == NULL: none */
    int64_t n_left;          /* rows of it */
};

static int begin_file(struct array_files *files, int64_t clip, struct valence_error *error)
{
    const struct valence_store_stream *format =
        valence_store_get_stream(files->store, files->stream);
    const struct valence_clip *record = valence_store_clip(files->store, clip);
    char name[VALENCE_STORE_ID_BYTES + 8];
    snprintf(name, sizeof name, "%s.npy", record->id);
    char *path = path_join(files->folder, name);
    if (!path)
        return fail_memory(error, sizeof name, "a path");
    int status = file_write_begin(&files->file, path, FILE_ONE_OF_MANY | FILE_NOT_SYNCED, error);
    free(path);
    if (status)
        return status;
    files->n_left = record->n_rows[files->stream];
    int64_t shape[] = {files->n_left, format->width};
    return npy_write_header(files->file.stream, export_type(format), 2, shape, files->file.path,
                            error);
}

static int write_piece(void *user, const struct store_piece *piece, struct valence_error *error)
{
    struct array_files *files = user;
    const struct valence_store_stream *format =
        valence_store_get_stream(files->store, files->stream);
    int status = files->file.stream ? VALENCE_OK : begin_file(files, piece->clip, error);
    if (status)
        return status;
    fwrite(piece->elements, valence_dtype_size(format->type),
           (size_t)(piece->n_rows * format->width), files->file.stream);
    files->n_left -= piece->n_rows;
    return files->n_left > 0 ? VALENCE_OK : file_write_commit(&files->file, error);
}

static int write_stream(const struct export *export, int stream, const char *folder,
                        struct valence_error *error)
{
    struct array_files files = {.store = export->store, .stream = stream};
    char *path = path_join(folder, valence_store_get_stream(export->store, stream)->name);
    int status = path ? make_folders(path, error) : fail_memory(error, strlen(folder), "a path");
    files.folder = path;
    if (!status)
        status = store_scan(export->store, stream, VALENCE_N_SPLITS, "exporting", export->progress,
                            write_piece, &files, error);
    if (files.file.stream)
        file_write_abort(&files.file);
    free(path);
    return status;
}

int export_npy(const struct export *export, struct valence_error *error)
{
    struct folder_writer writer;
    int status = check_ids(export->store, error);
    if (!status)
        status = folder_write_begin(&writer, export->target, error);
    if (status)
        return status;
    status = write_labels(export->store, writer.temporary, error);
    for (int s = 0; s < valence_store_n_streams(export->store) && !status; s++)
        status = write_stream(export, s, writer.temporary, error);
    if (!status)
        return folder_write_commit(&writer, error);
    folder_write_abort(&writer);
    return status;
}
