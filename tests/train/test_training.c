/* Runs: that they learn, that they repeat to the byte, also after any interruption, and what is
 * refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include "model/checkpoint.h"
#include "training_run.h"
#include "valence/text.h"

#define N_EPOCHS 6

/* ---- Learning ---- */

static void test_training_learns(void **state)
{
    struct valence_train_config config = config_for(*state, "run");
    config.epochs = 30;
    struct valence_train_run run = train(&config, false);
    assert_int_equal(run.n_epochs, 30);
    assert_int_equal(run.n_train, N_CLIPS * 7 / 10);
    assert_true(run.best_epoch >= 1 && run.best_epoch <= 30);
    /* Labels are uniform on -3 ... 3: the best constant has an error of 1.5. */
    assert_true(run.constant_mae > 1.1 && run.constant_mae < 1.9);
    assert_true(run.validation_mae[0] < 0.9);
    assert_true(run.validation_mae[1] < 1.2);
}

/* Seeds that end at the error of a constant where the weights of modalities and views start near 0:
 * there, what distillation asks of the answers outweighs what the task does. */
static void test_seeds_that_fail_from_the_published_start_learn(void **state)
{
    static const char *const settings[] = {
        "model.d=32",       "model.o=16", "epochs=20",          "optimizer.learning_rate=0.001",
        "losses.cross=2",   "seed=4",     "checkpoint_every=0", "schedule.warm_up_epochs=5",
        "model.dropout=0.3"};
    for (int published = 0; published < 2; published++) {
        struct valence_train_config config = config_for(*state, published ? "published" : "run");
        for (size_t i = 0; i < sizeof settings / sizeof settings[0]; i++)
            assert_int_equal(config_assign(&config, settings[i], NULL), 0);
        if (published)
            assert_int_equal(valence_train_config_set_model(&config, "published", NULL), 0);
        struct valence_train_run run = train(&config, false);
        double share = run.validation_mae[0] / run.constant_mae;
        assert_true(published ? share > 0.9 : share < 0.7);
    }
}

/* What a configuration does not say was as published before there was a key for it. */
static void test_a_run_from_before_a_key_resumes_as_it_was_begun(void **state)
{
    struct fixture *f = *state;
    struct valence_train_config config;
    char folder[256], path[512];
    snprintf(folder, sizeof folder, "%s/old", f->folder);
    snprintf(path, sizeof path, "%s/config.yaml", folder);
    assert_int_equal(mkdir(folder, 0777), 0);
    FILE *file = fopen(path, "w");
    fputs("model: {d: 16}\n", file);
    fclose(file);
    train_config_defaults(&config);
    assert_int_equal(valence_train_config_read_run(&config, folder, NULL), 0);
    assert_int_equal(config.model.d, 16);
    assert_true(config.weights_start == TRAIN_START_RANDOM && !config.standardise_labels);
    file = fopen(path, "w");
    fputs("model: {weights_start: mean}\nstandardise.labels: true\n", file);
    fclose(file);
    assert_int_equal(valence_train_config_read_run(&config, folder, NULL), 0);
    assert_true(config.weights_start == TRAIN_START_MEAN && config.standardise_labels);
}

static void test_the_run_s_folder_holds_what_is_documented(void **state)
{
    struct valence_train_config config = config_for(*state, "run");
    train(&config, false);
    static const char *const names[] = {"run/config.yaml",      "run/last.safetensors",
                                        "run/best.safetensors", "run/log.jsonl",
                                        "run/timing.jsonl",     "run/results.json"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        assert_true(exists(*state, names[i]));
}

static void test_the_test_part_does_not_matter(void **state)
{
    struct fixture *f = *state;
    struct valence_train_config config = config_for(f, "run");
    train(&config, false);
    char path[256];
    snprintf(path, sizeof path, "%s/other", f->folder);
    make_training_store(path, N_CLIPS, 1);
    struct valence_train_config other = config_for(f, "run-2");
    char moved[256];
    snprintf(moved, sizeof moved, "%s/kept", f->folder);
    assert_int_equal(rename(config.store, moved), 0);
    assert_int_equal(rename(path, config.store), 0);
    train(&other, false);
    assert_same_run(f, "run", "run-2");
}

static void test_early_stopping_ends_a_run_that_gets_no_better(void **state)
{
    struct valence_train_config config = config_for(*state, "run");
    config.epochs = 500;
    config.early_stopping = 2;
    struct valence_train_run run = train(&config, false);
    assert_true(run.n_epochs < 500);
    assert_int_equal(run.n_epochs, run.best_epoch + 2);
}

static void test_seeds_train_in_folders_of_their_own(void **state)
{
    struct fixture *f = *state;
    struct valence_train_config config = config_for(f, "run"), alone = config_for(f, "alone");
    struct valence_train_result *result;
    config.seeds = 3;
    alone.seed = 2;
    assert_int_equal(valence_train(&config, NULL, &result, NULL), 0);
    assert_int_equal(result->n_runs, 3);
    const struct valence_train_run *runs = result->runs;
    assert_true(exists(f, "run/seed-1/best.safetensors") && exists(f, "run/results.json"));
    assert_int_equal(runs[2].seed, 3);
    assert_true(runs[0].validation_mae[0] != runs[1].validation_mae[0]);
    double mean = 0, squares = 0;
    for (int i = 0; i < 3; i++)
        mean += runs[i].validation_mae[0] / 3;
    for (int i = 0; i < 3; i++)
        squares += (runs[i].validation_mae[0] - mean) * (runs[i].validation_mae[0] - mean);
    assert_true(fabs(result->mean_mae[0] - mean) < 1e-12);
    assert_true(fabs(result->deviation_mae[0] - sqrt(squares / 2)) < 1e-12);
    valence_train_result_free(result);
    train(&alone, false);
    assert_same_run(f, "run/seed-2", "alone");
}

/* ---- Repeating ---- */

static void test_two_runs_with_one_seed_are_the_same_bytes(void **state)
{
    struct valence_train_config one = config_for(*state, "one"), two = config_for(*state, "two");
    one.threads = two.threads = 2;
    train(&one, false);
    train(&two, false);
    assert_same_run(*state, "one", "two");
}

static void test_a_run_trained_on_equals_one_trained_through(void **state)
{
    struct valence_train_config through = config_for(*state, "through");
    struct valence_train_config parts = config_for(*state, "parts");
    train(&through, false);
    for (parts.epochs = 1; parts.epochs <= N_EPOCHS; parts.epochs++)
        train(&parts, parts.epochs > 1);
    assert_same_run(*state, "through", "parts");
}

static struct valence_train_config drawing_config(const struct fixture *f, const char *run)
{
    struct valence_train_config config = config_for(f, run);
    assert_int_equal(
        config_assign(&config, "flows=[complete,audio_missing,text_missing,audio_video_missing]",
                      NULL),
        0);
    config.flows_per_step = 1;
    return config;
}

static void test_a_run_that_draws_flows_and_is_trained_on_equals_one_trained_through(void **state)
{
    struct valence_train_config through = drawing_config(*state, "through");
    struct valence_train_config parts = drawing_config(*state, "parts");
    struct valence_train_run run = train(&through, false);
    for (parts.epochs = 1; parts.epochs <= N_EPOCHS; parts.epochs++)
        train(&parts, parts.epochs > 1);
    assert_same_run(*state, "through", "parts");
    struct valence_train_config all = drawing_config(*state, "all");
    all.flows_per_step = 0;
    assert_true(train(&all, false).validation_mae[0] != run.validation_mae[0]);
}

static void test_drawing_as_many_flows_as_there_are_is_training_all_of_them(void **state)
{
    struct valence_train_config all = config_for(*state, "all"), one = config_for(*state, "one");
    one.flows_per_step = 1;
    train(&all, false);
    train(&one, false);
    assert_same_file(*state, "all", "one", "log.jsonl");
}

/* Asks to stop at the given report. */
static int stop_at(void *user, const struct valence_progress_event *event)
{
    (void)event;
    return --*(int *)user == 0;
}

static void test_a_run_cancelled_anywhere_goes_on_exactly_there(void **state)
{
    struct fixture *f = *state;
    struct valence_train_config through = config_for(f, "through");
    train(&through, false);
    struct valence_train_config config = config_for(f, "stopped");
    struct valence_error error;
    int n_stops = 0, status;
    do {
        /* The first stop is in the statistics, which a run without a checkpoint begins anew. */
        int left = n_stops == 0 ? 3 : exists(f, "stopped/last.safetensors") ? 4 : 4 * N_CLIPS + 3;
        struct valence_progress progress = {stop_at, &left};
        struct valence_train_options options;
        valence_train_options_default(&options);
        options.resume = n_stops > 0;
        options.progress = &progress;
        status = valence_train(&config, &options, NULL, &error);
        assert_true(status == 0 || status == VALENCE_ERROR_CANCELLED);
        n_stops++;
    } while (status && n_stops < 100);
    assert_true(n_stops > 4);
    assert_same_run(f, "through", "stopped");
}

static void start_command(const struct valence_train_config *config, bool resume, pid_t *child)
{
    *child = fork();
    if (*child == 0) {
        char yaml[2048];
        snprintf(yaml, sizeof yaml, "%s.yaml", config->output);
        int quiet = open("/dev/null", O_WRONLY);
        dup2(quiet, 1);
        dup2(quiet, 2);
        if (resume)
            execl(VALENCE_COMMAND, "valence", "train", "--quiet", "--resume", config->output, NULL);
        execl(VALENCE_COMMAND, "valence", "train", "--quiet", yaml, NULL);
        _exit(127);
    }
}

static void write_config(const struct valence_train_config *config)
{
    char path[2048], *text = valence_train_config_text(config, false);
    snprintf(path, sizeof path, "%s.yaml", config->output);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
    valence_text_free(text);
}

static int64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

static void test_a_run_killed_at_any_moment_and_resumed_is_the_same_bytes(void **state)
{
    struct fixture *f = *state;
    if (access(VALENCE_COMMAND, X_OK) != 0)
        skip();
    struct valence_train_config through = config_for(f, "through"),
                                config = config_for(f, "killed");
    through.epochs = config.epochs = 20;
    pid_t child;
    int status, n_kills = 0;
    write_config(&through);
    int64_t begin_ns = now_ns();
    start_command(&through, false, &child);
    waitpid(child, &status, 0);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    int64_t whole_ns = now_ns() - begin_ns;

    struct random_source source = random_source((uint64_t)time(NULL), (uint64_t)getpid());
    write_config(&config);
    for (int i = 0; i < 400; i++) {
        /* Short lives first, then longer ones, up to several times what the whole run took: so it
         * ends on any machine. */
        int64_t life_ns = 1 + (int64_t)random_below(&source, whole_ns / 12 + whole_ns / 100 * i);
        struct timespec life = {.tv_sec = life_ns / 1000000000, .tv_nsec = life_ns % 1000000000};
        start_command(&config, exists(f, "killed/config.yaml"), &child);
        nanosleep(&life, NULL);
        kill(child, SIGKILL);
        waitpid(child, &status, 0);
        if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
            break;
        if (!WIFSIGNALED(status))
            fail_msg("after %d kills the run ended with exit code %d", n_kills,
                     WEXITSTATUS(status));
        n_kills++;
    }
    assert_true(WIFEXITED(status));
    print_message("killed %d times\n", n_kills);
    assert_same_run(f, "through", "killed");
}

/* ---- Refusing ---- */

static void test_a_folder_with_something_in_it_is_not_written_to(void **state)
{
    struct valence_train_config config = config_for(*state, "run");
    train(&config, false);
    assert_fails(&config, false, VALENCE_ERROR_EXISTS, "is not an empty folder");
}

static void test_a_run_in_use_is_an_error(void **state)
{
    struct valence_train_config config = config_for(*state, "run");
    train(&config, false);
    int folder = open(config.output, O_RDONLY | O_DIRECTORY);
    assert_int_equal(flock(folder, LOCK_EX), 0);
    assert_fails(&config, true, VALENCE_ERROR_BUSY, "another process");
    close(folder);
    train(&config, true);
}

static void test_nothing_to_resume_is_an_error(void **state)
{
    struct valence_train_config config = config_for(*state, "nowhere");
    assert_fails(&config, true, VALENCE_ERROR_NOT_FOUND, "no run to resume");
}

static void test_resuming_with_another_configuration_is_an_error_that_names_the_key(void **state)
{
    struct valence_train_config config = config_for(*state, "run");
    train(&config, false);
    config.batch_size = 5;
    assert_fails(&config, true, VALENCE_ERROR_CONFIG, "batch_size is 5");
}

static void test_a_damaged_checkpoint_is_an_error(void **state)
{
    struct fixture *f = *state;
    struct valence_train_config config = config_for(f, "run");
    char path[256];
    snprintf(path, sizeof path, "%s/run/last.safetensors", f->folder);
    train(&config, false);
    assert_int_equal(truncate(path, 5000), 0);
    assert_fails(&config, true, VALENCE_ERROR_FORMAT, "last.safetensors");
}

static void test_a_shortened_log_is_an_error(void **state)
{
    struct fixture *f = *state;
    struct valence_train_config config = config_for(f, "run");
    char path[256];
    snprintf(path, sizeof path, "%s/run/log.jsonl", f->folder);
    train(&config, false);
    assert_int_equal(truncate(path, 10), 0);
    assert_fails(&config, true, VALENCE_ERROR_DATA, "log.jsonl");
}

static void test_a_store_without_a_validation_part_is_an_error_with_its_remedy(void **state)
{
    struct fixture *f = *state;
    struct valence_train_config config = config_for(f, "run");
    struct valence_store_writer *writer;
    snprintf(config.store, sizeof config.store, "%s/other", f->folder);
    assert_int_equal(valence_store_writer_open(config.store, training_streams, VALENCE_N_STREAMS,
                                               NULL, &writer, NULL),
                     0);
    struct training_clip clip = {.id = "only", .label = 1, .n_rows = {1, 1, 1, 1}};
    assert_int_equal(add_clip(writer, &clip, NULL), 0);
    assert_int_equal(valence_store_writer_finish(writer, NULL), 0);
    assert_int_equal(valence_store_writer_close(writer, NULL), 0);
    assert_fails(
        &config, false, VALENCE_ERROR_NOT_FOUND,
        "no clip is in the validation part: training takes a store whose clips have splits");
    assert_false(exists(f, "run"));
}

static struct valence_train_config hot_config(const struct fixture *f, const char *run,
                                              double learning_rate, double weight_decay)
{
    struct valence_train_config config = config_for(f, run);
    config.epochs = 40;
    config.optimizer = TRAIN_ADAMW;
    config.learning_rate = learning_rate;
    config.weight_decay = weight_decay;
    config.checkpoint_every = 1;
    return config;
}

static void test_a_run_that_diverges_stops_with_step_and_last_good_checkpoint(void **state)
{
    /* each step multiplies the parameters by -4 */
    struct valence_train_config config = hot_config(*state, "hot", 0.5, 10);
    config.epochs = 200;
    config.schedule.warm_up_epochs = 100;
    assert_fails(&config, false, VALENCE_ERROR_DATA, "hot/last.safetensors");
    assert_fails(&config, true, VALENCE_ERROR_DATA, "hot/last.safetensors");
}

/* Wherever a run diverges - in the loss, the gradient, a moment or a parameter - what it saved can
 * be loaded. */
static void test_what_a_diverging_run_has_saved_can_be_loaded(void **state)
{
    static const double rates[] = {0.3, 1, 3, 10}, decays[] = {0, 3, 10};
    int n_saved = 0;
    for (int i = 0; i < 12; i++) {
        char name[32], path[TRAIN_PATH_BYTES + 32];
        struct valence_error error;
        snprintf(name, sizeof name, "hot-%d", i);
        struct valence_train_config config = hot_config(*state, name, rates[i % 4], decays[i / 4]);
        config.schedule.warm_up_epochs = i % 2 ? 50 : 1;
        int status = try_training(&config, false, NULL, &error);
        assert_true(status == VALENCE_OK || status == VALENCE_ERROR_DATA);
        snprintf(path, sizeof path, "%s/last.safetensors", config.output);
        if (status == VALENCE_OK || !path_exists(path))
            continue;
        assert_non_null(strstr(error.text, path));
        struct checkpoint checkpoint;
        if (checkpoint_load(path, &checkpoint, &error))
            fail_msg("rate %g, decay %g: %s", rates[i % 4], decays[i / 4], error.text);
        checkpoint_free(&checkpoint);
        n_saved++;
    }
    assert_true(n_saved >= 4);
}

/* A file that may not grow stands for a full disk: the write fails in the same place. */
static void test_a_full_disk_leaves_the_last_checkpoint_and_the_run_goes_on_later(void **state)
{
    struct fixture *f = *state;
    struct valence_train_config through = config_for(f, "through"), config = config_for(f, "full");
    train(&through, false);
    config.epochs = 3;
    train(&config, false);
    config.epochs = N_EPOCHS;
    struct rlimit before, small;
    getrlimit(RLIMIT_FSIZE, &before);
    small = before;
    small.rlim_cur = 3000; /* the log fits, a checkpoint does not */
    signal(SIGXFSZ, SIG_IGN);
    struct valence_error error;
    setrlimit(RLIMIT_FSIZE, &small);
    int status = try_training(&config, true, NULL, &error);
    setrlimit(RLIMIT_FSIZE, &before);
    assert_int_equal(status, VALENCE_ERROR_IO);
    train(&config, true);
    assert_same_run(f, "through", "full");
}

int main(void)
{
#define WITH_STORE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    static const struct CMUnitTest tests[] = {
        WITH_STORE(test_training_learns),
        WITH_STORE(test_seeds_that_fail_from_the_published_start_learn),
        WITH_STORE(test_a_run_from_before_a_key_resumes_as_it_was_begun),
        WITH_STORE(test_the_run_s_folder_holds_what_is_documented),
        WITH_STORE(test_the_test_part_does_not_matter),
        WITH_STORE(test_early_stopping_ends_a_run_that_gets_no_better),
        WITH_STORE(test_seeds_train_in_folders_of_their_own),
        WITH_STORE(test_two_runs_with_one_seed_are_the_same_bytes),
        WITH_STORE(test_a_run_trained_on_equals_one_trained_through),
        WITH_STORE(test_a_run_that_draws_flows_and_is_trained_on_equals_one_trained_through),
        WITH_STORE(test_drawing_as_many_flows_as_there_are_is_training_all_of_them),
        WITH_STORE(test_a_run_cancelled_anywhere_goes_on_exactly_there),
        WITH_STORE(test_a_run_killed_at_any_moment_and_resumed_is_the_same_bytes),
        WITH_STORE(test_a_folder_with_something_in_it_is_not_written_to),
        WITH_STORE(test_a_run_in_use_is_an_error),
        WITH_STORE(test_nothing_to_resume_is_an_error),
        WITH_STORE(test_resuming_with_another_configuration_is_an_error_that_names_the_key),
        WITH_STORE(test_a_damaged_checkpoint_is_an_error),
        WITH_STORE(test_a_shortened_log_is_an_error),
        WITH_STORE(test_a_store_without_a_validation_part_is_an_error_with_its_remedy),
        WITH_STORE(test_a_run_that_diverges_stops_with_step_and_last_good_checkpoint),
        WITH_STORE(test_what_a_diverging_run_has_saved_can_be_loaded),
        WITH_STORE(test_a_full_disk_leaves_the_last_checkpoint_and_the_run_goes_on_later),
    };
    return cmocka_run_group_tests_name("training", tests, NULL, NULL);
}
