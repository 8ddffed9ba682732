/* What becomes of a trial process. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "encode/verify/trial.h"

static struct valence_error error;

static int raise_signal(const void *argument, struct valence_error *why)
{
    (void)why;
    raise(*(const int *)argument);
    return VALENCE_OK;
}

static int try_signal(int number)
{
    memset(&error, 0, sizeof error);
    return trial_run(raise_signal, &number, "model.gguf", &error);
}

static void test_what_ends_a_program_on_request_does_not_blame_the_file(void **state)
{
    static const int requests[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
    (void)state;
    for (size_t i = 0; i < sizeof requests / sizeof *requests; i++)
        assert_int_equal(try_signal(requests[i]), VALENCE_OK);
}

static void test_a_crash_is_the_fault_of_the_file(void **state)
{
    static const int crashes[] = {SIGABRT, SIGSEGV, SIGBUS, SIGXCPU};
    (void)state;
    for (size_t i = 0; i < sizeof crashes / sizeof *crashes; i++) {
        assert_int_equal(try_signal(crashes[i]), VALENCE_ERROR_FORMAT);
        assert_non_null(strstr(error.text, "model.gguf: "));
        assert_non_null(strstr(error.text, "probably damaged"));
    }
}

static void test_a_killed_trial_is_short_of_memory(void **state)
{
    (void)state;
    assert_int_equal(try_signal(SIGKILL), VALENCE_ERROR_MEMORY);
    assert_null(strstr(error.text, "damaged"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_ends_a_program_on_request_does_not_blame_the_file),
        cmocka_unit_test(test_a_crash_is_the_fault_of_the_file),
        cmocka_unit_test(test_a_killed_trial_is_short_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
