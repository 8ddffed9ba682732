/* An encoder's GGUF file that is cut while it is read: an error, and no SIGBUS. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "encode/compute/weights.h"
#include "valence/convert.h"
#include "valence/encoder.h"

static char path[] = "/tmp/test-weights-XXXXXX";
static struct valence_error error;

static void make_file(void)
{
    struct valence_convert_options options;
    valence_convert_options_default(&options);
    options.overwrite = true;
    assert_int_equal(valence_convert(VALENCE_CONVERT_MANET,
                                     VALENCE_TEST_DATA "/golden/manet/manet-tiny.pth", path,
                                     &options, NULL, &error),
                     0);
}

/* Breaks the digest's key, so that the file is one of an older version. */
static void remove_digest(void)
{
    char *bytes;
    size_t size;
    assert_int_equal(file_read_text(path, 1 << 28, &bytes, &size, &error), 0);
    char *key = memmem(bytes, size, WEIGHTS_DIGEST_KEY, strlen(WEIGHTS_DIGEST_KEY));
    assert_non_null(key);
    key[0] = 'x';
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
    free(bytes);
}

static void cut(const struct weights *weights)
{
    size_t kept = gguf_get_data_offset(weights->gguf) + 64;
    assert_true(weights->source.size > kept + (1 << 17)); /* pages beyond the kept one */
    assert_int_equal(truncate(path, (off_t)kept), 0);
}

static void test_file_cut_before_it_is_verified(void **state)
{
    struct weights weights;
    (void)state;
    make_file();
    assert_int_equal(weights_open(&weights, path, &error), 0);
    cut(&weights);
    assert_int_equal(weights_check_digest(&weights, NULL, &error), VALENCE_ERROR_FORMAT);
    assert_non_null(strstr(error.text, "is it cut off?"));
    assert_false(weights.is_verified);
    assert_int_equal(weights_load(&weights, &error), VALENCE_ERROR_FORMAT);
    weights_close(&weights);
}

static void test_file_without_digest_is_copied(void **state)
{
    struct weights weights;
    (void)state;
    make_file();
    remove_digest();
    assert_int_equal(weights_open(&weights, path, &error), 0);
    assert_int_equal(weights_check_digest(&weights, NULL, &error), 0);
    assert_int_equal(weights_load(&weights, &error), 0);
    assert_null(weights.map.data);
    struct ggml_tensor *tensor = ggml_get_tensor(weights.context, "conv1.weight");
    assert_non_null(tensor);
    size_t size = ggml_nbytes(tensor);
    void *read = malloc(size);
    assert_non_null(read);
    assert_int_equal(weights_read(&weights, tensor, 0, read, size, &error), 0);
    cut(&weights);
    assert_memory_equal(read, weights_data(&weights, tensor), size);
    assert_int_equal(weights_read(&weights, tensor, 0, read, size, &error), VALENCE_ERROR_FORMAT);
    free(read);
    weights_close(&weights);
}

static void test_verified_file_is_mapped(void **state)
{
    struct weights weights, again;
    (void)state;
    make_file();
    assert_int_equal(weights_open(&weights, path, &error), 0);
    assert_int_equal(weights_check_digest(&weights, NULL, &error), 0);
    assert_int_equal(weights_load(&weights, &error), 0);
    assert_non_null(weights.map.data);
    /* Conversion replaces the file; who maps the old one keeps it. */
    struct ggml_tensor *tensor = ggml_get_first_tensor(weights.context);
    make_file();
    assert_int_equal(truncate(path, 100), 0);
    assert_int_equal(weights_open(&again, path, &error), VALENCE_ERROR_FORMAT);
    float sum = 0;
    for (int64_t i = 0; i < ggml_nelements(tensor); i++)
        sum += ((const float *)weights_data(&weights, tensor))[i];
    assert_true(sum - sum == 0);
    weights_close(&weights);
}

static int remove_file(void **state)
{
    (void)state;
    return unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_file_cut_before_it_is_verified),
        cmocka_unit_test(test_file_without_digest_is_copied),
        cmocka_unit_test(test_verified_file_is_mapped),
    };
    close(mkstemp(path));
    return cmocka_run_group_tests(tests, NULL, remove_file);
}
