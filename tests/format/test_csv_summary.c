/* What is counted of a table's columns. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "format/csv_summary.h"

static struct valence_error error;

static int summarise(const char *text, struct csv_summary *summary)
{
    char path[] = "/tmp/valence-csv-XXXXXX";
    int descriptor = mkstemp(path);
    assert_true(descriptor >= 0);
    assert_int_equal(write(descriptor, text, strlen(text)), strlen(text));
    assert_int_equal(close(descriptor), 0);
    int status = csv_summarise(path, ',', summary, &error);
    unlink(path);
    return status;
}

static void test_columns_are_counted(void **state)
{
    (void)state;
    struct csv_summary summary;
    assert_int_equal(summarise("split,a,b\ntrain,1.5,\ntest,-2,x\ntrain,nan,x\n", &summary), 0);
    assert_int_equal(summary.n_rows, 3);
    assert_int_equal(summary.n_columns, 3);
    const struct csv_column *split = &summary.columns[0], *a = &summary.columns[1];
    assert_string_equal(split->name, "split");
    assert_int_equal(split->n_texts, 3);
    assert_int_equal(split->n_values, 2);
    assert_string_equal(split->values[0].text, "train");
    assert_int_equal(split->values[0].n, 2);
    assert_true(split->low > split->high);
    assert_int_equal(a->n_numbers, 2);
    assert_int_equal(a->n_broken, 1);
    assert_true(a->low == -2 && a->high == 1.5);
    assert_int_equal(summary.columns[2].n_empty, 1);
    csv_summary_free(&summary);
}

static void test_many_or_long_values_are_not_kept(void **state)
{
    (void)state;
    struct csv_summary summary;
    char text[1024] = "n,long\n";
    for (int i = 0; i < 20; i++)
        snprintf(text + strlen(text), sizeof text - strlen(text), "%d,%s\n", i,
                 "a text of more than thirty-one bytes");
    assert_int_equal(summarise(text, &summary), 0);
    assert_true(summary.columns[0].n_values > CSV_SUMMARY_VALUES);
    assert_true(summary.columns[1].n_values > CSV_SUMMARY_VALUES);
    assert_int_equal(summary.columns[1].n_texts, 20);
    csv_summary_free(&summary);
}

static void test_a_broken_table_is_an_error(void **state)
{
    (void)state;
    struct csv_summary summary;
    assert_int_equal(summarise("a,b\n1,2\n3\n", &summary), VALENCE_ERROR_FORMAT);
    csv_summary_free(&summary);
    assert_int_equal(csv_summarise("/tmp/valence-no-such.csv", ',', &summary, &error),
                     VALENCE_ERROR_NOT_FOUND);
    csv_summary_free(&summary);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_columns_are_counted),
        cmocka_unit_test(test_many_or_long_values_are_not_kept),
        cmocka_unit_test(test_a_broken_table_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
