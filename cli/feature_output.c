#include "feature_output.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/file.h"
#include "base/file_writer.h"
#include "base/memory.h"
#include "format/npy.h"
#include "format/safetensors.h"

#define MAX_ROWS 100000000

int feature_output_begin(struct feature_output *output, const char *path, int64_t width,
                         bool overwrite, struct valence_error *error)
{
    *output = (struct feature_output){.path = path,
                                      .width = width,
                                      .flags = overwrite ? FILE_OVERWRITE : 0,
                                      .form = FEATURES_FOLDER};
    if (path_has_ending(path, ".npy"))
        output->form = FEATURES_NPY;
    else if (path_has_ending(path, ".safetensors"))
        output->form = FEATURES_SAFETENSORS;
    else {
        int status = make_folders(path, error);
        if (!status)
            file_remove_leftovers(path);
        return status;
    }
    return file_write_check(path, output->flags, error);
}

void feature_output_describe(struct feature_output *output, const char *key, const char *text)
{
    assert(output->n_descriptions <
           (int)(sizeof output->descriptions / sizeof *output->descriptions));
    output->descriptions[output->n_descriptions].key = key;
    output->descriptions[output->n_descriptions++].text = text;
}

/* ---- Adding ---- */

/* "clips/a.wav" as "a" */
static char *entry_name(const char *file)
{
    char *name = strdup(path_name(file));
    char *dot = name ? strrchr(name, '.') : NULL;
    if (dot && dot != name)
        *dot = '\0';
    return name;
}

static int add_entry(struct feature_output *output, const char *file, int64_t n_rows,
                     struct valence_error *error)
{
    int status =
        grow_array((void **)&output->entries, &output->entry_capacity, output->n_entries + 1,
                   sizeof *output->entries, MAX_ROWS, "files", error);
    if (status)
        return status;
    char *name = entry_name(file);
    if (!name)
        return fail_memory(error, strlen(file), "a name");
    for (int64_t i = 0; output->form != FEATURES_NPY && i < output->n_entries; i++)
        if (strcmp(output->entries[i].name, name) == 0) {
            status = fail(error, VALENCE_ERROR_EXISTS,
                          "%s: another file is called '%s', too, and both would be '%s'", file,
                          name, name);
            free(name);
            return status;
        }
    output->entries[output->n_entries++] = (struct feature_entry){name, n_rows};
    return VALENCE_OK;
}

static int write_to_folder(const struct feature_output *output, int64_t n_rows, const float *rows,
                           struct valence_error *error)
{
    char name[4096];
    snprintf(name, sizeof name, "%s.npy", output->entries[output->n_entries - 1].name);
    char *path = path_join(output->path, name);
    if (!path)
        return fail_memory(error, strlen(name), "a path");
    int64_t shape[] = {n_rows, output->width};
    int status =
        npy_write(path, output->flags | FILE_ONE_OF_MANY, ELEMENT_F32, 2, shape, rows, error);
    free(path);
    return status;
}

int feature_output_add(struct feature_output *output, const char *file, int64_t n_rows,
                       const float *rows, struct valence_error *error)
{
    int status = add_entry(output, file, n_rows, error);
    if (!status && output->form == FEATURES_FOLDER)
        status = write_to_folder(output, n_rows, rows, error);
    else if (!status)
        status = grow_array((void **)&output->rows, &output->row_capacity, output->n_rows + n_rows,
                            (size_t)output->width * sizeof *rows, MAX_ROWS, "rows", error);
    if (status)
        return status;
    if (output->form != FEATURES_FOLDER)
        memcpy(output->rows + output->n_rows * output->width, rows,
               (size_t)(n_rows * output->width) * sizeof *rows);
    output->n_rows += n_rows;
    return VALENCE_OK;
}

/* ---- Writing ---- */

static int declare_all(const struct feature_output *output, struct safetensors_writer *writer,
                       struct valence_error *error)
{
    int status = VALENCE_OK;
    for (int64_t i = 0; !status && i < output->n_entries; i++) {
        int64_t shape[] = {output->entries[i].n_rows, output->width};
        status = safetensors_declare(writer, output->entries[i].name, ELEMENT_F32, 2, shape, error);
    }
    for (int i = 0; !status && i < output->n_descriptions; i++)
        status = safetensors_describe(writer, output->descriptions[i].key,
                                      output->descriptions[i].text, error);
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

void feature_output_free(struct feature_output *output)
{
    for (int64_t i = 0; i < output->n_entries; i++)
        free(output->entries[i].name);
    free(output->entries);
    free(output->rows);
    *output = (struct feature_output){0};
}
