/* What optimizer.clip_norm does to a gradient. Adam hides the length of a lone gradient from the
 * parameters; the first moment after one step shows it: (1 - beta1) times the gradient that was
 * used. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>

#include "model/checkpoint.h"
#include "training_run.h"

/* Trains one step with a limit and loads what it leaves. Returns the gradient's norm as the log
 * has it. */
static double take_step(const struct fixture *f, const char *run, const char *settings[],
                        double limit, struct checkpoint *checkpoint)
{
    struct valence_train_config config = config_for(f, run);
    char path[TRAIN_PATH_BYTES + 64], *text;
    size_t size;
    struct valence_error error;
    config.epochs = 1;
    config.batch_size = N_CLIPS; /* all clips of the training part at once */
    config.weight_decay = 0;     /* which would add to the gradient */
    config.clip_norm = limit;
    for (; *settings; settings++)
        assert_int_equal(config_assign(&config, *settings, NULL), 0);
    train(&config, false);
    snprintf(path, sizeof path, "%s/last.safetensors", config.output);
    if (checkpoint_load(path, checkpoint, &error))
        fail_msg("%s", error.text);
    snprintf(path, sizeof path, "%s/log.jsonl", config.output);
    assert_int_equal(file_read_text(path, 1 << 20, &text, &size, &error), 0);
    json_t *epoch = json_loads(text, 0, NULL);
    double norm = json_real_value(json_object_get(epoch, "gradient_norm"));
    assert_true(norm > 0);
    json_decref(epoch);
    free(text);
    return norm;
}

static const char *one_batch[] = {NULL};
static const char *two_batches[] = {"batch_size=21", "accumulate=2", NULL};

/* The length of the gradient that a first step used. */
static double used_norm(const struct checkpoint *after)
{
    double squares = 0;
    for (int64_t i = 0; i < after->n_parameters; i++)
        squares += (double)after->first_moment[i] * (double)after->first_moment[i];
    return sqrt(squares) / (1 - 0.9);
}

static void assert_clipped(const struct fixture *f, const char *settings[])
{
    struct checkpoint whole, clipped;
    double norm = take_step(f, "whole", settings, 0, &whole), limit = norm / 8;
    assert_true(fabs(used_norm(&whole) / norm - 1) < 1e-4);
    double logged = take_step(f, "clipped", settings, limit, &clipped);
    assert_true(fabs(logged / norm - 1) < 1e-6); /* before it was clipped */
    assert_true(fabs(used_norm(&clipped) / limit - 1) < 1e-4);
    for (int64_t i = 0; i < whole.n_parameters; i++) {
        double expected = (double)whole.first_moment[i] / 8;
        assert_true(fabs((double)clipped.first_moment[i] - expected) <= 1e-5 * fabs(expected));
    }
    checkpoint_free(&whole);
    checkpoint_free(&clipped);
}

static void
test_a_longer_gradient_gets_the_length_of_the_limit_and_keeps_its_direction(void **state)
{
    assert_clipped(*state, one_batch);
}

/* Not each batch's for itself. */
static void test_so_does_the_mean_of_accumulated_batches(void **state)
{
    assert_clipped(*state, two_batches);
}

static void test_a_shorter_gradient_stays_as_it_is(void **state)
{
    struct checkpoint whole, clipped;
    double norm = take_step(*state, "whole", one_batch, 0, &whole);
    take_step(*state, "clipped", one_batch, 1.01 * norm, &clipped);
    size_t bytes = (size_t)whole.n_parameters * sizeof(float);
    assert_memory_equal(whole.first_moment, clipped.first_moment, bytes);
    assert_memory_equal(whole.second_moment, clipped.second_moment, bytes);
    assert_memory_equal(whole.parameters, clipped.parameters, bytes);
    checkpoint_free(&whole);
    checkpoint_free(&clipped);
}

int main(void)
{
#define WITH_STORE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    static const struct CMUnitTest tests[] = {
        WITH_STORE(test_a_longer_gradient_gets_the_length_of_the_limit_and_keeps_its_direction),
        WITH_STORE(test_so_does_the_mean_of_accumulated_batches),
        WITH_STORE(test_a_shorter_gradient_stays_as_it_is),
    };
    return cmocka_run_group_tests_name("gradient clipping", tests, NULL, NULL);
}
