#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <ggml.h>

#include "base/half.h"
#include "base/random.h"
#include "encode/compute/row_ops.h"

static double exact_gelu(double x)
{
    return 0.5 * x * (1 + erf(x / sqrt(2)));
}

static void test_gelu_is_the_exact_one_to_float_rounding(void **state)
{
    (void)state;
    enum { N = 400001 };
    float *y = malloc(N * sizeof *y);
    assert_non_null(y);
    for (int i = 0; i < N; i++)
        y[i] = -20.0f + 40.0f * (float)i / (N - 1);
    struct finish finish = {.activation = ACTIVATION_GELU};
    rows_finish(1, N, y, N, &finish);
    for (int i = 0; i < N; i++) {
        float x = -20.0f + 40.0f * (float)i / (N - 1);
        double want = exact_gelu(x);
        assert_true(fabs(y[i] - want) <= 2e-7 * (1 + fabs(want)));
    }
    free(y);
}

static void test_extreme_values_pass_activations(void **state)
{
    (void)state;
    float y[] = {-3e38f, 3e38f, -INFINITY, INFINITY, 0.0f, -0.0f, NAN};
    struct finish finish = {.activation = ACTIVATION_GELU};
    rows_finish(1, 7, y, 7, &finish);
    assert_true(y[0] == 0 && y[1] == 3e38f && y[3] == INFINITY && y[4] == 0 && isnan(y[6]));
}

static void test_bias_and_residual_stand_on_their_side_of_the_activation(void **state)
{
    (void)state;
    const float bias[] = {1, 1}, residual[] = {-5, -5, 0, -5, -5, 0};
    float y[] = {1, 2, 9, 3, -4, 9};
    struct finish finish = {bias, ACTIVATION_RELU, residual, 3, RESIDUAL_AFTER};
    rows_finish(2, 2, y, 3, &finish);
    assert_memory_equal(y, ((float[]){-3, -2, 9, -1, -5, 9}), sizeof y);
    float z[] = {1, 2, 9, 7, -4, 9};
    finish.order = RESIDUAL_BEFORE;
    rows_finish(2, 2, z, 3, &finish);
    assert_memory_equal(z, ((float[]){0, 0, 9, 3, 0, 9}), sizeof z);
}

static void test_norm_agrees_with_its_formula(void **state)
{
    (void)state;
    static const int64_t widths[] = {1, 2, 24, 33, 512, 1024};
    struct random_source source = random_source(1, 2);
    for (size_t w = 0; w < sizeof widths / sizeof *widths; w++) {
        enum { MOST = 1024 };
        float x[2 * MOST], y[2 * MOST], weight[MOST], bias[MOST];
        int64_t n = widths[w];
        for (int64_t j = 0; j < 2 * n; j++)
            x[j] = 5 + (float)random_normal(&source);
        for (int64_t j = 0; j < n; j++)
            weight[j] = (float)random_normal(&source), bias[j] = (float)random_normal(&source);
        rows_norm(2, n, x, weight, bias, 1e-5f, ACTIVATION_NONE, y);
        for (int row = 0; row < 2; row++) {
            double mean = 0, variance = 0;
            for (int64_t j = 0; j < n; j++)
                mean += x[row * n + j] / (double)n;
            for (int64_t j = 0; j < n; j++)
                variance += pow(x[row * n + j] - mean, 2) / (double)n;
            for (int64_t j = 0; j < n; j++) {
                double want = (x[row * n + j] - mean) / sqrt(variance + 1e-5) * weight[j] + bias[j];
                assert_true(fabs(y[row * n + j] - want) <
                            3e-6 * (1 + 1 / sqrt(variance + 1e-5)) * (1 + fabs(want)));
            }
        }
    }
}

static void test_softmax_takes_large_scores(void **state)
{
    (void)state;
    static const int64_t sizes[] = {1, 31, 32, 33, 200};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        float s[200], bias[200];
        double want[200], sum = 0;
        int64_t n = sizes[i];
        for (int64_t j = 0; j < n; j++) {
            s[j] = 4 * (300 + (float)(j % 7));
            bias[j] = (float)(j % 5);
            sum += want[j] = exp(0.25 * s[j] - 0.5 * bias[j] - 306);
        }
        float factor = row_softmax(n, 0.25f, -0.5f, bias, s);
        for (int64_t j = 0; j < n; j++)
            assert_true(fabs(s[j] * factor - want[j] / sum) < 1e-6);
    }
}

static void test_widening_is_ggmls(void **state)
{
    (void)state;
    static const enum ggml_type types[] = {GGML_TYPE_F16, GGML_TYPE_BF16, GGML_TYPE_Q8_0,
                                           GGML_TYPE_Q5_0, GGML_TYPE_Q4_1};
    enum { N = 256 };
    float values[N], is[N], want[N];
    char stored[4 * N];
    struct random_source source = random_source(3, 4);
    for (int i = 0; i < N; i++)
        values[i] = (float)random_normal(&source);
    for (size_t t = 0; t < sizeof types / sizeof *types; t++) {
        ggml_quantize_chunk(types[t], values, stored, 0, 1, N, NULL);
        row_widen((int)types[t], N, stored, is);
        ggml_get_type_traits(types[t])->to_float(stored, want, N);
        assert_memory_equal(is, want, sizeof is);
        for (int i = 0; i < N; i++)
            assert_true(fabs(is[i] - values[i]) < 0.3);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gelu_is_the_exact_one_to_float_rounding),
        cmocka_unit_test(test_extreme_values_pass_activations),
        cmocka_unit_test(test_bias_and_residual_stand_on_their_side_of_the_activation),
        cmocka_unit_test(test_norm_agrees_with_its_formula),
        cmocka_unit_test(test_softmax_takes_large_scores),
        cmocka_unit_test(test_widening_is_ggmls),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
