/* Experiments: plans and what they refuse, runs in this process and in others, and that no kill
 * changes a byte of the results. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <jansson.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "training_run.h"
#include "valence/experiment.h"

extern char **environ;

#define N_VARIANTS 3
#define N_SEEDS    2

static const char *const wide[] = {"model.d=12"};
static const char *const quiet[] = {"losses.rnc=0", "losses.feature=0"};
static const struct valence_variant variants[N_VARIANTS] = {
    {"full", NULL, 0}, {"wide", wide, 1}, {"quiet", quiet, 2}};

static struct valence_train_config plan_config(const struct fixture *f, const char *name)
{
    struct valence_train_config config = config_for(f, name);
    config.seeds = N_SEEDS;
    return config;
}

static struct valence_experiment *create(const struct valence_train_config *config,
                                         const struct valence_plan_options *options)
{
    struct valence_experiment *experiment;
    struct valence_error error;
    if (valence_experiment_create(config, variants, N_VARIANTS, options, &experiment, &error))
        fail_msg("%s", error.text);
    return experiment;
}

static void run(const struct valence_experiment *experiment,
                const struct valence_experiment_options *options)
{
    struct valence_error error;
    if (valence_experiment_run(experiment, options, &error))
        fail_msg("%s", error.text);
}

static void assert_counts(const struct valence_experiment *experiment, int64_t waiting,
                          int64_t stopped, int64_t done, int64_t dropped)
{
    const struct valence_experiment_state *state;
    struct valence_error error;
    if (valence_experiment_look(experiment, &state, &error))
        fail_msg("%s", error.text);
    assert_int_equal(state->n_runs, N_VARIANTS * N_SEEDS);
    assert_int_equal(state->counts[VALENCE_RUN_WAITING], waiting);
    assert_int_equal(state->counts[VALENCE_RUN_STOPPED], stopped);
    assert_int_equal(state->counts[VALENCE_RUN_RUNNING], 0);
    assert_int_equal(state->counts[VALENCE_RUN_DONE], done);
    assert_int_equal(state->counts[VALENCE_RUN_DROPPED], dropped);
    valence_experiment_state_free(state);
}

/* In this process, on one thread. */
static void run_here(const struct valence_experiment *experiment)
{
    struct valence_experiment_options options;
    valence_experiment_options_default(&options);
    options.n_cores = 1;
    run(experiment, &options);
}

/* ---- Plans ---- */

static void test_a_plan_is_kept_and_no_other_takes_its_folder(void **state)
{
    struct valence_train_config config = plan_config(*state, "kept");
    struct valence_experiment *experiment = create(&config, NULL), *again;
    struct valence_error error;
    assert_counts(experiment, N_VARIANTS * N_SEEDS, 0, 0, 0);
    valence_experiment_close(experiment);
    experiment = create(&config, NULL); /* the same plan is opened */
    valence_experiment_close(experiment);
    config.epochs++;
    assert_int_equal(valence_experiment_create(&config, variants, N_VARIANTS, NULL, &again, &error),
                     VALENCE_ERROR_EXISTS);
    assert_string_equal(error.key, "output");
    assert_null(again);
    assert_int_equal(valence_experiment_open(config.output, &experiment, &error), 0);
    assert_string_equal(valence_experiment_folder(experiment), config.output);
    valence_experiment_close(experiment);
}

static void refuse(const struct valence_train_config *config, const struct valence_variant *given,
                   int n, int status, const char *said)
{
    struct valence_experiment *experiment;
    struct valence_error error;
    assert_int_equal(valence_experiment_create(config, given, n, NULL, &experiment, &error),
                     status);
    assert_null(experiment);
    if (!strstr(error.text, said))
        fail_msg("'%s' does not say '%s'", error.text, said);
    assert_int_not_equal(access(config->output, F_OK), 0);
}

static void test_bad_plans_are_refused_before_anything_is_written(void **state)
{
    static const char *const unknown[] = {"losses.rmc=0"}, *const seed[] = {"seed=3"},
                             *const no_value[] = {"losses.rnc"},
                             *const video[] = {"streams.video=x"};
    struct valence_train_config config = plan_config(*state, "refused");
    refuse(&config, (struct valence_variant[]){{"a", unknown, 1}}, 1, VALENCE_ERROR_CONFIG,
           "variant 'a': unknown key 'losses.rmc'; did you mean 'losses.rnc'?");
    refuse(&config, (struct valence_variant[]){{"a", seed, 1}}, 1, VALENCE_ERROR_CONFIG,
           "seed is the same for all variants");
    refuse(&config, (struct valence_variant[]){{"a", no_value, 1}}, 1, VALENCE_ERROR_CONFIG,
           "KEY=VALUE");
    refuse(&config, (struct valence_variant[]){{"a", video, 1}}, 1, VALENCE_ERROR_NOT_FOUND,
           "variant 'a'");
    refuse(&config, (struct valence_variant[]){{"a", NULL, 0}, {"a", NULL, 0}}, 2,
           VALENCE_ERROR_ARGUMENT, "two variants 'a'");
    refuse(&config, (struct valence_variant[]){{"../a", NULL, 0}}, 1, VALENCE_ERROR_ARGUMENT,
           "variant '../a'");
    refuse(&config, variants, 0, VALENCE_ERROR_ARGUMENT, "1 to 1000 variants");
}

static void test_a_variant_that_repeats_another_is_refused(void **state)
{
    static const char *const usual[] = {"model.d=8"}, *const first[] = {"losses.rnc=0.125"},
                             *const again[] = {"losses.rnc=0.125", "model.d=8"};
    struct valence_train_config config = plan_config(*state, "refused");
    config.model.d = 8;
    refuse(&config, (struct valence_variant[]){{"base", NULL, 0}, {"copy", NULL, 0}}, 2,
           VALENCE_ERROR_ARGUMENT, "variant 'copy' sets no key");
    refuse(&config, (struct valence_variant[]){{"base", NULL, 0}, {"usual", usual, 1}}, 2,
           VALENCE_ERROR_ARGUMENT, "variant 'usual' would be a copy of 'base'");
    refuse(&config,
           (struct valence_variant[]){{"base", NULL, 0}, {"first", first, 1}, {"again", again, 2}},
           3, VALENCE_ERROR_ARGUMENT, "variant 'again' would be a copy of 'first'");
}

static void test_a_dry_run_checks_the_plan_and_writes_nothing(void **state)
{
    static const char *const seed[] = {"seed=3"};
    struct valence_train_config config = plan_config(*state, "dry");
    struct valence_plan_options options;
    struct valence_experiment *experiment;
    struct valence_error error;
    valence_plan_options_default(&options);
    options.dry_run = true;
    assert_int_equal(
        valence_experiment_create(&config, variants, N_VARIANTS, &options, &experiment, &error), 0);
    assert_null(experiment);
    assert_int_not_equal(access(config.output, F_OK), 0);
    assert_int_equal(valence_experiment_create(&config, (struct valence_variant[]){{"a", seed, 1}},
                                               1, &options, &experiment, &error),
                     VALENCE_ERROR_CONFIG);
}

static void write_text(const char *folder, const char *name, const char *text)
{
    char path[2800];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static void test_a_plan_begins_where_a_killed_one_had_not_begun(void **state)
{
    struct valence_train_config config = plan_config(*state, "killed");
    assert_int_equal(mkdir(config.output, 0777), 0);
    write_text(config.output, "plan.json.tmp-999999999", "{");
    valence_experiment_close(create(&config, NULL));
    char path[2800];
    snprintf(path, sizeof path, "%s/plan.json.tmp-999999999", config.output);
    assert_int_not_equal(access(path, F_OK), 0);
}

/* Earlier versions recorded 10 as 1e+01. */
static void test_a_plan_may_record_a_number_in_another_way(void **state)
{
    struct valence_train_config config = plan_config(*state, "numbers");
    struct valence_error error;
    struct valence_experiment *experiment;
    char path[2800], text[1 << 14];
    assert_int_equal(valence_train_config_set(&config, "optimizer.clip_norm", "10", &error), 0);
    valence_experiment_close(create(&config, NULL));
    snprintf(path, sizeof path, "%s/plan.json", config.output);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    text[fread(text, 1, sizeof text - 1, file)] = '\0';
    fclose(file);
    char *number = strstr(text, "\"optimizer.clip_norm\": \"10\"");
    assert_non_null(number);
    number = strchr(number, ':') + 3;
    memmove(number + 5, number + 2, strlen(number + 2) + 1);
    memcpy(number, "1e+01", 5);
    write_text(config.output, "plan.json", text);
    valence_experiment_close(create(&config, NULL));
    *number = '2';
    write_text(config.output, "plan.json", text);
    assert_int_equal(
        valence_experiment_create(&config, variants, N_VARIANTS, NULL, &experiment, &error),
        VALENCE_ERROR_EXISTS);
}

static void test_a_damaged_plan_is_an_error(void **state)
{
    static const char *const damaged[] = {
        "",
        "{",
        "[]",
        "{\"valence\": \"plan\"}",
        "{\"valence\": \"plan\", \"version\": 1, \"kind\": \"x\", \"rungs\": 1, \"factor\": 3, "
        "\"configuration\": {}, \"variants\": []}",
        "{\"valence\": \"plan\", \"version\": 1, \"kind\": \"x\", \"rungs\": 1, \"factor\": 3, "
        "\"configuration\": {\"epochs\": \"-1\"}, \"variants\": [{\"name\": \"a\", \"set\": []}]}",
        "{\"valence\": \"plan\", \"version\": 1, \"kind\": \"x\", \"rungs\": 1, \"factor\": 3, "
        "\"configuration\": {\"output\": \"/\"}, \"variants\": [{\"name\": \"a\"}]}"};
    struct valence_train_config config = plan_config(*state, "damaged");
    struct valence_experiment *experiment = create(&config, NULL);
    struct valence_error error;
    valence_experiment_close(experiment);
    for (size_t i = 0; i < sizeof damaged / sizeof damaged[0]; i++) {
        write_text(config.output, "plan.json", damaged[i]);
        assert_true(valence_experiment_open(config.output, &experiment, &error) < 0);
        assert_null(experiment);
        assert_non_null(strstr(error.text, "plan.json"));
    }
}

/* ---- Runs here ---- */

static void test_runs_are_trained_once(void **state)
{
    struct fixture *f = *state;
    struct valence_train_config config = plan_config(f, "here");
    struct valence_experiment *experiment = create(&config, NULL);
    struct stat before, after;
    char path[2800];
    run_here(experiment);
    assert_counts(experiment, 0, 0, N_VARIANTS * N_SEEDS, 0);
    snprintf(path, sizeof path, "%s/runs/quiet/seed-2/last.safetensors", config.output);
    assert_int_equal(stat(path, &before), 0);
    run_here(experiment);
    assert_int_equal(stat(path, &after), 0);
    assert_int_equal(before.st_ino, after.st_ino);
    valence_experiment_close(experiment);
}

/* A run of an experiment is what `train` makes with that configuration. */
static void test_a_run_is_that_of_training_alone(void **state)
{
    struct fixture *f = *state;
    struct valence_train_config config = plan_config(f, "alone");
    struct valence_experiment *experiment = create(&config, NULL);
    char text[2][1 << 14], path[2800];
    struct valence_train_options options;
    run_here(experiment);
    valence_experiment_close(experiment);
    struct valence_train_config single = config_for(f, "single");
    single.seed = 2;
    single.model.d = 12;
    valence_train_options_default(&options);
    assert_int_equal(valence_train(&single, &options, NULL, NULL), 0);
    for (int i = 0; i < 2; i++) {
        snprintf(path, sizeof path, "%s%s/log.jsonl", i ? single.output : config.output,
                 i ? "" : "/runs/wide/seed-2");
        FILE *file = fopen(path, "r");
        assert_non_null(file);
        text[i][fread(text[i], 1, sizeof text[i] - 1, file)] = '\0';
        fclose(file);
    }
    assert_string_equal(text[0], text[1]);
}

static void test_halving_trains_the_best_on(void **state)
{
    struct valence_train_config config = plan_config(*state, "halving");
    struct valence_plan_options options;
    valence_plan_options_default(&options);
    options.kind = "sweep";
    options.n_rungs = 2;
    options.factor = 3;
    struct valence_experiment *experiment = create(&config, &options);
    run_here(experiment);
    assert_counts(experiment, 0, 0, N_SEEDS, 2 * N_SEEDS);
    const struct valence_experiment_state *state_of;
    struct valence_error error;
    assert_int_equal(valence_experiment_look(experiment, &state_of, &error), 0);
    for (int64_t i = 0; i < state_of->n_runs; i++)
        assert_int_equal(state_of->runs[i].epoch,
                         state_of->runs[i].state == VALENCE_RUN_DONE ? 6 : 2);
    valence_experiment_state_free(state_of);
    valence_experiment_close(experiment);
}

/* ---- Runs in processes ---- */

/* The command as a worker. `user` counts the processes that were started. */
static int start(void *user, const struct valence_worker *worker, int64_t *process,
                 struct valence_error *error)
{
    char run_name[128], scheduler[32], trial[32], seconds[32], threads[32];
    snprintf(run_name, sizeof run_name, "%s/seed-%d", worker->variant, (int)worker->seed);
    snprintf(scheduler, sizeof scheduler, "%d", (int)getpid());
    snprintf(trial, sizeof trial, "%d", worker->trial);
    snprintf(seconds, sizeof seconds, "%d.%03d", (int)worker->trial_seconds,
             (int)(worker->trial_seconds * 1000) % 1000);
    snprintf(threads, sizeof threads, "%d", (int)worker->n_threads);
    const char *argv[] = {VALENCE_COMMAND, "runs",        worker->folder,
                          "--train",       run_name,      "--threads",
                          threads,         "--scheduler", scheduler,
                          "--trial",       trial,         "--trial-seconds",
                          seconds,         "--quiet",     NULL};
    posix_spawn_file_actions_t actions;
    pid_t child;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, worker->log,
                                     O_WRONLY | O_CREAT | O_TRUNC, 0644);
    int number = posix_spawn(&child, VALENCE_COMMAND, &actions, NULL,
                             (char *const *)(uintptr_t)argv, environ);
    posix_spawn_file_actions_destroy(&actions);
    if (number)
        return valence_fail(error, VALENCE_ERROR_IO, NULL, "cannot start");
    *process = child;
    ++*(int *)user;
    return 0;
}

static void run_in_processes(const struct valence_experiment *experiment, int *n_started)
{
    struct valence_experiment_options options;
    valence_experiment_options_default(&options);
    options.start = start;
    options.user = n_started;
    options.n_cores = 2;
    options.n_jobs = 2;
    run(experiment, &options);
}

static void test_processes_give_what_one_does(void **state)
{
    struct fixture *f = *state;
    struct valence_train_config config = plan_config(f, "processes");
    struct valence_experiment *experiment = create(&config, NULL);
    int n_started = 0;
    run_in_processes(experiment, &n_started);
    assert_int_equal(n_started, N_VARIANTS * N_SEEDS);
    assert_counts(experiment, 0, 0, N_VARIANTS * N_SEEDS, 0);
    run_in_processes(experiment, &n_started); /* nothing is repeated */
    assert_int_equal(n_started, N_VARIANTS * N_SEEDS);
    valence_experiment_close(experiment);
}

/* The clips per second of every way that was tried, and whether the best was chosen. */
static void assert_measured(const char *folder)
{
    char path[2800];
    snprintf(path, sizeof path, "%s/resources.json", folder);
    json_t *resources = json_load_file(path, 0, NULL);
    const json_t *measured = json_object_get(resources, "measured"), *best = NULL;
    assert_int_equal(json_array_size(measured), 2);
    for (size_t i = 0; i < 2; i++) {
        const json_t *trial = json_array_get(measured, i);
        double rate = json_number_value(json_object_get(trial, "clips_per_second"));
        assert_true(rate > 0);
        if (!best || rate > 1.03 * json_number_value(json_object_get(best, "clips_per_second")))
            best = trial;
    }
    assert_int_equal(json_integer_value(json_object_get(resources, "jobs")),
                     json_integer_value(json_object_get(best, "jobs")));
    json_decref(resources);
}

static void test_a_measurement_chooses_and_is_kept(void **state)
{
    struct fixture *f = *state;
    struct valence_train_config config = plan_config(f, "measured");
    struct valence_experiment *experiment = create(&config, NULL);
    struct valence_experiment_options options;
    const struct valence_experiment_state *looked;
    int n_started = 0;
    valence_experiment_options_default(&options);
    options.start = start;
    options.user = &n_started;
    options.n_cores = 2;
    run(experiment, &options);
    assert_int_equal(n_started, 3 + N_VARIANTS * N_SEEDS); /* alone, and two side by side */
    assert_int_equal(valence_experiment_look(experiment, &looked, NULL), 0);
    assert_int_equal(looked->n_jobs * looked->n_threads, 2);
    assert_true(looked->seconds_left == 0);
    valence_experiment_state_free(looked);
    assert_measured(config.output);
    char path[2800];
    snprintf(path, sizeof path, "%s/trials", config.output);
    assert_int_not_equal(access(path, F_OK), 0);
    valence_experiment_close(experiment);
}

static void test_memory_that_no_run_fits_is_an_error(void **state)
{
    struct fixture *f = *state;
    struct valence_train_config config = plan_config(f, "memory");
    struct valence_experiment *experiment = create(&config, NULL);
    struct valence_experiment_options options;
    struct valence_error error;
    int n_started = 0;
    valence_experiment_options_default(&options);
    options.start = start;
    options.user = &n_started;
    options.n_cores = 2;
    options.memory = 1 << 20;
    assert_int_equal(valence_experiment_run(experiment, &options, &error), VALENCE_ERROR_LIMIT);
    assert_string_equal(error.key, "memory");
    valence_experiment_close(experiment);
}

static void test_a_failed_run_ends_the_experiment_and_says_why(void **state)
{
    struct fixture *f = *state;
    struct valence_train_config config = plan_config(f, "failing");
    struct valence_experiment *experiment = create(&config, NULL);
    struct valence_experiment_options options;
    struct valence_error error;
    int n_started = 0;
    char runs[1400], file[2800];
    snprintf(runs, sizeof runs, "%s/runs", config.output);
    snprintf(file, sizeof file, "%s/wide", runs);
    mkdir(runs, 0755);
    write_text(runs, "wide", "in the way");
    valence_experiment_options_default(&options);
    options.start = start;
    options.user = &n_started;
    options.n_cores = options.n_jobs = 1;
    assert_true(valence_experiment_run(experiment, &options, &error) < 0);
    assert_non_null(strstr(error.text, "run wide/seed-1: "));
    assert_non_null(strstr(error.text, file));
    assert_int_equal(unlink(file), 0);
    run(experiment, &options);
    assert_counts(experiment, 0, 0, N_VARIANTS * N_SEEDS, 0);
    valence_experiment_close(experiment);
}

static void test_a_second_scheduler_is_refused(void **state)
{
    struct fixture *f = *state;
    struct valence_train_config config = plan_config(f, "locked");
    struct valence_experiment *experiment = create(&config, NULL);
    struct valence_error error;
    char path[2800];
    snprintf(path, sizeof path, "%s/plan.json", config.output);
    int held = open(path, O_RDONLY);
    assert_int_equal(flock(held, LOCK_EX), 0);
    assert_int_equal(valence_experiment_run(experiment, NULL, &error), VALENCE_ERROR_BUSY);
    close(held);
    valence_experiment_close(experiment);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_plan_begins_where_a_killed_one_had_not_begun),
        cmocka_unit_test(test_a_plan_is_kept_and_no_other_takes_its_folder),
        cmocka_unit_test(test_bad_plans_are_refused_before_anything_is_written),
        cmocka_unit_test(test_a_variant_that_repeats_another_is_refused),
        cmocka_unit_test(test_a_dry_run_checks_the_plan_and_writes_nothing),
        cmocka_unit_test(test_a_plan_may_record_a_number_in_another_way),
        cmocka_unit_test(test_a_damaged_plan_is_an_error),
        cmocka_unit_test(test_runs_are_trained_once),
        cmocka_unit_test(test_a_run_is_that_of_training_alone),
        cmocka_unit_test(test_halving_trains_the_best_on),
        cmocka_unit_test(test_processes_give_what_one_does),
        cmocka_unit_test(test_a_measurement_chooses_and_is_kept),
        cmocka_unit_test(test_memory_that_no_run_fits_is_an_error),
        cmocka_unit_test(test_a_failed_run_ends_the_experiment_and_says_why),
        cmocka_unit_test(test_a_second_scheduler_is_refused),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
