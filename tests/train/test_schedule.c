/* The schedule against values of the published program's formula. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>

#include "train/schedule.h"

static void assert_factor(const struct schedule *schedule, int64_t epoch, double expected)
{
    double factor = schedule_factor(schedule, epoch);
    if (fabs(factor - expected) > 1e-12)
        fail_msg("epoch %lld: factor %.17g, expected %.17g", (long long)epoch, factor, expected);
}

static void test_warm_up_is_linear_and_ends_at_one(void **state)
{
    (void)state;
    struct schedule schedule = {.warm_up_epochs = 5, .step_every = 10, .gamma = 0.9};
    for (int64_t epoch = 0; epoch < 5; epoch++)
        assert_factor(&schedule, epoch, (double)(epoch + 1) / 5.0);
}

static void test_decay_starts_ten_epochs_after_the_warm_up(void **state)
{
    (void)state;
    struct schedule schedule = {.warm_up_epochs = 5, .step_every = 10, .gamma = 0.9};
    assert_factor(&schedule, 13, 1.0);
    assert_factor(&schedule, 14, 0.9);
    assert_factor(&schedule, 23, 0.9);
    assert_factor(&schedule, 24, 0.81);
    assert_factor(&schedule, 99, 0.387420489); /* 0.9 ^ 9 */
}

static void test_warm_up_and_decay_can_be_off(void **state)
{
    (void)state;
    struct schedule schedule = {.warm_up_epochs = 0, .step_every = 0, .gamma = 0.5};
    assert_factor(&schedule, 0, 1.0);
    assert_factor(&schedule, 500, 1.0);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_warm_up_is_linear_and_ends_at_one),
        cmocka_unit_test(test_decay_starts_ten_epochs_after_the_warm_up),
        cmocka_unit_test(test_warm_up_and_decay_can_be_off),
    };
    return cmocka_run_group_tests_name("schedule", tests, NULL, NULL);
}
