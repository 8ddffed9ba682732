/* The flows of a step: the complete one, and others without preference. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "train/flow_draw.h"

#define N_STEPS 6000

static const struct valence_model_config seven = {.n_flows = 7, .flows = {0, 1, 2, 4, 3, 5, 6}};

static void test_all_flows_are_taken_in_order_where_no_fewer_are_asked_for(void **state)
{
    (void)state;
    static const int64_t asked[] = {0, 6, 7};
    for (int i = 0; i < 3; i++) {
        unsigned flows[VALENCE_MAX_FLOWS];
        assert_int_equal(draw_flows(&seven, asked[i], 1, i, flows), 7);
        assert_memory_equal(flows, seven.flows, 7 * sizeof *flows);
    }
    struct valence_model_config complete = {.n_flows = 1};
    unsigned flows[VALENCE_MAX_FLOWS];
    assert_int_equal(draw_flows(&complete, 1, 1, 1, flows), 1);
    assert_int_equal(flows[0], 0);
}

static void
test_the_complete_flow_comes_first_and_no_flow_twice_in_the_configured_order(void **state)
{
    (void)state;
    for (int64_t n = 1; n < 6; n++)
        for (int64_t step = 0; step < 200; step++) {
            unsigned flows[VALENCE_MAX_FLOWS];
            assert_int_equal(draw_flows(&seven, n, 9, step, flows), n + 1);
            assert_int_equal(flows[0], 0);
            int at = 0;
            for (int64_t i = 0; i <= n; i++, at++) {
                while (at < 7 && seven.flows[at] != flows[i])
                    at++;
                assert_true(at < 7);
            }
        }
}

/* Six deviations of a binomial count: a right draw fails once in 10^8. */
static void test_every_flow_is_drawn_equally_often(void **state)
{
    (void)state;
    for (int64_t n = 1; n < 6; n++) {
        int counts[8] = {0};
        for (int64_t step = 0; step < N_STEPS; step++) {
            unsigned flows[VALENCE_MAX_FLOWS];
            int n_flows = draw_flows(&seven, n, 3, step, flows);
            for (int f = 1; f < n_flows; f++)
                counts[flows[f]]++;
        }
        double share = (double)n / 6, deviation = sqrt(N_STEPS * share * (1 - share));
        for (int flow = 1; flow < 7; flow++)
            assert_true(fabs(counts[flow] - N_STEPS * share) < 6 * deviation);
    }
}

static void test_a_draw_depends_on_seed_and_step_alone(void **state)
{
    (void)state;
    int same_seed = 0, same_step = 0;
    for (int64_t step = 0; step < 600; step++) {
        unsigned flows[VALENCE_MAX_FLOWS], again[VALENCE_MAX_FLOWS];
        draw_flows(&seven, 1, 5, step, flows);
        draw_flows(&seven, 1, 5, step, again);
        assert_int_equal(flows[1], again[1]);
        draw_flows(&seven, 1, 6, step, again);
        same_step += flows[1] == again[1];
        draw_flows(&seven, 1, 5, step + 1, again);
        same_seed += flows[1] == again[1];
    }
    assert_in_range(same_seed, 40, 160);
    assert_in_range(same_step, 40, 160);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_flows_are_taken_in_order_where_no_fewer_are_asked_for),
        cmocka_unit_test(
            test_the_complete_flow_comes_first_and_no_flow_twice_in_the_configured_order),
        cmocka_unit_test(test_every_flow_is_drawn_equally_often),
        cmocka_unit_test(test_a_draw_depends_on_seed_and_step_alone),
    };
    return cmocka_run_group_tests_name("flow draw", tests, NULL, NULL);
}
