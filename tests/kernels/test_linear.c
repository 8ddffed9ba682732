/* Linear layers and ReLU against plain loops and their central differences, in columns of wider
 * matrices. */
#include "kernels/linear.h"
#include "numbers.h"

struct layer_case {
    int64_t rows, in, out, x_stride, y_stride;
    double *x, *weight, *bias;
    double *dy; /* the objective is dy . y */
};

static struct layer_case make_case(int64_t rows, int64_t in, int64_t out, int64_t more)
{
    struct random_source source = random_source(1, (uint64_t)(rows * 100 + in * 10 + out));
    return (struct layer_case){.rows = rows,
                               .in = in,
                               .out = out,
                               .x_stride = in + more,
                               .y_stride = out + 2 * more,
                               .x = draw(&source, rows * (in + more)),
                               .weight = draw(&source, out * in),
                               .bias = draw(&source, out),
                               .dy = draw(&source, rows * (out + 2 * more))};
}

static double reference(const struct layer_case *c, int64_t row, int64_t j)
{
    double sum = c->bias[j];
    for (int64_t k = 0; k < c->in; k++)
        sum += c->x[row * c->x_stride + k] * c->weight[j * c->in + k];
    return sum;
}

static double objective(void *context)
{
    const struct layer_case *c = context;
    double sum = 0;
    for (int64_t i = 0; i < c->rows; i++)
        for (int64_t j = 0; j < c->out; j++)
            sum += c->dy[i * c->y_stride + j] * reference(c, i, j);
    return sum;
}

static struct linear layer_of_case(const struct layer_case *c)
{
    return (struct linear){as_reals(c->out * c->in, c->weight), as_reals(c->out, c->bias), c->in,
                           c->out, PRECISION_F32};
}

static void check_forward(int64_t rows, int64_t in, int64_t out, int64_t more)
{
    struct layer_case c = make_case(rows, in, out, more);
    double *wanted = keep(rows * c.y_stride, sizeof *wanted);
    for (int64_t i = 0; i < rows * c.y_stride; i++)
        wanted[i] = 7; /* what lies between the rows stays */
    real *y = as_reals(rows * c.y_stride, wanted);
    for (int64_t i = 0; i < rows; i++)
        for (int64_t j = 0; j < out; j++)
            wanted[i * c.y_stride + j] = reference(&c, i, j);
    linear_forward(layer_of_case(&c), rows, as_reals(rows * c.x_stride, c.x), c.x_stride, y,
                   c.y_stride);
    assert_near("y", rows * c.y_stride, y, wanted, VALUE_TOLERANCE);
}

static void test_forward_is_the_product_plus_the_bias(void **state)
{
    (void)state;
    check_forward(5, 3, 4, 0);
    check_forward(1, 1, 1, 0);
    check_forward(70, 65, 33, 0);
    check_forward(0, 3, 4, 0);
}

static void test_forward_writes_columns_of_a_wider_matrix(void **state)
{
    (void)state;
    check_forward(5, 3, 4, 2);
    check_forward(17, 20, 9, 5);
}

static void test_backward_is_the_derivative(void **state)
{
    (void)state;
    for (int64_t more = 0; more < 3; more += 2) {
        struct layer_case c = make_case(6, 5, 3, more);
        int64_t n_x = c.rows * c.x_stride;
        real *x = as_reals(n_x, c.x), *dy = as_reals(c.rows * c.y_stride, c.dy);
        real *dx = gradient_from(0.5, n_x), *dw = gradient_from(0.25, 15);
        real *db = gradient_from(2, 3);
        struct linear_gradient gradient = {dw, db};
        linear_backward(layer_of_case(&c), gradient, c.rows, x, c.x_stride, dy, c.y_stride, dx,
                        c.x_stride);
        assert_added("dx", 0.5, n_x, dx, central_differences(objective, &c, n_x, c.x));
        assert_added("dW", 0.25, 15, dw, central_differences(objective, &c, 15, c.weight));
        assert_added("db", 2, 3, db, central_differences(objective, &c, 3, c.bias));
    }
}

static void test_backward_without_dx_gives_the_same_layer_gradient(void **state)
{
    (void)state;
    struct layer_case c = make_case(6, 5, 3, 1);
    real *x = as_reals(36, c.x), *dy = as_reals(30, c.dy), *dx = gradient_from(0, 36);
    real *with = gradient_from(0, 18), *without = gradient_from(0, 18);
    struct linear layer = layer_of_case(&c);
    linear_backward(layer, (struct linear_gradient){with, with + 15}, 6, x, 6, dy, 5, dx, 6);
    linear_backward(layer, (struct linear_gradient){without, without + 15}, 6, x, 6, dy, 5, NULL,
                    0);
    assert_memory_equal(with, without, 18 * sizeof *with);
}

/* Two threads compute a product each. */
static void test_threads_give_the_same_gradients(void **state)
{
    enum { ROWS = 300, IN = 140, OUT = 120, N_X = ROWS * IN, N_W = OUT * IN };
    struct layer_case c = make_case(ROWS, IN, OUT, 0);
    struct linear layer = layer_of_case(&c);
    real *x = as_reals(N_X, c.x), *dy = as_reals(ROWS * OUT, c.dy);
    real *dx[2], *dw[2];
    (void)state;
    for (int i = 0; i < 2; i++) {
        int before = threads_enter(i + 1);
        dx[i] = gradient_from(0.5, N_X);
        dw[i] = gradient_from(0.25, N_W + OUT);
        linear_backward(layer, (struct linear_gradient){dw[i], dw[i] + N_W}, ROWS, x, IN, dy, OUT,
                        dx[i], IN);
        threads_leave(before);
    }
    assert_memory_equal(dx[1], dx[0], N_X * sizeof *dx[0]);
    assert_memory_equal(dw[1], dw[0], (N_W + OUT) * sizeof *dw[0]);
}

static void test_relu_keeps_what_is_positive(void **state)
{
    (void)state;
    static const int64_t sizes[][3] = {
        {3, 5, 8}, {1, 1, 1}, {300, 250, 251}}; /* the last by threads */
    for (size_t k = 0; k < 3; k++) {
        int64_t rows = sizes[k][0], width = sizes[k][1], stride = sizes[k][2];
        struct random_source source = random_source(2, k);
        double *x = draw(&source, rows * stride);
        real *y = as_reals(rows * stride, x);
        for (int64_t i = 0; i < rows; i++)
            for (int64_t j = 0; j < width; j++)
                x[i * stride + j] = x[i * stride + j] > 0 ? x[i * stride + j] : 0;
        relu_forward(rows, width, y, stride);
        assert_near("relu", rows * stride, y, x, 0);
    }
}

static void test_relu_lets_nan_through(void **state)
{
    (void)state;
    real values[] = {1, (real)NAN, -1};
    relu_forward(1, 3, values, 3);
    assert_true(values[0] == 1 && isnan(values[1]) && values[2] == 0);
}

static void test_relu_backward_passes_where_the_output_is_positive(void **state)
{
    (void)state;
    int64_t rows = 300, width = 250, y_stride = 253, dy_stride = 251;
    struct random_source source = random_source(3, 0);
    double *y = draw(&source, rows * y_stride), *dy = draw(&source, rows * dy_stride);
    real *result = as_reals(rows * dy_stride, dy);
    y[3] = 0; /* as dropout and ReLU leave it */
    for (int64_t i = 0; i < rows; i++)
        for (int64_t j = 0; j < width; j++)
            dy[i * dy_stride + j] *= y[i * y_stride + j] > 0 ? 1.25 : 0;
    relu_backward(rows, width, as_reals(rows * y_stride, y), y_stride, (real)1.25, result,
                  dy_stride);
    assert_near("dy", rows * dy_stride, result, dy, VALUE_TOLERANCE);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_forward_is_the_product_plus_the_bias, release_kept),
        cmocka_unit_test_teardown(test_forward_writes_columns_of_a_wider_matrix, release_kept),
        cmocka_unit_test_teardown(test_backward_is_the_derivative, release_kept),
        cmocka_unit_test_teardown(test_backward_without_dx_gives_the_same_layer_gradient,
                                  release_kept),
        cmocka_unit_test_teardown(test_threads_give_the_same_gradients, release_kept),
        cmocka_unit_test_teardown(test_relu_keeps_what_is_positive, release_kept),
        cmocka_unit_test_teardown(test_relu_lets_nan_through, release_kept),
        cmocka_unit_test_teardown(test_relu_backward_passes_where_the_output_is_positive,
                                  release_kept),
    };
    return cmocka_run_group_tests_name("linear", tests, NULL, NULL);
}
