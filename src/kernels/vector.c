#include "kernels/vector.h"

#include "kernels/simd.h"

VALENCE_CLONES
void vector_add_scaled(int64_t n, real factor, const real *x, real *y)
{
    for (int64_t j = 0; j < n; j++)
        y[j] += factor * x[j];
}

VALENCE_CLONES
real vector_dot(int64_t n, const real *x, const real *y)
{
    enum { LANES = 16 };
    real sums[LANES] = {0}, sum = 0;
    int64_t whole = n / LANES * LANES;
    for (int64_t j = 0; j < whole; j += LANES)
        for (int i = 0; i < LANES; i++)
            sums[i] += x[j + i] * y[j + i];
    for (int i = 0; i < LANES; i++)
        sum += sums[i];
    for (int64_t j = whole; j < n; j++)
        sum += x[j] * y[j];
    return sum;
}

VALENCE_CLONES
void vector_add_rows(int64_t rows, int64_t width, const real *x, int64_t stride, real *sums)
{
    for (int64_t i = 0; i < rows; i++)
        for (int64_t j = 0; j < width; j++)
            sums[j] += x[i * stride + j];
}

void vector_clear(int64_t n, real *x)
{
    enum { CHUNK = 1 << 16 };
#pragma omp parallel for schedule(static) if (n > 4 * CHUNK)
    for (int64_t i = 0; i < n; i += CHUNK)
        memset(x + i, 0, (size_t)(n - i < CHUNK ? n - i : CHUNK) * sizeof(real));
}
