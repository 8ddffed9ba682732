#include "encode/files/feature_output.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fail.h"
#include "base/file.h"
#include "base/file_writer.h"
#include "base/memory.h"
#include "format/npy.h"
#include "format/safetensors.h"

#define MAX_ROWS         100000000
#define MAX_RECORD_BYTES (1 << 20)
#define RECORD           "encoder.json"

/* ---- Beginning ---- */

/* The notes as JSON, in fresh memory; NULL where memory is short. */
static char *make_record(const struct feature_output *output)
{
    json_t *object = json_object();
    bool whole = object != NULL;
    for (int i = 0; i < output->n_notes && whole; i++)
        whole = json_object_set_new(object, output->notes[i].key,
                                    json_string(output->notes[i].text)) == 0;
    char *text = whole ? json_dumps(object, JSON_INDENT(2) | JSON_SORT_KEYS) : NULL;
    json_decref(object);
    return text;
}

static int write_record(const char *path, const char *record, struct valence_error *error)
{
    struct file_writer writer;
    int status = file_write_begin(&writer, path, FILE_OVERWRITE, error);
    if (status)
        return status;
    fprintf(writer.stream, "%s\n", record);
    return file_write_commit(&writer, error);
}

/* Whether what the folder holds was written by the same encoder. */
static int compare_record(struct feature_output *output, const char *path, const char *record,
                          struct valence_error *error)
{
    char *before;
    int status = file_read_text(path, MAX_RECORD_BYTES, &before, NULL, error);
    if (status)
        return status;
    size_t length = strlen(record);
    output->resumes = strncmp(before, record, length) == 0 && strcmp(before + length, "\n") == 0;
    free(before);
    if (output->resumes || output->flags & FILE_OVERWRITE)
        return VALENCE_OK;
    return fail_key(error, VALENCE_ERROR_EXISTS, "overwrite",
                    "%s: the folder holds rows of another encoder or of other settings (see %s)",
                    output->path, path);
}

static int begin_folder(struct feature_output *output, struct valence_error *error)
{
    char *path = path_join(output->path, RECORD), *record = make_record(output);
    output->is_made = !path_exists(output->path);
    output->is_begun = path && !path_exists(path);
    int status = path && record ? make_folders(output->path, error)
                                : fail_memory(error, strlen(output->path), "a path");
    if (!status) {
        file_remove_leftovers(output->path);
        if (path_exists(path))
            status = compare_record(output, path, record, error);
        if (!status && !output->resumes)
            status = write_record(path, record, error);
    }
    free(path);
    free(record);
    return status;
}

bool feature_output_has_names(const char *path)
{
    return !path_has_ending(path, ".npy");
}

int feature_output_begin(struct feature_output *output, const char *path, int64_t width,
                         const struct feature_note *notes, int n_notes, bool overwrite,
                         struct valence_error *error)
{
    *output = (struct feature_output){.path = path,
                                      .width = width,
                                      .notes = notes,
                                      .n_notes = n_notes,
                                      .flags = overwrite ? FILE_OVERWRITE : 0,
                                      .form = FEATURES_FOLDER};
    if (path_has_ending(path, ".npy") || file_is_standard_output(path))
        output->form = FEATURES_NPY;
    else if (path_has_ending(path, ".safetensors"))
        output->form = FEATURES_SAFETENSORS;
    return output->form == FEATURES_FOLDER ? begin_folder(output, error)
                                           : file_write_check(path, output->flags, error);
}

/* ---- In a folder ---- */

static char *folder_path(const struct feature_output *output, const char *name)
{
    char *file = malloc(strlen(name) + sizeof ".npy");
    if (!file)
        return NULL;
    memcpy(file, name, strlen(name));
    memcpy(file + strlen(name), ".npy", sizeof ".npy");
    char *path = path_join(output->path, file);
    free(file);
    return path;
}

static int count_rows(const struct feature_output *output, const char *path, int64_t *n_rows,
                      struct valence_error *error)
{
    struct npy *array;
    int status = npy_open(path, &array, error);
    if (status)
        return status;
    const struct npy_header *header = npy_header(array);
    *n_rows = header->n_dims == 2 ? header->shape[0] : 0;
    if (header->n_dims != 2 || header->shape[1] != output->width)
        status = fail_key(error, VALENCE_ERROR_EXISTS, "overwrite",
                          "%s: already exists and does not hold rows of width %lld", path,
                          (long long)output->width);
    npy_close(array);
    return status;
}

int feature_output_find(const struct feature_output *output, const char *name, bool *found,
                        int64_t *n_rows, struct valence_error *error)
{
    *found = false;
    *n_rows = 0;
    if (output->form != FEATURES_FOLDER || output->flags & FILE_OVERWRITE)
        return VALENCE_OK;
    char *path = folder_path(output, name);
    if (!path)
        return fail_memory(error, strlen(name), "a path");
    int status = VALENCE_OK;
    *found = path_exists(path);
    if (*found && output->resumes)
        status = count_rows(output, path, n_rows, error);
    else if (*found)
        status = fail_key(error, VALENCE_ERROR_EXISTS, "overwrite",
                          "%s: already exists and does not record which encoder wrote it", path);
    free(path);
    return status;
}

static int write_to_folder(const struct feature_output *output, const char *name, int64_t n_rows,
                           const float *rows, struct valence_error *error)
{
    char *path = folder_path(output, name);
    if (!path)
        return fail_memory(error, strlen(name), "a path");
    int64_t shape[] = {n_rows, output->width};
    int status =
        npy_write(path, output->flags | FILE_ONE_OF_MANY, ELEMENT_F32, 2, shape, rows, error);
    free(path);
    return status;
}

/* ---- In a file ---- */

static int keep_rows(struct feature_output *output, const char *name, int64_t n_rows,
                     const float *rows, struct valence_error *error)
{
    int status =
        grow_array((void **)&output->entries, &output->entry_capacity, output->n_entries + 1,
                   sizeof *output->entries, MAX_ROWS, "inputs", error);
    if (!status)
        status = grow_array((void **)&output->rows, &output->row_capacity, output->n_rows + n_rows,
                            (size_t)output->width * sizeof *rows, MAX_ROWS, "rows", error);
    if (status)
        return status;
    memcpy(output->rows + output->n_rows * output->width, rows,
           (size_t)(n_rows * output->width) * sizeof *rows);
    output->entries[output->n_entries++] = (struct feature_entry){name, n_rows};
    return VALENCE_OK;
}

int feature_output_add(struct feature_output *output, const char *name, int64_t n_rows,
                       const float *rows, struct valence_error *error)
{
    int status = output->form == FEATURES_FOLDER
                     ? write_to_folder(output, name, n_rows, rows, error)
                     : keep_rows(output, name, n_rows, rows, error);
    output->n_rows += status ? 0 : n_rows;
    return status;
}

static int declare_all(const struct feature_output *output, struct safetensors_writer *writer,
                       struct valence_error *error)
{
    int status = VALENCE_OK;
    for (int64_t i = 0; !status && i < output->n_entries; i++) {
        int64_t shape[] = {output->entries[i].n_rows, output->width};
        status = safetensors_declare(writer, output->entries[i].name, ELEMENT_F32, 2, shape, error);
    }
    for (int i = 0; !status && i < output->n_notes; i++)
        status = safetensors_describe(writer, output->notes[i].key, output->notes[i].text, error);
    return status;
}

static int write_safetensors(const struct feature_output *output, struct valence_error *error)
{
    struct safetensors_writer *writer;
    int status = safetensors_write_begin(output->path, output->flags, &writer, error);
    if (status)
        return status;
    status = declare_all(output, writer, error);
    if (!status)
        status = safetensors_write(writer, output->rows,
                                   (size_t)(output->n_rows * output->width) * sizeof *output->rows,
                                   error);
    if (status)
        safetensors_write_abort(writer);
    return status ? status : safetensors_write_commit(writer, error);
}

int feature_output_commit(struct feature_output *output, struct valence_error *error)
{
    int64_t shape[] = {output->n_rows, output->width};
    if (output->form == FEATURES_NPY)
        return npy_write(output->path, output->flags, ELEMENT_F32, 2, shape, output->rows, error);
    return output->form == FEATURES_SAFETENSORS ? write_safetensors(output, error) : VALENCE_OK;
}

static void remove_begun(const struct feature_output *output)
{
    char *path = path_join(output->path, RECORD);
    if (path)
        (void)unlink(path);
    free(path);
    if (output->is_made)
        (void)rmdir(output->path);
}

void feature_output_free(struct feature_output *output)
{
    if (output->is_begun && output->n_rows == 0)
        remove_begun(output);
    free(output->entries);
    free(output->rows);
    *output = (struct feature_output){0};
}
