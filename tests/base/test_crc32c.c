/* The checksum: published values, both ways of computing it, and any split of the bytes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/crc32c.h"
#include "base/random.h"

/* RFC 3720, appendix B.4, and the check value of the catalogue of CRCs. */
static void test_published_values(void **state)
{
    (void)state;
    unsigned char bytes[32];
    assert_int_equal(crc32c(0, "123456789", 9), 0xE3069283);
    memset(bytes, 0, sizeof bytes);
    assert_int_equal(crc32c(0, bytes, sizeof bytes), 0x8A9136AA);
    memset(bytes, 0xFF, sizeof bytes);
    assert_int_equal(crc32c(0, bytes, sizeof bytes), 0x62A8AB43);
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (unsigned char)i;
    assert_int_equal(crc32c(0, bytes, sizeof bytes), 0x46DD794E);
    assert_int_equal(crc32c(0, bytes, 0), 0);
}

static void test_both_ways_agree_whatever_the_length_place_and_split(void **state)
{
    (void)state;
    enum { N = 20000 };
    unsigned char *bytes = malloc(N);
    struct random_source source = random_source(1, 2);
    for (size_t i = 0; i < N; i++)
        bytes[i] = (unsigned char)random_below(&source, 256);
    for (int round = 0; round < 400; round++) {
        size_t from = (size_t)random_below(&source, 64);
        size_t size = (size_t)random_below(&source, round % 2 ? 9000 : 100);
        size_t cut = size ? (size_t)random_below(&source, (int64_t)size) : 0;
        uint32_t whole = crc32c_by_tables(0, bytes + from, size);
        assert_int_equal(crc32c(0, bytes + from, size), whole);
        assert_int_equal(crc32c(crc32c(0, bytes + from, cut), bytes + from + cut, size - cut),
                         whole);
        assert_int_equal(
            crc32c_by_tables(crc32c(0, bytes + from, cut), bytes + from + cut, size - cut), whole);
    }
    free(bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_published_values),
        cmocka_unit_test(test_both_ways_agree_whatever_the_length_place_and_split),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
