/* Labels on other scales than -3 ... 3, learnt with standardise.labels. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>

#include "model/checkpoint.h"
#include "training_run.h"

static void load(const struct fixture *f, const char *run, struct checkpoint *checkpoint)
{
    char path[256];
    struct valence_error error;
    snprintf(path, sizeof path, "%s/%s/best.safetensors", f->folder, run);
    if (checkpoint_load(path, checkpoint, &error))
        fail_msg("%s", error.text);
}

/* A copy of the fixture's store whose labels are factor * label + offset. */
static void make_scaled_store(const struct fixture *f, const char *name, float factor, float offset)
{
    char from[256], to[256];
    struct valence_store *store;
    struct valence_store_writer *writer;
    snprintf(from, sizeof from, "%s/store", f->folder);
    snprintf(to, sizeof to, "%s/%s", f->folder, name);
    assert_int_equal(valence_store_open(from, NULL, &store, NULL), 0);
    assert_int_equal(
        valence_store_writer_open(to, training_streams, VALENCE_N_STREAMS, NULL, &writer, NULL), 0);
    for (int64_t i = 0; i < valence_store_n_clips(store); i++) {
        struct valence_clip record = *valence_store_clip(store, i);
        record.label = factor * record.label + offset;
        assert_int_equal(valence_store_writer_add_from(writer, store, i, &record, NULL), 0);
    }
    assert_int_equal(valence_store_writer_finish(writer, NULL), 0);
    assert_int_equal(valence_store_writer_close(writer, NULL), 0);
    valence_store_close(store);
}

static struct valence_train_run train_scaled(const struct fixture *f, const char *run,
                                             const char *store, bool standardise)
{
    struct valence_train_config config = config_for(f, run);
    config.standardise_labels = standardise;
    config.epochs = 15;
    snprintf(config.store, sizeof config.store, "%s/%s", f->folder, store);
    return train(&config, false);
}

static void test_labels_on_any_scale_are_learnt_as_well(void **state)
{
    static const struct {
        const char *store;
        float factor, offset;
    } scales[] = {{"one-to-five", 2.0f / 3, 3}, {"percent", 50.0f / 3, 50}};
    struct valence_train_run plain = train_scaled(*state, "run", "store", true);
    assert_true(plain.validation_mae[0] < 0.6 * plain.constant_mae);
    for (size_t i = 0; i < 2; i++) {
        double factor = (double)scales[i].factor;
        make_scaled_store(*state, scales[i].store, scales[i].factor, scales[i].offset);
        struct valence_train_run run = train_scaled(*state, i ? "b" : "a", scales[i].store, true);
        for (int flow = 0; flow < 2; flow++)
            assert_true(fabs(run.validation_mae[flow] / factor / plain.validation_mae[flow] - 1) <
                        0.02);
    }
    struct valence_train_run unscaled = train_scaled(*state, "c", "percent", false);
    assert_true(unscaled.validation_mae[0] > 1.5 * 50 / 3 * plain.validation_mae[0]);
}

/* The saved model needs nothing else to score on the labels' scale. */
static void test_a_model_scores_on_the_labels_scale(void **state)
{
    struct fixture *f = *state;
    make_scaled_store(f, "percent", 50.0f / 3, 50);
    struct valence_train_run run = train_scaled(f, "run", "percent", true);
    struct valence_train_config config = config_for(f, "more");
    struct valence_train_options options;
    struct checkpoint first, second;
    char from[256];
    load(f, "run", &first);
    double error = 0;
    for (int64_t i = 0; i < first.calibration.n; i++)
        error += fabs((double)first.calibration.scores[i] - (double)first.calibration.labels[i]) /
                 (double)first.calibration.n;
    assert_true(fabs(error - run.validation_mae[0]) < 1e-4);
    /* A run without standardised labels that starts from it and hardly moves scores the same. */
    valence_train_options_default(&options);
    snprintf(from, sizeof from, "%s/run", f->folder);
    options.from = from;
    for (int standardised = 0; standardised < 2; standardised++) {
        const char *name = standardised ? "more-2" : "more-1";
        snprintf(config.store, sizeof config.store, "%s/percent", f->folder);
        snprintf(config.output, sizeof config.output, "%s/%s", f->folder, name);
        config.standardise_labels = standardised;
        config.epochs = 1;
        config.learning_rate = 1e-9;
        assert_int_equal(valence_train(&config, &options, NULL, NULL), 0);
        load(f, name, &second);
        for (int64_t i = 0; i < first.calibration.n; i++)
            assert_true(fabs((double)first.calibration.scores[i] -
                             (double)second.calibration.scores[i]) < 1e-2);
        checkpoint_free(&second);
    }
    checkpoint_free(&first);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_labels_on_any_scale_are_learnt_as_well, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_a_model_scores_on_the_labels_scale, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
