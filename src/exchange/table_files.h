/* A table in one file, or in several of a folder: one for each split, named by it
 * ("train_sent_emo.csv", "dev.csv"). */
#ifndef VALENCE_EXCHANGE_TABLE_FILES_H
#define VALENCE_EXCHANGE_TABLE_FILES_H

#include <jansson.h>

#include "format/csv.h"

#define TABLE_MAX_FILES   32
#define TABLE_SPLIT_BYTES 32

struct table_file {
    char *path;
    char split[TABLE_SPLIT_BYTES]; /* with which its name begins; "" if it begins with none */
};

struct table_files {
    char delimiter;
    int n, current;
    struct table_file files[TABLE_MAX_FILES]; /* in the order of the splits, then of their names */
    struct csv_reader *reader;                /* of the current one */
};

/* Opens the first file. ERROR_NOT_FOUND if the folder has no CSV named by a split. Free with
 * table_files_close(), after an error too. */
int table_files_open(struct table_files *table, const char *path, char delimiter,
                     struct valence_error *error);
void table_files_close(struct table_files *table);

/* Back to before the first row. */
int table_files_restart(struct table_files *table, struct valence_error *error);

/* As csv_next(), over all files: ERROR_FORMAT if one has other columns than the first. */
int table_files_next(struct table_files *table, bool *more, struct valence_error *error);

/* For the store's "source": one object, or an array of them. NULL on error. */
json_t *table_files_describe(const struct table_files *table, struct valence_error *error);

#endif
