/* Training on a store in shards: in full as on one file, and by shards. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>

#include "training_run.h"

#define N_SHARDS 6

/* The store of the fixture, and the same clips in shards of ten. */
static int set_up_shards(void **state)
{
    int status = set_up(state);
    const struct fixture *f = *state;
    char path[256];
    snprintf(path, sizeof path, "%s/shards", f->folder);
    make_training_shards(path, N_SHARDS, N_CLIPS / N_SHARDS);
    return status;
}

static struct valence_train_config shards_config(const struct fixture *f, const char *run,
                                                 int64_t window)
{
    struct valence_train_config config = config_for(f, run);
    snprintf(config.store, sizeof config.store, "%s/shards", f->folder);
    config.shuffle_shards = window;
    return config;
}

static void test_in_full_shards_are_as_one_file(void **state)
{
    struct valence_train_config whole = config_for(*state, "whole");
    train(&whole, false);
    for (int64_t window = 0; window <= N_SHARDS; window += N_SHARDS) {
        char run[16];
        snprintf(run, sizeof run, "run-%d", (int)window);
        struct valence_train_config shards = shards_config(*state, run, window);
        train(&shards, false);
        assert_same_file(*state, "whole", run, "log.jsonl");
    }
}

static void test_by_shards_it_learns_too_in_another_order(void **state)
{
    struct valence_train_config full = shards_config(*state, "full", 0);
    struct valence_train_config two = shards_config(*state, "two", 2);
    full.epochs = two.epochs = 12;
    struct valence_train_run all = train(&full, false), by_shards = train(&two, false);
    assert_true(by_shards.validation_mae[0] != all.validation_mae[0]);
    assert_true(by_shards.validation_mae[0] < 0.7 * by_shards.constant_mae);
}

/* Asks to stop at the given report. */
static int stop_at(void *user, const struct valence_progress_event *event)
{
    (void)event;
    return --*(int *)user == 0;
}

static void test_by_shards_a_run_that_was_stopped_anywhere_resumes_exactly(void **state)
{
    struct valence_train_config through = shards_config(*state, "through", 2);
    struct valence_train_config parts = shards_config(*state, "parts", 2);
    train(&through, false);
    int status = VALENCE_ERROR_CANCELLED, n_stops = 0;
    while (status == VALENCE_ERROR_CANCELLED && n_stops < 100) {
        int left = exists(*state, "parts/last.safetensors") ? 4 : 4 * N_CLIPS + 3;
        struct valence_progress progress = {stop_at, &left};
        struct valence_train_options options;
        valence_train_options_default(&options);
        options.resume = n_stops++ > 0;
        options.progress = &progress;
        status = valence_train(&parts, &options, NULL, NULL);
    }
    assert_int_equal(status, 0);
    assert_true(n_stops > 4);
    assert_same_run(*state, "through", "parts");
}

/* The order of the clips depends on the shards, so that another cut would be another run. */
static void test_by_shards_a_run_resumes_on_the_same_shards_only(void **state)
{
    struct fixture *f = *state;
    struct valence_train_config config = shards_config(f, "run", 2);
    char other[256];
    config.epochs = 2;
    train(&config, false);
    config.epochs = 4;
    snprintf(other, sizeof other, "%s/other", f->folder);
    make_training_shards(other, N_SHARDS / 2, 2 * N_CLIPS / N_SHARDS);
    strcpy(config.store, other);
    assert_fails(&config, true, VALENCE_ERROR_DATA, "are in other shards than those");
    snprintf(config.store, sizeof config.store, "%s/store", f->folder);
    assert_fails(&config, true, VALENCE_ERROR_DATA, "are in other shards than those");
    snprintf(config.store, sizeof config.store, "%s/shards", f->folder);
    config.shuffle_shards = 3;
    assert_fails(&config, true, VALENCE_ERROR_CONFIG, "shuffle_shards");
    config.shuffle_shards = 2;
    train(&config, true);

    /* In full it does not matter. */
    struct valence_train_config full = shards_config(f, "full", 0);
    full.epochs = 2;
    train(&full, false);
    full.epochs = 4;
    strcpy(full.store, other);
    train(&full, true);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up_shards, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_in_full_shards_are_as_one_file),
        TEST(test_by_shards_it_learns_too_in_another_order),
        TEST(test_by_shards_a_run_that_was_stopped_anywhere_resumes_exactly),
        TEST(test_by_shards_a_run_resumes_on_the_same_shards_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
