/* Runs with precision: bf16. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "kernels/bf16_product.h"
#include "training_run.h"

#define N_EPOCHS 6

/* Large enough that products are rounded. */
static struct valence_train_config bf16_config(const struct fixture *f, const char *run)
{
    static const char *const settings[] = {"precision=bf16", "model.d=32", "model.o=32",
                                           "threads=2", "optimizer.learning_rate=0.003"};
    struct valence_train_config config = config_for(f, run);
    for (size_t i = 0; i < sizeof settings / sizeof settings[0]; i++)
        assert_int_equal(config_assign(&config, settings[i], NULL), 0);
    return config;
}

static char *read_file(const struct fixture *f, const char *run, const char *name, size_t *size)
{
    char path[256], *text;
    struct valence_error error;
    snprintf(path, sizeof path, "%s/%s/%s", f->folder, run, name);
    if (file_read_text(path, 1 << 24, &text, size, &error))
        fail_msg("%s", error.text);
    return text;
}

static bool same_file(const struct fixture *f, const char *run, const char *other, const char *name)
{
    size_t sizes[2];
    char *texts[2] = {read_file(f, run, name, &sizes[0]), read_file(f, other, name, &sizes[1])};
    bool same = sizes[0] == sizes[1] && memcmp(texts[0], texts[1], sizes[0]) == 0;
    free(texts[0]);
    free(texts[1]);
    return same;
}

static void test_a_run_in_bf16_learns_as_one_in_f32(void **state)
{
    if (bf16_units() == BF16_NONE)
        skip();
    struct valence_train_config rounded = bf16_config(*state, "bf16");
    struct valence_train_config exact = bf16_config(*state, "f32");
    rounded.epochs = exact.epochs = 15;
    exact.precision = PRECISION_F32;
    struct valence_train_run runs[] = {train(&rounded, false), train(&exact, false)};
    assert_false(same_file(*state, "bf16", "f32", "best.safetensors"));
    for (int flow = 0; flow < 2; flow++) {
        double difference = runs[0].validation_mae[flow] - runs[1].validation_mae[flow];
        assert_true(runs[0].validation_mae[flow] < 0.8 * runs[0].constant_mae);
        assert_true(difference < 0.15 * runs[0].constant_mae);
    }
}

static void test_a_run_in_bf16_trained_on_equals_one_trained_through(void **state)
{
    static const char *const names[] = {"last.safetensors", "best.safetensors", "log.jsonl"};
    if (bf16_units() == BF16_NONE)
        skip();
    struct valence_train_config through = bf16_config(*state, "through");
    struct valence_train_config parts = bf16_config(*state, "parts");
    train(&through, false);
    for (parts.epochs = 1; parts.epochs <= N_EPOCHS; parts.epochs++)
        train(&parts, parts.epochs > 1);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        assert_true(same_file(*state, "through", "parts", names[i]));
    parts.precision = PRECISION_F32;
    assert_fails(&parts, true, VALENCE_ERROR_CONFIG,
                 "precision is f32, but the run was begun with bf16");
}

/* Before anything is written. */
static void test_a_processor_without_units_refuses_the_run(void **state)
{
    struct valence_train_config config = bf16_config(*state, "run");
    bf16_units_restrict(BF16_NONE);
    assert_fails(&config, false, VALENCE_ERROR_CONFIG, "bf16 needs a processor with AMX");
    bf16_units_restrict(BF16_TILES);
    assert_false(exists(*state, "run"));
}

#define WITH_STORE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_STORE(test_a_run_in_bf16_learns_as_one_in_f32),
        WITH_STORE(test_a_run_in_bf16_trained_on_equals_one_trained_through),
        WITH_STORE(test_a_processor_without_units_refuses_the_run),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
