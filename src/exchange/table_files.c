#include "exchange/table_files.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/file.h"
#include "exchange/source_identity.h"
#include "valence/stream.h"

/* ---- Files ---- */

/* The split that a file's name begins with, up to the first of "_-." */
static void find_split(const char *path, char split[TABLE_SPLIT_BYTES])
{
    const char *name = path_name(path);
    size_t length = strcspn(name, "_-.");
    split[0] = '\0';
    if (length >= TABLE_SPLIT_BYTES)
        return;
    memcpy(split, name, length);
    split[length] = '\0';
    if (valence_split_from_name(split) < 0)
        split[0] = '\0';
}

static int add_file(struct table_files *table, const char *path, struct valence_error *error)
{
    if (table->n == TABLE_MAX_FILES)
        return fail(error, VALENCE_ERROR_LIMIT, "%s: more than %d files", path, TABLE_MAX_FILES);
    struct table_file *file = &table->files[table->n];
    file->path = strdup(path);
    if (!file->path)
        return fail_memory(error, strlen(path), "a path");
    find_split(path, file->split);
    table->n++;
    return VALENCE_OK;
}

static int is_of_split(const struct dirent *entry)
{
    char split[TABLE_SPLIT_BYTES];
    find_split(entry->d_name, split);
    return split[0] &&
           (path_has_ending(entry->d_name, ".csv") || path_has_ending(entry->d_name, ".tsv"));
}

static int by_split(const struct dirent **a, const struct dirent **b)
{
    char x[TABLE_SPLIT_BYTES], y[TABLE_SPLIT_BYTES];
    find_split((*a)->d_name, x);
    find_split((*b)->d_name, y);
    int order = valence_split_from_name(x) - valence_split_from_name(y);
    return order ? order : strcmp((*a)->d_name, (*b)->d_name);
}

static int add_folder(struct table_files *table, const char *folder, struct valence_error *error)
{
    struct dirent **entries;
    int n = scandir(folder, &entries, is_of_split, by_split);
    if (n < 0)
        return fail_errno(error, errno, "%s: cannot read the folder", folder);
    int status = n > 0 ? VALENCE_OK
                       : fail(error, VALENCE_ERROR_NOT_FOUND,
                              "%s: no .csv there has a name that begins with a split (train, "
                              "validation, valid, val, dev, test)",
                              folder);
    for (int i = 0; i < n; i++) {
        char *path = status ? NULL : path_join(folder, entries[i]->d_name);
        if (!status)
            status =
                path ? add_file(table, path, error) : fail_memory(error, strlen(folder), "a path");
        free(path);
        free(entries[i]);
    }
    free(entries);
    return status;
}

/* ---- Reading ---- */

static int open_file(struct table_files *table, int which, struct csv_reader **reader,
                     struct valence_error *error)
{
    return csv_open(table->files[which].path, table->delimiter, reader, error);
}

int table_files_open(struct table_files *table, const char *path, char delimiter,
                     struct valence_error *error)
{
    *table = (struct table_files){.delimiter = delimiter};
    int status =
        path_is_folder(path) ? add_folder(table, path, error) : add_file(table, path, error);
    return status ? status : open_file(table, 0, &table->reader, error);
}

void table_files_close(struct table_files *table)
{
    csv_close(table->reader);
    for (int i = 0; i < table->n; i++)
        free(table->files[i].path);
    *table = (struct table_files){0};
}

int table_files_restart(struct table_files *table, struct valence_error *error)
{
    csv_close(table->reader);
    table->reader = NULL;
    table->current = 0;
    return open_file(table, 0, &table->reader, error);
}

static bool same_columns(const struct csv_reader *a, const struct csv_reader *b)
{
    bool same = csv_n_columns(a) == csv_n_columns(b);
    for (int i = 0; same && i < csv_n_columns(a); i++)
        same = strcmp(csv_column_name(a, i), csv_column_name(b, i)) == 0;
    return same;
}

int table_files_next(struct table_files *table, bool *more, struct valence_error *error)
{
    int status = csv_next(table->reader, more, error);
    while (!status && !*more && table->current + 1 < table->n) {
        struct csv_reader *next;
        status = open_file(table, table->current + 1, &next, error);
        if (!status && !same_columns(table->reader, next)) {
            status = fail(error, VALENCE_ERROR_FORMAT, "%s: its columns are not those of %s",
                          table->files[table->current + 1].path, table->files[0].path);
            csv_close(next);
        }
        if (status)
            return status;
        csv_close(table->reader);
        table->reader = next;
        table->current++;
        status = csv_next(table->reader, more, error);
    }
    return status;
}

json_t *table_files_describe(const struct table_files *table, struct valence_error *error)
{
    if (table->n == 1)
        return identity_of_file(table->files[0].path, error);
    json_t *list = json_array();
    for (int i = 0; i < table->n; i++) {
        json_t *file = identity_of_file(table->files[i].path, error);
        if (!file || json_array_append_new(list, file)) {
            json_decref(list);
            return NULL;
        }
    }
    return list;
}
