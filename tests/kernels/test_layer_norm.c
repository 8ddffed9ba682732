/* Layer normalisation against its definition, and the definition's central differences. */
#include "kernels/layer_norm.h"
#include "sequences.h"

#define ROWS  5
#define WIDTH 7

struct norm_case {
    double *x, *gain, *bias, *dy, *y;
};

static struct norm_case make_case(void)
{
    struct random_source source = random_source(4, 0);
    struct norm_case c = {.x = draw(&source, ROWS * WIDTH),
                          .gain = draw(&source, WIDTH),
                          .bias = draw(&source, WIDTH),
                          .dy = draw(&source, ROWS * WIDTH),
                          .y = keep(ROWS * WIDTH, sizeof(double))};
    for (int j = 0; j < WIDTH; j++)
        c.x[j] += 50; /* a mean far from 0 */
    return c;
}

static double objective(void *context)
{
    const struct norm_case *c = context;
    double sum = 0;
    for (int i = 0; i < ROWS; i++) {
        double mean = 0, variance = 0;
        for (int j = 0; j < WIDTH; j++)
            mean += c->x[i * WIDTH + j] / WIDTH;
        for (int j = 0; j < WIDTH; j++)
            variance += pow(c->x[i * WIDTH + j] - mean, 2) / WIDTH;
        for (int j = 0; j < WIDTH; j++) {
            c->y[i * WIDTH + j] =
                c->gain[j] * (c->x[i * WIDTH + j] - mean) / sqrt(variance + 1e-5) + c->bias[j];
            sum += c->dy[i * WIDTH + j] * c->y[i * WIDTH + j];
        }
    }
    return sum;
}

/* As columns of wider rows: `stride` apart, the others untouched. */
static real *spread(int64_t stride, const double *values)
{
    real *wide = keep(ROWS * stride, sizeof *wide);
    for (int64_t i = 0; i < ROWS * stride; i++)
        wide[i] = 77;
    for (int64_t i = 0; i < ROWS; i++)
        for (int64_t j = 0; j < WIDTH; j++)
            wide[i * stride + j] = (real)values[i * WIDTH + j];
    return wide;
}

static void test_forward_is_the_definition(void **state)
{
    (void)state;
    struct norm_case c = make_case();
    struct layer_norm layer = {as_reals(WIDTH, c.gain), as_reals(WIDTH, c.bias), WIDTH};
    real *y = spread(WIDTH + 2, c.y), *packed = keep(ROWS * WIDTH, sizeof *packed);
    objective(&c);
    layer_norm_forward(layer, ROWS, spread(WIDTH + 3, c.x), WIDTH + 3, y, WIDTH + 2);
    for (int64_t i = 0; i < ROWS; i++) {
        memcpy(packed + i * WIDTH, y + i * (WIDTH + 2), WIDTH * sizeof *y);
        assert_true(y[i * (WIDTH + 2) + WIDTH] == 77);
    }
    assert_near("y", ROWS * WIDTH, packed, c.y, 10 * VALUE_TOLERANCE);
}

static void test_backward_is_the_derivative(void **state)
{
    (void)state;
    struct norm_case c = make_case();
    struct layer_norm layer = {as_reals(WIDTH, c.gain), as_reals(WIDTH, c.bias), WIDTH};
    real *dgain = gradient_from(2, WIDTH), *dbias = gradient_from(-1, WIDTH);
    real *dx = gradient_from(0.5, ROWS * WIDTH);
    layer_norm_backward(layer, ROWS, as_reals(ROWS * WIDTH, c.x), WIDTH, spread(WIDTH + 4, c.dy),
                        WIDTH + 4, dgain, dbias, dx, WIDTH);
    assert_added("dgain", 2, WIDTH, dgain, central_differences(objective, &c, WIDTH, c.gain));
    assert_added("dbias", -1, WIDTH, dbias, central_differences(objective, &c, WIDTH, c.bias));
    assert_added("dx", 0.5, ROWS * WIDTH, dx,
                 central_differences(objective, &c, ROWS * WIDTH, c.x));
}

static void test_a_row_that_is_all_the_same_has_no_deviation_to_divide_by(void **state)
{
    (void)state;
    const real gain[3] = {2, 2, 2}, bias[3] = {1, 2, 3}, x[3] = {5, 5, 5};
    real y[3];
    layer_norm_forward((struct layer_norm){gain, bias, 3}, 1, x, 3, y, 3);
    for (int j = 0; j < 3; j++)
        assert_true(y[j] == bias[j]);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_forward_is_the_definition, release_kept),
        cmocka_unit_test_teardown(test_backward_is_the_derivative, release_kept),
        cmocka_unit_test_teardown(test_a_row_that_is_all_the_same_has_no_deviation_to_divide_by,
                                  release_kept),
    };
    return cmocka_run_group_tests_name("layer_norm", tests, NULL, NULL);
}
