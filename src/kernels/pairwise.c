#include "kernels/pairwise.h"

#include "kernels/simd.h"

/* Rows of b that are compared with a row of a while they are in the cache. */
#define TILE 64

VALENCE_CLONES
static real squared_distance(int64_t n, const real *x, const real *y)
{
    enum { LANES = 16 };
    real sums[LANES] = {0}, sum = 0;
    int64_t whole = n / LANES * LANES;
    for (int64_t j = 0; j < whole; j += LANES)
        for (int i = 0; i < LANES; i++)
            sums[i] += (x[j + i] - y[j + i]) * (x[j + i] - y[j + i]);
    for (int i = 0; i < LANES; i++)
        sum += sums[i];
    for (int64_t j = whole; j < n; j++)
        sum += (x[j] - y[j]) * (x[j] - y[j]);
    return sum;
}

void pairwise_distances(int64_t n, const real *a, int64_t m, const real *b, int64_t width,
                        real *distances)
{
    for (int64_t first = 0; first < m; first += TILE) {
        int64_t end = first + TILE < m ? first + TILE : m;
#pragma omp parallel for schedule(static)
        for (int64_t i = 0; i < n; i++)
            for (int64_t j = first; j < end; j++)
                distances[i * m + j] =
                    (real)sqrt((double)squared_distance(width, a + i * width, b + j * width));
    }
}
