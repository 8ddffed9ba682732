/* The products of bytes of every form that the processor has, against the sums as they are
 * written. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/half.h"
#include "base/random.h"
#include "encode/compute/q8_0.h"
#include "kernels/processor.h"

#include "int8_reference.h"

/* ---- Forms ---- */

static const struct form {
    const char *name;
    unsigned units; /* that the processor must have, and is limited to */
} forms[] = {
    {"SSSE3", 1u << PROCESSOR_SSSE3},
    {"AVX2", 1u << PROCESSOR_AVX2},
    {"AVX-VNNI", 1u << PROCESSOR_AVX2 | 1u << PROCESSOR_AVX_VNNI},
    {"AVX-512", 1u << PROCESSOR_AVX2 | 1u << PROCESSOR_AVX512},
    {"AVX-512 VNNI", 1u << PROCESSOR_AVX2 | 1u << PROCESSOR_AVX512 | 1u << PROCESSOR_AVX512_VNNI},
    {"AMX", 1u << PROCESSOR_AMX_INT8},
    {"NEON dot", 1u << PROCESSOR_ARM_DOT},
};
#define N_FORMS (int)(sizeof forms / sizeof *forms)

/* Chooses the form; false where the processor has it not. */
static bool choose(const struct form *form)
{
    processor_limit(~0u);
    for (int unit = 0; unit < N_PROCESSOR_UNITS; unit++)
        if ((form->units >> unit & 1) && !processor_has((enum processor_unit)unit))
            return false;
    processor_limit(form->units);
    return int8_product_available() && strcmp(int8_product_form(), form->name) == 0;
}

/* ---- A product of made-up values ---- */

struct product {
    struct int8_shape shape;
    int64_t rows, x_stride, columns;
    bool per_row; /* a scale for each row, which then do not overlap */
    float *x;     /* (rows - 1) * x_stride + the last one's reach */
    int64_t n_x;
    float *weights; /* (columns, depth) */
};

static struct product make_product(int64_t rows, struct int8_shape shape, int64_t x_stride,
                                   int64_t columns)
{
    struct product p = {.shape = shape, .rows = rows, .x_stride = x_stride, .columns = columns};
    struct random_source source = random_source(3, (uint64_t)rows);
    int64_t n_weights = columns * shape.taps * shape.length;
    p.n_x = (rows - 1) * x_stride + (shape.taps - 1) * shape.tap_stride + shape.length;
    p.per_row = shape.taps == 1 && x_stride >= shape.length;
    p.x = malloc((size_t)p.n_x * sizeof *p.x);
    p.weights = malloc((size_t)n_weights * sizeof *p.weights);
    assert_true(p.x && p.weights);
    for (int64_t i = 0; i < p.n_x; i++)
        p.x[i] = (float)(random_normal(&source) + 0.7);
    for (int64_t i = 0; i < n_weights; i++)
        p.weights[i] = (float)random_normal(&source) * (float)(1 + i % 5);
    return p;
}

static void free_product(struct product *p)
{
    free(p->x);
    free(p->weights);
}

/* By int8_product() of the form that was chosen: (rows, columns + 3), -7 where nothing is due. */
static float *compute(const struct product *p, int64_t rows)
{
    size_t panel = int8_panel_bytes(&p->shape);
    int64_t depth = p->shape.taps * p->shape.length, y_stride = p->columns + 3;
    uint8_t *x = calloc((size_t)p->n_x + INT8_SLACK, 1);
    struct int8_scale *scales = calloc((size_t)rows, sizeof *scales);
    unsigned char *panels = aligned_alloc(64, panel * (size_t)(p->columns / INT8_COLUMNS + 1));
    float *y = malloc((size_t)(rows * y_stride) * sizeof *y), least, most;
    assert_true(x && scales && panels && y);
    for (int64_t i = 0; i < rows * y_stride; i++)
        y[i] = -7;
    if (!p->per_row) {
        int8_range(p->n_x, p->x, &least, &most);
        scales[0] = int8_scale_of(least, most);
        int8_quantise(p->n_x, p->x, scales[0], x);
    }
    for (int64_t i = 0; p->per_row && i < rows; i++) {
        int8_range(p->shape.length, p->x + i * p->x_stride, &least, &most);
        scales[i] = int8_scale_of(least, most);
        int8_quantise(p->shape.length, p->x + i * p->x_stride, scales[i], x + i * p->x_stride);
    }
    for (int64_t j = 0; j < p->columns; j += INT8_COLUMNS)
        int8_pack(p->columns - j < INT8_COLUMNS ? p->columns - j : INT8_COLUMNS, &p->shape,
                  p->weights + j * depth, depth, panels + (size_t)(j / INT8_COLUMNS) * panel);
    struct int8_rows in = {x, p->x_stride, scales, p->per_row};
    int8_product(&p->shape, rows, &in, p->columns, panels, y, y_stride);
    free(x);
    free(scales);
    free(panels);
    return y;
}

/* ---- What it must give ---- */

/* A byte of x and of W by the definitions in the header. */
static int32_t byte_of(float x, struct int8_scale scale)
{
    float step = rintf(x * (1 / scale.scale)) + (float)scale.zero;
    return (int32_t)fminf(fmaxf(step, 0), 255);
}

static struct int8_scale scale_of(int64_t n, const float *x)
{
    float least = 0, most = 0;
    for (int64_t i = 0; i < n; i++) {
        least = fminf(least, x[i]);
        most = fmaxf(most, x[i]);
    }
    float scale = (most - least) / 255;
    return (struct int8_scale){scale, (int32_t)rintf(-least / scale)};
}

static float wanted(const struct product *p, int64_t row, int64_t column)
{
    int64_t length = p->shape.length, depth = p->shape.taps * length;
    const float *w = p->weights + column * depth, *x = p->x + row * p->x_stride;
    struct int8_scale scale = p->per_row ? scale_of(depth, x) : scale_of(p->n_x, p->x);
    float y = 0;
    for (int64_t first = 0, n; first < depth; first += n) {
        n = reference_slice(p->shape.taps, length, first);
        float w_scale = reference_scale(n, w + first);
        int64_t sum = 0;
        for (int64_t k = first; k < first + n; k++) {
            int64_t place = k / length * p->shape.tap_stride + k % length;
            sum += (int64_t)(byte_of(x[place], scale) - scale.zero) *
                   (int32_t)rintf(w[k] * (1 / w_scale));
        }
        if (!int8_slice())
            return (float)sum * (scale.scale * w_scale);
        y += (float)sum * w_scale;
    }
    return scale.scale * y;
}

static const struct {
    int64_t rows;
    struct int8_shape shape;
    int64_t x_stride, columns;
} cases[] = {
    {1, {1, 0, 1}, 1, 1},        {8, {1, 0, 64}, 64, 32},       {5, {1, 0, 3}, 3, 33},
    {11, {1, 0, 30}, 40, 33},    {12, {1, 0, 96}, 96, 16},      {13, {1, 0, 97}, 97, 17},
    {31, {1, 0, 66}, 66, 31},    {32, {1, 0, 127}, 127, 64},    {33, {1, 0, 2081}, 2081, 40},
    {50, {1, 0, 192}, 128, 64},                                 /* windows that overlap */
    {45, {3, 640, 192}, 64, 40}, {7, {2, 2000, 1088}, 1088, 8}, /* of a picture */
    {29, {3, 130, 9}, 3, 5},
};
#define N_CASES (int)(sizeof cases / sizeof *cases)

static void check_form(const struct form *form, int index)
{
    struct product p = make_product(cases[index].rows, cases[index].shape, cases[index].x_stride,
                                    cases[index].columns);
    float *y = compute(&p, p.rows);
    for (int64_t i = 0; i < p.rows; i++) {
        const float *row = y + i * (p.columns + 3);
        for (int64_t j = 0; j < p.columns; j++)
            if (row[j] != wanted(&p, i, j))
                fail_msg("%s, case %d: y[%d][%d] is %.9g, not %.9g", form->name, index, (int)i,
                         (int)j, row[j], wanted(&p, i, j));
        for (int64_t j = p.columns; j < p.columns + 3; j++)
            assert_true(row[j] == -7); /* what lies between rows is untouched */
    }
    free(y);
    free_product(&p);
}

static void test_every_form_gives_the_exact_sums(void **state)
{
    (void)state;
    int n_tried = 0;
    for (int i = 0; i < N_FORMS; i++) {
        if (!choose(&forms[i])) {
            print_message("%s: skipped, this processor has it not\n", forms[i].name);
            continue;
        }
        print_message("%s\n", forms[i].name);
        n_tried++;
        for (int c = 0; c < N_CASES; c++)
            check_form(&forms[i], c);
    }
    processor_limit(~0u);
    assert_true(n_tried > 0 || !int8_product_available());
}

/* The largest sums that there can be, where saturating instructions would go wrong. In slices two
 * neighbours of 127 have the scale 2 and are rounded to 64 each. */
static void test_the_largest_sums_fit(void **state)
{
    (void)state;
    enum { DEPTH = INT8_MAX_DEPTH };
    for (int i = 0; i < N_FORMS; i++)
        for (int sign = -1; sign <= 1; sign += 2) {
            if (!choose(&forms[i]))
                continue;
            struct product p = make_product(2, (struct int8_shape){1, 0, DEPTH}, DEPTH, 2);
            for (int64_t k = 0; k < 2 * DEPTH; k++)
                p.x[k] = k < DEPTH ? 255 : -255, p.weights[k] = (float)(127 * sign);
            float *y = compute(&p, 2), want = 255.0f * DEPTH * (int8_slice() ? 128 : 127);
            assert_true(y[0] == want * (float)sign);
            assert_true(y[5] == -want * (float)sign);
            free(y);
            free_product(&p);
        }
    processor_limit(~0u);
}

static void test_rows_do_not_depend_on_their_number(void **state)
{
    (void)state;
    for (int f = 0; f < N_FORMS; f++) {
        if (!choose(&forms[f]))
            continue;
        struct product p = make_product(70, (struct int8_shape){1, 0, 200}, 200, 48);
        float *all = compute(&p, 70);
        for (int64_t n = 1; n < 70; n += 13) {
            float *some = compute(&p, n);
            assert_memory_equal(some, all, (size_t)(n * (p.columns + 3)) * sizeof *some);
            free(some);
        }
        free(all);
        free_product(&p);
    }
    processor_limit(~0u);
}

/* Blocks of made-up bytes, and what they stand for. */
static void draw_blocks(int64_t n, struct block_q8_0 *blocks, float *values)
{
    struct random_source source = random_source(9, (uint64_t)n);
    for (int64_t b = 0; b < n; b++) {
        blocks[b].scale = float_to_half((float)(0.02 + 0.001 * random_normal(&source)));
        for (int j = 0; j < Q8_0_VALUES; j++) {
            blocks[b].quants[j] = (int8_t)random_u32(&source);
            values[b * Q8_0_VALUES + j] =
                half_to_float(blocks[b].scale) * (float)blocks[b].quants[j];
        }
    }
}

static void test_q8_0_is_packed_as_its_floats(void **state)
{
    (void)state;
    enum { ROWS = INT8_COLUMNS, DEPTH = 2 * 352 };
    static struct block_q8_0 blocks[ROWS * DEPTH / Q8_0_VALUES];
    static float values[ROWS * DEPTH];
    static const struct int8_shape shapes[] = {{1, 0, DEPTH}, {2, 1000, DEPTH / 2}};
    draw_blocks(ROWS * DEPTH / Q8_0_VALUES, blocks, values);
    for (int f = 0; f < N_FORMS; f++)
        for (int s = 0; s < 2; s++) {
            if (!choose(&forms[f]))
                continue;
            size_t bytes = int8_panel_bytes(&shapes[s]);
            void *want = aligned_alloc(64, bytes), *is = aligned_alloc(64, bytes);
            assert_true(want && is);
            for (int64_t n = 1; n <= ROWS; n += 31) {
                int8_pack(n, &shapes[s], values, DEPTH, want);
                int8_pack_q8_0(n, &shapes[s], blocks, is);
                assert_memory_equal(is, want, bytes);
            }
            free(want);
            free(is);
        }
    processor_limit(~0u);
}

static void test_what_is_not_finite_stays_so(void **state)
{
    (void)state;
    if (!int8_product_available())
        skip();
    struct product p = make_product(4, (struct int8_shape){1, 0, 50}, 50, 3);
    p.x[7] = NAN;
    p.x[50 + 49] = INFINITY;
    memset(p.x + 100, 0, 50 * sizeof *p.x);
    p.weights[60] = -INFINITY;
    memset(p.weights + 100, 0, 50 * sizeof *p.weights);
    float *y = compute(&p, 4);
    for (int j = 0; j < 3; j++) {
        assert_true(isnan(y[j]) && isnan(y[6 + j]));
        assert_true(j == 1 || y[12 + j] == 0); /* a row of zeros */
    }
    assert_true(isnan(y[18 + 1]) && y[18 + 2] == 0);
    assert_true(isfinite(y[18]));
    free(y);
    free_product(&p);
}

static void test_zero_is_exact(void **state)
{
    (void)state;
    static const float ranges[][2] = {{-1, 3}, {0, 5}, {-2, 0}, {-0.001f, 1000}, {0, 0}};
    for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++) {
        struct int8_scale scale = int8_scale_of(ranges[i][0], ranges[i][1]);
        assert_in_range(scale.zero, 0, 255);
        float x[3] = {0, ranges[i][0], ranges[i][1]};
        uint8_t values[3];
        int8_quantise(3, x, scale, values);
        assert_int_equal(values[0], scale.zero);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_form_gives_the_exact_sums),
        cmocka_unit_test(test_the_largest_sums_fit),
        cmocka_unit_test(test_rows_do_not_depend_on_their_number),
        cmocka_unit_test(test_q8_0_is_packed_as_its_floats),
        cmocka_unit_test(test_what_is_not_finite_stays_so),
        cmocka_unit_test(test_zero_is_exact),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
