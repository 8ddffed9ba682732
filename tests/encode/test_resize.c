#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "encode/manet/resize.h"

#define SIDE 224

static uint8_t resized[SIDE * SIDE * 3];

static void test_a_picture_of_the_side_stays_as_it_is(void **state)
{
    (void)state;
    struct valence_error error;
    static uint8_t pixels[SIDE * SIDE * 3];
    for (size_t i = 0; i < sizeof pixels; i++)
        pixels[i] = (uint8_t)(i * 2654435761u >> 13);
    assert_int_equal(resize_rgb(pixels, SIDE, SIDE, SIDE, resized, &error), 0);
    assert_memory_equal(resized, pixels, sizeof pixels);
}

static void test_one_colour_stays_that_colour_at_any_size(void **state)
{
    (void)state;
    static const int64_t sizes[][2] = {{1, 1},     {1, 300},   {673, 2},
                                       {223, 225}, {16384, 3}, {5, 16384}};
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        struct valence_error error;
        int64_t n = sizes[s][0] * sizes[s][1];
        uint8_t *pixels = malloc((size_t)n * 3);
        assert_non_null(pixels);
        for (int64_t i = 0; i < n; i++)
            memcpy(pixels + 3 * i, (uint8_t[]){0, 255, 77}, 3);
        assert_int_equal(resize_rgb(pixels, sizes[s][0], sizes[s][1], SIDE, resized, &error), 0);
        for (int i = 0; i < SIDE * SIDE; i++)
            assert_memory_equal(resized + 3 * i, ((uint8_t[]){0, 255, 77}), 3);
        free(pixels);
    }
}

static void test_two_pixels_blend(void **state)
{
    (void)state;
    struct valence_error error;
    const uint8_t pixels[] = {0, 0, 0, 200, 100, 50};
    assert_int_equal(resize_rgb(pixels, 2, 1, 4, resized, &error), 0);
    /* centres 0.25, 0.75, 1.25, 1.75 of the row: 0, 1/4, 3/4 and all of the way */
    const uint8_t row[] = {0, 0, 0, 50, 25, 13, 150, 75, 38, 200, 100, 50};
    for (int i = 0; i < 4; i++)
        assert_memory_equal(resized + 12 * i, row, sizeof row);
}

static void test_sides_out_of_range_are_refused(void **state)
{
    (void)state;
    static const int64_t sizes[][2] = {{0, 1},         {1, 0},     {-1, 5},
                                       {20000, 20000}, {16385, 1}, {1, INT64_MAX}};
    const uint8_t pixel[3] = {0};
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        struct valence_error error;
        assert_int_equal(resize_rgb(pixel, sizes[s][0], sizes[s][1], SIDE, resized, &error),
                         VALENCE_ERROR_LIMIT);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_picture_of_the_side_stays_as_it_is),
        cmocka_unit_test(test_one_colour_stays_that_colour_at_any_size),
        cmocka_unit_test(test_two_pixels_blend),
        cmocka_unit_test(test_sides_out_of_range_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
