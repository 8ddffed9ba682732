/* What models cost: every model is there, figures hang together, and what cannot be measured is
 * refused. Times depend on the machine, so only their order is looked at. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdlib.h>

#include "base/block_peak.h"
#include "base/memory.h"
#include "base/times.h"
#include "training_run.h"
#include "valence/cost.h"

static struct valence_error problem;

static void must(int status)
{
    if (status)
        fail_msg("%s", problem.text);
}

static const char *trial_folder(const struct fixture *f)
{
    static char folder[128];
    snprintf(folder, sizeof folder, "%s/trial", f->folder);
    return folder;
}

static const struct valence_cost *measure(const struct fixture *f, bool baselines)
{
    struct valence_train_config config = config_for(f, "unused");
    struct valence_cost_options options;
    const struct valence_cost *cost;
    valence_cost_options_default(&options);
    options.folder = trial_folder(f);
    options.seconds = 0.02;
    options.baselines = baselines;
    must(valence_cost_measure(&config, &options, NULL, &cost, &problem));
    return cost;
}

static void check_spread(struct valence_cost_spread spread)
{
    assert_true(spread.n >= 2);
    assert_true(spread.low > 0 && spread.low <= spread.median && spread.median <= spread.high);
}

static void test_every_model_is_measured(void **state)
{
    const struct fixture *f = *state;
    const struct valence_cost *cost = measure(f, true);
    assert_int_equal(cost->n_models, 2 + valence_train_n_models());
    assert_string_equal(cost->models[0].name, "full");
    assert_string_equal(cost->models[1].name, "no-mia");
    for (int i = 0; i < cost->n_models; i++) {
        const struct valence_model_cost *model = &cost->models[i];
        bool closed = strcmp(model->name, "ridge") == 0 || strcmp(model->name, "constant") == 0;
        if (i >= 2)
            assert_string_equal(model->name, valence_train_get_model(i - 2)->name);
        assert_true(model->n_parameters > 0);
        check_spread(model->latency_complete);
        check_spread(model->latency_all);
        check_spread(model->scoring_rate);
        assert_true(model->training_rate.median > 0);
        assert_true(model->scoring_bytes > 0 && model->training_bytes > 0);
        assert_true((model->step == 0) == closed);
        if (closed) {
            assert_int_equal(model->step_seconds.n, 0);
            assert_int_equal(model->training_rate.n, 1);
        } else {
            check_spread(model->step_seconds);
        }
    }
    assert_false(exists(f, "trial"));
    valence_cost_free(cost);
}

/* A second flow costs more than none, imagination too, and training more than its memory of
 * parameters. */
static void test_figures_hang_together(void **state)
{
    const struct fixture *f = *state;
    const struct valence_cost *cost = measure(f, false);
    assert_int_equal(cost->n_models, 2);
    const struct valence_model_cost *full = &cost->models[0], *without = &cost->models[1];
    double sum = 0;
    for (int p = 0; p < VALENCE_N_COST_PARTS; p++)
        sum += full->step_parts[p];
    assert_true(fabs(sum - full->step) < 1e-6 * sum);
    assert_true(full->clip_all > full->clip_complete);
    assert_true(full->clip_complete == without->clip_complete);
    assert_true(full->step_parts[VALENCE_COST_IMAGINATION] > 0);
    assert_true(without->step_parts[VALENCE_COST_IMAGINATION] == 0);
    assert_true(fabs(full->step - full->step_parts[VALENCE_COST_IMAGINATION] - without->step) <
                1e-6 * full->step);
    assert_true(full->n_parameters > without->n_parameters);
    /* parameters, gradients and two moments */
    assert_true(full->training_bytes > 4 * 4 * full->n_parameters);
    assert_int_equal(cost->training_batch_size, 16);
    assert_int_equal(cost->widths[VALENCE_STREAM_TEXT], 7);
    assert_true(cost->mean_rows[VALENCE_STREAM_TEXT] >= 1);
    assert_true(cost->machine.n_cores >= 1 && cost->machine.cpu[0]);
    valence_cost_free(cost);
}

/* NumPy's percentile() of 1 ... 10: 1.45, 5.5, 9.55; and of rates likewise. */
static void test_spreads_are_numpys_percentiles(void **state)
{
    (void)state;
    double seconds[] = {10, 1, 9, 2, 8, 3, 7, 4, 6, 5};
    struct times times = {10, seconds};
    struct valence_cost_spread spread = times_spread(&times);
    assert_true(fabs(spread.low - 1.45) < 1e-12 && fabs(spread.median - 5.5) < 1e-12);
    assert_true(fabs(spread.high - 9.55) < 1e-12);
    assert_int_equal(spread.n, 10);
    double halves[] = {0.5, 0.25, 1};
    times = (struct times){3, halves};
    spread = times_rate(&times, 2);
    assert_true(fabs(spread.median - 4) < 1e-12);
    assert_true(fabs(spread.low - 2.2) < 1e-12 && fabs(spread.high - 7.6) < 1e-12);
    times.n = 0;
    assert_true(isnan(times_spread(&times).median));
}

static void test_the_largest_blocks_are_remembered(void **state)
{
    (void)state;
    size_t before = block_bytes_peak(true);
    void *a = block_take(1, 64000), *b = block_take(1, 64000);
    block_free(a, 1, 64000);
    void *c = block_take(1, 640);
    assert_int_equal(block_bytes_peak(false) - before, 128000);
    assert_int_equal(block_bytes_peak(true) - before, 64640);
    block_free(b, 1, 64000);
    block_free(c, 1, 640);
    assert_int_equal(block_bytes_peak(true), before);
}

static void refuse(const struct fixture *f, const struct valence_cost_options *options, int status,
                   const char *key)
{
    struct valence_train_config config = config_for(f, "unused");
    const struct valence_cost *cost;
    assert_int_equal(valence_cost_measure(&config, options, NULL, &cost, &problem), status);
    assert_null(cost);
    assert_string_equal(problem.key, key);
}

static void test_what_cannot_be_measured_is_refused(void **state)
{
    const struct fixture *f = *state;
    struct valence_cost_options options;
    valence_cost_options_default(&options);
    refuse(f, &options, VALENCE_ERROR_ARGUMENT, "folder");
    options.folder = f->folder;
    refuse(f, &options, VALENCE_ERROR_EXISTS, "folder");
    options.folder = trial_folder(f);
    options.seconds = 0;
    refuse(f, &options, VALENCE_ERROR_ARGUMENT, "seconds");
    options.seconds = 0.01;
    options.batch_size = 0;
    refuse(f, &options, VALENCE_ERROR_ARGUMENT, "batch_size");
    options.batch_size = 8;
    options.split = (enum valence_split)7;
    refuse(f, &options, VALENCE_ERROR_ARGUMENT, "split");
}

static int cancel_later(void *user, const struct valence_progress_event *event)
{
    int *n = user;
    (void)event;
    return ++*n > 20;
}

static void test_measuring_can_be_cancelled(void **state)
{
    const struct fixture *f = *state;
    struct valence_train_config config = config_for(f, "unused");
    struct valence_cost_options options;
    const struct valence_cost *cost;
    int n = 0;
    const struct valence_progress progress = {cancel_later, &n};
    valence_cost_options_default(&options);
    options.folder = trial_folder(f);
    options.seconds = 10;
    assert_int_equal(valence_cost_measure(&config, &options, &progress, &cost, &problem),
                     VALENCE_ERROR_CANCELLED);
    assert_null(cost);
    assert_false(exists(f, "trial"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_model_is_measured),
        cmocka_unit_test(test_figures_hang_together),
        cmocka_unit_test(test_spreads_are_numpys_percentiles),
        cmocka_unit_test(test_the_largest_blocks_are_remembered),
        cmocka_unit_test(test_what_cannot_be_measured_is_refused),
        cmocka_unit_test(test_measuring_can_be_cancelled),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
