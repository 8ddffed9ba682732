#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <string.h>

#include <cmocka.h>

#include "encode/compute/backend.h"

static void test_a_cpu_device_opens(void **state)
{
    (void)state;
    struct valence_error error;
    const char *names[] = {NULL, "", "cpu", "CPU"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        ggml_backend_dev_t device;
        ggml_backend_t backend;
        assert_int_equal(backend_find_device(names[i], &device, &error), 0);
        assert_int_equal(backend_open(device, &backend, &error), 0);
        assert_true(backend_is_cpu(backend));
        ggml_backend_free(backend);
    }
}

static void test_an_unknown_device_is_named_with_those_there_are(void **state)
{
    (void)state;
    struct valence_error error;
    ggml_backend_dev_t device;
    assert_int_equal(backend_find_device("abacus", &device, &error), VALENCE_ERROR_UNSUPPORTED);
    assert_null(device);
    assert_non_null(strstr(error.text, "abacus"));
    assert_non_null(strstr(error.text, "CPU"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_cpu_device_opens),
        cmocka_unit_test(test_an_unknown_device_is_named_with_those_there_are),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
