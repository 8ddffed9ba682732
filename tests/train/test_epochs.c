/* What an epoch is judged by: which is the best, when a run stops early, and what is recorded. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>

#include "model/checkpoint.h"
#include "training_run.h"

#define MAX_EPOCHS 40

/* What the callback was given, by epoch. */
struct records {
    int n, n_flows;
    double mae[MAX_EPOCHS][VALENCE_MAX_FLOWS], selected[MAX_EPOCHS], best[MAX_EPOCHS];
    double rate[MAX_EPOCHS], losses[MAX_EPOCHS][7];
    int64_t best_epoch[MAX_EPOCHS];
};

static int record(void *user, const struct valence_train_epoch *epoch)
{
    struct records *records = user;
    int i = records->n++;
    assert_true(i < MAX_EPOCHS);
    records->n_flows = epoch->n_flows;
    memcpy(records->mae[i], epoch->validation_mae, (size_t)epoch->n_flows * sizeof(double));
    records->selected[i] = epoch->selected_mae;
    records->best[i] = epoch->best_mae;
    records->best_epoch[i] = epoch->best_epoch;
    records->rate[i] = epoch->learning_rate;
    for (int k = 0; k < epoch->n_losses; k++)
        records->losses[i][k] = epoch->losses[k].value;
    return 0;
}

/* Learns in such large steps that some epochs are worse than the one before. */
static struct valence_train_config restless(const struct fixture *f, const char *run)
{
    struct valence_train_config config = config_for(f, run);
    config.epochs = MAX_EPOCHS;
    config.learning_rate = 0.05;
    config.schedule.warm_up_epochs = 4;
    return config;
}

static struct valence_train_run train_recorded(const struct valence_train_config *config,
                                               struct records *records)
{
    struct valence_train_options options;
    struct valence_train_result *result;
    struct valence_error error;
    *records = (struct records){.n = 0};
    valence_train_options_default(&options);
    options.epoch = record;
    options.user = records;
    if (valence_train(config, &options, &result, &error))
        fail_msg("%s", error.text);
    struct valence_train_run run = result->runs[0];
    valence_train_result_free(result);
    return run;
}

/* The first with the smallest error of the first n; *since: how many came after it. */
static int best_of(const struct records *records, int n, int *since)
{
    int best = 0;
    for (int i = 1; i < n; i++)
        if (records->selected[i] < records->selected[best])
            best = i;
    *since = n - 1 - best;
    return best;
}

/* ---- The best epoch ---- */

static void test_the_best_epoch_has_the_smallest_error_so_far(void **state)
{
    static struct records records;
    struct valence_train_config config = restless(*state, "run");
    struct valence_train_run run = train_recorded(&config, &records);
    int since, n_worse = 0;
    for (int i = 0; i < records.n; i++) {
        int best = best_of(&records, i + 1, &since);
        n_worse += since > 0;
        assert_int_equal(records.best_epoch[i], best + 1);
        assert_true(records.best[i] == records.selected[best]);
    }
    int best = best_of(&records, records.n, &since);
    assert_true(n_worse > 2 && since > 0); /* there was something to choose */
    assert_int_equal(run.best_epoch, best + 1);
    for (int f = 0; f < records.n_flows; f++)
        assert_true(run.validation_mae[f] == records.mae[best][f]);
}

static void test_the_best_model_is_that_epoch_s(void **state)
{
    static struct records records;
    struct valence_train_config config = restless(*state, "run");
    config.keep_epochs = true;
    struct valence_train_run run = train_recorded(&config, &records);
    assert_true(run.best_epoch < run.n_epochs);
    struct checkpoint best, epoch;
    char path[TRAIN_PATH_BYTES + 64];
    snprintf(path, sizeof path, "%s/best.safetensors", config.output);
    assert_int_equal(checkpoint_load(path, &best, NULL), 0);
    snprintf(path, sizeof path, "%s/epoch-%d.safetensors", config.output, (int)run.best_epoch);
    assert_int_equal(checkpoint_load(path, &epoch, NULL), 0);
    assert_memory_equal(best.parameters, epoch.parameters,
                        (size_t)best.n_parameters * sizeof(float));
    /* Its errors are those of the scores that it keeps. */
    for (int f = 0; f < run.n_flows; f++) {
        double sum = 0;
        for (int64_t i = 0; i < best.calibration.n; i++)
            sum += fabs((double)best.calibration.scores[f * best.calibration.n + i] -
                        (double)best.calibration.labels[i]);
        assert_true(fabs(sum / (double)best.calibration.n - run.validation_mae[f]) < 1e-9);
    }
    checkpoint_free(&best);
    checkpoint_free(&epoch);
}

static void test_epochs_are_chosen_by_the_flows_asked_for(void **state)
{
    static const char *const select[] = {"select=complete", "select=missing", "select=mean"};
    static struct records records;
    for (int way = 0; way < 3; way++) {
        char run[16];
        snprintf(run, sizeof run, "run-%d", way);
        struct valence_train_config config = restless(*state, run);
        config.epochs = 5;
        assert_int_equal(
            config_assign(&config,
                          "flows=[complete,audio_missing,text_missing,audio_video_missing]", NULL),
            0);
        assert_int_equal(config_assign(&config, select[way], NULL), 0);
        train_recorded(&config, &records);
        assert_true(records.n_flows > 2);
        for (int i = 0; i < records.n; i++) {
            double sum = 0;
            for (int f = 1; f < records.n_flows; f++)
                sum += records.mae[i][f];
            double expected[] = {records.mae[i][0], sum / (records.n_flows - 1),
                                 (records.mae[i][0] + sum) / records.n_flows};
            assert_true(fabs(records.selected[i] - expected[way]) < 1e-12);
        }
    }
}

/* ---- Early stopping ---- */

/* After as many epochs in a row that bring nothing better, and no sooner, though there were worse
 * ones before the best. */
static void test_a_run_stops_when_its_patience_is_at_its_end(void **state)
{
    for (int patience = 1; patience <= 4; patience++) {
        static struct records records;
        char run[16];
        int since;
        snprintf(run, sizeof run, "run-%d", patience);
        struct valence_train_config config = restless(*state, run);
        config.early_stopping = patience;
        train_recorded(&config, &records);
        assert_true(records.n < MAX_EPOCHS);
        for (int n = 1; n < records.n; n++) {
            best_of(&records, n, &since);
            assert_true(since < patience);
        }
        best_of(&records, records.n, &since);
        assert_int_equal(since, patience);
    }
}

/* ---- Records ---- */

static void test_the_learning_rate_warms_up_and_decays(void **state)
{
    static struct records records;
    struct valence_train_config config = restless(*state, "run");
    config.epochs = 12;
    config.schedule.step_every = 3;
    config.schedule.gamma = 0.5;
    train_recorded(&config, &records);
    static const double factors[] = {0.25, 0.5, 0.75, 1, 1, 1, 0.5, 0.5, 0.5, 0.25, 0.25, 0.25};
    for (int i = 0; i < 12; i++)
        assert_true(fabs(records.rate[i] / (0.05 * factors[i]) - 1) < 1e-12);
}

static void test_the_total_loss_is_the_weighted_sum_of_the_others(void **state)
{
    static struct records records;
    struct valence_train_config config = restless(*state, "run");
    static const char *const settings[] = {"losses.complete=0.7", "losses.missing=1.3",
                                           "losses.rep=0.2",      "losses.cross=0.3",
                                           "losses.feature=0.4",  "losses.rnc=0.5"};
    static const double weights[] = {0.7, 1.3, 0.2, 0.3, 0.4, 0.5};
    config.epochs = 2;
    for (int i = 0; i < 6; i++)
        assert_int_equal(config_assign(&config, settings[i], NULL), 0);
    train_recorded(&config, &records);
    for (int i = 0; i < 2; i++) {
        double sum = 0;
        for (int k = 0; k < 6; k++) {
            assert_true(records.losses[i][k + 1] > 0);
            sum += weights[k] * records.losses[i][k + 1];
        }
        assert_true(fabs(records.losses[i][0] / sum - 1) < 1e-9);
    }
}

int main(void)
{
#define WITH_STORE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    static const struct CMUnitTest tests[] = {
        WITH_STORE(test_the_best_epoch_has_the_smallest_error_so_far),
        WITH_STORE(test_the_best_model_is_that_epoch_s),
        WITH_STORE(test_epochs_are_chosen_by_the_flows_asked_for),
        WITH_STORE(test_a_run_stops_when_its_patience_is_at_its_end),
        WITH_STORE(test_the_learning_rate_warms_up_and_decays),
        WITH_STORE(test_the_total_loss_is_the_weighted_sum_of_the_others),
    };
    return cmocka_run_group_tests_name("epochs", tests, NULL, NULL);
}
