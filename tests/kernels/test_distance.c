/* Mean squared error and its root against their definitions and central differences. */
#include "kernels/distance.h"
#include "numbers.h"

#define ROWS     4
#define WIDTH    3
#define X_STRIDE 5
#define Y_STRIDE 7
#define WEIGHT   0.7

struct pair {
    double *x; /* (ROWS, X_STRIDE) */
    double *y; /* (ROWS, Y_STRIDE) */
};

static struct pair make_pair(void)
{
    struct random_source source = random_source(1, 1);
    return (struct pair){draw(&source, ROWS * X_STRIDE), draw(&source, ROWS * Y_STRIDE)};
}

static double squared_objective(void *context)
{
    const struct pair *pair = context;
    double sum = 0;
    for (int64_t i = 0; i < ROWS; i++)
        sum += (pair->x[i] - pair->y[i]) * (pair->x[i] - pair->y[i]);
    return WEIGHT * sum / ROWS;
}

static double root_objective(void *context)
{
    const struct pair *pair = context;
    double sum = 0;
    for (int64_t i = 0; i < ROWS; i++)
        for (int64_t j = 0; j < WIDTH; j++) {
            double difference = pair->x[i * X_STRIDE + j] - pair->y[i * Y_STRIDE + j];
            sum += difference * difference;
        }
    return WEIGHT * sqrt(sum / (ROWS * WIDTH));
}

static void test_squared_error_and_its_derivative(void **state)
{
    (void)state;
    struct pair pair = make_pair();
    real *dx = gradient_from(0.5, ROWS);
    double loss =
        mean_squared_error(ROWS, ROWS, as_reals(ROWS, pair.x), as_floats(ROWS, pair.y), WEIGHT, dx);
    assert_close("loss", WEIGHT * loss, squared_objective(&pair), VALUE_TOLERANCE);
    assert_added("dx", 0.5, ROWS, dx, central_differences(squared_objective, &pair, ROWS, pair.x));
}

/* Two parts of a batch add up to the mean over all of it, and have its gradient. */
static void test_parts_add_up(void **state)
{
    (void)state;
    struct pair pair = make_pair();
    real *whole = gradient_from(0, ROWS), *parts = gradient_from(0, ROWS);
    real *x = as_reals(ROWS, pair.x);
    float *y = as_floats(ROWS, pair.y);
    double loss = mean_squared_error(ROWS, ROWS, x, y, WEIGHT, whole);
    double sum = mean_squared_error(1, ROWS, x, y, WEIGHT, parts) +
                 mean_squared_error(ROWS - 1, ROWS, x + 1, y + 1, WEIGHT, parts + 1);
    assert_close("loss", sum, loss, VALUE_TOLERANCE);
    assert_memory_equal(parts, whole, ROWS * sizeof *parts);
}

static double root_of(const struct pair *pair, double weight, real *dx, real *dy)
{
    struct strided x = {as_reals(ROWS * X_STRIDE, pair->x), X_STRIDE};
    struct strided y = {as_reals(ROWS * Y_STRIDE, pair->y), Y_STRIDE};
    double n = ROWS * WIDTH, root = sqrt(squared_distance(ROWS, WIDTH, x, y) / n);
    root_mean_square_backward(ROWS, WIDTH, x, y, n, root, weight, dx, dy);
    return root;
}

static void test_root_and_its_derivative_on_both_sides(void **state)
{
    (void)state;
    struct pair pair = make_pair();
    real *dx = gradient_from(0.5, ROWS * X_STRIDE), *dy = gradient_from(0.25, ROWS * Y_STRIDE);
    double loss = root_of(&pair, WEIGHT, dx, dy);
    assert_close("loss", WEIGHT * loss, root_objective(&pair), VALUE_TOLERANCE);
    assert_added("dx", 0.5, ROWS * X_STRIDE, dx,
                 central_differences(root_objective, &pair, ROWS * X_STRIDE, pair.x));
    assert_added("dy", 0.25, ROWS * Y_STRIDE, dy,
                 central_differences(root_objective, &pair, ROWS * Y_STRIDE, pair.y));
}

static void test_a_detached_side_gets_nothing(void **state)
{
    (void)state;
    struct pair pair = make_pair();
    real *both_x = gradient_from(0, ROWS * X_STRIDE), *dx = gradient_from(0, ROWS * X_STRIDE);
    real *both_y = gradient_from(0, ROWS * Y_STRIDE), *dy = gradient_from(0, ROWS * Y_STRIDE);
    double both = root_of(&pair, WEIGHT, both_x, both_y);
    assert_true(root_of(&pair, WEIGHT, dx, NULL) == both);
    assert_true(root_of(&pair, WEIGHT, NULL, dy) == both);
    assert_true(root_of(&pair, WEIGHT, NULL, NULL) == both);
    assert_memory_equal(dx, both_x, ROWS * X_STRIDE * sizeof *dx);
    assert_memory_equal(dy, both_y, ROWS * Y_STRIDE * sizeof *dy);
}

static void test_a_root_of_zero_has_gradient_zero(void **state)
{
    (void)state;
    struct pair pair = make_pair();
    real *same = as_reals(ROWS * X_STRIDE, pair.x);
    real *dx = gradient_from(0.5, ROWS * X_STRIDE), *dy = gradient_from(0.5, ROWS * X_STRIDE);
    struct strided x = {same, X_STRIDE};
    assert_true(squared_distance(ROWS, WIDTH, x, x) == 0);
    root_mean_square_backward(ROWS, WIDTH, x, x, ROWS * WIDTH, 0, WEIGHT, dx, dy);
    for (int64_t i = 0; i < ROWS * X_STRIDE; i++)
        assert_true(dx[i] == (real)0.5 && dy[i] == (real)0.5);
}

static void test_a_weight_of_zero_leaves_the_gradient_alone(void **state)
{
    (void)state;
    struct pair pair = make_pair();
    real *dx = gradient_from(0.5, ROWS * X_STRIDE);
    assert_true(root_of(&pair, 0, dx, NULL) > 0);
    for (int64_t i = 0; i < ROWS * X_STRIDE; i++)
        assert_true(dx[i] == (real)0.5);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_squared_error_and_its_derivative, release_kept),
        cmocka_unit_test_teardown(test_parts_add_up, release_kept),
        cmocka_unit_test_teardown(test_root_and_its_derivative_on_both_sides, release_kept),
        cmocka_unit_test_teardown(test_a_detached_side_gets_nothing, release_kept),
        cmocka_unit_test_teardown(test_a_root_of_zero_has_gradient_zero, release_kept),
        cmocka_unit_test_teardown(test_a_weight_of_zero_leaves_the_gradient_alone, release_kept),
    };
    return cmocka_run_group_tests_name("distance", tests, NULL, NULL);
}
