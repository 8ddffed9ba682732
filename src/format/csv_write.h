#ifndef VALENCE_FORMAT_CSV_WRITE_H
#define VALENCE_FORMAT_CSV_WRITE_H

#include <stdio.h>

/* In quotation marks, whether it needs them or not; valence_write_csv_field() asks first. */
void csv_write_quoted(FILE *stream, const char *text);

#endif
