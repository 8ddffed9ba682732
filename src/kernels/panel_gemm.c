#include "kernels/panel_gemm.h"

#include <string.h>

#include "kernels/panel.h"
#include "kernels/processor.h"

#define GROUP 12  /* rows that panel_product() computes together */
#define ROWS  240 /* whose places are listed at a time */
#define DEPTH 256 /* of a panel, so that it stays in the first-level cache */

/* Below, packing takes what the product saves. */
#define FEWEST 128

bool panel_gemm_pays(int64_t in, int64_t out)
{
    bool large = in >= FEWEST && out >= FEWEST;
#ifdef VALENCE_DOUBLE
    return large;
#else
    return large && processor_has(PROCESSOR_AVX512);
#endif
}

int64_t panel_gemm_right_size(int64_t k, int64_t n)
{
    return panel_count(n) * PANEL * k;
}

int64_t panel_gemm_left_size(int64_t m, int64_t k)
{
    return (m + GROUP - 1) / GROUP * GROUP * k;
}

static int64_t smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* The left matrix: rows as they lie, or groups of them with their values side by side. */
struct left {
    const real *values;
    int64_t lda; /* 0: groups */
    int64_t k;
};

static const real *left_row(const struct left *left, int64_t i)
{
    return left->lda ? left->values + i * left->lda
                     : left->values + i / GROUP * GROUP * left->k + i % GROUP;
}

/* `m` <= ROWS rows from row `first` times a panel, of which `columns` go to c. */
static void multiply_rows(const struct left *left, int64_t first, int64_t m, int64_t columns,
                          const real *panel, bool add, real *c, int64_t ldc)
{
    real edge[ROWS][PANEL]; /* of a panel that is not full */
    const real *a[ROWS];
    real *out[ROWS];
    bool full = columns == PANEL;
    for (int64_t i = 0; i < m; i++)
        out[i] = full ? c + i * ldc : edge[i];
    for (int64_t k = 0; k < left->k; k += DEPTH) {
        int64_t step = left->lda ? 1 : GROUP, zero = 0;
        struct panel_shape shape = {1, &zero, smaller(DEPTH, left->k - k), step,
                                    k > 0 || (full && add)};
        for (int64_t i = 0; i < m; i++)
            a[i] = left_row(left, first + i) + k * step;
        panel_product(&shape, m, a, panel + k * PANEL, out);
    }
    for (int64_t i = 0; i < m && !full; i++)
        for (int64_t j = 0; j < columns; j++)
            c[i * ldc + j] = (add ? c[i * ldc + j] : 0) + edge[i][j];
}

static void multiply(const struct left *left, int64_t m, int64_t n, const real *b, bool add,
                     real *c, int64_t ldc)
{
    for (int64_t column = 0; column < n; column += PANEL)
        for (int64_t row = 0; row < m; row += ROWS)
            multiply_rows(left, row, smaller(ROWS, m - row), smaller(PANEL, n - column),
                          b + column * left->k, add, c + row * ldc + column, ldc);
}

void panel_gemm(int64_t m, int64_t n, int64_t k, const real *a, int64_t lda, const real *b,
                bool add, real *c, int64_t ldc)
{
    struct left left = {a, lda, k};
    multiply(&left, m, n, b, add, c, ldc);
}

void panel_gemm_pack_left(int64_t m, int64_t k, const real *a, int64_t lda, real *groups)
{
    for (int64_t first = 0; first < m; first += GROUP) {
        int64_t n = smaller(GROUP, m - first);
        for (int64_t i = 0; i < k; i++, groups += GROUP) {
            const real *values = a + i * lda + first;
            if (n == GROUP) /* a size that the compiler knows */
                memcpy(groups, values, GROUP * sizeof *groups);
            else
                memcpy(groups, values, (size_t)n * sizeof *groups);
        }
    }
}

void panel_gemm_left(int64_t m, int64_t n, int64_t k, const real *groups, const real *b, real *c,
                     int64_t ldc)
{
    struct left left = {groups, 0, k};
    multiply(&left, m, n, b, true, c, ldc);
}
