/* What a mistyped name was meant to be. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/suggest.h"
#include "valence/text.h"

static const char *const names[] = {"evaluate", "predict", "train", "seed", "seeds"};

static const char *suggest(const char *word)
{
    return valence_suggest(word, names, sizeof names / sizeof names[0]);
}

static void test_one_slip_is_forgiven(void **state)
{
    (void)state;
    assert_string_equal(suggest("trian"), "train");
    assert_string_equal(suggest("evalute"), "evaluate");
    assert_string_equal(suggest("predicts"), "predict");
}

static void test_the_nearest_name_wins(void **state)
{
    (void)state;
    assert_string_equal(suggest("seed"), "seed");
    assert_string_equal(suggest("sedes"), "seeds");
}

static void test_what_is_not_near_is_nothing(void **state)
{
    (void)state;
    assert_null(suggest("sing"));
    assert_null(suggest(""));
    assert_null(suggest("a word of more than sixty-four letters is never near to any other name"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_slip_is_forgiven),
        cmocka_unit_test(test_the_nearest_name_wins),
        cmocka_unit_test(test_what_is_not_near_is_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
