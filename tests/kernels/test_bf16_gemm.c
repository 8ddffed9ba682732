/* Products in bf16 against sums in double of the same rounded values, on each kind of unit that
 * this processor has. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/random.h"
#include "base/threads.h"
#include "kernels/bf16_gemm.h"
#include "kernels/bf16_product.h"
#include "kernels/processor.h"

/* Rows of a matrix lie this much further apart than they are long. */
#define GAP 5

static float rounded(float x)
{
    uint16_t y;
    bf16_round(1, &x, &y);
    uint32_t bits = (uint32_t)y << 16;
    float widened;
    memcpy(&widened, &bits, sizeof widened);
    return widened;
}

static float *make_matrix(int64_t rows, int64_t columns, uint64_t seed)
{
    int64_t n = rows ? (rows - 1) * (columns + GAP) + columns : 1; /* exactly: for ASan */
    struct random_source source = random_source(seed, 0);
    float *values = malloc((size_t)n * sizeof *values);
    assert_non_null(values);
    for (int64_t i = 0; i < n; i++)
        values[i] = (float)random_normal(&source);
    return values;
}

struct factors {
    enum transpose a_form, b_form;
    int64_t m, n, k, lda, ldb, ldc;
    float *a, *b;
};

static struct factors make_factors(int forms, int64_t m, int64_t n, int64_t k)
{
    struct factors f = {.m = m, .n = n, .k = k};
    f.a_form = forms & 1 ? TRANSPOSED : AS_IS;
    f.b_form = forms & 2 ? TRANSPOSED : AS_IS;
    bool a_turned = f.a_form == TRANSPOSED, b_turned = f.b_form == TRANSPOSED;
    f.lda = (a_turned ? m : k) + GAP;
    f.ldb = (b_turned ? k : n) + GAP;
    f.ldc = n + GAP;
    f.a = a_turned ? make_matrix(k, m, 1) : make_matrix(m, k, 1);
    f.b = b_turned ? make_matrix(n, k, 2) : make_matrix(k, n, 2);
    return f;
}

static void free_factors(struct factors *f)
{
    free(f->a);
    free(f->b);
}

static void multiply(const struct factors *f, bool add, float *c)
{
    bf16_gemm(f->a_form, f->b_form, f->m, f->n, f->k, f->a, f->lda, f->b, f->ldb, add, c, f->ldc);
}

static void check(const struct factors *f, const float *before, bool add, const float *c)
{
    for (int64_t i = 0; i < f->m; i++) {
        for (int64_t j = 0; j < f->n; j++) {
            double sum = add ? (double)before[i * f->ldc + j] : 0, size = fabs(sum);
            for (int64_t k = 0; k < f->k; k++) {
                float a = f->a[f->a_form == AS_IS ? i * f->lda + k : k * f->lda + i];
                float b = f->b[f->b_form == AS_IS ? k * f->ldb + j : j * f->ldb + k];
                double term = (double)rounded(a) * (double)rounded(b);
                sum += term;
                size += fabs(term);
            }
            assert_true(fabs((double)c[i * f->ldc + j] - sum) <= 1e-6 * size + 1e-6);
        }
        for (int64_t j = f->n; j < f->ldc && i + 1 < f->m; j++)
            assert_true(c[i * f->ldc + j] == before[i * f->ldc + j]);
    }
}

static const int64_t sizes[][3] = {{1, 1, 1},    {3, 17, 2},    {16, 16, 32},  {31, 33, 31},
                                   {32, 64, 64}, {33, 65, 257}, {40, 70, 300}, {300, 20, 40},
                                   {64, 96, 0},  {257, 34, 513}};

static void check_all(enum bf16_units units)
{
    bf16_units_restrict(units);
    if (bf16_units() != units) {
        bf16_units_restrict(BF16_TILES);
        skip();
    }
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++)
        for (int forms = 0; forms < 8; forms++) {
            struct factors f = make_factors(forms & 3, sizes[s][0], sizes[s][1], sizes[s][2]);
            bool add = forms & 4;
            float *before = make_matrix(f.m, f.n, 3), *c = make_matrix(f.m, f.n, 3);
            multiply(&f, add, c);
            check(&f, before, add, c);
            free(before);
            free(c);
            free_factors(&f);
        }
    bf16_units_restrict(BF16_TILES);
}

static void test_dot_products_equal_the_sums_in_double(void **state)
{
    (void)state;
    check_all(BF16_DOTS);
}

static void test_tiles_equal_the_sums_in_double(void **state)
{
    (void)state;
    check_all(BF16_TILES);
}

/* Each row is one thread's, however many there are. */
static void test_threads_do_not_change_a_product(void **state)
{
    (void)state;
    if (bf16_units() == BF16_NONE)
        skip();
    struct factors f = make_factors(1, 700, 512, 512);
    float *one = make_matrix(f.m, f.n, 3), *more = make_matrix(f.m, f.n, 3);
    int before = threads_enter(1);
    multiply(&f, true, one);
    threads_set(3);
    multiply(&f, true, more);
    threads_leave(before);
    assert_memory_equal(one, more, (size_t)((f.m - 1) * f.ldc + f.n) * sizeof *one);
    free(one);
    free(more);
    free_factors(&f);
}

static void test_restricting_units_takes_the_better_ones_away(void **state)
{
    (void)state;
    enum bf16_units best = bf16_units();
    bf16_units_restrict(BF16_NONE);
    assert_int_equal(bf16_units(), BF16_NONE);
    bf16_units_restrict(BF16_DOTS);
    assert_int_equal(bf16_units(), best < BF16_DOTS ? best : BF16_DOTS);
    bf16_units_restrict(BF16_TILES);
    assert_int_equal(bf16_units(), best);
}

static void test_dot_products_pay_where_they_are_fast(void **state)
{
    (void)state;
    if (processor_has(PROCESSOR_FAST_BF16))
        assert_true(processor_has(PROCESSOR_AVX512_BF16));
    bf16_units_restrict(BF16_DOTS);
    assert_int_equal(bf16_pays(), bf16_units() == BF16_DOTS && processor_has(PROCESSOR_FAST_BF16));
    processor_limit(~(1u << PROCESSOR_FAST_BF16));
    assert_false(bf16_pays());
    bf16_units_restrict(BF16_TILES);
    assert_int_equal(bf16_pays(), bf16_units() == BF16_TILES);
    processor_limit(0);
    assert_false(bf16_pays());
    processor_limit(~0u);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_dot_products_equal_the_sums_in_double),
        cmocka_unit_test(test_tiles_equal_the_sums_in_double),
        cmocka_unit_test(test_threads_do_not_change_a_product),
        cmocka_unit_test(test_restricting_units_takes_the_better_ones_away),
        cmocka_unit_test(test_dot_products_pay_where_they_are_fast),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
