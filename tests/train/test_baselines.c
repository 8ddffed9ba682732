/* Simpler models to compare with: what is computed in closed form is what it claims to be, and all
 * of them train and are saved as the published network is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>

#include "base/file.h"
#include "base/half.h"
#include "model/checkpoint.h"
#include "training_run.h"

static void assign(struct valence_train_config *config, const char *assignment)
{
    struct valence_error error;
    if (config_assign(config, assignment, &error))
        fail_msg("%s", error.text);
}

static struct valence_train_config model_config(const struct fixture *f, const char *run,
                                                const char *model)
{
    struct valence_train_config config = config_for(f, run);
    struct valence_error error;
    if (valence_train_config_set_model(&config, model, &error))
        fail_msg("%s", error.text);
    return config;
}

static void load(const struct fixture *f, const char *run, struct checkpoint *checkpoint)
{
    char path[256];
    struct valence_error error;
    snprintf(path, sizeof path, "%s/%s/best.safetensors", f->folder, run);
    if (checkpoint_load(path, checkpoint, &error))
        fail_msg("%s", error.text);
}

/* ---- Ridge ---- */

enum { N_COLUMNS = 5 + 7 + 4 };

/* A clip's mean standardised row of one stream. */
static void read_means(const struct valence_store *store, const struct standardisation *is,
                       int64_t clip, int stream, double *means)
{
    int64_t width = training_streams[stream].width;
    int64_t n = valence_store_clip(store, clip)->n_rows[stream];
    bool half = training_streams[stream].type == VALENCE_F16;
    float rows[8 * 7];
    assert_true(n * width <= 8 * 7);
    assert_int_equal(valence_store_read_rows(store, clip, stream, 0, n, rows, NULL), 0);
    for (int64_t j = 0; j < width; j++)
        means[j] = 0;
    for (int64_t i = 0; i < n * width; i++) {
        int64_t j = i % width;
        double value = (double)(half ? half_to_float(((const uint16_t *)rows)[i]) : rows[i]);
        double z = (value - (double)is->mean[stream][j]) * (double)is->scale[stream][j];
        means[j] +=
            fmin(fmax(z, (double)is->low[stream][j]), (double)is->high[stream][j]) / (double)n;
    }
}

/* What a minimum must satisfy: sum_i s_i e_i x_i = penalty w, sum_i s_i e_i = 0. `left` and
 * `e_sum` receive the left sides; text is read from `text`. */
static void add_residuals(const struct valence_store *store, const struct checkpoint *model,
                          int text, double s, double left[N_COLUMNS], double *e_sum)
{
    for (int64_t clip = 0; clip < valence_store_n_clips(store); clip++) {
        const struct valence_clip *record = valence_store_clip(store, clip);
        double x[N_COLUMNS], e = (double)record->label - (double)model->parameters[N_COLUMNS];
        if (record->split != VALENCE_TRAIN)
            continue;
        read_means(store, &model->standardisation, clip, VALENCE_STREAM_AUDIO, x);
        read_means(store, &model->standardisation, clip, text, x + 5);
        read_means(store, &model->standardisation, clip, VALENCE_STREAM_VIDEO, x + 12);
        for (int j = 0; j < N_COLUMNS; j++)
            e -= x[j] * (double)model->parameters[j];
        for (int j = 0; j < N_COLUMNS; j++)
            left[j] += s * e * x[j];
        *e_sum += s * e;
    }
}

static void test_ridge_minimises_what_it_says_over_all_flows(void **state)
{
    struct fixture *f = *state;
    struct valence_train_config config = model_config(f, "run", "ridge");
    struct checkpoint model;
    struct valence_store *store;
    double left[N_COLUMNS] = {0}, e_sum = 0, largest = 0;
    assign(&config, "flows=[complete,text_missing]");
    assign(&config, "streams.simulated_text=simulated_text");
    assign(&config, "losses.complete=3");
    assign(&config, "losses.missing=1");
    assign(&config, "ridge.penalty=2");
    struct valence_train_run run = train(&config, false);
    assert_int_equal(run.n_parameters, N_COLUMNS + 1);
    assert_true(run.ridge_penalty == 2);
    load(f, "run", &model);
    assert_int_equal(valence_store_open(config.store, NULL, &store, NULL), 0);
    add_residuals(store, &model, VALENCE_STREAM_TEXT, 0.75, left, &e_sum);
    add_residuals(store, &model, VALENCE_STREAM_SIMULATED_TEXT, 0.25, left, &e_sum);
    assert_true(fabs(e_sum) < 1e-4);
    for (int j = 0; j < N_COLUMNS; j++) {
        double right = 2 * (double)model.parameters[j];
        largest = fmax(largest, fabs(right));
        if (!(fabs(left[j] - right) < 1e-4))
            fail_msg("column %d: %.9g, not %.9g", j, left[j], right);
    }
    assert_true(largest > 0.1);
    valence_store_close(store);
    checkpoint_free(&model);
}

static void test_the_penalty_has_the_smallest_validation_error(void **state)
{
    struct valence_train_config config = model_config(*state, "run", "ridge");
    struct valence_train_run chosen = train(&config, false);
    int n_same = 0;
    assert_true(chosen.ridge_penalty > 0);
    for (int i = 0; i < 17; i++) {
        char name[32];
        snprintf(name, sizeof name, "run-%d", i);
        config = model_config(*state, name, "ridge");
        config.ridge_penalty = 0.01 * pow(10, i / 2.0);
        struct valence_train_run other = train(&config, false);
        assert_true(other.validation_mae[0] >= chosen.validation_mae[0] - 1e-6);
        n_same += config.ridge_penalty == chosen.ridge_penalty;
    }
    assert_int_equal(n_same, 1);
    assert_true(chosen.validation_mae[0] < 0.7 * chosen.constant_mae);
}

/* ---- All of them ---- */

static void test_the_constant_is_the_median(void **state)
{
    struct valence_train_config config = model_config(*state, "run", "constant");
    struct valence_train_run run = train(&config, false);
    assert_int_equal(run.n_parameters, 1);
    assert_true(fabs(run.validation_mae[0] - run.constant_mae) < 1e-6);
}

static void test_every_model_trains_and_ends_with_a_model(void **state)
{
    for (int i = 0; i < valence_train_n_models(); i++) {
        const struct valence_train_model *model = valence_train_get_model(i);
        struct valence_train_config config = model_config(*state, model->name, model->name);
        struct checkpoint checkpoint;
        struct valence_train_run run = train(&config, false);
        bool constant = strcmp(model->name, "constant") == 0;
        assert_int_equal(run.n_flows, strcmp(model->name, "published") == 0 ? 2 : 1);
        assert_true(constant || run.validation_mae[0] < run.constant_mae);
        load(*state, model->name, &checkpoint);
        assert_int_equal(checkpoint.calibration.n, run.n_validation);
        checkpoint_free(&checkpoint);
    }
    assert_null(valence_train_get_model(-1));
    assert_null(valence_train_get_model(valence_train_n_models()));
}

static void test_a_finished_run_is_resumed_as_it_is(void **state)
{
    struct valence_train_config config = model_config(*state, "run", "ridge");
    struct valence_train_run run = train(&config, false), again = train(&config, true);
    assert_true(run.ridge_penalty == again.ridge_penalty);
    assert_true(run.validation_mae[0] == again.validation_mae[0]);
    assert_int_equal(again.n_epochs, 1);
}

static int stop(void *user, const struct valence_progress_event *event)
{
    return strcmp(event->unit, "penalties") == 0 && --*(int *)user == 0;
}

static void test_a_ridge_that_was_stopped_begins_again(void **state)
{
    struct valence_train_config config = model_config(*state, "run", "ridge");
    int left = 3;
    struct valence_progress progress = {stop, &left};
    struct valence_train_options options;
    struct valence_train_result *result;
    valence_train_options_default(&options);
    options.progress = &progress;
    assert_int_equal(valence_train(&config, &options, &result, NULL), VALENCE_ERROR_CANCELLED);
    assert_false(exists(*state, "run/best.safetensors"));
    assert_true(train(&config, true).ridge_penalty > 0);
}

static int stop_at(void *user, const struct valence_progress_event *event)
{
    (void)event;
    return --*(int *)user == 0;
}

/* Stopped after every few batches, and resumed until it is finished. */
static void train_in_pieces(const struct fixture *f, const struct valence_train_config *config,
                            const char *run)
{
    char last[64];
    int n_stops = 0, status;
    snprintf(last, sizeof last, "%s/last.safetensors", run);
    do {
        int left = exists(f, last) ? 4 : 3 * N_CLIPS + 3; /* after the three streams' statistics */
        struct valence_progress progress = {stop_at, &left};
        struct valence_train_options options;
        valence_train_options_default(&options);
        options.resume = n_stops > 0;
        options.progress = &progress;
        status = valence_train(config, &options, NULL, NULL);
        assert_true(status == 0 || status == VALENCE_ERROR_CANCELLED);
        n_stops++;
    } while (status && n_stops < 100);
    assert_true(n_stops > 2);
}

static void test_a_run_that_is_stopped_and_resumed_gives_the_same_bytes(void **state)
{
    static const char *const names[] = {"late-fusion", "mult"};
    for (int i = 0; i < 2; i++) {
        char whole[32], parts[32];
        snprintf(whole, sizeof whole, "%s-whole", names[i]);
        snprintf(parts, sizeof parts, "%s-parts", names[i]);
        struct valence_train_config config = model_config(*state, whole, names[i]);
        config.epochs = 3;
        train(&config, false);
        config = model_config(*state, parts, names[i]);
        config.epochs = 3;
        train_in_pieces(*state, &config, parts);
        assert_same_file(*state, whole, parts, "best.safetensors");
        assert_same_file(*state, whole, parts, "last.safetensors");
        assert_same_file(*state, whole, parts, "log.jsonl");
    }
}

/* All regressors' scores are on the labels' scale, not only their mean. */
static void test_late_fusion_learns_standardised_labels(void **state)
{
    struct fixture *f = *state;
    struct valence_train_config config = model_config(f, "first", "late-fusion");
    struct valence_train_options options;
    struct checkpoint first, second;
    char from[256];
    assign(&config, "standardise.labels=true");
    train(&config, false);
    config = model_config(f, "second", "late-fusion");
    assign(&config, "optimizer.learning_rate=1e-9");
    config.epochs = 1;
    valence_train_options_default(&options);
    snprintf(from, sizeof from, "%s/first", f->folder);
    options.from = from;
    assert_int_equal(valence_train(&config, &options, NULL, NULL), 0);
    load(f, "first", &first);
    load(f, "second", &second);
    for (int64_t i = 0; i < first.calibration.n; i++)
        assert_true(fabs((double)first.calibration.scores[i] -
                         (double)second.calibration.scores[i]) < 1e-3);
    checkpoint_free(&first);
    checkpoint_free(&second);
}

static void test_what_makes_no_sense_is_refused(void **state)
{
    static const char *const wrong[][2] = {
        {"losses.rnc=0.5", "losses.rnc: model.fusion 'linear' has no features"},
        {"losses.cross=0.5", "losses.cross: model.fusion 'linear' has no cross-attention"},
        {"losses.complete=0", "needs a weight above 0 for every flow"},
        {"model.imagination=transition", "model.fusion: linear cannot imagine"},
        {"model.views=fused", "model.views makes no sense with model.fusion: linear"}};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct valence_train_config config = model_config(*state, "run", "ridge");
        assign(&config, wrong[i][0]);
        assert_fails(&config, false, VALENCE_ERROR_CONFIG, wrong[i][1]);
    }
    static const char *const others[][3] = {
        {"late-fusion", "losses.rnc=0.5", "losses.rnc: model.fusion 'late' has no features"},
        {"late-fusion", "losses.rep=0.5", "losses.rep: model.fusion 'late' has no features"},
        {"late-fusion", "model.imagination=text", "model.fusion: late cannot imagine"},
        {"late-fusion", "model.views=fused", "model.fusion: late, which has no views"},
        {"mult", "model.modality_weights=mean", "transformer, which has no views or weights"},
        {"mult", "losses.cross=0.5", "'transformer' has no cross-attention"},
        {"mult", "model.heads=3", "model.heads is 3, which does not divide model.d, 8"},
        {"mult", "model.d=2048", "model.d is 2048; with model.fusion: transformer it is at most"}};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        struct valence_train_config config = model_config(*state, "run", others[i][0]);
        assign(&config, others[i][1]);
        assert_fails(&config, false, VALENCE_ERROR_CONFIG, others[i][2]);
    }
    struct valence_train_config config = config_for(*state, "run");
    struct valence_error error;
    assert_int_equal(valence_train_config_set_model(&config, "rigde", &error),
                     VALENCE_ERROR_CONFIG);
    assert_non_null(strstr(error.text, "did you mean 'ridge'?"));
    assert_string_equal(error.key, "model");
}

static void test_what_is_computed_takes_no_initial_weights(void **state)
{
    struct fixture *f = *state;
    struct valence_train_config config = model_config(f, "first", "ridge");
    struct valence_train_options options;
    struct valence_error error;
    char from[256];
    train(&config, false);
    config = model_config(f, "second", "ridge");
    valence_train_options_default(&options);
    snprintf(from, sizeof from, "%s/first", f->folder);
    options.from = from;
    assert_int_equal(valence_train(&config, &options, NULL, &error), VALENCE_ERROR_ARGUMENT);
    assert_string_equal(error.key, "from");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_ridge_minimises_what_it_says_over_all_flows, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_the_penalty_has_the_smallest_validation_error, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_the_constant_is_the_median, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_every_model_trains_and_ends_with_a_model, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_a_finished_run_is_resumed_as_it_is, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_ridge_that_was_stopped_begins_again, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_a_run_that_is_stopped_and_resumed_gives_the_same_bytes,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_late_fusion_learns_standardised_labels, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_what_makes_no_sense_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_what_is_computed_takes_no_initial_weights, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
