/* Delimited text after RFC 4180: quoted fields with embedded delimiters, quotes ("") and line ends;
 * LF or CRLF; UTF-8 with an optional byte order mark. A quote inside a field that does not begin
 * with one is a character like others, as to Python, pandas and Excel. The first row names the
 * columns and every row has as many fields; empty lines are skipped. Streaming: only a row and a
 * piece of the file are in memory. */
#ifndef VALENCE_FORMAT_CSV_H
#define VALENCE_FORMAT_CSV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "valence/error.h"

#define CSV_MAX_ROW_BYTES (64 << 20)
#define CSV_MAX_COLUMNS   (1 << 20)

/* As a delimiter: the one that the file's first line names ("sep=;", as Excel writes it), else
 * whichever of ',', ';', tab and '|' the row of names has most of. */
#define CSV_FIND_DELIMITER '\0'

struct csv_reader;

/* Opens the file and reads the row of names; two equal names are VALENCE_ERROR_FORMAT. *reader is
 * NULL on error. */
int csv_open(const char *path, char delimiter, struct csv_reader **reader,
             struct valence_error *error);

/* The same from memory, which must outlive *reader; `name` stands for the file in errors. */
int csv_open_memory(const void *data, size_t size, const char *name, char delimiter,
                    struct csv_reader **reader, struct valence_error *error);
void csv_close(struct csv_reader *reader);

int csv_n_columns(const struct csv_reader *reader);
const char *csv_column_name(const struct csv_reader *reader, int column);

/* The column of that name, or -1. */
int csv_find_column(const struct csv_reader *reader, const char *name);

/* As above, but its absence is VALENCE_ERROR_NOT_FOUND, naming the columns there are. */
int csv_need_column(const struct csv_reader *reader, const char *name, int *column,
                    struct valence_error *error);

/* Reads the next row; *more is false at the end of the file. VALENCE_ERROR_FORMAT, with file and
 * line, for text behind a closing quote, a quote never closed, a NUL byte, bytes that are not UTF-8
 * (with a guess what they are), and a row with another number of fields; VALENCE_ERROR_LIMIT beyond
 * CSV_MAX_ROW_BYTES. After an error the reader can only be closed. */
int csv_next(struct csv_reader *reader, bool *more, struct valence_error *error);

/* Of the row read last: a field, NUL-terminated, living until the next csv_next(); and the line it
 * starts at, from 1. */
const char *csv_field(const struct csv_reader *reader, int column);
int64_t csv_line(const struct csv_reader *reader);

/* A field as a number; VALENCE_ERROR_DATA with file, line and column where it is not a number. */
int csv_number(const struct csv_reader *reader, int column, double *value,
               struct valence_error *error);

#endif
