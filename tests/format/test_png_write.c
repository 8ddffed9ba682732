/* PNG files, taken apart again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "format/png_write.h"

static uint32_t big_endian(const uint8_t *from)
{
    return (uint32_t)from[0] << 24 | (uint32_t)from[1] << 16 | (uint32_t)from[2] << 8 | from[3];
}

/* The next chunk's data, which must have this name and a right checksum. */
static const uint8_t *next_chunk(const uint8_t **at, const char *name, uint32_t *bytes)
{
    const uint8_t *start = *at;
    *bytes = big_endian(start);
    assert_memory_equal(start + 4, name, 4);
    assert_int_equal(big_endian(start + 8 + *bytes),
                     (uint32_t)crc32(0, start + 4, (uInt)(*bytes + 4)));
    *at = start + 12 + *bytes;
    return start + 8;
}

static void test_a_picture_is_read_back(void **state)
{
    (void)state;
    static const uint8_t signature[] = {137, 80, 78, 71, 13, 10, 26, 10};
    enum { WIDTH = 3, HEIGHT = 2 };
    const uint8_t pixels[HEIGHT][WIDTH] = {{0, 1, 255}, {7, 8, 9}};
    uint8_t palette[256 * 3], unpacked[HEIGHT * (WIDTH + 1)];
    uLongf unpacked_bytes = sizeof unpacked;
    char *file;
    size_t size;
    uint32_t bytes;
    for (int i = 0; i < 256 * 3; i++)
        palette[i] = (uint8_t)(i * 7);
    FILE *stream = open_memstream(&file, &size);
    assert_int_equal(png_write(stream, WIDTH, HEIGHT, pixels[0], palette, NULL), 0);
    fclose(stream);
    const uint8_t *at = (const uint8_t *)file;
    assert_memory_equal(at, signature, sizeof signature);
    at += sizeof signature;
    const uint8_t *header = next_chunk(&at, "IHDR", &bytes);
    assert_int_equal(bytes, 13);
    assert_int_equal(big_endian(header), WIDTH);
    assert_int_equal(big_endian(header + 4), HEIGHT);
    assert_int_equal(header[8], 8); /* bits */
    assert_int_equal(header[9], 3); /* a palette */
    assert_memory_equal(next_chunk(&at, "PLTE", &bytes), palette, sizeof palette);
    const uint8_t *packed = next_chunk(&at, "IDAT", &bytes);
    assert_int_equal(uncompress(unpacked, &unpacked_bytes, packed, bytes), Z_OK);
    assert_int_equal(unpacked_bytes, sizeof unpacked);
    for (int y = 0; y < HEIGHT; y++) {
        assert_int_equal(unpacked[y * (WIDTH + 1)], 0); /* no filter */
        assert_memory_equal(unpacked + y * (WIDTH + 1) + 1, pixels[y], WIDTH);
    }
    (void)next_chunk(&at, "IEND", &bytes);
    assert_ptr_equal(at, (const uint8_t *)file + size);
    free(file);
}

static void test_impossible_sizes_are_refused(void **state)
{
    (void)state;
    const uint8_t pixel = 0, palette[256 * 3] = {0};
    assert_true(png_write(stderr, 0, 1, &pixel, palette, NULL) < 0);
    assert_true(png_write(stderr, 1, PNG_MAX_SIDE + 1, &pixel, palette, NULL) < 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_picture_is_read_back),
        cmocka_unit_test(test_impossible_sizes_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
