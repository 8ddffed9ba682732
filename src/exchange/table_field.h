/* What one field of a clip is made from in a row of a table: a column, or a pattern of several.
 *
 *   "label"                             the column of that name
 *   "dia{Dialogue_ID}_utt{Utterance_ID}"  columns in braces, and what stands between
 *   "{id<_}"                            up to the last '_' of the column: "video_12" is "video"
 *   "{split}"                           where there is no such column: the clip's split, as the
 * source spells it */
#ifndef VALENCE_EXCHANGE_TABLE_FIELD_H
#define VALENCE_EXCHANGE_TABLE_FIELD_H

#include "base/text.h"
#include "format/csv.h"

struct table_part {
    char *literal; /* or NULL: */
    int column;    /* -1: the split */
    char cut;      /* up to the last one; 0: all of it */
};

struct table_field {
    int n_parts; /* 0: there is no such field */
    struct table_part *parts;
    struct text text; /* of the row read last, where it is not just a column's */
};

/* ERROR_NOT_FOUND if a column is not there, ERROR_ARGUMENT if the pattern is none; the field
 * is empty then. Free with table_field_free(). */
int table_field_parse(struct table_field *field, const struct csv_reader *reader, const char *spec,
                      struct valence_error *error);
void table_field_free(struct table_field *field);

/* Whether table_field_parse() would find all columns of a layout's field, whose columns have names
 * shorter than TABLE_FIELD_NAME_BYTES. It allocates nothing: a lack of memory must not look like a
 * column that is not there. */
#define TABLE_FIELD_NAME_BYTES 128
bool table_field_fits(const struct csv_reader *reader, const char *spec);

/* Its text in the reader's row, living until the next call; NULL if it is longer than a row may
 * be, or memory is short. */
const char *table_field_text(struct table_field *field, const struct csv_reader *reader,
                             const char *split);

#endif
