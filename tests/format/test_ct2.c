#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "format/ct2.h"

/* Two variables and an alias: "a" (2, 3) of f32, "n" a scalar of i16. */
static const unsigned char file[] = {6,   0,   0,   0,   12,  0, 'W', 'h', 'i', 's', 'p', 'e',
                                     'r', 'S', 'p', 'e', 'c', 0, 3,   0,   0,   0, /* */
                                     2,   0,   0,   0,                             /* */
                                     2,   0,   'a', 0,   2,   2, 0,   0,   0,   3,   0,   0,
                                     0,   0,   24,  0,   0,   0, /* */
                                     0,   0,   128, 63,  0,   0, 0,   64,  0,   0,   64,  64,
                                     0,   0,   128, 64,  0,   0, 160, 64,  0,   0,   192, 64, /* */
                                     2,   0,   'n', 0,   0,   2, 2,   0,   0,   0,   8,   0,  /* */
                                     1,   0,   0,   0,   2,   0, 'b', 0,   2,   0,   'a', 0};

static void test_variables_are_read(void **state)
{
    (void)state;
    struct ct2 *ct2;
    struct valence_error error;
    assert_true(ct2_is_file(file, sizeof file));
    assert_int_equal(ct2_open_memory(file, sizeof file, "x", &ct2, &error), 0);
    assert_string_equal(ct2_spec(ct2), "WhisperSpec");
    assert_int_equal(ct2_n_variables(ct2), 2);
    const struct ct2_variable *a = ct2_variable(ct2, 0), *n = ct2_variable(ct2, 1);
    assert_string_equal(a->name, "a");
    assert_int_equal(a->n_dims, 2);
    assert_int_equal(a->shape[0], 2);
    assert_int_equal(a->shape[1], 3);
    float values[6];
    assert_int_equal(ct2_to_float(ct2, a, values, &error), 0);
    for (int i = 0; i < 6; i++)
        assert_true(values[i] == (float)(i + 1));
    int64_t heads;
    assert_int_equal(n->n_dims, 0);
    unsigned char scalar[2];
    assert_int_equal(element_type_size(n->type), sizeof scalar);
    assert_int_equal(ct2_read(ct2, n, scalar, &error), 0);
    assert_true(elements_to_int64(n->type, false, scalar, 1, &heads));
    assert_int_equal(heads, 8);
    ct2_close(ct2);
}

static void test_every_cut_is_an_error(void **state)
{
    (void)state;
    for (size_t size = 0; size < sizeof file; size++) {
        struct ct2 *ct2;
        struct valence_error error;
        unsigned char *cut = malloc(size + 1); /* so that a sanitizer sees a read beyond */
        assert_non_null(cut);
        memcpy(cut, file, size);
        assert_int_equal(ct2_open_memory(cut, size, "x", &ct2, &error), VALENCE_ERROR_FORMAT);
        assert_null(ct2);
        free(cut);
    }
}

static void test_wrong_bytes_are_errors(void **state)
{
    (void)state;
    static const struct {
        size_t at;
        unsigned char value;
        int status;
    } wrong[] = {{0, 7, VALENCE_ERROR_UNSUPPORTED}, {25, 255, VALENCE_ERROR_FORMAT},
                 {29, 'x', VALENCE_ERROR_FORMAT},   {30, 9, VALENCE_ERROR_FORMAT},
                 {34, 255, VALENCE_ERROR_FORMAT},   {39, 6, VALENCE_ERROR_FORMAT},
                 {40, 25, VALENCE_ERROR_FORMAT},    {sizeof file - 2, 'z', VALENCE_ERROR_FORMAT}};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct ct2 *ct2;
        struct valence_error error;
        unsigned char changed[sizeof file];
        memcpy(changed, file, sizeof file);
        changed[wrong[i].at] = wrong[i].value;
        assert_int_equal(ct2_open_memory(changed, sizeof changed, "x", &ct2, &error),
                         wrong[i].status);
        assert_null(ct2);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_variables_are_read),
        cmocka_unit_test(test_every_cut_is_an_error),
        cmocka_unit_test(test_wrong_bytes_are_errors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
