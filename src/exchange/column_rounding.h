/* What storing a stream in f16 does to each of its columns: a column that is large beside its
 * spread (1500 +- 0.3) would become constant. Measured clip by clip; memory grows with the columns
 * alone. */
#ifndef VALENCE_EXCHANGE_COLUMN_ROUNDING_H
#define VALENCE_EXCHANGE_COLUMN_ROUNDING_H

#include <stdint.h>

#include "valence/error.h"

/* A column is damaged where the root mean square of what rounding changes is more than this part of
 * the column's standard deviation. At 2 % the noise has 1/2500 of the signal's power. */
#define ROUNDING_LIMIT 0.02

struct column_rounding {
    int64_t width, n_rows; /* n_rows: so far */
    float *first;          /* (width) of the first row: what values are measured from */
    double *sum, *square;  /* (width) of the values less the first */
    double *error;         /* (width) squares of what rounding changes */
    float *partial;        /* (3, width) the same of some rows */
};

/* Free with rounding_end(), after an error too. */
int rounding_begin(struct column_rounding *rounding, int64_t width, struct valence_error *error);
void rounding_add(struct column_rounding *rounding, const float *rows, int64_t n_rows);
void rounding_end(struct column_rounding *rounding);

/* How many columns are damaged. *worst is the column that loses most, *mean and *deviation what it
 * holds; untouched if there is none. */
int64_t rounding_count(const struct column_rounding *rounding, int64_t *worst, double *mean,
                       double *deviation);

#endif
