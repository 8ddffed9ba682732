/* Products with a matrix in panels against plain loops, at the instructions of each processor. */
#include "kernels/panel.h"
#include "kernels/panel_gemm.h"
#include "kernels/processor.h"
#include "numbers.h"

/* All of the processor's units, then fewer; double has one form alone. */
static const unsigned limits[] = {~0u, 1u << PROCESSOR_AVX2 | 1u << PROCESSOR_AVX512,
                                  1u << PROCESSOR_AVX2, 0};
#define N_LIMITS (IS_DOUBLE ? 1 : sizeof limits / sizeof limits[0])

static int give_units_back(void **state)
{
    processor_limit(~0u);
    return release_kept(state);
}

/* sum over k of a[i][k] b[k][j], where the matrices lie as the strides say */
static double reference(int64_t k, const double *a, int64_t a_step, const double *b, int64_t b_step)
{
    double sum = 0;
    for (int64_t i = 0; i < k; i++)
        sum += a[i * a_step] * b[i * b_step];
    return sum;
}

/* Both ways of packing, and as many rows as any block takes. */
static void check_product(int64_t n, bool add)
{
    enum { DEPTH = 37, OUT = 50 };
    struct random_source source = random_source(1, (uint64_t)n);
    double *a = draw(&source, n * DEPTH), *w = draw(&source, OUT * DEPTH);
    double *before = draw(&source, n * PANEL), *wanted = keep(n * PANEL, sizeof *wanted);
    real *packed = keep(2 * PANEL * DEPTH, sizeof *packed), *values = as_reals(n * DEPTH, a);
    const real **rows = keep(n, sizeof *rows);
    real **outs = keep(n, sizeof *outs);
    int64_t zero = 0;
    struct panel_shape shape = {1, &zero, DEPTH, 1, add};
    panel_pack(OUT, DEPTH, as_reals(OUT * DEPTH, w), DEPTH, packed);
    for (int panel = 0; panel < 2; panel++) {
        real *out = as_reals(n * PANEL, before);
        for (int64_t i = 0; i < n; i++) {
            rows[i] = values + i * DEPTH;
            outs[i] = out + i * PANEL;
            for (int64_t j = 0; j < PANEL; j++) {
                int64_t column = panel * PANEL + j;
                wanted[i * PANEL + j] = add ? before[i * PANEL + j] : 0;
                if (column < OUT)
                    wanted[i * PANEL + j] +=
                        reference(DEPTH, a + i * DEPTH, 1, w + column * DEPTH, 1);
            }
        }
        panel_product(&shape, n, rows, packed + panel * DEPTH * PANEL, outs);
        assert_near("out", n * PANEL, out, wanted, VALUE_TOLERANCE);
    }
}

static void test_panels_hold_any_number_of_rows(void **state)
{
    (void)state;
    for (size_t limit = 0; limit < N_LIMITS; limit++) {
        processor_limit(limits[limit]);
        for (int64_t n = 1; n <= 40; n++) {
            check_product(n, false);
            check_product(n, true);
            release_kept(NULL);
        }
    }
}

/* As a convolution reads a picture: windows of several stretches, which overlap. */
static void check_windows(void)
{
    enum { ROWS = 29, TAPS = 3, LENGTH = 10, STEP = 2, APART = 4, OUT = 20, N = 400 };
    static const int64_t offsets[TAPS] = {5, 90, 170};
    struct random_source source = random_source(5, 5);
    double *a = draw(&source, N), *w = draw(&source, OUT * TAPS * LENGTH);
    double *wanted = keep(ROWS * PANEL, sizeof *wanted);
    real *packed = keep(TAPS * LENGTH * PANEL, sizeof *packed), *values = as_reals(N, a);
    real *out = keep(ROWS * PANEL, sizeof *out);
    const real *rows[ROWS];
    real *outs[ROWS];
    struct panel_shape shape = {TAPS, offsets, LENGTH, STEP, false};
    panel_pack(OUT, TAPS * LENGTH, as_reals(OUT * TAPS * LENGTH, w), TAPS * LENGTH, packed);
    for (int64_t i = 0; i < ROWS; i++) {
        rows[i] = values + i * APART;
        outs[i] = out + i * PANEL;
        for (int64_t j = 0; j < OUT; j++)
            for (int t = 0; t < TAPS; t++)
                wanted[i * PANEL + j] += reference(LENGTH, a + i * APART + offsets[t], STEP,
                                                   w + (j * TAPS + t) * LENGTH, 1);
    }
    panel_product(&shape, ROWS, rows, packed, outs);
    assert_near("out", ROWS * PANEL, out, wanted, VALUE_TOLERANCE);
}

static void test_windows_have_several_stretches(void **state)
{
    (void)state;
    for (size_t limit = 0; limit < N_LIMITS; limit++) {
        processor_limit(limits[limit]);
        check_windows();
    }
}

static void test_a_transposed_matrix_is_packed_the_same(void **state)
{
    enum { DEPTH = 37, OUT = 50 };
    struct random_source source = random_source(2, 2);
    double *w = draw(&source, OUT * DEPTH), *transposed = keep(OUT * DEPTH, sizeof *transposed);
    real packed[2 * PANEL * DEPTH], again[2 * PANEL * DEPTH];
    (void)state;
    for (int i = 0; i < OUT * DEPTH; i++)
        transposed[i % DEPTH * OUT + i / DEPTH] = w[i];
    panel_pack(OUT, DEPTH, as_reals(OUT * DEPTH, w), DEPTH, packed);
    panel_pack_transposed(OUT, DEPTH, as_reals(OUT * DEPTH, transposed), OUT, again);
    assert_memory_equal(again, packed, sizeof packed);
}

/* ---- Products of whole matrices ---- */

/* c (m, n) in columns of a wider matrix, whose other columns stay. */
struct product {
    int64_t m, n, k, lda, ldc;
    bool transposed;
    double *a, *b, *before; /* (m, k) or (k, m), (k, n), and (m, ldc) of c before the product */
    double *sums;           /* a b, (m, n) */
};

static struct product make_product(int64_t m, int64_t n, int64_t k, bool transposed)
{
    struct random_source source = random_source(3, (uint64_t)(m * 1000 + n * 10 + k));
    struct product p = {.m = m,
                        .n = n,
                        .k = k,
                        .lda = (transposed ? m : k) + 3,
                        .ldc = n + 5,
                        .transposed = transposed};
    p.a = draw(&source, (transposed ? k : m) * p.lda);
    p.b = draw(&source, k * n);
    p.before = draw(&source, m * p.ldc);
    p.sums = keep(m * n, sizeof *p.sums);
    for (int64_t i = 0; i < m; i++)
        for (int64_t j = 0; j < n; j++)
            p.sums[i * n + j] = reference(k, p.a + (transposed ? i : i * p.lda),
                                          transposed ? p.lda : 1, p.b + j, n);
    return p;
}

/* At the instructions that the processor is limited to. */
static void check_gemm(const struct product *p, bool add)
{
    double *wanted = keep(p->m * p->ldc, sizeof *wanted);
    real *c = as_reals(p->m * p->ldc, p->before);
    real *as = as_reals((p->transposed ? p->k : p->m) * p->lda, p->a);
    real *panels = keep(panel_gemm_right_size(p->k, p->n), sizeof *panels);
    real *groups = keep(panel_gemm_left_size(p->m, p->k), sizeof *groups);
    memcpy(wanted, p->before, (size_t)(p->m * p->ldc) * sizeof *wanted);
    for (int64_t i = 0; i < p->m; i++)
        for (int64_t j = 0; j < p->n; j++)
            wanted[i * p->ldc + j] = (add ? wanted[i * p->ldc + j] : 0) + p->sums[i * p->n + j];
    panel_pack_transposed(p->n, p->k, as_reals(p->k * p->n, p->b), p->n, panels);
    if (p->transposed) {
        panel_gemm_pack_left(p->m, p->k, as, p->lda, groups);
        panel_gemm_left(p->m, p->n, p->k, groups, panels, c, p->ldc);
    } else {
        panel_gemm(p->m, p->n, p->k, as, p->lda, panels, add, c, p->ldc);
    }
    assert_near("c", p->m * p->ldc, c, wanted, 2 * VALUE_TOLERANCE);
}

static void test_products_of_every_shape(void **state)
{
    static const int64_t sizes[] = {1, 11, 12, 13, 31, 32, 33, 70, 241, 300};
    static const int64_t depths[] = {1, 37, 255, 256, 257, 600};
    enum { N_SIZES = sizeof sizes / sizeof sizes[0], N_DEPTHS = sizeof depths / sizeof depths[0] };
    (void)state;
    for (int i = 0; i < N_SIZES * N_SIZES; i++) {
        int64_t m = sizes[i % N_SIZES], n = sizes[i / N_SIZES], k = depths[i % N_DEPTHS];
        struct product plain = make_product(m, n, k, false);
        struct product transposed = make_product(m, n, k, true);
        for (size_t limit = 0; limit < N_LIMITS; limit++) {
            processor_limit(limits[limit]);
            check_gemm(&plain, false);
            check_gemm(&plain, true);
            check_gemm(&transposed, true);
        }
        release_kept(NULL);
    }
}

/* Bit by bit: what a clip is scored does not depend on the clips beside it. */
static void test_a_row_does_not_depend_on_the_others(void **state)
{
    enum { M = 250, N = 64, K = 300 };
    struct random_source source = random_source(4, 4);
    real *a = as_reals(M * K, draw(&source, M * K)), *b = as_reals(K * N, draw(&source, K * N));
    real *panels = keep(panel_gemm_right_size(K, N), sizeof *panels);
    real *all = keep(M * N, sizeof *all), one[N];
    (void)state;
    panel_pack_transposed(N, K, b, N, panels);
    panel_gemm(M, N, K, a, K, panels, false, all, N);
    for (int64_t i = 0; i < M; i++) {
        panel_gemm(1, N, K, a + i * K, K, panels, false, one, N);
        assert_memory_equal(one, all + i * N, sizeof one);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_panels_hold_any_number_of_rows, give_units_back),
        cmocka_unit_test_teardown(test_windows_have_several_stretches, give_units_back),
        cmocka_unit_test_teardown(test_a_transposed_matrix_is_packed_the_same, release_kept),
        cmocka_unit_test_teardown(test_products_of_every_shape, give_units_back),
        cmocka_unit_test_teardown(test_a_row_does_not_depend_on_the_others, release_kept),
    };
    return cmocka_run_group_tests_name("panel", tests, NULL, NULL);
}
