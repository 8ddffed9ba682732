/* A training step in bf16: near the one in f32, the same to the byte again, and nothing of it in
 * scoring. */
#include <stdio.h>

#include "kernels/bf16_product.h"
#include "network_cases.h"

#define N_CLIPS 8
static const int64_t LENGTHS[] = {3, 4, 2, 5, 1,  7, 1, 2,  0,  12, 6,  3, 290, 40, 30, 0,
                                  0, 0, 0, 0, 60, 9, 5, 40, 50, 1,  20, 9, 3,   5,  31, 24};

struct network_case {
    struct valence_model_config config;
    struct parameter_table table;
    struct clips clips;
    struct network *network;
    real *parameters;
};

static struct network_case make_case(enum valence_fusion fusion)
{
    struct network_case c = {.config = case_config(48, 32, 3, VALENCE_IMAGINATION_TRANSITION)};
    c.config.fusion = fusion;
    if (fusion != VALENCE_FUSION_CROSS_ATTENTION)
        c.config.imagination = VALENCE_IMAGINATION_OFF;
    c.parameters = make_parameters(&c.config, &c.table);
    c.clips = make_clips(&c.config, N_CLIPS, LENGTHS);
    c.network = make_network(&c.config);
    return c;
}

static const enum valence_fusion FUSIONS[] = {VALENCE_FUSION_CROSS_ATTENTION,
                                              VALENCE_FUSION_TRANSFORMER, VALENCE_FUSION_LATE};
enum { N_FUSIONS = sizeof FUSIONS / sizeof FUSIONS[0] };

static float *gradients_in(const struct network_case *c, enum precision precision, double *total)
{
    static const struct loss_weights weights = {0.5, 0.5, 0.1, 0.7, 0.1, 0.8};
    struct loss_terms terms;
    struct valence_error error;
    float *gradients = keep(c->table.n_values, sizeof *gradients);
    network_set_precision(c->network, precision);
    must(network_gradients(c->network, c->parameters, NULL, &c->clips.batch, c->config.flows,
                           c->config.n_flows, &weights, 77, gradients, &terms, &error),
         &error);
    *total = terms.total;
    return gradients;
}

static double norm_of(int64_t n, const float *x)
{
    double sum = 0;
    for (int64_t i = 0; i < n; i++)
        sum += (double)x[i] * (double)x[i];
    return sqrt(sum);
}

/* bf16 has 8 bits of precision: the gradient as a whole is off by less than 4 % of its norm. A
 * single parameter's may be off by more, since ReLUs near 0 change sides and distillation compares
 * what is nearly the same. */
static void check_gradients_are_near(const struct network_case *c)
{
    double exact_total, total;
    float *exact = gradients_in(c, PRECISION_F32, &exact_total);
    float *rounded = gradients_in(c, PRECISION_BF16, &total);
    double whole = norm_of(c->table.n_values, exact), error = 0;
    assert_true(fabs(total - exact_total) <= 0.01 * exact_total);
    for (int i = 0; i < c->table.n; i++) {
        const struct parameter *p = &c->table.parameters[i];
        double difference = 0, size = norm_of(p->n_values, exact + p->offset);
        for (int64_t j = p->offset; j < p->offset + p->n_values; j++)
            difference +=
                ((double)rounded[j] - (double)exact[j]) * ((double)rounded[j] - (double)exact[j]);
        if (!(sqrt(difference) <= 0.3 * size + 0.001 * whole))
            fail_msg("%s: off by %g of %g", p->name, sqrt(difference), size);
        error += difference;
    }
    if (!(sqrt(error) <= 0.04 * whole))
        fail_msg("the gradient is off by %g of %g", sqrt(error), whole);
    assert_true(sqrt(error) >= 1e-4 * whole); /* it is rounded */
}

/* With each kind of unit that this processor has. */
static void check_with(enum bf16_units units)
{
    bf16_units_restrict(units);
    bool has = bf16_units() == units;
    for (int i = 0; i < N_FUSIONS && has; i++) {
        threads_set(2);
        struct network_case c = make_case(FUSIONS[i]);
        check_gradients_are_near(&c);
        network_free(c.network);
        release_kept(NULL);
    }
    bf16_units_restrict(BF16_TILES);
    if (!has)
        skip();
}

static void test_gradients_by_tiles_are_near_those_in_f32(void **state)
{
    (void)state;
    check_with(BF16_TILES);
}

static void test_gradients_by_dot_products_are_near_those_in_f32(void **state)
{
    (void)state;
    check_with(BF16_DOTS);
}

/* In the order of the sums over tiles alone. */
static void test_threads_change_next_to_nothing(void **state)
{
    (void)state;
    if (bf16_units() == BF16_NONE)
        skip();
    for (int i = 0; i < N_FUSIONS; i++) {
        float *gradients[3];
        double totals[3];
        struct network_case c = make_case(FUSIONS[i]);
        for (int k = 0; k < 3; k++) {
            threads_set(k + 1);
            gradients[k] = gradients_in(&c, PRECISION_BF16, &totals[k]);
            double size = norm_of(c.table.n_values, gradients[0]);
            for (int64_t j = 0; j < c.table.n_values; j++)
                assert_true(fabs((double)gradients[k][j] - (double)gradients[0][j]) <= 2e-3 * size);
            assert_true(fabs(totals[k] - totals[0]) <= 1e-3 * totals[0]);
        }
        network_free(c.network);
        release_kept(NULL);
    }
}

static void test_a_step_repeats_to_the_byte(void **state)
{
    (void)state;
    if (bf16_units() == BF16_NONE)
        skip();
    threads_set(2);
    for (int i = 0; i < N_FUSIONS; i++) {
        double totals[2];
        struct network_case c = make_case(FUSIONS[i]);
        float *first = gradients_in(&c, PRECISION_BF16, &totals[0]);
        network_free(c.network);
        c.network = make_network(&c.config);
        float *second = gradients_in(&c, PRECISION_BF16, &totals[1]);
        assert_memory_equal(first, second, (size_t)c.table.n_values * sizeof *first);
        assert_true(totals[0] == totals[1]);
        network_free(c.network);
        release_kept(NULL);
    }
}

/* Also after steps in bf16, which leave other values in the network's memory. */
static void test_scoring_stays_in_f32(void **state)
{
    (void)state;
    if (bf16_units() == BF16_NONE)
        skip();
    struct network_case c = make_case(VALENCE_FUSION_CROSS_ATTENTION);
    float scores[2][N_CLIPS];
    for (int k = 0; k < 2; k++) {
        double total;
        struct flow_output output;
        struct valence_error error;
        unsigned flow = VALENCE_BIT(VALENCE_TEXT);
        gradients_in(&c, k ? PRECISION_BF16 : PRECISION_F32, &total);
        must(network_forward(c.network, c.parameters, NULL, &c.clips.batch, &flow, 1, &output,
                             &error),
             &error);
        memcpy(scores[k], output.score, sizeof scores[k]);
    }
    assert_memory_equal(scores[0], scores[1], sizeof scores[0]);
    network_free(c.network);
    release_kept(NULL);
}

static void test_a_processor_without_units_is_an_error_that_names_the_key(void **state)
{
    (void)state;
    struct valence_error error;
    bf16_units_restrict(BF16_NONE);
    assert_int_equal(network_check_precision(PRECISION_F32, &error), VALENCE_OK);
    assert_int_equal(network_check_precision(PRECISION_BF16, &error), VALENCE_ERROR_CONFIG);
    assert_string_equal(error.key, "precision");
    assert_non_null(strstr(error.text, "AMX"));
    bf16_units_restrict(BF16_TILES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gradients_by_tiles_are_near_those_in_f32),
        cmocka_unit_test(test_gradients_by_dot_products_are_near_those_in_f32),
        cmocka_unit_test(test_threads_change_next_to_nothing),
        cmocka_unit_test(test_a_step_repeats_to_the_byte),
        cmocka_unit_test(test_scoring_stays_in_f32),
        cmocka_unit_test(test_a_processor_without_units_is_an_error_that_names_the_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
