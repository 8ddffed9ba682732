/* As much of cmocka as the tests of products need, for a compiler of another processor, for which
 * the library is rarely there. The first failure ends the program. */
#ifndef VALENCE_TESTS_ARM64_CMOCKA_H
#define VALENCE_TESTS_ARM64_CMOCKA_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct CMUnitTest {
    const char *name;
    void (*test)(void **state);
};

#define fail_msg(...) (printf(__VA_ARGS__), putchar('\n'), exit(1))
#define assert_true(condition)                                                                     \
    ((condition) ? (void)0 : fail_msg("%s:%d: %s", __FILE__, __LINE__, #condition))
#define assert_non_null(pointer)            assert_true((pointer) != NULL)
#define assert_int_equal(a, b)              assert_true((a) == (b))
#define assert_in_range(value, least, most) assert_true((value) >= (least) && (value) <= (most))
#define assert_memory_equal(a, b, bytes)    assert_true(memcmp(a, b, bytes) == 0)
#define print_message                       printf
#define skip()                              return
#define cmocka_unit_test(function)                                                                 \
    {                                                                                              \
#function, function                                                                        \
    }

static inline int run_group_tests(const struct CMUnitTest *tests, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        tests[i].test(NULL);
        printf("ok: %s\n", tests[i].name);
    }
    return 0;
}

#define cmocka_run_group_tests(tests, setup, teardown)                                             \
    run_group_tests(tests, sizeof(tests) / sizeof *(tests))

#endif
