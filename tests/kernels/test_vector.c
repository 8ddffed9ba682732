/* The small vector operations and the matrix product against plain loops, at sizes around the
 * vector widths. */
#include "kernels/gemm.h"
#include "kernels/vector.h"
#include "numbers.h"

static const int64_t sizes[] = {0, 1, 2, 15, 16, 17, 31, 32, 33, 250, 1000};
#define N_SIZES (sizeof sizes / sizeof sizes[0])

static void test_add_scaled_adds_a_multiple(void **state)
{
    (void)state;
    for (size_t k = 0; k < N_SIZES; k++) {
        int64_t n = sizes[k];
        struct random_source source = random_source(1, k);
        double *x = draw(&source, n), *y = draw(&source, n + 1);
        real *sum = as_reals(n + 1, y);
        for (int64_t i = 0; i < n; i++)
            y[i] += -0.75 * x[i];
        vector_add_scaled(n, (real)-0.75, as_reals(n, x), sum);
        assert_near("sum", n + 1, sum, y, VALUE_TOLERANCE);
    }
}

static void test_dot_sums_the_products(void **state)
{
    (void)state;
    for (size_t k = 0; k < N_SIZES; k++) {
        struct random_source source = random_source(2, k);
        double *x = draw(&source, sizes[k]), *y = draw(&source, sizes[k]);
        double sum = (double)vector_dot(sizes[k], as_reals(sizes[k], x), as_reals(sizes[k], y));
        double wanted = dot(sizes[k], x, y), scale = dot(sizes[k], x, x) + 1;
        assert_true(fabs(sum - wanted) <= VALUE_TOLERANCE * scale);
    }
}

static void test_add_rows_sums_the_columns(void **state)
{
    (void)state;
    for (int64_t rows = 0; rows < 5; rows++) {
        int64_t width = 37, stride = 40;
        struct random_source source = random_source(3, (uint64_t)rows);
        double *x = draw(&source, rows * stride), *sums = draw(&source, stride);
        real *got = as_reals(stride, sums);
        for (int64_t i = 0; i < rows; i++)
            for (int64_t j = 0; j < width; j++)
                sums[j] += x[i * stride + j];
        vector_add_rows(rows, width, as_reals(rows * stride, x), stride, got);
        assert_near("sums", stride, got, sums, VALUE_TOLERANCE);
    }
}

static void test_clear_clears_as_much_as_it_is_told(void **state)
{
    (void)state;
    static const int64_t lengths[] = {0, 1, 1 << 16, (1 << 18) + 1, (1 << 18) + (1 << 16)};
    for (size_t k = 0; k < sizeof lengths / sizeof lengths[0]; k++) {
        real *x = gradient_from(3, lengths[k] + 1);
        vector_clear(lengths[k], x);
        for (int64_t i = 0; i < lengths[k]; i++)
            assert_true(x[i] == 0);
        assert_true(x[lengths[k]] == 3);
    }
}

/* op(a) as a matrix stored with rows of `stride`. */
static double element(const double *a, enum transpose form, int64_t stride, int64_t row,
                      int64_t column)
{
    return form == TRANSPOSED ? a[column * stride + row] : a[row * stride + column];
}

static void check_product(enum transpose a_form, enum transpose b_form, int64_t m, int64_t n,
                          int64_t k, double alpha, double beta)
{
    struct random_source source = random_source(4, (uint64_t)(m + 10 * n + 100 * k));
    int64_t lda = (a_form == TRANSPOSED ? m : k) + 2, ldb = (b_form == TRANSPOSED ? k : n) + 1;
    int64_t ldc = n + 3, a_size = (m + k) * lda, b_size = (n + k) * ldb;
    double *a = draw(&source, a_size), *b = draw(&source, b_size), *c = draw(&source, m * ldc);
    real *result = as_reals(m * ldc, c);
    for (int64_t i = 0; i < m; i++)
        for (int64_t j = 0; j < n; j++) {
            double sum = 0;
            for (int64_t l = 0; l < k; l++)
                sum += element(a, a_form, lda, i, l) * element(b, b_form, ldb, l, j);
            c[i * ldc + j] = alpha * sum + beta * c[i * ldc + j];
        }
    gemm(a_form, b_form, m, n, k, (real)alpha, as_reals(a_size, a), lda, as_reals(b_size, b), ldb,
         (real)beta, result, ldc);
    assert_near("c", m * ldc, result, c, VALUE_TOLERANCE);
}

static void test_products_of_every_form_and_of_nothing(void **state)
{
    (void)state;
    for (int form = 0; form < 4; form++) {
        enum transpose a = form & 1 ? TRANSPOSED : AS_IS, b = form & 2 ? TRANSPOSED : AS_IS;
        check_product(a, b, 4, 3, 5, 1, 0);
        check_product(a, b, 33, 17, 65, 0.5, 1);
        check_product(a, b, 2, 3, 0, 1, 0.5);
        check_product(a, b, 2, 3, 0, 1, 0);
        check_product(a, b, 0, 3, 4, 1, 1);
        check_product(a, b, 3, 0, 4, 1, 1);
    }
}

static void test_an_empty_product_overwrites_nan(void **state)
{
    (void)state;
    real c[] = {(real)NAN, (real)NAN};
    gemm(AS_IS, AS_IS, 1, 2, 0, 1, c, 1, c, 2, 0, c, 2);
    assert_true(c[0] == 0 && c[1] == 0);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_add_scaled_adds_a_multiple, release_kept),
        cmocka_unit_test_teardown(test_dot_sums_the_products, release_kept),
        cmocka_unit_test_teardown(test_add_rows_sums_the_columns, release_kept),
        cmocka_unit_test_teardown(test_clear_clears_as_much_as_it_is_told, release_kept),
        cmocka_unit_test_teardown(test_products_of_every_form_and_of_nothing, release_kept),
        cmocka_unit_test(test_an_empty_product_overwrites_nan),
    };
    return cmocka_run_group_tests_name("vector", tests, NULL, NULL);
}
