/* Checkpoints in several files, and with tensors that are not the encoder's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "encode/source.h"
#include "format/safetensors.h"

#define WHOLE VALENCE_TEST_DATA "/golden/wavlm/base/model.safetensors"

static struct valence_error error;
static char folder[] = "/tmp/test-source-XXXXXX";
static char parts[2][64], list[64];

static int remove_all(void **state)
{
    safetensors_close(*state);
    for (int i = 0; i < 2; i++)
        unlink(parts[i]);
    unlink(list);
    return rmdir(folder);
}

/* Every second tensor goes into a part of its own. */
static void write_part(struct safetensors *whole, int part)
{
    struct safetensors_writer *writer;
    assert_int_equal(safetensors_write_begin(parts[part], 0, &writer, &error), 0);
    for (int64_t i = part; i < safetensors_n_tensors(whole); i += 2) {
        const struct safetensor *tensor = safetensors_tensor(whole, i);
        assert_int_equal(safetensors_declare(writer, tensor->name, tensor->type, tensor->n_dims,
                                             tensor->shape, &error),
                         0);
    }
    for (int64_t i = part; i < safetensors_n_tensors(whole); i += 2) {
        const struct safetensor *tensor = safetensors_tensor(whole, i);
        void *bytes = malloc(tensor->bytes + 1);
        assert_non_null(bytes);
        assert_int_equal(safetensor_read(tensor, bytes, &error), 0);
        assert_int_equal(safetensors_write(writer, bytes, tensor->bytes, &error), 0);
        free(bytes);
    }
    assert_int_equal(safetensors_write_commit(writer, &error), 0);
}

static void write_list(const struct safetensors *whole)
{
    FILE *file = fopen(list, "w");
    assert_non_null(file);
    fprintf(file, "{\"weight_map\": {");
    for (int64_t i = 0; i < safetensors_n_tensors(whole); i++)
        fprintf(file, "%s\"%s\": \"%s\"", i ? ", " : "", safetensors_tensor(whole, i)->name,
                i % 2 ? "model-00002-of-00002.safetensors" : "model-00001-of-00002.safetensors");
    fprintf(file, "}}\n");
    assert_int_equal(fclose(file), 0);
}

static int split(void **state)
{
    struct safetensors *whole;
    if (!mkdtemp(folder) || safetensors_open(WHOLE, &whole, &error))
        return -1;
    for (int i = 0; i < 2; i++)
        snprintf(parts[i], sizeof parts[i], "%s/model-0000%d-of-00002.safetensors", folder, i + 1);
    snprintf(list, sizeof list, "%s/model.safetensors.index.json", folder);
    write_part(whole, 0);
    write_part(whole, 1);
    *state = whole;
    return 0;
}

static void take_all(const char *path, int64_t *n, double *sum, char fingerprint[SHA256_TEXT_BYTES])
{
    static const char *const prefixes[] = {""};
    struct source source;
    struct safetensors *whole;
    if (source_open(&source, path, prefixes, 1, &error))
        fail_msg("%s", error.text);
    assert_int_equal(safetensors_open(WHOLE, &whole, &error), 0);
    *n = source.n;
    *sum = 0;
    for (int64_t i = 0; i < safetensors_n_tensors(whole); i++) {
        const struct safetensor *tensor = safetensors_tensor(whole, i);
        float *values = calloc((size_t)tensor->count + 1, sizeof *values);
        assert_non_null(values);
        assert_int_equal(
            source_take(&source, tensor->name, tensor->n_dims, tensor->shape, values, &error), 0);
        for (int64_t k = 0; k < tensor->count; k++)
            *sum += (double)values[k] * (double)(k % 7 + 1);
        free(values);
    }
    assert_int_equal(source_check(&source, &error), 0);
    memcpy(fingerprint, source.fingerprint, SHA256_TEXT_BYTES);
    safetensors_close(whole);
    source_close(&source);
}

static void test_a_model_in_parts_is_the_whole(void **state)
{
    struct safetensors *whole = *state;
    char one[SHA256_TEXT_BYTES], several[SHA256_TEXT_BYTES];
    int64_t n[2];
    double sum[2];
    write_list(whole);
    take_all(WHOLE, &n[0], &sum[0], one);
    take_all(list, &n[1], &sum[1], several);
    assert_int_equal(n[0], n[1]);
    assert_true(sum[0] == sum[1]);
    assert_int_equal(strlen(several), 64);
    assert_string_not_equal(one, several);
}

static void test_heads_of_other_tasks_are_left_aside(void **state)
{
    static const char *const prefixes[] = {""};
    static const char *const kept[] = {"encoder.*"};
    struct source source;
    char names[4096];
    (void)state;
    assert_int_equal(source_open(&source, WHOLE, prefixes, 1, &error), 0);
    assert_true(source_has(&source, "feature_projection.projection.weight"));
    source_keep(&source, kept, 1);
    assert_false(source_has(&source, "feature_projection.projection.weight"));
    assert_true(source_has(&source, "encoder.layer_norm.weight"));
    source_left_aside(&source, names, sizeof names);
    assert_non_null(strstr(names, "feature_projection.projection.weight"));
    assert_null(strstr(names, "encoder.layer_norm.weight"));
    source_close(&source);
}

/* ---- Files that are cut while they are read ---- */

static void copy_to(const char *from, const char *to)
{
    char *bytes;
    size_t size;
    assert_int_equal(file_read_text(from, 1 << 28, &bytes, &size, &error), 0);
    FILE *file = fopen(to, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
    free(bytes);
}

/* CTranslate2's: one variable, 100,000 floats. */
static void write_ct2(const char *to)
{
    static const unsigned char head[] = {
        6, 0, 0, 0, 12, 0, 'W', 'h', 'i', 's', 'p', 'e',  'r',  'S', 'p', 'e', 'c',  0,    3, 0,
        0, 0, 1, 0, 0,  0, 2,   0,   'a', 0,   1,   0xa0, 0x86, 1,   0,   0,   0x80, 0x1a, 6, 0};
    static const float values[100000];
    static const unsigned char no_aliases[4];
    FILE *file = fopen(to, "w");
    assert_non_null(file);
    fwrite(head, 1, sizeof head, file);
    fwrite(values, 1, sizeof values, file);
    fwrite(no_aliases, 1, sizeof no_aliases, file);
    assert_int_equal(fclose(file), 0);
}

/* Of all tensors at least one is gone: reading it is an error, and no SIGBUS. */
static void cut_while_open(const char *path)
{
    static const char *const prefixes[] = {""};
    struct source source;
    int64_t n_failed = 0;
    if (source_open(&source, path, prefixes, 1, &error))
        fail_msg("%s", error.text);
    assert_int_equal(truncate(path, 100), 0);
    for (int64_t i = 0; i < source.n; i++) {
        int64_t shape[ARRAY_MAX_DIMS], count = 1;
        int n_dims = 0;
        while ((shape[n_dims] = source_size(&source, source.names[i], n_dims)) > 0)
            count *= shape[n_dims++];
        float *values = calloc((size_t)count, sizeof *values);
        assert_non_null(values);
        n_failed += source_take(&source, source.names[i], n_dims, shape, values, &error) < 0;
        free(values);
    }
    assert_true(n_failed > 0);
    source_close(&source);
    unlink(path);
}

static void test_a_file_cut_while_it_is_read_is_an_error(void **state)
{
    char copy[80];
    (void)state;
    snprintf(copy, sizeof copy, "%s/copy", folder);
    copy_to(WHOLE, copy);
    cut_while_open(copy);
    copy_to(VALENCE_TEST_DATA "/golden/wavlm/stable/pytorch_model.bin", copy);
    cut_while_open(copy);
    write_ct2(copy);
    cut_while_open(copy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_model_in_parts_is_the_whole),
        cmocka_unit_test(test_heads_of_other_tasks_are_left_aside),
        cmocka_unit_test(test_a_file_cut_while_it_is_read_is_an_error),
    };
    return cmocka_run_group_tests(tests, split, remove_all);
}
