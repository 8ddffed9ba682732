/* Adam against its definition in double precision, and the norm against a plain sum. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/random.h"
#include "base/threads.h"
#include "kernels/adam.h"

#define N (3 * 16384 + 77) /* several chunks and a rest */

static const struct adam_options defaults = {.learning_rate = 1e-2,
                                             .beta1 = 0.9,
                                             .beta2 = 0.999,
                                             .epsilon = 1e-8,
                                             .weight_decay = 0.1,
                                             .gradient_scale = 1.0};

struct blocks {
    real p[N], g[N], m[N], v[N];
};

static struct blocks *make_blocks(void)
{
    struct blocks *blocks = allocate(1, sizeof *blocks);
    assert_non_null(blocks);
    struct random_source source = random_source(7, 1);
    for (int i = 0; i < N; i++)
        blocks->p[i] = (real)random_normal(&source);
    return blocks;
}

static void draw_gradients(struct blocks *blocks, int step)
{
    struct random_source source = random_source(7, (uint64_t)step + 100);
    for (int i = 0; i < N; i++)
        blocks->g[i] = (real)random_normal(&source);
}

/* One element by the formula of PyTorch's documentation. */
static void reference_step(const struct adam_options *o, int step, double g, double *p, double *m,
                           double *v)
{
    g *= o->gradient_scale;
    if (o->decoupled)
        *p -= o->learning_rate * o->weight_decay * *p;
    else
        g += o->weight_decay * *p;
    *m = o->beta1 * *m + (1 - o->beta1) * g;
    *v = o->beta2 * *v + (1 - o->beta2) * g * g;
    double m_hat = *m / (1 - pow(o->beta1, step)), v_hat = *v / (1 - pow(o->beta2, step));
    *p -= o->learning_rate * m_hat / (sqrt(v_hat) + o->epsilon);
}

static void assert_follows_reference(const struct adam_options *options)
{
    struct blocks *blocks = make_blocks();
    double *p = allocate(N, sizeof *p), *m = allocate(N, sizeof *m), *v = allocate(N, sizeof *v);
    assert_true(p && m && v);
    for (int i = 0; i < N; i++)
        p[i] = (double)blocks->p[i];
    for (int step = 1; step <= 20; step++) {
        draw_gradients(blocks, step);
        for (int i = 0; i < N; i++)
            reference_step(options, step, (double)blocks->g[i], &p[i], &m[i], &v[i]);
        adam_step(options, step, N, blocks->p, blocks->g, blocks->m, blocks->v);
    }
    double worst = 0;
    for (int i = 0; i < N; i++)
        worst = fmax(worst, fabs((double)blocks->p[i] - p[i]));
    assert_true(worst < 2e-5); /* 20 steps of 1e-2 in single precision */
    free(blocks);
    free(p);
    free(m);
    free(v);
}

static void test_adam_follows_the_formula(void **state)
{
    (void)state;
    assert_follows_reference(&defaults);
}

static void test_adamw_decays_the_parameters_themselves(void **state)
{
    (void)state;
    struct adam_options options = defaults;
    options.decoupled = true;
    assert_follows_reference(&options);
}

static void test_the_gradient_scale_counts_before_the_weight_decay(void **state)
{
    (void)state;
    struct adam_options options = defaults;
    options.gradient_scale = 0.03;
    assert_follows_reference(&options);
}

static void test_a_zero_gradient_without_decay_moves_nothing(void **state)
{
    (void)state;
    struct adam_options options = defaults;
    options.weight_decay = 0.0;
    struct blocks *blocks = make_blocks();
    real first = blocks->p[0], last = blocks->p[N - 1];
    adam_step(&options, 1, N, blocks->p, blocks->g, blocks->m, blocks->v);
    assert_true(blocks->p[0] == first && blocks->p[N - 1] == last);
    free(blocks);
}

static void test_threads_do_not_change_a_bit(void **state)
{
    (void)state;
    struct blocks *one = make_blocks(), *three = make_blocks();
    double norms[2];
    for (int step = 1; step <= 3; step++) {
        draw_gradients(one, step);
        draw_gradients(three, step);
        threads_set(1);
        norms[0] = gradient_norm(N, one->g);
        adam_step(&defaults, step, N, one->p, one->g, one->m, one->v);
        threads_set(3);
        norms[1] = gradient_norm(N, three->g);
        adam_step(&defaults, step, N, three->p, three->g, three->m, three->v);
    }
    assert_memory_equal(one, three, sizeof *one);
    assert_memory_equal(&norms[0], &norms[1], sizeof norms[0]);
    free(one);
    free(three);
}

static void test_the_norm_is_the_root_of_the_sum_of_squares(void **state)
{
    (void)state;
    struct blocks *blocks = make_blocks();
    draw_gradients(blocks, 1);
    static const int sizes[] = {0, 1, 7, 8, 9, 16384, 16391, N};
    for (size_t k = 0; k < sizeof sizes / sizeof sizes[0]; k++) {
        double sum = 0;
        for (int i = 0; i < sizes[k]; i++)
            sum += (double)blocks->g[i] * (double)blocks->g[i];
        double norm = gradient_norm(sizes[k], blocks->g);
        assert_true(fabs(norm - sqrt(sum)) <= 1e-12 * sqrt(sum));
    }
    free(blocks);
}

static void test_the_norm_of_a_gradient_with_nan_is_nan(void **state)
{
    (void)state;
    struct blocks *blocks = make_blocks();
    blocks->g[N - 2] = (real)NAN;
    assert_true(isnan(gradient_norm(N, blocks->g)));
    free(blocks);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_adam_follows_the_formula),
        cmocka_unit_test(test_adamw_decays_the_parameters_themselves),
        cmocka_unit_test(test_the_gradient_scale_counts_before_the_weight_decay),
        cmocka_unit_test(test_a_zero_gradient_without_decay_moves_nothing),
        cmocka_unit_test(test_threads_do_not_change_a_bit),
        cmocka_unit_test(test_the_norm_is_the_root_of_the_sum_of_squares),
        cmocka_unit_test(test_the_norm_of_a_gradient_with_nan_is_nan),
    };
    return cmocka_run_group_tests_name("adam", tests, NULL, NULL);
}
