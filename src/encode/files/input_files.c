#include "encode/files/input_files.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/file.h"
#include "base/memory.h"

#define MAX_FILES 100000000

const char *const sound_endings[] = {".wav", ".flac", ".mp3",  ".ogg", ".opus", ".m4a",
                                     ".aac", ".aiff", ".aif",  ".au",  ".wma",  ".mp4",
                                     ".mov", ".mkv",  ".webm", ".avi", ".mpg",  NULL};
const char *const picture_endings[] = {".png",  ".jpg", ".jpeg", ".bmp",
                                       ".webp", ".tif", ".tiff", NULL};
const char *const film_endings[] = {".mp4", ".mov", ".mkv", ".webm", ".avi", ".mpg", ".mpeg",
                                    ".m4v", ".wmv", ".flv", ".ts",   ".ogv", ".3gp", NULL};
const char *const text_endings[] = {".txt", NULL};

/* "clips/a.wav" as "a" */
static char *name_of(const char *path)
{
    char *name = strdup(path_name(path));
    char *dot = name ? strrchr(name, '.') : NULL;
    if (dot && dot != name)
        *dot = '\0';
    return name;
}

/* Takes the path over, also on failure. */
static int add_file(struct input_files *files, char *path, struct valence_error *error)
{
    char *name = path ? name_of(path) : NULL;
    int status = name ? grow_array((void **)&files->files, &files->capacity, files->n + 1,
                                   sizeof *files->files, MAX_FILES, "files", error)
                      : fail_memory(error, 0, "a path");
    if (status) {
        free(path);
        free(name);
        return status;
    }
    files->files[files->n++] = (struct input_file){path, name};
    return VALENCE_OK;
}

static bool ends_in_one(const char *name, const char *const *endings)
{
    for (; *endings; endings++)
        if (path_has_ending(name, *endings))
            return true;
    return false;
}

static int compare_paths(const void *a, const void *b)
{
    return strcmp(((const struct input_file *)a)->path, ((const struct input_file *)b)->path);
}

static int add_folder(struct input_files *files, const char *folder, const char *const *endings,
                      struct valence_error *error)
{
    DIR *opened = opendir(folder);
    int64_t first = files->n;
    int status = opened ? VALENCE_OK : fail_errno(error, errno, "%s: cannot be read", folder);
    for (struct dirent *entry; !status && (entry = readdir(opened));)
        if (entry->d_name[0] != '.' && ends_in_one(entry->d_name, endings))
            status = add_file(files, path_join(folder, entry->d_name), error);
    if (opened)
        closedir(opened);
    if (!status && files->n == first)
        status =
            fail(error, VALENCE_ERROR_NOT_FOUND,
                 "%s: the folder holds no file that ends in %s or the like", folder, endings[0]);
    if (!status)
        qsort(files->files + first, (size_t)(files->n - first), sizeof *files->files,
              compare_paths);
    return status;
}

static int compare_names(const void *a, const void *b)
{
    const struct input_file *const *x = a, *const *y = b;
    int order = strcmp((*x)->name, (*y)->name);
    return order ? order : strcmp((*x)->path, (*y)->path);
}

static int check_names(const struct input_files *files, struct valence_error *error)
{
    const struct input_file **sorted = allocate(files->n, sizeof *sorted);
    if (!sorted)
        return fail_memory(error, (size_t)files->n * sizeof *sorted, "a list of files");
    for (int64_t i = 0; i < files->n; i++)
        sorted[i] = &files->files[i];
    qsort(sorted, (size_t)files->n, sizeof *sorted, compare_names);
    int status = VALENCE_OK;
    for (int64_t i = 1; i < files->n && !status; i++)
        if (strcmp(sorted[i - 1]->name, sorted[i]->name) == 0)
            status = fail(error, VALENCE_ERROR_EXISTS,
                          "%s and %s: the rows of both would be called '%s'", sorted[i - 1]->path,
                          sorted[i]->path, sorted[i]->name);
    free(sorted);
    return status;
}

int input_files_list(struct input_files *files, const char *const *inputs, int64_t n_inputs,
                     const char *const *endings, bool distinct, struct valence_error *error)
{
    *files = (struct input_files){0};
    int status = VALENCE_OK;
    for (int64_t i = 0; i < n_inputs && !status; i++)
        status = path_is_folder(inputs[i]) ? add_folder(files, inputs[i], endings, error)
                                           : add_file(files, strdup(inputs[i]), error);
    if (!status && files->n == 0)
        status = fail(error, VALENCE_ERROR_ARGUMENT, "no files to encode");
    if (!status && distinct)
        status = check_names(files, error);
    if (status)
        input_files_free(files);
    return status;
}

void input_files_free(struct input_files *files)
{
    for (int64_t i = 0; i < files->n; i++) {
        free(files->files[i].path);
        free(files->files[i].name);
    }
    free(files->files);
    *files = (struct input_files){0};
}
