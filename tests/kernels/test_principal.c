/* Principal components against scikit-learn: more columns than vectors take part, fewer, and more
 * columns than rows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "kernels/principal.h"
#include "principal_rows.h"
#include "principal_values.h"

#define COMPONENTS 2

struct wanted {
    int64_t n, width;
    const double *components, *variances, *shares, *coordinates;
};

static void check(const char *what, int64_t n, const double *values, const double *wanted,
                  double tolerance)
{
    for (int64_t i = 0; i < n; i++)
        if (!(fabs(values[i] - wanted[i]) <= tolerance * (1 + fabs(wanted[i]))))
            fail_msg("%s: value %d is %.12g, not %.12g", what, (int)i, values[i], wanted[i]);
}

static void compare(struct wanted wanted)
{
    struct principal found;
    float coordinates[3 * COMPONENTS];
    double shares[COMPONENTS], wide[3 * COMPONENTS];
    real *x = make_rows(wanted.n, wanted.width, 0.5);
    assert_int_equal(principal_make(wanted.n, wanted.width, x, COMPONENTS, &found, NULL), 0);
    check("components", COMPONENTS * wanted.width, found.components, wanted.components, 1e-8);
    check("variances", COMPONENTS, found.variances, wanted.variances, 1e-9);
    for (int c = 0; c < COMPONENTS; c++)
        shares[c] = found.variances[c] / found.total;
    check("shares", COMPONENTS, shares, wanted.shares, 1e-9);
    principal_project(&found, 3, x, coordinates);
    for (int i = 0; i < 3 * COMPONENTS; i++)
        wide[i] = (double)coordinates[i];
    check("coordinates", 3 * COMPONENTS, wide, wanted.coordinates, 1e-6);
    principal_free(&found);
    free(x);
}

static void test_components_are_scikit_learns(void **state)
{
    (void)state;
#define WANTED(n, width)                                                                           \
    (struct wanted){n,                                                                             \
                    width,                                                                         \
                    components_##n##_##width,                                                      \
                    variances_##n##_##width,                                                       \
                    shares_##n##_##width,                                                          \
                    coordinates_##n##_##width}
    compare(WANTED(60, 3));
    compare(WANTED(40, 37));
    compare(WANTED(6, 20));
}

static void test_equal_rows_have_no_variance(void **state)
{
    (void)state;
    real x[4 * 3] = {1, 2, 3, 1, 2, 3, 1, 2, 3, 1, 2, 3};
    struct principal found;
    float coordinates[4 * COMPONENTS];
    for (int64_t n = 1; n <= 4; n += 3) {
        assert_int_equal(principal_make(n, 3, x, COMPONENTS, &found, NULL), 0);
        assert_true(found.total == 0 && found.variances[0] == 0 && found.variances[1] == 0);
        principal_project(&found, n, x, coordinates);
        for (int i = 0; i < n * COMPONENTS; i++)
            assert_true(coordinates[i] == 0);
        principal_free(&found);
    }
}

/* One direction alone: the second component has no variance. */
static void test_a_line_has_one_component(void **state)
{
    (void)state;
    real x[5 * 4];
    for (int i = 0; i < 20; i++)
        x[i] = (real)((i / 4) * (i % 4 + 1));
    struct principal found;
    assert_int_equal(principal_make(5, 4, x, COMPONENTS, &found, NULL), 0);
    assert_true(fabs(found.variances[0] - found.total) < 1e-12 * found.total);
    assert_true(found.variances[1] < 1e-12 * found.total);
    for (int j = 0; j < 4; j++)
        assert_true(fabs(found.components[j] - (j + 1) / sqrt(30)) < 1e-12);
    principal_free(&found);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_components_are_scikit_learns),
        cmocka_unit_test(test_equal_rows_have_no_variance),
        cmocka_unit_test(test_a_line_has_one_component),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
