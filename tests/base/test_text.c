/* Growing texts, UTF-8, and numbers that do not depend on the locale. */
#include <locale.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/text.h"
#include "base/text_sort.h"

static void test_a_text_grows_to_its_maximum_and_stops(void **state)
{
    (void)state;
    struct text text = {.maximum = 1000};
    for (int i = 0; i < 100; i++)
        text_format(&text, "%09d\n", i);
    assert_false(text.failed);
    assert_int_equal(text.length, 1000);
    text_append(&text, "x", 1);
    assert_true(text.failed);
    assert_int_equal(strlen(text.data), 1000);
    text_free(&text);
    text_append(&text, "again", 5);
    assert_string_equal(text.data, "again");
    text_free(&text);
}

static void test_code_points_become_utf8(void **state)
{
    (void)state;
    static const struct {
        uint32_t point;
        const char *bytes;
        bool valid;
    } cases[] = {{0x41, "A", true},
                 {0xE9, "\xC3\xA9", true},
                 {0x20AC, "\xE2\x82\xAC", true},
                 {0x1F600, "\xF0\x9F\x98\x80", true},
                 {0xD800, "\xED\xA0\x80", false},
                 {0x110000, "\xFF", false}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct text text = {.maximum = 16};
        text_append_code_point(&text, cases[i].point);
        assert_string_equal(text.data, cases[i].bytes);
        assert_int_equal(is_utf8(text.data, text.length), cases[i].valid);
        text_free(&text);
    }
}

static void test_malformed_utf8_is_told(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "\x80",      "\xC0\x80", "\xC3", "\xE0\x80\x80", "\xF0\x80\x80\x80", "\xF4\x90\x80\x80",
        "a\xE2\x82", "\xFE"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(is_utf8(bad[i], strlen(bad[i])));
    assert_true(is_utf8("", 0));
}

static void assert_repaired(const char *from, const char *to)
{
    struct text text = {.maximum = 100};
    text_append_repaired(&text, from, strlen(from));
    assert_false(text.failed);
    assert_string_equal(text.data, to);
    text_free(&text);
}

static void test_bytes_that_are_not_utf8_are_replaced(void **state)
{
    (void)state;
    assert_repaired("", "");
    assert_repaired("caf\xc3\xa9 \xf0\x9f\x98\x80", "caf\xc3\xa9 \xf0\x9f\x98\x80");
    assert_repaired("\xe9", "\xef\xbf\xbd");
    assert_repaired("a\xe2\x82"
                    "b",
                    "a\xef\xbf\xbd\xef\xbf\xbd"
                    "b");
    assert_repaired("\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"); /* a surrogate */
    assert_repaired("x\xf0\x9f\x98", "x\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");
}

/* RFC 4648, section 10. */
static void test_base64_is_padded(void **state)
{
    (void)state;
    static const char *const cases[][2] = {{"", ""},
                                           {"f", "Zg=="},
                                           {"fo", "Zm8="},
                                           {"foo", "Zm9v"},
                                           {"foob", "Zm9vYg=="},
                                           {"fooba", "Zm9vYmE="},
                                           {"foobar", "Zm9vYmFy"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct text text = {.maximum = 100};
        text_append(&text, "", 0);
        text_append_base64(&text, (const uint8_t *)cases[i][0], strlen(cases[i][0]));
        assert_string_equal(text.data, cases[i][1]);
        text_free(&text);
    }
}

static void test_numbers_are_whole_texts(void **state)
{
    (void)state;
    double number;
    long long integer;
    static const char *const bad[] = {"", " ", "1,5", "1x", "1e999", "--1", "1 2", "0x"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(parse_double(bad[i], &number));
    assert_true(parse_double(" 1.5\t", &number) && number == 1.5);
    assert_true(parse_double("1e-400", &number) && number == 0);
    assert_true(parse_double("-inf", &number) && isinf(number));
    assert_true(parse_int64("-9223372036854775808", &integer) && integer == INT64_MIN);
    assert_false(parse_int64("9223372036854775808", &integer));
    assert_false(parse_int64("1.0", &integer));
}

static void test_numbers_do_not_know_the_locale(void **state)
{
    (void)state;
    char text[NUMBER_TEXT_BYTES];
    double number;
    bool comma = setlocale(LC_NUMERIC, "de_DE.UTF-8") || setlocale(LC_NUMERIC, "de_DE.utf8");
    assert_true(parse_double("2.5", &number) && number == 2.5);
    format_double(2.5, 17, text);
    assert_string_equal(text, "2.5");
    format_double(0.1, 40, text);
    assert_string_equal(text, "0.10000000000000001");
    setlocale(LC_NUMERIC, "C");
    if (!comma)
        skip();
}

static void test_sorted_texts_tell_what_is_there_twice(void **state)
{
    (void)state;
    const char *texts[] = {"b", "", "\xC3\xA4", "a", "b", "a"};
    assert_string_equal(sort_texts(texts, 6), "a");
    const char *const sorted[] = {"", "a", "a", "b", "b", "\xC3\xA4"};
    for (int i = 0; i < 6; i++)
        assert_string_equal(texts[i], sorted[i]);
    const char *different[] = {"ab", "a"};
    assert_null(sort_texts(different, 2));
    assert_string_equal(different[0], "a");
    assert_null(sort_texts(NULL, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_text_grows_to_its_maximum_and_stops),
        cmocka_unit_test(test_code_points_become_utf8),
        cmocka_unit_test(test_malformed_utf8_is_told),
        cmocka_unit_test(test_bytes_that_are_not_utf8_are_replaced),
        cmocka_unit_test(test_base64_is_padded),
        cmocka_unit_test(test_numbers_are_whole_texts),
        cmocka_unit_test(test_numbers_do_not_know_the_locale),
        cmocka_unit_test(test_sorted_texts_tell_what_is_there_twice),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
