/* Distances of all pairs against NumPy. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "kernels/pairwise.h"
#include "principal_rows.h"
#include "principal_values.h"

static void test_distances_are_numpys(void **state)
{
    (void)state;
    real *a = make_rows(5, 37, 0), *b = make_rows(4, 37, 1), distances[20];
    pairwise_distances(5, a, 4, b, 37, distances);
    for (int i = 0; i < 20; i++)
        if (!(fabs((double)distances[i] - distances_5_4[i]) < 2e-6 * distances_5_4[i]))
            fail_msg("distance %d is %g, not %g", i, (double)distances[i], distances_5_4[i]);
    free(a);
    free(b);
}

/* |a|^2 + |b|^2 - 2ab would lose them among the rows' common part. */
static void test_close_rows_keep_their_digits(void **state)
{
    (void)state;
    enum { WIDTH = 100 };
    real a[WIDTH], b[WIDTH], distance;
    for (int j = 0; j < WIDTH; j++) {
        a[j] = 1000;
        b[j] = j == 7 ? (real)1000.125 : 1000;
    }
    pairwise_distances(1, a, 1, b, WIDTH, &distance);
    assert_true(distance == (real)0.125);
    pairwise_distances(1, a, 1, a, WIDTH, &distance);
    assert_true(distance == 0);
}

/* More rows than a tile has. */
static void test_every_pair_has_its_place(void **state)
{
    (void)state;
    enum { N = 70, M = 131 };
    real a[N], b[M], *distances = malloc(sizeof(real[N][M]));
    for (int i = 0; i < N; i++)
        a[i] = (real)(i * 1000);
    for (int j = 0; j < M; j++)
        b[j] = (real)j;
    pairwise_distances(N, a, M, b, 1, distances);
    for (int i = 0; i < N; i++)
        for (int j = 0; j < M; j++)
            assert_true(distances[i * M + j] == (real)abs(i * 1000 - j));
    free(distances);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_distances_are_numpys),
        cmocka_unit_test(test_close_rows_keep_their_digits),
        cmocka_unit_test(test_every_pair_has_its_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
