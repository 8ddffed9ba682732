/* What is written is what the reader reads. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "comma_locale.h"
#include "format/csv.h"
#include "valence/text.h"

static void test_fields_and_numbers_read_back(void **state)
{
    (void)state;
    static const char *const ids[] = {"plain", "a,b", "say \"so\"", "two\nlines", " blank ", ""};
    static const float numbers[] = {0.1f, -3, 1e-30f, 16777217.0f, 0.333333343f, 3.4e38f};
    char *data;
    size_t size;
    FILE *stream = open_memstream(&data, &size);
    assert_non_null(stream);
    fputs("id,number\n", stream);
    for (int i = 0; i < 6; i++) {
        valence_write_csv_field(stream, ids[i]);
        fputc(',', stream);
        valence_write_csv_number(stream, numbers[i]);
        fputc('\n', stream);
    }
    fclose(stream);

    struct csv_reader *reader;
    struct valence_error error;
    bool more;
    double number;
    assert_int_equal(csv_open_memory(data, size, "memory", ',', &reader, &error), 0);
    for (int i = 0; i < 6; i++) {
        assert_int_equal(csv_next(reader, &more, &error), 0);
        assert_true(more);
        assert_string_equal(csv_field(reader, 0), ids[i]);
        assert_int_equal(csv_number(reader, 1, &number, &error), 0);
        assert_true((float)number == numbers[i]);
    }
    csv_close(reader);
    free(data);
}

static void test_nan_is_an_empty_field(void **state)
{
    (void)state;
    char text[8] = "";
    FILE *stream = fmemopen(text, sizeof text, "w");
    assert_non_null(stream);
    valence_write_csv_number(stream, NAN);
    fputc('|', stream);
    fclose(stream);
    assert_string_equal(text, "|");
}

static void test_numbers_do_not_depend_on_the_locale(void **state)
{
    (void)state;
    char text[32] = "";
    bool comma = comma_locale_begin();
    if (comma) {
        FILE *stream = fmemopen(text, sizeof text, "w");
        assert_non_null(stream);
        valence_write_csv_number(stream, 0.5f);
        fclose(stream);
    }
    comma_locale_end();
    if (!comma)
        skip();
    assert_string_equal(text, "0.5");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fields_and_numbers_read_back),
        cmocka_unit_test(test_nan_is_an_empty_field),
        cmocka_unit_test(test_numbers_do_not_depend_on_the_locale),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
