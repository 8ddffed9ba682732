/* Small vector operations that several kernels are made of; compiled for every instruction set. */
#ifndef VALENCE_KERNELS_VECTOR_H
#define VALENCE_KERNELS_VECTOR_H

#include <stdint.h>

#include "kernels/real.h"

/* y += factor * x */
void vector_add_scaled(int64_t n, real factor, const real *x, real *y);

/* x . y, always summed in the same order */
real vector_dot(int64_t n, const real *x, const real *y);

/* sums += the sum of the rows of x, (rows, width) at distance stride */
void vector_add_rows(int64_t rows, int64_t width, const real *x, int64_t stride, real *sums);

/* x = 0, by all threads where that pays */
void vector_clear(int64_t n, real *x);

#endif
