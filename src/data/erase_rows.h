/* Rows of a clip that are erased: masks of protocols and of training do it alike. */
#ifndef VALENCE_DATA_ERASE_ROWS_H
#define VALENCE_DATA_ERASE_ROWS_H

#include <string.h>

#include "valence/protocol.h"

/* Goes over rows from the first to the last, in place. */
struct row_eraser {
    char *rows;
    size_t row_bytes;
    enum valence_erasure erasure;
    int64_t n, n_left; /* rows gone over, and those of them that are still there */
};

/* The next row stays as it is, or is erased. */
static inline void erase_next(struct row_eraser *eraser, bool stays)
{
    char *row = eraser->rows + (size_t)eraser->n * eraser->row_bytes;
    if (eraser->erasure == VALENCE_ERASURE_ZERO) {
        if (!stays)
            memset(row, 0, eraser->row_bytes);
        eraser->n_left++;
    } else if (stays) {
        if (eraser->n_left < eraser->n)
            memmove(eraser->rows + (size_t)eraser->n_left * eraser->row_bytes, row,
                    eraser->row_bytes);
        eraser->n_left++;
    }
    eraser->n++;
}

#endif
