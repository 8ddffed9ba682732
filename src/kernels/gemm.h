/* Matrix products through CBLAS, row-major, in the kernels' element type.
 *
 *   c = alpha * op(a) op(b) + beta * c,   op(a): (m, k), op(b): (k, n), c: (m, n)
 *
 * `lda`, `ldb`, `ldc` are the distances between the rows as stored. Empty products (m, n or k of 0)
 * are done here, as CBLAS refuses some of them: c is scaled by beta. Called outside a parallel
 * region the product uses all threads, inside one the calling thread alone. */
#ifndef VALENCE_KERNELS_GEMM_H
#define VALENCE_KERNELS_GEMM_H

#include <stdint.h>

#include "kernels/real.h"

enum transpose { AS_IS, TRANSPOSED };

void gemm(enum transpose a_form, enum transpose b_form, int64_t m, int64_t n, int64_t k, real alpha,
          const real *a, int64_t lda, const real *b, int64_t ldb, real beta, real *c, int64_t ldc);

#endif
