/* Ridge regression against NumPy, with fewer rows than columns and with more. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdlib.h>

#include "kernels/ridge.h"
#include "ridge_values.h"

struct problem {
    int64_t n, p;
    double *x, *y, *s;
    struct ridge *ridge;
};

static struct problem open_problem(int64_t n, int64_t p)
{
    struct problem made = {n,
                           p,
                           malloc((size_t)(n * p) * sizeof(double)),
                           malloc((size_t)n * sizeof(double)),
                           malloc((size_t)n * sizeof(double)),
                           NULL};
    for (int64_t i = 0; i < n; i++) {
        double at = (double)i;
        for (int64_t j = 0; j < p; j++)
            made.x[i * p + j] =
                sin(1.0 + 0.7 * at + 1.3 * (double)j + 0.11 * at * (double)j) + 0.2 * (double)j;
        made.y[i] = cos(0.9 * at) + 0.3 * made.x[i * p] + 2.5;
        made.s[i] = 0.5 + 0.25 * (double)(i % 3);
    }
    assert_int_equal(ridge_create(n, p, made.x, made.y, made.s, &made.ridge, NULL), 0);
    return made;
}

static void close_problem(struct problem *problem)
{
    ridge_free(problem->ridge);
    free(problem->x);
    free(problem->y);
    free(problem->s);
}

static void check(struct problem *problem, double penalty, const double *wanted)
{
    double *w = malloc((size_t)problem->p * sizeof *w), b;
    assert_int_equal(ridge_solve(problem->ridge, penalty, w, &b, NULL), 0);
    for (int64_t j = 0; j <= problem->p; j++) {
        double value = j < problem->p ? w[j] : b;
        if (!(fabs(value - wanted[j]) <= 1e-9 * (1 + fabs(wanted[j]))))
            fail_msg("%lld x %lld, penalty %g: value %lld is %.12g, not %.12g",
                     (long long)problem->n, (long long)problem->p, penalty, (long long)j, value,
                     wanted[j]);
    }
    free(w);
}

static void test_ridge_is_as_by_numpy(void **state)
{
    static const struct {
        int64_t n, p;
        double penalty;
        const double *wanted;
    } cases[] = {{12, 4, 0.5, ridge_0},
                 {12, 4, 30, ridge_1},
                 {5, 9, 0.1, ridge_2},
                 {200, 90, 2, ridge_3},
                 {80, 150, 1, ridge_4}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct problem problem = open_problem(cases[i].n, cases[i].p);
        check(&problem, cases[i].penalty, cases[i].wanted);
        close_problem(&problem);
    }
}

static void test_penalties_are_independent_of_those_before(void **state)
{
    (void)state;
    struct problem problem = open_problem(12, 4);
    check(&problem, 30, ridge_1);
    check(&problem, 0.5, ridge_0);
    check(&problem, 30, ridge_1);
    close_problem(&problem);
}

static void test_columns_that_are_all_the_same_need_a_penalty(void **state)
{
    (void)state;
    double x[] = {1, 1, 1, 1, 3, 3, 3, 3}, y[] = {1, 2, 3, 4}, s[] = {1, 1, 1, 1}, w[2], b;
    struct ridge *ridge;
    struct valence_error error;
    assert_int_equal(ridge_create(4, 2, x, y, s, &ridge, NULL), 0);
    assert_int_equal(ridge_solve(ridge, 0, w, &b, &error), VALENCE_ERROR_DATA);
    assert_string_equal(error.key, "ridge.penalty");
    assert_int_equal(ridge_solve(ridge, 1, w, &b, NULL), 0);
    assert_true(fabs(w[0] - w[1]) < 1e-12);
    ridge_free(ridge);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ridge_is_as_by_numpy),
        cmocka_unit_test(test_penalties_are_independent_of_those_before),
        cmocka_unit_test(test_columns_that_are_all_the_same_need_a_penalty),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
