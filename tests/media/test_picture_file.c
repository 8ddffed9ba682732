#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "media/picture_file.h"

#define CORPUS VALENCE_TEST_DATA "/../fuzz/media/corpus/picture/"

static int read_corpus(const char *name, struct picture *picture, struct valence_error *error)
{
    char path[4096];
    snprintf(path, sizeof path, CORPUS "%s", name);
    return picture_read(path, picture, error);
}

static void test_every_kind_of_pixel_becomes_rgb(void **state)
{
    (void)state;
    struct valence_error error;
    struct picture rgb, other;
    assert_int_equal(read_corpus("rgb.png", &rgb, &error), 0);
    assert_int_equal(rgb.width, 7);
    assert_int_equal(rgb.height, 9);
    assert_int_equal(read_corpus("rgba.png", &other, &error), 0); /* the same, with transparency */
    assert_memory_equal(rgb.pixels, other.pixels, 7 * 9 * 3);
    picture_free(&other);
    static const char *const grey[] = {"grey.png", "grey16.png"}; /* the red of it */
    for (int i = 0; i < 2; i++) {
        assert_int_equal(read_corpus(grey[i], &other, &error), 0);
        for (int j = 0; j < 7 * 9 * 3; j++)
            assert_int_equal(other.pixels[j], rgb.pixels[j / 3 * 3]);
        picture_free(&other);
    }
    picture_free(&rgb);
    static const char *const others[] = {"palette.png", "one_bit.png",     "rgb.jpg",
                                         "grey.jpg",    "progressive.jpg", "one_pixel.png"};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        assert_int_equal(read_corpus(others[i], &other, &error), 0);
        picture_free(&other);
    }
}

static void test_an_interlaced_picture_is_put_together(void **state)
{
    (void)state;
    struct valence_error error;
    struct picture picture;
    assert_int_equal(read_corpus("interlaced.png", &picture, &error), 0);
    assert_memory_equal(picture.pixels, "abcdefghijkl", 12);
    picture_free(&picture);
}

static void test_what_cannot_be_read_is_an_error(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        int status;
    } files[] = {
        {"cut.png", VALENCE_ERROR_FORMAT},       {"cut.jpg", VALENCE_ERROR_FORMAT},
        {"huge.png", VALENCE_ERROR_FORMAT},      {"not_a_picture", VALENCE_ERROR_UNSUPPORTED},
        {"cmyk.jpg", VALENCE_ERROR_UNSUPPORTED}, {"none.png", VALENCE_ERROR_NOT_FOUND}};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        struct valence_error error;
        struct picture picture;
        assert_int_equal(read_corpus(files[i].name, &picture, &error), files[i].status);
        assert_null(picture.pixels);
        assert_non_null(strstr(error.text, files[i].name));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_kind_of_pixel_becomes_rgb),
        cmocka_unit_test(test_an_interlaced_picture_is_put_together),
        cmocka_unit_test(test_what_cannot_be_read_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
