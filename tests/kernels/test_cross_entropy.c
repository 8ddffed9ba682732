/* Probabilities and cross-entropy against their definitions, and the loss's central differences. */
#include "kernels/cross_entropy.h"
#include "numbers.h"

#define ROWS 5
#define K    4

static const float LABELS[ROWS] = {0, 3, 1, 1, 2};

static double objective(void *context)
{
    const double *z = context;
    double sum = 0;
    for (int i = 0; i < ROWS; i++) {
        double all = 0;
        for (int j = 0; j < K; j++)
            all += exp(z[i * K + j]);
        sum -= log(exp(z[i * K + (int)LABELS[i]]) / all) / ROWS;
    }
    return sum;
}

static void test_loss_and_gradient_are_those_of_the_definition(void **state)
{
    (void)state;
    struct random_source source = random_source(8, 0);
    double *z = draw(&source, ROWS * K);
    real *dz = gradient_from(0.5, ROWS * K), *reals = as_reals(ROWS * K, z);
    double loss = cross_entropy(ROWS, ROWS, K, reals, LABELS, 1, dz), rows = 0;
    assert_close("loss", loss, objective(z), VALUE_TOLERANCE);
    for (int i = 0; i < ROWS; i++)
        rows += cross_entropy_row(K, reals + i * K, (int64_t)LABELS[i]) / ROWS;
    assert_close("loss by row", rows, loss, VALUE_TOLERANCE);
    assert_added("dz", 0.5, ROWS * K, dz, central_differences(objective, z, ROWS * K, z));
}

static void test_large_logits_do_not_overflow(void **state)
{
    (void)state;
    real z[3] = {9000, 9001, -9000}, p[3], dz[3] = {0};
    const float label = 2;
    softmax_row(3, z, p);
    assert_true(fabs((double)p[1] - 1 / (1 + exp(-1))) < 1e-6);
    assert_true(p[2] == 0);
    assert_true(fabs((double)(p[0] + p[1] + p[2]) - 1) < 1e-6);
    assert_true(isfinite(cross_entropy(1, 1, 3, z, &label, 1, dz)));
}

static void test_the_largest_is_the_first_of_equals_and_none_beside_nan(void **state)
{
    (void)state;
    const real z[4] = {1, 3, 3, 2}, bad[4] = {1, NAN, 3, 2};
    assert_int_equal(largest_of(4, z), 1);
    assert_int_equal(largest_of(4, bad), -1);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_loss_and_gradient_are_those_of_the_definition, release_kept),
        cmocka_unit_test_teardown(test_large_logits_do_not_overflow, release_kept),
        cmocka_unit_test_teardown(test_the_largest_is_the_first_of_equals_and_none_beside_nan,
                                  release_kept),
    };
    return cmocka_run_group_tests_name("cross_entropy", tests, NULL, NULL);
}
