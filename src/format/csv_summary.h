/* What the columns of a CSV hold, counted in one pass. */
#ifndef VALENCE_FORMAT_CSV_SUMMARY_H
#define VALENCE_FORMAT_CSV_SUMMARY_H

#include "format/csv.h"

#define CSV_SUMMARY_VALUES      8
#define CSV_SUMMARY_VALUE_BYTES 32

struct csv_column {
    char *name;
    int64_t n_empty, n_numbers; /* finite ones */
    int64_t n_broken;           /* "nan", "inf" */
    int64_t n_texts;            /* no numbers */
    double low, high;           /* of the numbers; low > high if there are none */
    int n_values;               /* different ones; CSV_SUMMARY_VALUES + 1: more, or long ones */
    struct {
        char text[CSV_SUMMARY_VALUE_BYTES];
        int64_t n;
    } values[CSV_SUMMARY_VALUES];
};

struct csv_summary {
    int64_t n_rows;
    int n_columns;
    struct csv_column *columns;
};

/* Free with csv_summary_free(), after an error too. */
int csv_summarise(const char *path, char delimiter, struct csv_summary *summary,
                  struct valence_error *error);
void csv_summary_free(struct csv_summary *summary);

#endif
