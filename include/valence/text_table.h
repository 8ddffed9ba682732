/* Texts in a table (CSV, TSV): one a row, with the id of the row. */
#ifndef VALENCE_TEXT_TABLE_H
#define VALENCE_TEXT_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "valence/api.h"
#include "valence/error.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Set it with valence_text_table_options_default(), then change what you need. */
struct valence_text_table_options {
    size_t size;
    const char *text_column; /* NULL: "transcript" or "text", whichever the table has */
    const char *id_column;   /* NULL: "id" where the table has it; else rows are counted from 1 */
};

VALENCE_API void valence_text_table_options_default(struct valence_text_table_options *options);

/* Open for reading, by one thread. Rows are read as they are needed. */
struct valence_text_table;

/* The first row of the file names its columns; the delimiter is found. `options` may be NULL.
 * *table is NULL on failure. Errors: NOT_FOUND (keys "text_column", "id_column"), naming the
 * columns there are; FORMAT, with the line, also for text that is not UTF-8; IO; MEMORY. */
VALENCE_API int valence_text_table_open(const char *path,
                                        const struct valence_text_table_options *options,
                                        struct valence_text_table **table,
                                        struct valence_error *error);
VALENCE_API void valence_text_table_close(struct valence_text_table *table);

/* The next row. *id and *text belong to the table and live until the next call; both are NULL after
 * the last row. Errors: those of opening; DATA for a row with an empty id. */
VALENCE_API int valence_text_table_next(struct valence_text_table *table, const char **id,
                                        const char **text, struct valence_error *error);

#ifdef __cplusplus
}
#endif
#endif
