/* Errors: the status survives without a struct to describe it in, and texts are cut, not torn. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#undef fail /* of cmocka */
#include "base/fail.h"

static void test_status_comes_back_without_an_error(void **state)
{
    (void)state;
    assert_int_equal(fail(NULL, VALENCE_ERROR_SHAPE, "x"), VALENCE_ERROR_SHAPE);
    assert_int_equal(fail_key(NULL, VALENCE_ERROR_DATA, "dtype", "x"), VALENCE_ERROR_DATA);
    assert_int_equal(fail_errno(NULL, ENOSPC, "x"), VALENCE_ERROR_DISK_FULL);
    assert_int_equal(fail_errno(NULL, ENOMEM, "x"), VALENCE_ERROR_MEMORY);
    assert_int_equal(fail_errno(NULL, EACCES, "x"), VALENCE_ERROR_IO);
    assert_int_equal(fail_memory(NULL, 1, "x"), VALENCE_ERROR_MEMORY);
    assert_int_equal(fail_within(VALENCE_ERROR_BUSY, NULL, "x"), VALENCE_ERROR_BUSY);
}

static void test_context_stands_in_front_and_the_key_stays(void **state)
{
    (void)state;
    struct valence_error error;
    int status = fail_key(&error, VALENCE_ERROR_DATA, "dtype", "value %d", 7);
    assert_int_equal(fail_within(status, &error, "%s:%d", "a.csv", 3), VALENCE_ERROR_DATA);
    assert_string_equal(error.text, "a.csv:3: value 7");
    assert_string_equal(error.key, "dtype");
    assert_int_equal(error.status, VALENCE_ERROR_DATA);
    fail(&error, VALENCE_ERROR_DATA, "another");
    assert_string_equal(error.key, "");
}

static void test_a_file_is_named_once(void **state)
{
    (void)state;
    struct valence_error error;
    fail_key(&error, VALENCE_ERROR_DATA, "skip", "a.csd: row 3 has nothing");
    assert_int_equal(fail_in_file(error.status, &error, "a.csd", "entry '%s'", "one"),
                     VALENCE_ERROR_DATA);
    assert_string_equal(error.text, "a.csd: entry 'one': row 3 has nothing");
    assert_string_equal(error.key, "skip");
    fail(&error, VALENCE_ERROR_DATA, "a.csd is short");
    fail_in_file(error.status, &error, "a.csd", "entry");
    assert_string_equal(error.text, "a.csd: entry: a.csd is short");
    assert_int_equal(fail_in_file(VALENCE_ERROR_BUSY, NULL, "a", "x"), VALENCE_ERROR_BUSY);
}

static void test_long_texts_are_cut(void **state)
{
    (void)state;
    struct valence_error error;
    char text[3 * VALENCE_ERROR_TEXT_BYTES];
    memset(text, 'a', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    fail_errno(&error, EIO, "%s", text);
    assert_int_equal(strlen(error.text), VALENCE_ERROR_TEXT_BYTES - 1);
    fail_within(error.status, &error, "%s", text);
    assert_int_equal(strlen(error.text), VALENCE_ERROR_TEXT_BYTES - 1);
}

static void test_an_empty_text_says_what_the_status_means(void **state)
{
    (void)state;
    struct valence_error error;
    fail(&error, VALENCE_ERROR_BUSY, "%s", "");
    assert_string_equal(error.text, valence_status_text(VALENCE_ERROR_BUSY));
    assert_string_equal(valence_status_name(VALENCE_ERROR_BUSY), "ERROR_BUSY");
    assert_string_equal(valence_status_name(1), "UNKNOWN");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_status_comes_back_without_an_error),
        cmocka_unit_test(test_context_stands_in_front_and_the_key_stays),
        cmocka_unit_test(test_a_file_is_named_once),
        cmocka_unit_test(test_long_texts_are_cut),
        cmocka_unit_test(test_an_empty_text_says_what_the_status_means),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
