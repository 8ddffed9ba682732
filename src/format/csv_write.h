/* Writing delimited text that format/csv.h reads back. */
#ifndef VALENCE_FORMAT_CSV_WRITE_H
#define VALENCE_FORMAT_CSV_WRITE_H

#include <stdio.h>

/* A field after RFC 4180, quoted where it must be. */
void csv_write_field(FILE *stream, const char *text);

/* A number that reads back to the same float, whatever the process's locale; an empty field for
 * NaN. */
void csv_write_number(FILE *stream, float value);

#endif
