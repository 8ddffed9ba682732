/* Squares of words against their definition, at each kind of processor. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>

#include <cmocka.h>

#include "kernels/processor.h"
#include "kernels/transpose.h"

enum { N = TRANSPOSE_WORDS, FROM = N + 3, TO = N + 5, UNTOUCHED = -1 };

static void check(void)
{
    int32_t from[N * FROM], to[N * TO];
    for (int i = 0; i < N * FROM; i++)
        from[i] = i;
    for (int i = 0; i < N * TO; i++)
        to[i] = UNTOUCHED;
    transpose_words(from, FROM * sizeof *from, to, TO * sizeof *to);
    for (int i = 0; i < N; i++)
        for (int j = 0; j < TO; j++)
            assert_int_equal(to[i * TO + j], j < N ? from[j * FROM + i] : UNTOUCHED);
}

static void test_words_change_places(void **state)
{
    (void)state;
    check();
    processor_limit(0);
    check();
    processor_limit(~0u);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_words_change_places)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
