/* TensorFlow.js weights: decoded as they are stored, and refused where manifest and data do not
 * fit. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "format/tfjs.h"

#define MANIFEST(name, shape, more)                                                                \
    "[{\"paths\": [\"w.bin\"], \"weights\": [{\"name\": \"" name "\", \"shape\": " shape           \
    ", \"dtype\": \"float32\"" more "}]}]"
#define CODES ", \"quantization\": {\"dtype\": \"uint8\", \"scale\": 0.25, \"min\": -1.5}"

static int parse(const char *manifest, const void *data, size_t bytes, struct tfjs **tfjs,
                 struct valence_error *error)
{
    return tfjs_parse(manifest, strlen(manifest), data, bytes, "net", tfjs, error);
}

static void test_codes_and_floats_are_decoded(void **state)
{
    (void)state;
    struct tfjs *tfjs;
    struct valence_error error;
    const unsigned char codes[] = {0, 6, 255, 1};
    float values[4];
    assert_int_equal(parse(MANIFEST("conv/filters", "[2, 2]", CODES), codes, 4, &tfjs, &error), 0);
    assert_int_equal(tfjs_n_tensors(tfjs), 1);
    assert_string_equal(tfjs_tensor(tfjs, 0)->name, "net/conv/filters");
    assert_int_equal(tfjs_tensor(tfjs, 0)->n_dims, 2);
    tfjs_to_float(tfjs_tensor(tfjs, 0), values);
    assert_true(values[0] == -1.5f && values[1] == 0 && values[2] == 62.25f && values[3] == -1.25f);
    tfjs_close(tfjs);

    const float plain[] = {1.5f, -2};
    assert_int_equal(parse(MANIFEST("bias", "[2]", ""), plain, sizeof plain, &tfjs, &error), 0);
    tfjs_to_float(tfjs_tensor(tfjs, 0), values);
    assert_memory_equal(values, plain, sizeof plain);
    tfjs_close(tfjs);
}

static void test_what_does_not_fit_is_refused(void **state)
{
    (void)state;
    static const char *const manifests[] = {
        "",
        "{}",
        "[{\"weights\": [{}]}]",
        MANIFEST("w", "[5]", CODES), /* more than the data */
        MANIFEST("w", "[3]", CODES), /* less */
        MANIFEST("w", "[0]", CODES),
        MANIFEST("w", "[-4]", CODES),
        MANIFEST("w", "[4294967296, 4294967296]", ""),
        MANIFEST("w", "\"4\"", CODES),
        MANIFEST("w", "[1, 1, 1, 1, 1, 1, 4]", CODES),
        MANIFEST("w", "[4]",
                 ", \"quantization\": {\"dtype\": \"uint16\", \"scale\": 1, \"min\": 0}"),
        MANIFEST("w", "[4]", ", \"quantization\": {\"dtype\": \"uint8\"}"),
        "[{\"weights\": [{\"name\": \"w\", \"shape\": [1], \"dtype\": \"int32\"}]}]"};
    for (size_t i = 0; i < sizeof manifests / sizeof *manifests; i++) {
        struct tfjs *tfjs = (struct tfjs *)state;
        struct valence_error error = {0};
        assert_int_equal(parse(manifests[i], "abcd", 4, &tfjs, &error), VALENCE_ERROR_FORMAT);
        assert_null(tfjs);
        assert_true(error.text[0] != '\0');
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_codes_and_floats_are_decoded),
                                       cmocka_unit_test(test_what_does_not_fit_is_refused)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
