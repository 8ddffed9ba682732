/* Evaluations of a store made from the golden inputs, and the models of a run. */
#include "base/file.h"
#include "evaluate/comparison.h"
#include "run/run_models.h"
#include "golden_store.h"

static struct evaluation evaluate(const struct evaluation_options *options)
{
    struct evaluation evaluation;
    struct valence_error error;
    if (evaluation_run(model, store, options, NULL, &evaluation, &error))
        fail_msg("%s", error.text);
    return evaluation;
}

static const struct evaluation_options test_split = {.split = VALENCE_TEST,
                                                     .n_resamples = 200,
                                                     .seed = 1,
                                                     .batch_size = 4,
                                                     .max_rows = 10000,
                                                     .level = 0.9};

/* ---- Evaluation ---- */

static void check_scores(const struct flow_result *result, const char *name)
{
    const float *expected = golden(name);
    for (int i = 0; i < N_CLIPS; i++)
        assert_true(fabsf(result->predicted[i] - expected[i]) < 2e-5f * 4);
    free((void *)(uintptr_t)expected);
}

static void test_both_flows_are_measured_by_their_golden_scores(void **state)
{
    (void)state;
    struct evaluation evaluation = evaluate(&test_split);
    assert_int_equal(evaluation.n_flows, 2);
    assert_int_equal(evaluation.selection.n, N_CLIPS);
    assert_int_equal(evaluation.selection.n_unlabelled, 1);
    check_scores(&evaluation.flows[0], "complete.score");
    check_scores(&evaluation.flows[1], "missing.score");
    for (int flow = 0; flow < 2; flow++) {
        const struct flow_result *result = &evaluation.flows[flow];
        struct valence_interval mae = result->intervals[VALENCE_METRIC_MAE];
        assert_int_equal(result->n_incomplete, 0);
        assert_true(mae.low <= result->metrics.values[VALENCE_METRIC_MAE]);
        assert_true(mae.high >= result->metrics.values[VALENCE_METRIC_MAE]);
    }
    assert_true(evaluation.flows[0].differences[VALENCE_METRIC_MAE].low == 0);
    evaluation_free(&evaluation);
}

static void test_without_resamples_there_are_no_intervals(void **state)
{
    (void)state;
    struct evaluation_options options = test_split;
    options.n_resamples = 0;
    struct evaluation evaluation = evaluate(&options);
    assert_true(isnan(evaluation.flows[0].intervals[VALENCE_METRIC_MAE].low));
    json_t *json = evaluation_to_json(&evaluation);
    json_t *flow = json_object_get(json, "complete");
    assert_true(json_is_null(json_object_get(json_object_get(flow, "intervals"), "mae")));
    assert_true(json_is_real(json_object_get(json_object_get(flow, "metrics"), "mae")));
    json_decref(json);
    evaluation_free(&evaluation);
}

static void test_a_flow_the_model_was_not_trained_with_is_measured_and_marked(void **state)
{
    (void)state;
    struct evaluation_options options = test_split;
    options.n_flows = 2;
    options.flows[0] = VALENCE_BIT(VALENCE_TEXT);
    options.flows[1] = VALENCE_BIT(VALENCE_AUDIO);
    struct evaluation evaluation = evaluate(&options);
    assert_true(evaluation.flows[0].trained);
    assert_false(evaluation.flows[1].trained);
    assert_int_equal(evaluation.flows[1].metrics.n, N_CLIPS);
    evaluation_free(&evaluation);
}

static void test_clips_that_lack_what_a_flow_reads_are_counted(void **state)
{
    (void)state;
    struct evaluation_options options = test_split;
    options.split = VALENCE_TRAIN;
    struct evaluation evaluation = evaluate(&options);
    assert_int_equal(evaluation.flows[0].n_incomplete, 1);
    assert_int_equal(evaluation.flows[1].n_incomplete, 1);
    assert_int_equal(evaluation.flows[1].n_unsimulated, 1);
    evaluation_free(&evaluation);
}

/* Errors of 0.1, ..., 0.9 make an interval of +-0.9 at 90 % and of +-0.5 at 50 %, and 0.5 to
 * expect. */
static void test_coverage_is_the_share_of_labels_in_their_interval(void **state)
{
    (void)state;
    static const double levels[] = {0.9, 0.5}, halves[] = {0.9, 0.5};
    for (int l = 0; l < 2; l++) {
        struct evaluation_options options = test_split;
        struct evaluation evaluation;
        options.level = levels[l];
        options.n_flows = 3;
        options.flows[1] = VALENCE_BIT(VALENCE_TEXT);
        options.flows[2] = VALENCE_BIT(VALENCE_AUDIO);
        assert_int_equal(evaluation_run(calibrated, store, &options, NULL, &evaluation, NULL), 0);
        for (int flow = 0; flow < 2; flow++) {
            const struct flow_result *result = &evaluation.flows[flow];
            double half = halves[l] * (flow + 1), covered = 0, width = 0;
            for (int i = 0; i < N_CLIPS; i++) {
                double score = fmax(-3, fmin(3, (double)result->predicted[i]));
                double label = (double)evaluation.labels[i];
                covered += fabs(score - label) <= half + 1e-6;
                width += fmin(score + half, 3) - fmax(score - half, -3);
            }
            assert_true(result->reliability[RELIABILITY_COVERAGE] == covered / N_CLIPS);
            assert_true(fabs(result->reliability[RELIABILITY_WIDTH] - width / N_CLIPS) < 1e-5);
            assert_true(fabs(result->reliability[RELIABILITY_EXPECTED] - 0.5 * (flow + 1)) < 1e-5);
        }
        assert_true(isnan(evaluation.flows[2].reliability[RELIABILITY_COVERAGE]));
        struct seed_summary summary =
            evaluation_summarise_reliability(&evaluation, 1, 1, RELIABILITY_EXPECTED);
        assert_true(fabs(summary.mean - 1) < 1e-5);
        json_t *json = evaluation_to_json(&evaluation);
        json_t *of_flow = json_object_get(json_object_get(json, "text_missing"), "reliability");
        assert_true(json_is_real(json_object_get(of_flow, "coverage")));
        of_flow = json_object_get(json_object_get(json, "audio_missing"), "reliability");
        assert_true(json_is_null(of_flow));
        json_decref(json);
        evaluation_free(&evaluation);
    }
    struct evaluation without = evaluate(&test_split);
    assert_true(isnan(without.flows[0].reliability[RELIABILITY_WIDTH]));
    evaluation_free(&without);
}

static int cancel(void *user, const struct valence_progress_event *event)
{
    (void)user;
    return event->done >= 2;
}

static void test_evaluation_can_be_cancelled(void **state)
{
    (void)state;
    struct evaluation_options options = test_split;
    options.batch_size = 2;
    struct valence_progress progress = {.report = cancel};
    struct evaluation evaluation;
    struct valence_error error;
    assert_int_equal(evaluation_run(model, store, &options, &progress, &evaluation, &error),
                     VALENCE_ERROR_CANCELLED);
    assert_null(evaluation.labels);
}

static void test_the_constant_is_the_median_of_training_labels(void **state)
{
    (void)state;
    struct evaluation evaluation = evaluate(&test_split);
    struct constant_predictor constant;
    assert_int_equal(evaluation_constant(store, &evaluation, &constant, NULL), 0);
    assert_true(constant.value == -1);
    double sum = 0;
    for (int i = 0; i < N_CLIPS; i++)
        sum += fabs((double)evaluation.labels[i] + 1);
    assert_true(fabs(constant.metrics.values[VALENCE_METRIC_MAE] - sum / N_CLIPS) < 1e-12);
    evaluation_free(&evaluation);
}

static void test_summary_of_seeds_is_mean_and_sample_deviation(void **state)
{
    (void)state;
    struct evaluation evaluations[3] = {{.n_flows = 1}, {.n_flows = 1}, {.n_flows = 1}};
    for (int i = 0; i < 3; i++)
        evaluations[i].flows[0].metrics.values[VALENCE_METRIC_MAE] = i + 1;
    struct seed_summary summary = evaluation_summarise(evaluations, 3, 0, VALENCE_METRIC_MAE);
    assert_true(summary.mean == 2 && summary.deviation == 1);
    assert_true(isnan(evaluation_summarise(evaluations, 1, 0, VALENCE_METRIC_MAE).deviation));
}

static void test_runs_are_compared_by_the_means_of_their_models_on_the_same_resamples(void **state)
{
    (void)state;
    struct evaluation_options options = test_split;
    options.n_flows = 1;
    struct evaluation whole = evaluate(&options),
                      pair[2] = {evaluate(&options), evaluate(&options)};
    for (int i = 0; i < N_CLIPS; i++) { /* off by 1 and by 2, exactly */
        whole.flows[0].predicted[i] = whole.labels[i];
        pair[0].flows[0].predicted[i] = whole.labels[i] + 1;
        pair[1].flows[0].predicted[i] = whole.labels[i] - 2;
    }
    for (int i = 0; i < 2; i++)
        valence_metrics_compute(pair[i].flows[0].predicted, pair[i].labels, N_CLIPS,
                                &pair[i].flows[0].metrics);
    valence_metrics_compute(whole.flows[0].predicted, whole.labels, N_CLIPS,
                            &whole.flows[0].metrics);
    struct comparison comparison;
    assert_int_equal(comparison_make(pair, 2, &whole, 1, &options, &comparison, NULL), 0);
    struct metric_difference mae = comparison.differences[0][VALENCE_METRIC_MAE];
    assert_true(fabs(mae.value - 1.5) < 1e-6);
    assert_true(fabs(mae.interval.low - 1.5) < 1e-6 && fabs(mae.interval.high - 1.5) < 1e-6);
    struct metric_difference acc7 = comparison.differences[0][VALENCE_METRIC_ACC7];
    assert_true(acc7.value < 0 && acc7.interval.low <= acc7.value &&
                acc7.interval.high >= acc7.value && acc7.interval.low < acc7.interval.high);
    options.n_resamples = 0;
    assert_int_equal(comparison_make(&whole, 1, pair, 2, &options, &comparison, NULL), 0);
    assert_true(fabs(comparison.differences[0][VALENCE_METRIC_MAE].value + 1.5) < 1e-6);
    assert_true(isnan(comparison.differences[0][VALENCE_METRIC_MAE].interval.low));
    struct valence_error error;
    whole.flows[0].flow = VALENCE_BIT(VALENCE_TEXT);
    assert_int_equal(comparison_make(&whole, 1, pair, 2, &options, &comparison, &error),
                     VALENCE_ERROR_DATA);
    evaluation_free(&whole);
    evaluation_free(&pair[0]);
    evaluation_free(&pair[1]);
}

static void test_synthetic_data_are_known_by_their_source(void **state)
{
    (void)state;
    assert_true(store_is_synthetic(store));
}

/* ---- Runs ---- */

static void touch(const char *name)
{
    char path[128];
    snprintf(path, sizeof path, "%s/run/%s", folder, name);
    *strrchr(path, '/') = '\0';
    assert_int_equal(make_folders(path, NULL), 0);
    path[strlen(path)] = '/';
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fclose(file);
}

static void test_models_of_a_run_are_found_in_the_order_of_seeds(void **state)
{
    (void)state;
    char run[80];
    struct run_models models;
    struct valence_error error;
    snprintf(run, sizeof run, "%s/run", folder);
    assert_int_equal(run_models_find(run, "best", &models, &error), VALENCE_ERROR_NOT_FOUND);
    touch("seed-10/best.safetensors");
    touch("seed-2/best.safetensors");
    touch("seed-2x/best.safetensors");
    assert_int_equal(run_models_find(run, "best", &models, &error), 0);
    assert_int_equal(models.n, 2);
    assert_string_equal(models.models[0].name, "seed-2");
    assert_string_equal(models.models[1].name, "seed-10");
    run_models_free(&models);
    assert_int_equal(run_models_find(run, "last", &models, &error), VALENCE_ERROR_NOT_FOUND);
    assert_non_null(strstr(error.text, "seed-2/last.safetensors"));
    touch("best.safetensors");
    strcat(run, "/");
    assert_int_equal(run_models_find(run, "best", &models, &error), 0);
    assert_int_equal(models.n, 1);
    assert_string_equal(models.models[0].name, "run");
    run_models_free(&models);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_both_flows_are_measured_by_their_golden_scores),
        cmocka_unit_test(test_without_resamples_there_are_no_intervals),
        cmocka_unit_test(test_a_flow_the_model_was_not_trained_with_is_measured_and_marked),
        cmocka_unit_test(test_clips_that_lack_what_a_flow_reads_are_counted),
        cmocka_unit_test(test_coverage_is_the_share_of_labels_in_their_interval),
        cmocka_unit_test(test_evaluation_can_be_cancelled),
        cmocka_unit_test(test_the_constant_is_the_median_of_training_labels),
        cmocka_unit_test(test_summary_of_seeds_is_mean_and_sample_deviation),
        cmocka_unit_test(test_runs_are_compared_by_the_means_of_their_models_on_the_same_resamples),
        cmocka_unit_test(test_synthetic_data_are_known_by_their_source),
        cmocka_unit_test(test_models_of_a_run_are_found_in_the_order_of_seeds),
    };
    return cmocka_run_group_tests(tests, make_all, remove_all);
}
