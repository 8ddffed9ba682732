/* Logistic regression against scikit-learn, with fewer rows than columns and with more. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdlib.h>

#include "kernels/logistic.h"
#include "logistic_values.h"

struct problem {
    struct logistic is;
    double *x, *s, *w, *b;
    int *labels;
};

static struct problem open_problem(int64_t n, int64_t p, int64_t k)
{
    struct problem made = {
        .x = malloc((size_t)(n * p) * sizeof(double)),
        .s = malloc((size_t)n * sizeof(double)),
        .w = calloc((size_t)(k * p), sizeof(double)),
        .b = calloc((size_t)k, sizeof(double)),
        .labels = malloc((size_t)n * sizeof(int)),
    };
    for (int64_t i = 0; i < n; i++) {
        double at = (double)i;
        for (int64_t j = 0; j < p; j++)
            made.x[i * p + j] =
                sin(1.0 + 0.7 * at + 1.3 * (double)j + 0.11 * at * (double)j) + 0.2 * (double)j;
        made.labels[i] = (int)((i * i + i / 3) % k);
        made.s[i] = 0.5 + 0.25 * (double)(i % 3);
    }
    made.is = (struct logistic){n, p, k, made.x, made.labels, made.s};
    return made;
}

static void close_problem(struct problem *problem)
{
    free(problem->x);
    free(problem->s);
    free(problem->w);
    free(problem->b);
    free(problem->labels);
}

/* Weights to 1e-5; intercepts to 1e-4, since columns that hardly vary can stand for them. */
static void check(struct problem *problem, double penalty, const double *wanted)
{
    int64_t n_weights = problem->is.k * problem->is.p;
    assert_int_equal(logistic_solve(&problem->is, penalty, problem->w, problem->b, NULL), 0);
    for (int64_t j = 0; j < n_weights + problem->is.k; j++) {
        double value = j < n_weights ? problem->w[j] : problem->b[j - n_weights];
        double tolerance = j < n_weights ? 1e-5 : 1e-4;
        if (!(fabs(value - wanted[j]) <= tolerance * (1 + fabs(wanted[j]))))
            fail_msg("%lld x %lld, penalty %g: value %lld is %.12g, not %.12g",
                     (long long)problem->is.n, (long long)problem->is.p, penalty, (long long)j,
                     value, wanted[j]);
    }
}

static void test_logistic_regression_is_as_by_scikit_learn(void **state)
{
    static const struct {
        int64_t n, p, k;
        double penalty;
        const double *wanted;
    } cases[] = {{30, 3, 3, 0.5, logistic_0},
                 {30, 3, 3, 20, logistic_1},
                 {12, 20, 4, 0.1, logistic_2},
                 {150, 8, 5, 1, logistic_3}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct problem problem = open_problem(cases[i].n, cases[i].p, cases[i].k);
        check(&problem, cases[i].penalty, cases[i].wanted);
        close_problem(&problem);
    }
}

static void test_the_solution_does_not_depend_on_the_start(void **state)
{
    (void)state;
    struct problem problem = open_problem(30, 3, 3);
    check(&problem, 20, logistic_1);
    check(&problem, 0.5, logistic_0); /* from the solution before */
    close_problem(&problem);
}

static void test_without_columns_the_classes_have_their_shares(void **state)
{
    static const int labels[] = {0, 1, 1, 1};
    static const double s[] = {1, 1, 1, 1};
    const struct logistic problem = {4, 0, 2, s, labels, s};
    double w[1], b[2] = {0};
    (void)state;
    assert_int_equal(logistic_solve(&problem, 1, w, b, NULL), 0);
    assert_true(fabs(b[1] - b[0] - log(3)) < 1e-6);
    double loss = -log(0.25) - 3 * log(0.75);
    assert_true(fabs(logistic_loss(&problem, 0, 4, w, b) - loss) < 1e-9);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_logistic_regression_is_as_by_scikit_learn),
        cmocka_unit_test(test_the_solution_does_not_depend_on_the_start),
        cmocka_unit_test(test_without_columns_the_classes_have_their_shares),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
