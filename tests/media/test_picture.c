/* Picture files: their values, and what cannot be read. */
#include "media_fixture.h"

#define CORPUS VALENCE_TEST_DATA "/../fuzz/media/corpus/media/"

static int read_picture(const char *path, const struct valence_media_options *options,
                        struct valence_picture **picture, struct valence_error *error)
{
    struct valence_media *media;
    *picture = NULL;
    int status = valence_media_open(path, options, &media, error);
    if (!status)
        status = valence_media_read_picture(media, picture, error);
    valence_media_close(media);
    return status;
}

static int read_corpus(const char *name, struct valence_picture **picture,
                       struct valence_error *error)
{
    char path[4096];
    snprintf(path, sizeof path, CORPUS "%s", name);
    return read_picture(path, NULL, picture, error);
}

static void test_every_kind_of_pixel_becomes_rgb(void **state)
{
    (void)state;
    struct valence_error error;
    struct valence_picture *rgb, *other;
    assert_int_equal(read_corpus("rgb.png", &rgb, &error), 0);
    assert_int_equal(rgb->width, 7);
    assert_int_equal(rgb->height, 9);
    assert_int_equal(read_corpus("rgba.png", &other, &error), 0); /* the same, with transparency */
    assert_memory_equal(rgb->pixels, other->pixels, 7 * 9 * 3);
    valence_picture_free(other);
    static const char *const grey[] = {"grey.png", "grey16.png"}; /* the red of it */
    for (int i = 0; i < 2; i++) {
        assert_int_equal(read_corpus(grey[i], &other, &error), 0);
        for (int j = 0; j < 7 * 9 * 3; j++)
            assert_int_equal(other->pixels[j], rgb->pixels[j / 3 * 3]);
        valence_picture_free(other);
    }
    valence_picture_free(rgb);
    static const char *const others[] = {"palette.png",     "one_bit.png",   "rgb.jpg", "grey.jpg",
                                         "progressive.jpg", "one_pixel.png", "cmyk.jpg"};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        assert_int_equal(read_corpus(others[i], &other, &error), 0);
        valence_picture_free(other);
    }
}

static void test_an_interlaced_picture_is_put_together(void **state)
{
    (void)state;
    struct valence_error error;
    struct valence_picture *picture;
    assert_int_equal(read_corpus("interlaced.png", &picture, &error), 0);
    assert_memory_equal(picture->pixels, "abcdefghijkl", 12);
    valence_picture_free(picture);
}

static void test_what_cannot_be_read_is_an_error(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        int status;
    } files[] = {{"cut.png", VALENCE_ERROR_FORMAT},
                 {"cut.jpg", VALENCE_ERROR_FORMAT},
                 {"huge.png", VALENCE_ERROR_FORMAT},
                 {"not_a_picture", VALENCE_ERROR_UNSUPPORTED},
                 {"none.png", VALENCE_ERROR_NOT_FOUND}};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        struct valence_error error;
        struct valence_picture *picture;
        assert_int_equal(read_corpus(files[i].name, &picture, &error), files[i].status);
        assert_null(picture);
        assert_non_null(strstr(error.text, files[i].name));
    }
}

/* PNG's check sum. */
static unsigned crc32_of(const unsigned char *data, int n)
{
    unsigned crc = 0xFFFFFFFFu;
    for (int i = 0; i < n; i++) {
        crc ^= data[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1 ? 0xEDB88320u : 0);
    }
    return ~crc;
}

static void put_big(unsigned char *to, unsigned value)
{
    for (int i = 0; i < 4; i++)
        to[i] = (unsigned char)(value >> (24 - 8 * i));
}

/* A PNG whose header tells of the size, and nothing more. */
static int read_size(unsigned width, unsigned height, const struct valence_media_options *options,
                     struct valence_error *error)
{
    struct valence_media *media;
    struct valence_picture *picture = NULL;
    static const unsigned char begin[] = "\x89PNG\r\n\x1A\n\0\0\0\x0DIHDR";
    static const unsigned char data[] = "\x08\x02\0\0\0\0\0\0\0\0\0\0\x08IDAT\x78\x9c\0\0\0\0\0\0";
    unsigned char file[64];
    memcpy(file, begin, 16);
    put_big(file + 16, width);
    put_big(file + 20, height);
    memcpy(file + 24, data, sizeof data);
    put_big(file + 29, crc32_of(file + 12, 17));
    put_big(file + 49, crc32_of(file + 37, 12));
    int status = valence_media_open_memory(file, 53, "x.png", options, &media, error);
    if (!status)
        status = valence_media_read_picture(media, &picture, error);
    assert_null(picture);
    valence_media_close(media);
    return status;
}

static void test_sizes_are_limited_before_decoding(void **state)
{
    (void)state;
    struct valence_error error;
    struct valence_media_options options;
    assert_int_equal(read_size(20000, 4, NULL, &error), VALENCE_ERROR_LIMIT);
    assert_non_null(strstr(error.text, "20000 x 4 pixels; sides of up to 16384"));
    assert_int_equal(read_size(16000, 16000, NULL, &error), VALENCE_ERROR_LIMIT);
    assert_string_equal(error.key, "max_pixels");
    valence_media_options_default(&options);
    options.max_pixels = 100;
    assert_int_equal(read_size(11, 10, &options, &error), VALENCE_ERROR_LIMIT);
    assert_string_equal(error.key, "max_pixels");
    valence_media_options_default(&options);
    options.max_bytes = 1 << 20;
    assert_int_equal(read_size(1000, 1000, &options, &error), VALENCE_ERROR_LIMIT);
    assert_string_equal(error.key, "max_bytes");
}

/* The colours of a BMP are those of the same picture as PNG. */
static void test_a_bmp_equals_its_png(void **state)
{
    (void)state;
    struct valence_error error;
    struct valence_picture *bmp, *png;
    ffmpeg("-f lavfi -i testsrc=size=30x20 -frames:v 1 a.png");
    ffmpeg("-i a.png a.bmp");
    assert_int_equal(read_picture(in_folder("a.png"), NULL, &png, &error), 0);
    assert_int_equal(read_picture(in_folder("a.bmp"), NULL, &bmp, &error), 0);
    assert_int_equal(bmp->width, 30);
    assert_int_equal(bmp->height, 20);
    assert_memory_equal(bmp->pixels, png->pixels, 30 * 20 * 3);
    valence_picture_free(bmp);
    valence_picture_free(png);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_kind_of_pixel_becomes_rgb),
        cmocka_unit_test(test_an_interlaced_picture_is_put_together),
        cmocka_unit_test(test_what_cannot_be_read_is_an_error),
        cmocka_unit_test(test_sizes_are_limited_before_decoding),
        cmocka_unit_test(test_a_bmp_equals_its_png),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
