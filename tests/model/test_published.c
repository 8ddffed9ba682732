/* The published layout: the golden files are read, and everything that does not fit is named. */
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

#include "base/file_writer.h"
#include "base/memory.h"
#include "format/safetensors.h"
#include "model/parameters.h"
#include "model/published.h"

#define GOLDEN VALENCE_TEST_DATA "/golden/fusion/small-transition.weights"

/* How a copy of the golden file differs from it. */
struct change {
    const char *drop;   /* a tensor left out */
    const char *rename; /* a tensor that becomes `to` */
    const char *to;
    const char *prefix;    /* before every name */
    const char *transpose; /* a matrix whose sizes are exchanged */
    const char *poison;    /* a tensor whose first value becomes NaN */
};

static char folder[] = "/tmp/valence-published-XXXXXX";
static char copy_path[64];

static int make_folder(void **state)
{
    (void)state;
    if (!mkdtemp(folder))
        return -1;
    snprintf(copy_path, sizeof copy_path, "%s/copy.safetensors", folder);
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    unlink(copy_path);
    return rmdir(folder);
}

static bool is(const struct safetensor *tensor, const char *name)
{
    return name && strcmp(tensor->name, name) == 0;
}

static void declare(struct safetensors_writer *writer, const struct safetensor *tensor,
                    const struct change *change)
{
    struct valence_error error;
    char name[128];
    int64_t shape[2] = {tensor->shape[0], tensor->shape[1]};
    if (is(tensor, change->transpose)) {
        shape[0] = tensor->shape[1];
        shape[1] = tensor->shape[0];
    }
    snprintf(name, sizeof name, "%s%s", change->prefix ? change->prefix : "",
             is(tensor, change->rename) ? change->to : tensor->name);
    assert_int_equal(safetensors_declare(writer, name, tensor->type, tensor->n_dims, shape, &error),
                     0);
}

static void write_values(struct safetensors_writer *writer, const struct safetensor *tensor,
                         const struct change *change)
{
    struct valence_error error;
    unsigned char *bytes = malloc(tensor->bytes);
    assert_non_null(bytes);
    assert_int_equal(safetensor_read(tensor, bytes, &error), 0);
    float nan_value = NAN;
    if (is(tensor, change->poison))
        memcpy(bytes, &nan_value, sizeof nan_value);
    assert_int_equal(safetensors_write(writer, bytes, tensor->bytes, &error), 0);
    free(bytes);
}

static void write_copy(const struct change *change)
{
    struct valence_error error;
    struct safetensors *golden;
    struct safetensors_writer *writer;
    assert_int_equal(safetensors_open(GOLDEN ".safetensors", &golden, &error), 0);
    assert_int_equal(safetensors_write_begin(copy_path, FILE_OVERWRITE, &writer, &error), 0);
    for (int64_t i = 0; i < safetensors_n_tensors(golden); i++)
        if (!is(safetensors_tensor(golden, i), change->drop))
            declare(writer, safetensors_tensor(golden, i), change);
    for (int64_t i = 0; i < safetensors_n_tensors(golden); i++)
        if (!is(safetensors_tensor(golden, i), change->drop))
            write_values(writer, safetensors_tensor(golden, i), change);
    assert_int_equal(safetensors_write_commit(writer, &error), 0);
    safetensors_close(golden);
}

static void load(const char *path, enum valence_imagination imagination,
                 struct checkpoint *checkpoint, char *unused_names, size_t room)
{
    struct valence_error error;
    struct text unused = {.maximum = 10000};
    int status = published_load(path, imagination, checkpoint, &unused, &error);
    if (status)
        fail_msg("%s", error.text);
    snprintf(unused_names, room, "%s", unused.length ? unused.data : "");
    text_free(&unused);
}

/* The changed copy is refused with this status, and the text says so. */
static void expect_refusal(const struct change *change, int expected, const char *text)
{
    struct checkpoint checkpoint;
    struct valence_error error;
    struct text unused = {.maximum = 10000};
    write_copy(change);
    int status =
        published_load(copy_path, VALENCE_IMAGINATION_TRANSITION, &checkpoint, &unused, &error);
    assert_int_equal(status, expected);
    assert_null(checkpoint.parameters);
    if (!strstr(error.text, text))
        fail_msg("'%s' does not say '%s'", error.text, text);
    text_free(&unused);
}

static void test_pt_and_safetensors_hold_the_same_parameters(void **state)
{
    (void)state;
    struct checkpoint a, b;
    char names_a[4096], names_b[4096];
    load(GOLDEN ".pt", VALENCE_IMAGINATION_TRANSITION, &a, names_a, sizeof names_a);
    load(GOLDEN ".safetensors", VALENCE_IMAGINATION_TRANSITION, &b, names_b, sizeof names_b);
    assert_int_equal(a.config.d, 16);
    assert_int_equal(a.config.o, 8);
    assert_int_equal(a.config.widths[VALENCE_TEXT], 24);
    assert_int_equal(a.n_parameters, b.n_parameters);
    assert_memory_equal(a.parameters, b.parameters, sizeof(float) * (size_t)a.n_parameters);
    checkpoint_free(&a);
    checkpoint_free(&b);
}

static void test_unused_published_layers_are_named(void **state)
{
    (void)state;
    struct checkpoint checkpoint;
    char names[4096];
    load(GOLDEN ".pt", VALENCE_IMAGINATION_TRANSITION, &checkpoint, names, sizeof names);
    checkpoint_free(&checkpoint);
    assert_non_null(strstr(names, "fc_out_ev.weight"));
    assert_non_null(strstr(names, "normali.num_batches_tracked"));
    assert_null(strstr(names, "missing_text_imagination_mlp"));
    load(GOLDEN ".pt", VALENCE_IMAGINATION_OFF, &checkpoint, names, sizeof names);
    checkpoint_free(&checkpoint);
    assert_non_null(strstr(names, "missing_text_imagination_mlp.transition.0.weight"));
}

static void test_names_with_the_prefix_of_parallel_training_are_read(void **state)
{
    (void)state;
    struct checkpoint plain, prefixed;
    char names[4096];
    write_copy(&(struct change){.prefix = "module."});
    load(GOLDEN ".safetensors", VALENCE_IMAGINATION_TEXT, &plain, names, sizeof names);
    load(copy_path, VALENCE_IMAGINATION_TEXT, &prefixed, names, sizeof names);
    assert_memory_equal(plain.parameters, prefixed.parameters,
                        sizeof(float) * (size_t)plain.n_parameters);
    checkpoint_free(&plain);
    checkpoint_free(&prefixed);
}

static void test_a_missing_tensor_is_named(void **state)
{
    (void)state;
    expect_refusal(&(struct change){.drop = "fc_att.bias"}, VALENCE_ERROR_FORMAT,
                   "1 tensor does not fit; no 'fc_att.bias'");
}

static void test_a_missing_projection_means_another_network(void **state)
{
    (void)state;
    expect_refusal(&(struct change){.drop = "frame_dim_reshape_1.weight"}, VALENCE_ERROR_FORMAT,
                   "not a published checkpoint");
}

static void test_an_unknown_tensor_is_named_with_what_it_stands_for(void **state)
{
    (void)state;
    expect_refusal(&(struct change){.rename = "fc_att.bias", .to = "fc_att.bais"},
                   VALENCE_ERROR_FORMAT,
                   "2 tensors do not fit; unknown 'fc_att.bais'; no 'fc_att.bias'");
}

static void test_a_misshapen_tensor_is_named_with_both_shapes(void **state)
{
    (void)state;
    expect_refusal(&(struct change){.transpose = "attention_mlp.0.weight"}, VALENCE_ERROR_FORMAT,
                   "'attention_mlp.0.weight' is (48, 16), not (16, 48)");
}

static void test_a_tensor_given_twice_is_an_error(void **state)
{
    (void)state;
    expect_refusal(&(struct change){.rename = "prelu.weight", .to = "module.fc_att.bias"},
                   VALENCE_ERROR_FORMAT, "'fc_att.bias' occurs twice");
}

static void test_a_projection_of_another_width_makes_all_that_follows_from_it_misfit(void **state)
{
    (void)state;
    expect_refusal(&(struct change){.transpose = "frame_dim_reshape_2.weight"},
                   VALENCE_ERROR_FORMAT, "more");
}

static void test_a_nan_is_an_error(void **state)
{
    (void)state;
    expect_refusal(&(struct change){.poison = "fc_out_v.weight"}, VALENCE_ERROR_DATA,
                   "'fc_out_v.weight' holds nan");
}

static void test_what_is_no_checkpoint_is_an_error(void **state)
{
    (void)state;
    static const char text[] = "not a checkpoint at all";
    struct checkpoint checkpoint;
    struct valence_error error;
    struct text unused = {.maximum = 10000};
    for (size_t size = 0; size < sizeof text; size++) {
        int status = published_load_memory(text, size, "nonsense", VALENCE_IMAGINATION_TRANSITION,
                                           &checkpoint, &unused, &error);
        assert_true(status < 0);
        assert_non_null(strstr(error.text, "nonsense"));
    }
    assert_int_equal(published_load("/nonexistent", VALENCE_IMAGINATION_TRANSITION, &checkpoint,
                                    &unused, &error),
                     VALENCE_ERROR_NOT_FOUND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pt_and_safetensors_hold_the_same_parameters),
        cmocka_unit_test(test_unused_published_layers_are_named),
        cmocka_unit_test(test_names_with_the_prefix_of_parallel_training_are_read),
        cmocka_unit_test(test_a_missing_tensor_is_named),
        cmocka_unit_test(test_a_missing_projection_means_another_network),
        cmocka_unit_test(test_an_unknown_tensor_is_named_with_what_it_stands_for),
        cmocka_unit_test(test_a_misshapen_tensor_is_named_with_both_shapes),
        cmocka_unit_test(test_a_tensor_given_twice_is_an_error),
        cmocka_unit_test(test_a_projection_of_another_width_makes_all_that_follows_from_it_misfit),
        cmocka_unit_test(test_a_nan_is_an_error),
        cmocka_unit_test(test_what_is_no_checkpoint_is_an_error),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
