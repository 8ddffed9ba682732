/* Training by several ranks, which are threads here: ordered sums give the bytes of one rank,
 * others its figures; runs go on with another number of ranks; one rank's trouble ends all. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>

#include "training_run.h"
#include "thread_ranks.h"

#define MOST_RANKS 4

/* LMDB opens a file once in a process, so each rank has a store of its own with the same clips. */
static int set_up_stores(void **state)
{
    int status = set_up(state);
    const struct fixture *f = *state;
    for (int r = 1; r < MOST_RANKS; r++) {
        char store[256];
        snprintf(store, sizeof store, "%s/store-%d", f->folder, r);
        make_training_store(store, N_CLIPS, 0);
    }
    return status;
}

/* A training by all ranks. */
struct joint {
    const struct fixture *f;
    struct valence_train_config config;
    bool resume;
    int stop_after;              /* reports of rank 0; 0: never */
    int broken;                  /* the rank that has no store; 0: none */
    char other_clips[MAX_RANKS]; /* ranks with another store, "" for the usual */
    int statuses[MAX_RANKS];
    struct valence_error errors[MAX_RANKS];
    struct valence_train_run runs[MAX_RANKS];
};

static int stop_after(void *user, const struct valence_progress_event *event)
{
    int *left = user;
    (void)event;
    return *left > 0 && --*left == 0;
}

static void train_rank(struct thread_rank *rank, void *argument)
{
    struct joint *joint = argument;
    int own = rank->collective.rank;
    struct valence_train_config config = joint->config;
    struct valence_progress progress = {stop_after, &joint->stop_after};
    struct valence_train_options options;
    struct valence_train_result *result;
    valence_train_options_default(&options);
    options.resume = joint->resume;
    options.progress = &progress;
    options.collective = &rank->collective;
    if (own)
        snprintf(config.store, sizeof config.store, "%s/%s-%d", joint->f->folder,
                 joint->broken == own ? "nowhere" : "store", own);
    if (joint->other_clips[own])
        snprintf(config.store, sizeof config.store, "%s/other", joint->f->folder);
    joint->statuses[own] = valence_train(&config, &options, &result, &joint->errors[own]);
    if (!joint->statuses[own])
        joint->runs[own] = result->runs[0];
    valence_train_result_free(result);
}

static struct joint joint_for(const struct fixture *f, const char *run, const char *more)
{
    struct joint joint = {.f = f, .config = config_for(f, run)};
    if (more)
        assert_int_equal(config_assign(&joint.config, more, NULL), 0);
    return joint;
}

static void train_jointly(struct joint *joint, int n_ranks)
{
    run_thread_ranks(n_ranks, train_rank, joint);
    for (int r = 0; r < n_ranks; r++)
        if (joint->statuses[r])
            fail_msg("rank %d: %s", r, joint->errors[r].text);
    for (int r = 1; r < n_ranks; r++) {
        assert_memory_equal(joint->runs[r].validation_mae, joint->runs[0].validation_mae,
                            sizeof joint->runs[0].validation_mae);
        assert_int_equal(joint->runs[r].best_epoch, joint->runs[0].best_epoch);
    }
}

/* ---- The same bytes ---- */

static const char ordered[] = "reduce=ordered";

/* Of a training with `settings`, NULL-terminated, by one rank and by more. */
static void assert_ranks_do_not_matter(const struct fixture *f, const char *const *settings)
{
    struct joint joint = joint_for(f, "alone", ordered);
    for (int i = 0; settings[i]; i++)
        assert_int_equal(config_assign(&joint.config, settings[i], NULL), 0);
    train(&joint.config, false);
    for (int n = 1; n <= MOST_RANKS; n++) {
        char run[16];
        snprintf(run, sizeof run, "ranks-%d", n);
        snprintf(joint.config.output, sizeof joint.config.output, "%s/%s", f->folder, run);
        joint.config.threads = n == 3 ? 3 : 1;
        train_jointly(&joint, n);
        assert_same_run(f, "alone", run);
    }
}

/* 42 training clips in batches of 16 make parts of 4, 4, 4, 4 and last 4, 4, 2: fewer than ranks.
 */
static void test_any_number_of_ranks_and_threads_gives_the_same_bytes(void **state)
{
    static const char *const settings[] = {"reduce_part=4", "threads=2", NULL};
    assert_ranks_do_not_matter(*state, settings);
}

static void test_so_it_does_with_all_flows_missing_rows_and_steps_of_two_batches(void **state)
{
    static const char *const settings[] = {
        "reduce_part=3",
        "accumulate=2",
        "epochs=3",
        "flows=[complete, text_missing, audio_missing, audio_video_missing]",
        "flows_per_step=2",
        "missing.rows=0.3",
        "optimizer.clip_norm=0.5",
        NULL};
    assert_ranks_do_not_matter(*state, settings);
}

static void test_so_it_does_for_other_networks(void **state)
{
    static const char *const settings[] = {
        "reduce_part=4",     "model.imagination=off", "epochs=2",
        "model.fusion=late", "losses.rnc=0",          "losses.cross=0",
        "losses.rep=0",      "losses.feature=0",      NULL};
    assert_ranks_do_not_matter(*state, settings);
}

static void test_models_in_closed_form_are_the_same_too(void **state)
{
    const struct fixture *f = *state;
    struct joint joint = joint_for(f, "alone", NULL);
    assert_int_equal(valence_train_config_set_model(&joint.config, "ridge", NULL), 0);
    train(&joint.config, false);
    snprintf(joint.config.output, sizeof joint.config.output, "%s/joint", f->folder);
    train_jointly(&joint, 3);
    assert_same_run(f, "alone", "joint");
}

static void test_seeds_are_trained_one_after_the_other(void **state)
{
    const struct fixture *f = *state;
    struct joint joint = joint_for(f, "alone", ordered);
    joint.config.seeds = 2;
    joint.config.epochs = 2;
    train(&joint.config, false);
    snprintf(joint.config.output, sizeof joint.config.output, "%s/joint", f->folder);
    train_jointly(&joint, 2);
    assert_same_run(f, "alone/seed-1", "joint/seed-1");
    assert_same_run(f, "alone/seed-2", "joint/seed-2");
    assert_same_file(f, "alone", "joint", "results.json");
}

/* ---- The same figures ---- */

/* What stands between them is rounding, which training makes larger: some steps are compared. */
static void assert_near_alone(const struct fixture *f, const char *more, double limit)
{
    static int n_calls; /* a folder for each */
    char run[32];
    snprintf(run, sizeof run, "near-%d", ++n_calls);
    struct joint joint = joint_for(f, run, more);
    joint.config.epochs = 2;
    struct valence_train_config alone = joint.config;
    alone.reduce = TRAIN_REDUCE_LIBRARY;
    snprintf(alone.output, sizeof alone.output, "%s/alone-%d", f->folder, n_calls);
    struct valence_train_run expected = train(&alone, false);
    train_jointly(&joint, 3);
    for (int flow = 0; flow < expected.n_flows; flow++)
        assert_true(fabs(joint.runs[0].validation_mae[flow] / expected.validation_mae[flow] - 1) <
                    limit);
}

static void test_sums_of_the_library_differ_by_rounding(void **state)
{
    assert_near_alone(*state, "reduce=library", 1e-4);
    assert_near_alone(*state, ordered, 1e-4);
    assert_near_alone(*state, "reduce_wire=bf16", 2e-2);
    assert_near_alone(*state, "accumulate=2", 1e-4);
}

/* Without losses that compare clips, two batches in a step are one of twice the size. */
static void test_accumulated_batches_are_a_larger_one(void **state)
{
    static const char *const settings[] = {"losses.rnc=0",   "losses.rep=0",
                                           "losses.cross=0", "losses.feature=0",
                                           "epochs=2",       "checkpoint_every=0"};
    struct valence_train_config large = config_for(*state, "large");
    for (size_t i = 0; i < sizeof settings / sizeof settings[0]; i++)
        assert_int_equal(config_assign(&large, settings[i], NULL), 0);
    struct valence_train_config small = large;
    assert_int_equal(config_assign(&small, "batch_size=8", NULL), 0);
    assert_int_equal(config_assign(&small, "accumulate=2", NULL), 0);
    snprintf(small.output, sizeof small.output, "%s/small", ((struct fixture *)*state)->folder);
    struct valence_train_run one = train(&large, false), two = train(&small, false);
    for (int flow = 0; flow < one.n_flows; flow++)
        assert_true(fabs(two.validation_mae[flow] / one.validation_mae[flow] - 1) < 1e-4);
}

/* ---- Beside each other ---- */

/* What a rank's sums of gradients are seen to do: the calls and values from the thread that trains
 * and from another one. */
struct seen_sums {
    pthread_t trains;
    int n_own, n_other;
    int64_t own, other;
};

static struct seen_sums seen_sums[MAX_RANKS];

static int see_reduce(void *context, float *values, int64_t n, struct valence_error *error)
{
    const struct thread_rank *rank = context;
    struct seen_sums *seen = &seen_sums[rank->collective.rank];
    bool is_own = pthread_equal(pthread_self(), seen->trains);
    *(is_own ? &seen->n_own : &seen->n_other) += 1;
    *(is_own ? &seen->own : &seen->other) += n;
    return thread_reduce(context, values, n, error);
}

static void train_seen(struct thread_rank *rank, void *argument)
{
    seen_sums[rank->collective.rank] = (struct seen_sums){.trains = pthread_self()};
    rank->collective.all_reduce = see_reduce;
    train_rank(rank, argument);
}

/* The gradients of all layers but the projections travel while those of the projections are
 * computed; with batches that are accumulated, all go at once. */
static void test_gradients_travel_while_others_are_computed(void **state)
{
    struct joint joint = joint_for(*state, "overlapped", NULL);
    joint.config.epochs = 1;
    run_thread_ranks(2, train_seen, &joint);
    for (int r = 0; r < 2; r++) {
        const struct seen_sums *seen = &seen_sums[r];
        assert_int_equal(joint.statuses[r], 0);
        assert_int_equal(seen->n_own, 3); /* 42 clips in batches of 16 */
        assert_int_equal(seen->n_other, 3);
        assert_int_equal(seen->own + seen->other, 3 * joint.runs[r].n_parameters);
        assert_true(seen->own > 0 && seen->other > seen->own);
    }
    joint = joint_for(*state, "accumulated", "accumulate=3");
    joint.config.epochs = 1;
    run_thread_ranks(2, train_seen, &joint);
    assert_int_equal(joint.statuses[0], 0);
    assert_int_equal(seen_sums[0].n_own, 1);
    assert_int_equal(seen_sums[0].n_other, 0);
}

/* ---- Interruptions ---- */

static void test_a_stopped_run_goes_on_with_another_number_of_ranks(void **state)
{
    const struct fixture *f = *state;
    struct joint joint = joint_for(f, "alone", ordered);
    joint.config.epochs = 3;
    joint.config.reduce_part = 4;
    train(&joint.config, false);
    snprintf(joint.config.output, sizeof joint.config.output, "%s/stopped", f->folder);
    static const int n_ranks[] = {2, 4, 1, 3};
    for (int i = 0; i < 4; i++) {
        joint.resume = i > 0;
        joint.stop_after = i < 3 ? 3 : 0;
        run_thread_ranks(n_ranks[i], train_rank, &joint);
        for (int r = 0; r < n_ranks[i]; r++)
            assert_int_equal(joint.statuses[r], i < 3 ? VALENCE_ERROR_CANCELLED : 0);
    }
    assert_same_run(f, "alone", "stopped");
}

/* ---- Errors ---- */

static void assert_all_fail(struct joint *joint, int n_ranks, int failed, int expected,
                            const char *text)
{
    run_thread_ranks(n_ranks, train_rank, joint);
    for (int r = 0; r < n_ranks; r++) {
        assert_int_equal(joint->statuses[r], r == failed ? expected : VALENCE_ERROR_RANK);
        if (!strstr(joint->errors[r].text, text))
            fail_msg("rank %d: %s", r, joint->errors[r].text);
    }
}

static void test_one_rank_without_a_store_ends_all(void **state)
{
    struct joint joint = joint_for(*state, "run", NULL);
    joint.broken = 2;
    assert_all_fail(&joint, 3, 2, VALENCE_ERROR_NOT_FOUND, "rank 2 of 3: ");
    assert_false(exists(*state, "run"));
}

static void test_other_clips_are_noticed(void **state)
{
    const struct fixture *f = *state;
    struct joint joint = joint_for(f, "run", NULL);
    char other[256];
    snprintf(other, sizeof other, "%s/other", f->folder);
    make_training_store(other, N_CLIPS - 10, 0);
    joint.other_clips[1] = 1;
    assert_all_fail(&joint, 2, 1, VALENCE_ERROR_DATA, "are not those that rank 0 has");
}

static void test_a_run_that_exists_is_refused_by_the_first_rank(void **state)
{
    struct joint joint = joint_for(*state, "run", NULL);
    joint.config.epochs = 1;
    train(&joint.config, false);
    assert_all_fail(&joint, 3, 0, VALENCE_ERROR_EXISTS, "rank 0 of 3: ");
}

static void test_a_training_that_diverges_ends_all(void **state)
{
    struct joint joint = joint_for(*state, "run", "optimizer.learning_rate=10");
    joint.config.schedule.warm_up_epochs = 0;
    joint.config.weight_decay = 10;
    joint.config.epochs = 200;
    run_thread_ranks(3, train_rank, &joint);
    if (joint.statuses[0] == 0) /* it may as well end at a useless model */
        return;
    assert_int_equal(joint.statuses[0], VALENCE_ERROR_DATA);
    for (int r = 1; r < 3; r++)
        assert_int_equal(joint.statuses[r], VALENCE_ERROR_RANK);
}

static void test_a_table_without_functions_is_refused(void **state)
{
    struct valence_train_config config = config_for(*state, "run");
    struct valence_collective table;
    struct valence_train_options options;
    struct valence_error error;
    valence_collective_default(&table);
    table.n_ranks = 2;
    valence_train_options_default(&options);
    options.collective = &table;
    assert_int_equal(valence_train(&config, &options, NULL, &error), VALENCE_ERROR_ARGUMENT);
}

int main(void)
{
#define RANKS_TEST(test) cmocka_unit_test_setup_teardown(test, set_up_stores, tear_down)
    static const struct CMUnitTest tests[] = {
        RANKS_TEST(test_any_number_of_ranks_and_threads_gives_the_same_bytes),
        RANKS_TEST(test_so_it_does_with_all_flows_missing_rows_and_steps_of_two_batches),
        RANKS_TEST(test_so_it_does_for_other_networks),
        RANKS_TEST(test_models_in_closed_form_are_the_same_too),
        RANKS_TEST(test_seeds_are_trained_one_after_the_other),
        RANKS_TEST(test_sums_of_the_library_differ_by_rounding),
        RANKS_TEST(test_accumulated_batches_are_a_larger_one),
        RANKS_TEST(test_gradients_travel_while_others_are_computed),
        RANKS_TEST(test_a_stopped_run_goes_on_with_another_number_of_ranks),
        RANKS_TEST(test_one_rank_without_a_store_ends_all),
        RANKS_TEST(test_other_clips_are_noticed),
        RANKS_TEST(test_a_run_that_exists_is_refused_by_the_first_rank),
        RANKS_TEST(test_a_training_that_diverges_ends_all),
        RANKS_TEST(test_a_table_without_functions_is_refused),
    };
    return cmocka_run_group_tests_name("ranks", tests, NULL, NULL);
}
