#include "kernels/gemm.h"

#include <cblas.h>

#ifdef VALENCE_DOUBLE
#define CBLAS_GEMM cblas_dgemm
#else
#define CBLAS_GEMM cblas_sgemm
#endif

void gemm(enum transpose a_form, enum transpose b_form, int64_t m, int64_t n, int64_t k, real alpha,
          const real *a, int64_t lda, const real *b, int64_t ldb, real beta, real *c, int64_t ldc)
{
    if (m == 0 || n == 0)
        return;
    if (k == 0) {
        for (int64_t i = 0; i < m; i++)
            for (int64_t j = 0; j < n; j++)
                c[i * ldc + j] = beta == 0 ? 0 : beta * c[i * ldc + j];
        return;
    }
    CBLAS_GEMM(CblasRowMajor, a_form == TRANSPOSED ? CblasTrans : CblasNoTrans,
               b_form == TRANSPOSED ? CblasTrans : CblasNoTrans, (blasint)m, (blasint)n, (blasint)k,
               alpha, a, (blasint)lda, b, (blasint)ldb, beta, c, (blasint)ldc);
}
