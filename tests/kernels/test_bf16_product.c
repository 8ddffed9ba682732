#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/random.h"
#include "kernels/bf16_product.h"

static float widen(uint16_t value)
{
    uint32_t bits = (uint32_t)value << 16;
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

static uint16_t rounded(float x)
{
    uint16_t y;
    bf16_round(1, &x, &y);
    return y;
}

static void test_rounding_is_to_the_nearest_halves_to_even(void **state)
{
    (void)state;
    assert_int_equal(rounded(1.0f), 0x3F80);
    assert_int_equal(rounded(1.0f + 0x1p-8f), 0x3F80); /* half way, down to even */
    assert_int_equal(rounded(1.0f + 0x3p-8f), 0x3F82); /* half way, up to even */
    assert_int_equal(rounded(1.0f + 0x1.01p-8f), 0x3F81);
    assert_int_equal(rounded(-3.4e38f), 0xFF80); /* beyond the largest */
    assert_int_equal(rounded(INFINITY), 0x7F80);
    assert_true(isnan(widen(rounded(NAN))));
    struct random_source source = random_source(1, 0);
    for (int i = 0; i < 100000; i++) {
        float x = (float)random_normal(&source), y = widen(rounded(x));
        assert_true(fabsf(x - y) <= 0x1p-8f * fabsf(x));
    }
}

/* What y holds before, at place i. */
static float before(int64_t i)
{
    return (float)(i % 50 - 7);
}

/* Everything a product needs, of made-up values. */
struct product {
    struct bf16_shape shape;
    int64_t rows, x_stride, columns;
    uint16_t *x, *packed;
    float *weights; /* (columns, depth) */
    float *y;       /* (rows, y_stride) */
    int64_t y_stride;
};

static struct product make_product(int64_t rows, struct bf16_shape shape, int64_t x_stride,
                                   int64_t columns)
{
    struct product p = {shape, rows, x_stride, columns, .y_stride = columns + 3};
    struct random_source source = random_source(2, 0);
    int64_t depth = shape.taps * shape.length, blocks = (columns + 31) / 32;
    int64_t n_x = (rows - 1) * x_stride + (shape.taps - 1) * shape.tap_stride + shape.length;
    float *x = malloc((size_t)n_x * sizeof *x);
    p.x = malloc((size_t)n_x *
                 sizeof *p.x); /* exactly: reading beyond is an error under AddressSanitizer */
    p.packed = malloc((size_t)(blocks * BF16_COLUMNS * depth) * sizeof *p.packed);
    p.weights = malloc((size_t)(columns * depth) * sizeof *p.weights);
    p.y = malloc((size_t)(rows * p.y_stride) * sizeof *p.y);
    assert_true(x && p.x && p.packed && p.weights && p.y);
    for (int64_t i = 0; i < n_x; i++)
        x[i] = (float)random_normal(&source);
    for (int64_t i = 0; i < columns * depth; i++)
        p.weights[i] = (float)random_normal(&source);
    for (int64_t i = 0; i < rows * p.y_stride; i++)
        p.y[i] = before(i);
    bf16_round(n_x, x, p.x);
    for (int64_t j = 0; j < columns; j += BF16_COLUMNS)
        bf16_pack(columns - j < BF16_COLUMNS ? columns - j : BF16_COLUMNS, depth,
                  p.weights + j * depth, depth, p.packed + j * depth);
    free(x);
    return p;
}

static void free_product(struct product *p)
{
    free(p->x);
    free(p->packed);
    free(p->weights);
    free(p->y);
}

static void check_product(const struct product *p)
{
    int64_t depth = p->shape.taps * p->shape.length;
    for (int64_t i = 0; i < p->rows; i++) {
        for (int64_t j = 0; j < p->columns; j++) {
            double sum = p->shape.add ? (double)before(i * p->y_stride + j) : 0, size = fabs(sum);
            for (int64_t k = 0; k < depth; k++) {
                int64_t place = k / p->shape.length * p->shape.tap_stride + k % p->shape.length;
                double term = (double)widen(p->x[i * p->x_stride + place]) *
                              widen(rounded(p->weights[j * depth + k]));
                sum += term;
                size += fabs(term);
            }
            assert_true(fabs(p->y[i * p->y_stride + j] - sum) <= 1e-6 * size + 1e-6);
        }
        /* What lies between rows is untouched. */
        for (int64_t j = p->columns; j < p->y_stride; j++)
            assert_true(p->y[i * p->y_stride + j] == before(i * p->y_stride + j));
    }
}

static void check_products(enum bf16_units units)
{
    const struct {
        int64_t rows;
        struct bf16_shape shape;
        int64_t x_stride, columns;
    } cases[] = {
        {1, {1, 0, 32, false}, 32, 1},
        {8, {1, 0, 64, false}, 64, 32},
        {15, {1, 0, 32, false}, 40, 33},
        {16, {1, 0, 96, false}, 96, 16},
        {17, {1, 0, 96, false}, 96, 17},
        {31, {1, 0, 64, false}, 64, 31},
        {32, {1, 0, 64, false}, 64, 64},
        {33, {1, 0, 2080, false}, 2080, 40},
        {70, {1, 0, 1056, false}, 1056, 100},
        {50, {1, 0, 1536, false}, 1024, 64}, /* windows that overlap */
        {45, {3, 640, 192, false}, 64, 40},
        {7, {2, 2000, 1088, false}, 1088, 8}, /* of a picture */
        {10, {1, 0, 64, true}, 64, 45},       /* added to */
        {5, {2, 96, 64, true}, 64, 32},
    };
    bf16_units_restrict(units);
    if (bf16_units() != units) {
        bf16_units_restrict(BF16_TILES);
        skip();
    }
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct product p =
            make_product(cases[i].rows, cases[i].shape, cases[i].x_stride, cases[i].columns);
        bf16_product(&p.shape, p.rows, p.x, p.x_stride, p.columns, p.packed, p.y, p.y_stride);
        check_product(&p);
        free_product(&p);
    }
    bf16_units_restrict(BF16_TILES);
}

static void test_tiles_equal_the_sums_in_double(void **state)
{
    (void)state;
    check_products(BF16_TILES);
}

static void test_dot_products_equal_the_sums_in_double(void **state)
{
    (void)state;
    check_products(BF16_DOTS);
}

/* A clip's rows do not depend on how many follow them. */
static void test_rows_do_not_depend_on_their_number(void **state)
{
    (void)state;
    if (bf16_units() == BF16_NONE)
        skip();
    struct product p = make_product(70, (struct bf16_shape){1, 0, 2048, false}, 2048, 48);
    float *alone = malloc((size_t)(p.rows * p.y_stride) * sizeof *alone);
    assert_non_null(alone);
    bf16_product(&p.shape, 70, p.x, p.x_stride, p.columns, p.packed, p.y, p.y_stride);
    for (int64_t n = 1; n < 70; n += 13) {
        bf16_product(&p.shape, n, p.x, p.x_stride, p.columns, p.packed, alone, p.y_stride);
        for (int64_t i = 0; i < n; i++)
            assert_memory_equal(alone + i * p.y_stride, p.y + i * p.y_stride,
                                (size_t)p.columns * sizeof *p.y);
    }
    free(alone);
    free_product(&p);
}

static void test_rounded_rows_are_packed_the_same(void **state)
{
    (void)state;
    enum { DEPTH = 96, STRIDE = 101 };
    float rows[BF16_COLUMNS * STRIDE];
    uint16_t rounded[BF16_COLUMNS * STRIDE];
    uint16_t want[BF16_COLUMNS * DEPTH], is[BF16_COLUMNS * DEPTH];
    struct random_source source = random_source(5, 0);
    for (int i = 0; i < BF16_COLUMNS * STRIDE; i++)
        rows[i] = (float)random_normal(&source);
    bf16_round(BF16_COLUMNS * STRIDE, rows, rounded);
    for (int64_t n = 1; n <= BF16_COLUMNS; n++) {
        bf16_pack(n, DEPTH, rows, STRIDE, want);
        bf16_pack_rounded(n, DEPTH, rounded, STRIDE, is);
        assert_memory_equal(is, want, sizeof want);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rounding_is_to_the_nearest_halves_to_even),
        cmocka_unit_test(test_tiles_equal_the_sums_in_double),
        cmocka_unit_test(test_dot_products_equal_the_sums_in_double),
        cmocka_unit_test(test_rows_do_not_depend_on_their_number),
        cmocka_unit_test(test_rounded_rows_are_packed_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
