/* The rows that make_principal.py makes, too. */
#ifndef VALENCE_TEST_PRINCIPAL_ROWS_H
#define VALENCE_TEST_PRINCIPAL_ROWS_H

#include <math.h>
#include <stdlib.h>

#include "kernels/real.h"

/* (n, width): columns of falling spread around a mean, in single precision. free() them. */
static inline real *make_rows(int64_t n, int64_t width, double phase)
{
    real *x = calloc((size_t)(n * width), sizeof *x);
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j < width; j++) {
            double at = phase + 0.7 * (double)i + 1.3 * (double)j + 0.11 * (double)(i * j);
            x[i * width + j] =
                (real)(float)(sin(at) * (1 + 3 / (1 + (double)j)) + 0.25 * (double)j);
        }
    return x;
}

#endif
