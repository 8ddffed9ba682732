/* Tables written to a folder in every form: NAME.txt, NAME.md, NAME.csv, NAME.tex and NAME.json. */
#ifndef VALENCE_CLI_TABLE_FILES_H
#define VALENCE_CLI_TABLE_FILES_H

#include <jansson.h>

#include "table.h"
#include "valence/error.h"

/* What is written. The functions get `what`. */
struct table_source {
    const char *name;
    const void *what;
    void (*print)(const void *what, enum table_format format, FILE *stream);
    json_t *(*document)(const void *what); /* NULL: memory is short */
    const char *schema;                    /* of the document; NULL: the command's own */
};

/* Makes the folder where it is missing: before long work, whose tables could not be written. */
int table_folder_make(const char *folder, struct valence_error *error);
int table_files_write(const char *folder, const struct table_source *source,
                      struct valence_error *error);

#endif
