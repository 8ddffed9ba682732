/* Evaluations of a store made from the golden inputs, and the models of a run. */
#include "base/file.h"
#include "golden_store.h"
#include "valence/evaluate.h"
#include "valence/run.h"

static struct valence_evaluate_options test_split(void)
{
    struct valence_evaluate_options options;
    valence_evaluate_options_default(&options);
    options.n_resamples = 200;
    options.batch_size = 4;
    options.scale = VALENCE_SCALE_SENTIMENT;
    return options;
}

static struct valence_evaluation *evaluate_with(const struct valence_model *with,
                                                const struct valence_evaluate_options *options)
{
    const struct valence_evaluation *evaluation;
    struct valence_error error;
    if (valence_evaluate(with, store, options, NULL, &evaluation, &error))
        fail_msg("%s", error.text);
    return (struct valence_evaluation *)(uintptr_t)evaluation;
}

static struct valence_evaluation *evaluate(const struct valence_evaluate_options *options)
{
    return evaluate_with(model, options);
}

/* ---- Evaluation ---- */

static void check_scores(const struct valence_flow_evaluation *result, const char *name)
{
    const float *expected = golden(name);
    for (int i = 0; i < N_CLIPS; i++)
        assert_true(fabsf(result->scores[i] - expected[i]) < 2e-5f * 4);
    free((void *)(uintptr_t)expected);
}

static void test_both_flows_are_measured_by_their_golden_scores(void **state)
{
    (void)state;
    struct valence_evaluate_options options = test_split();
    struct valence_evaluation *evaluation = evaluate(&options);
    assert_int_equal(evaluation->n_flows, 2);
    assert_int_equal(evaluation->n_clips, N_CLIPS);
    assert_int_equal(evaluation->n_unlabelled, 1);
    check_scores(&evaluation->flows[0], "complete.score");
    check_scores(&evaluation->flows[1], "missing.score");
    for (int flow = 0; flow < 2; flow++) {
        const struct valence_flow_evaluation *result = &evaluation->flows[flow];
        struct valence_interval mae = result->intervals[VALENCE_METRIC_MAE];
        assert_int_equal(result->n_incomplete, 0);
        assert_true(mae.low <= result->metrics.values[VALENCE_METRIC_MAE]);
        assert_true(mae.high >= result->metrics.values[VALENCE_METRIC_MAE]);
    }
    assert_true(evaluation->flows[0].differences[VALENCE_METRIC_MAE].low == 0);
    valence_evaluation_free(evaluation);
}

static void test_without_resamples_there_are_no_intervals(void **state)
{
    (void)state;
    struct valence_evaluate_options options = test_split();
    options.n_resamples = 0;
    struct valence_evaluation *evaluation = evaluate(&options);
    assert_true(isnan(evaluation->flows[0].intervals[VALENCE_METRIC_MAE].low));
    valence_evaluation_free(evaluation);
}

static void test_a_flow_the_model_was_not_trained_with_is_measured_and_marked(void **state)
{
    (void)state;
    struct valence_evaluate_options options = test_split();
    static const unsigned flows[] = {VALENCE_BIT(VALENCE_TEXT), VALENCE_BIT(VALENCE_AUDIO)};
    options.n_flows = 2;
    options.flows = flows;
    struct valence_evaluation *evaluation = evaluate(&options);
    assert_true(evaluation->flows[0].trained);
    assert_false(evaluation->flows[1].trained);
    assert_int_equal(evaluation->flows[1].metrics.n, N_CLIPS);
    valence_evaluation_free(evaluation);
}

static void test_clips_that_lack_what_a_flow_reads_are_counted(void **state)
{
    (void)state;
    struct valence_evaluate_options options = test_split();
    options.split = VALENCE_TRAIN;
    struct valence_evaluation *evaluation = evaluate(&options);
    assert_int_equal(evaluation->flows[0].n_incomplete, 1);
    assert_int_equal(evaluation->flows[1].n_incomplete, 1);
    assert_int_equal(evaluation->flows[1].n_unsimulated, 1);
    valence_evaluation_free(evaluation);
}

/* Errors of 0.1, ..., 0.9 make an interval of +-0.9 at 90 % and of +-0.5 at 50 %, and 0.5 to
 * expect. */
static void test_coverage_is_the_share_of_labels_in_their_interval(void **state)
{
    (void)state;
    static const double levels[] = {0.9, 0.5}, halves[] = {0.9, 0.5};
    for (int l = 0; l < 2; l++) {
        struct valence_evaluate_options options = test_split();
        static const unsigned flows[] = {0, VALENCE_BIT(VALENCE_TEXT), VALENCE_BIT(VALENCE_AUDIO)};
        options.level = levels[l];
        options.n_flows = 3;
        options.flows = flows;
        struct valence_evaluation *evaluation = evaluate_with(calibrated, &options);
        for (int flow = 0; flow < 2; flow++) {
            const struct valence_flow_evaluation *result = &evaluation->flows[flow];
            double half = halves[l] * (flow + 1), covered = 0, width = 0;
            for (int i = 0; i < N_CLIPS; i++) {
                double score = fmax(-3, fmin(3, (double)result->scores[i]));
                double label = (double)evaluation->labels[i];
                covered += fabs(score - label) <= half + 1e-6;
                width += fmin(score + half, 3) - fmax(score - half, -3);
            }
            assert_true(result->reliability[VALENCE_RELIABILITY_COVERAGE] == covered / N_CLIPS);
            assert_true(fabs(result->reliability[VALENCE_RELIABILITY_WIDTH] - width / N_CLIPS) <
                        1e-5);
            assert_true(fabs(result->reliability[VALENCE_RELIABILITY_EXPECTED] - 0.5 * (flow + 1)) <
                        1e-5);
        }
        assert_true(isnan(evaluation->flows[2].reliability[VALENCE_RELIABILITY_COVERAGE]));
        const struct valence_evaluation *one = evaluation;
        struct valence_seed_summary summary =
            valence_summarise_reliability(&one, 1, 1, VALENCE_RELIABILITY_EXPECTED);
        assert_true(fabs(summary.mean - 1) < 1e-5);
        valence_evaluation_free(evaluation);
    }
    struct valence_evaluate_options options = test_split();
    struct valence_evaluation *without = evaluate(&options);
    assert_true(isnan(without->flows[0].reliability[VALENCE_RELIABILITY_WIDTH]));
    valence_evaluation_free(without);
}

/* ---- Another corpus ---- */

/* The metrics of scores against labels a x + b, computed without the map. */
static void test_labels_of_another_scale_are_mapped(void **state)
{
    (void)state;
    struct valence_evaluate_options options = test_split();
    options.n_resamples = 0;
    struct valence_evaluation *own = evaluate(&options);
    options.label_map = "(x - 1) * 10";
    options.scale = -1;
    struct valence_evaluation *mapped = evaluate(&options);
    float labels[N_CLIPS];
    struct valence_metrics metrics;
    for (int i = 0; i < N_CLIPS; i++) {
        labels[i] = (own->labels[i] - 1) * 10;
        assert_true(fabsf(mapped->labels[i] - labels[i]) < 1e-4f);
    }
    assert_int_equal(mapped->scale, VALENCE_SCALE_OTHER);
    valence_metrics_compute(own->flows[0].scores, labels, N_CLIPS, VALENCE_SCALE_OTHER, &metrics);
    for (int m = 0; m < VALENCE_N_METRICS; m++)
        if (valence_scale_metrics(VALENCE_SCALE_OTHER) & 1u << m)
            assert_true(fabs(mapped->flows[0].metrics.values[m] - metrics.values[m]) < 1e-5);
    assert_true(fabsf(mapped->constant - (own->constant - 1) * 10) < 1e-4f);
    valence_evaluation_free(own);
    valence_evaluation_free(mapped);
}

static void test_labels_can_stand_for_others_or_for_none(void **state)
{
    (void)state;
    struct valence_evaluate_options options = test_split();
    struct valence_evaluation *own = evaluate(&options);
    char values[64];
    int first = 0, n = 0; /* of those that stay: clips may have equal labels */
    while (own->labels[first] == own->labels[0])
        first++;
    snprintf(values, sizeof values, "%.9g=,%.9g=2", (double)own->labels[0],
             (double)own->labels[first]);
    options.label_values = values;
    struct valence_evaluation *mapped = evaluate(&options);
    for (int i = 0; i < N_CLIPS; i++) {
        if (own->labels[i] == own->labels[0])
            continue;
        assert_true(mapped->labels[n] ==
                    (own->labels[i] == own->labels[first] ? 2 : own->labels[i]));
        assert_true(fabsf(mapped->flows[0].scores[n++] - own->flows[0].scores[i]) < 1e-5f);
    }
    assert_int_equal(mapped->n_clips, n);
    assert_int_equal(mapped->n_unlabelled, own->n_unlabelled + N_CLIPS - n);
    valence_evaluation_free(own);
    valence_evaluation_free(mapped);
}

static void test_labels_beyond_the_training_s_range_are_counted(void **state)
{
    (void)state;
    struct valence_evaluate_options options = test_split();
    struct valence_evaluation *own = evaluate_with(calibrated, &options);
    assert_int_equal(own->n_labels_beyond, 0);
    options.label_map = "x + 7"; /* the calibrated model knows -3 ... 3 */
    struct valence_evaluation *mapped = evaluate_with(calibrated, &options);
    assert_int_equal(mapped->n_labels_beyond, N_CLIPS);
    valence_evaluation_free(own);
    valence_evaluation_free(mapped);
}

static void test_another_stream_can_be_read_as_text(void **state)
{
    (void)state;
    struct valence_evaluate_options options = test_split();
    struct valence_evaluation *own = evaluate(&options);
    options.text_stream = "text";
    struct valence_evaluation *same = evaluate(&options);
    options.text_stream = "simulated_text";
    struct valence_evaluation *other = evaluate(&options);
    for (int i = 0; i < N_CLIPS; i++) {
        assert_true(same->flows[0].scores[i] == own->flows[0].scores[i]);
        assert_true(other->flows[0].scores[i] != own->flows[0].scores[i]);
        assert_true(other->flows[1].scores[i] == own->flows[1].scores[i]);
    }
    valence_evaluation_free(own);
    valence_evaluation_free(same);
    valence_evaluation_free(other);
}

static void test_maps_and_streams_that_do_not_fit_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *values, *map, *text;
        int status;
        const char *key;
    } wrong[] = {{"1", NULL, NULL, VALENCE_ERROR_ARGUMENT, "label_values"},
                 {"1=x", NULL, NULL, VALENCE_ERROR_ARGUMENT, "label_values"},
                 {NULL, "x*x", NULL, VALENCE_ERROR_ARGUMENT, "label_map"},
                 {NULL, "", NULL, VALENCE_ERROR_ARGUMENT, "label_map"},
                 {NULL, NULL, "words", VALENCE_ERROR_NOT_FOUND, "text_stream"},
                 {NULL, NULL, "audio", VALENCE_ERROR_SHAPE, ""}};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct valence_evaluate_options options = test_split();
        const struct valence_evaluation *evaluation;
        struct valence_error error;
        options.label_values = wrong[i].values;
        options.label_map = wrong[i].map;
        options.text_stream = wrong[i].text;
        assert_int_equal(valence_evaluate(model, store, &options, NULL, &evaluation, &error),
                         wrong[i].status);
        assert_string_equal(error.key, wrong[i].key);
        assert_null(evaluation);
    }
}

static int cancel(void *user, const struct valence_progress_event *event)
{
    (void)user;
    return event->done >= 2;
}

static void test_evaluation_can_be_cancelled(void **state)
{
    (void)state;
    struct valence_evaluate_options options = test_split();
    options.batch_size = 2;
    struct valence_progress progress = {.report = cancel};
    const struct valence_evaluation *evaluation;
    struct valence_error error;
    assert_int_equal(valence_evaluate(model, store, &options, &progress, &evaluation, &error),
                     VALENCE_ERROR_CANCELLED);
    assert_null(evaluation);
}

static void test_the_constant_is_the_median_of_training_labels(void **state)
{
    (void)state;
    struct valence_evaluate_options options = test_split();
    struct valence_evaluation *evaluation = evaluate(&options);
    assert_true(evaluation->constant == -1);
    double sum = 0;
    for (int i = 0; i < N_CLIPS; i++)
        sum += fabs((double)evaluation->labels[i] + 1);
    assert_true(fabs(evaluation->constant_metrics.values[VALENCE_METRIC_MAE] - sum / N_CLIPS) <
                1e-12);
    valence_evaluation_free(evaluation);
}

static void test_summary_of_seeds_is_mean_and_sample_deviation(void **state)
{
    (void)state;
    struct valence_flow_evaluation flows[3] = {{0}};
    struct valence_evaluation evaluations[3] = {{0}};
    const struct valence_evaluation *seeds[3];
    for (int i = 0; i < 3; i++) {
        evaluations[i].n_flows = 1;
        evaluations[i].flows = &flows[i];
        flows[i].metrics.values[VALENCE_METRIC_MAE] = i + 1;
        seeds[i] = &evaluations[i];
    }
    struct valence_seed_summary summary = valence_summarise_metric(seeds, 3, 0, VALENCE_METRIC_MAE);
    assert_true(summary.mean == 2 && summary.deviation == 1);
    assert_true(isnan(valence_summarise_metric(seeds, 1, 0, VALENCE_METRIC_MAE).deviation));
    assert_true(isnan(valence_summarise_metric(seeds, 3, 1, VALENCE_METRIC_MAE).mean));
    assert_true(isnan(valence_summarise_metric(seeds, 3, 0, VALENCE_N_METRICS).mean));
}

static void test_runs_are_compared_by_the_means_of_their_models_on_the_same_resamples(void **state)
{
    (void)state;
    struct valence_evaluate_options options = test_split();
    static const unsigned complete[] = {0};
    options.n_flows = 1;
    options.flows = complete;
    struct valence_evaluation *whole = evaluate(&options),
                              *pair[2] = {evaluate(&options), evaluate(&options)};
    const struct valence_evaluation *one[1] = {whole}, *two[2] = {pair[0], pair[1]};
    for (int i = 0; i < N_CLIPS; i++) { /* off by 1 and by 2, exactly */
        whole->flows[0].scores[i] = whole->labels[i];
        pair[0]->flows[0].scores[i] = whole->labels[i] + 1;
        pair[1]->flows[0].scores[i] = whole->labels[i] - 2;
    }
    for (int i = 0; i < 2; i++)
        valence_metrics_compute(pair[i]->flows[0].scores, pair[i]->labels, N_CLIPS,
                                VALENCE_SCALE_SENTIMENT, &pair[i]->flows[0].metrics);
    valence_metrics_compute(whole->flows[0].scores, whole->labels, N_CLIPS, VALENCE_SCALE_SENTIMENT,
                            &whole->flows[0].metrics);
    const struct valence_comparison *comparison;
    assert_int_equal(valence_compare(two, 2, one, 1, &options, &comparison, NULL), 0);
    struct valence_difference mae = comparison->differences[VALENCE_METRIC_MAE];
    assert_true(fabs(mae.value - 1.5) < 1e-6);
    assert_true(fabs(mae.interval.low - 1.5) < 1e-6 && fabs(mae.interval.high - 1.5) < 1e-6);
    struct valence_difference acc7 = comparison->differences[VALENCE_METRIC_ACC7];
    assert_true(acc7.value < 0 && acc7.interval.low <= acc7.value &&
                acc7.interval.high >= acc7.value && acc7.interval.low < acc7.interval.high);
    valence_comparison_free(comparison);
    options.n_resamples = 0;
    assert_int_equal(valence_compare(one, 1, two, 2, &options, &comparison, NULL), 0);
    assert_true(fabs(comparison->differences[VALENCE_METRIC_MAE].value + 1.5) < 1e-6);
    assert_true(isnan(comparison->differences[VALENCE_METRIC_MAE].interval.low));
    valence_comparison_free(comparison);
    struct valence_error error;
    whole->flows[0].flow = VALENCE_BIT(VALENCE_TEXT);
    assert_int_equal(valence_compare(one, 1, two, 2, &options, &comparison, &error),
                     VALENCE_ERROR_DATA);
    assert_int_equal(valence_compare(one, 0, two, 2, &options, &comparison, &error),
                     VALENCE_ERROR_ARGUMENT);
    assert_null(comparison);
    valence_evaluation_free(whole);
    valence_evaluation_free(pair[0]);
    valence_evaluation_free(pair[1]);
}

static void test_synthetic_data_are_known_by_their_source(void **state)
{
    (void)state;
    struct valence_evaluate_options options = test_split();
    struct valence_evaluation *evaluation = evaluate(&options);
    assert_true(evaluation->synthetic);
    valence_evaluation_free(evaluation);
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
    struct valence_run *found;
    struct valence_error error;
    snprintf(run, sizeof run, "%s/run", folder);
    assert_int_equal(valence_run_open(run, VALENCE_CHECKPOINT_BEST, &found, &error),
                     VALENCE_ERROR_NOT_FOUND);
    assert_null(found);
    touch("seed-10/best.safetensors");
    touch("seed-2/best.safetensors");
    touch("seed-2x/best.safetensors");
    assert_int_equal(valence_run_open(run, VALENCE_CHECKPOINT_BEST, &found, &error), 0);
    assert_int_equal(valence_run_n_models(found), 2);
    assert_string_equal(valence_run_model_name(found, 0), "seed-2");
    assert_string_equal(valence_run_model_name(found, 1), "seed-10");
    assert_null(valence_run_model_name(found, 2));
    assert_null(valence_run_model_path(found, -1));
    valence_run_close(found);
    assert_int_equal(valence_run_open(run, VALENCE_CHECKPOINT_LAST, &found, &error),
                     VALENCE_ERROR_NOT_FOUND);
    assert_non_null(strstr(error.text, "seed-2/last.safetensors"));
    touch("best.safetensors");
    strcat(run, "/");
    assert_int_equal(valence_run_open(run, VALENCE_CHECKPOINT_BEST, &found, &error), 0);
    assert_int_equal(valence_run_n_models(found), 1);
    assert_string_equal(valence_run_model_name(found, 0), "run");
    valence_run_close(found);
    assert_int_equal(valence_run_open(NULL, VALENCE_CHECKPOINT_BEST, &found, &error),
                     VALENCE_ERROR_ARGUMENT);
    valence_run_close(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_both_flows_are_measured_by_their_golden_scores),
        cmocka_unit_test(test_without_resamples_there_are_no_intervals),
        cmocka_unit_test(test_a_flow_the_model_was_not_trained_with_is_measured_and_marked),
        cmocka_unit_test(test_clips_that_lack_what_a_flow_reads_are_counted),
        cmocka_unit_test(test_coverage_is_the_share_of_labels_in_their_interval),
        cmocka_unit_test(test_labels_of_another_scale_are_mapped),
        cmocka_unit_test(test_labels_can_stand_for_others_or_for_none),
        cmocka_unit_test(test_labels_beyond_the_training_s_range_are_counted),
        cmocka_unit_test(test_another_stream_can_be_read_as_text),
        cmocka_unit_test(test_maps_and_streams_that_do_not_fit_are_refused),
        cmocka_unit_test(test_evaluation_can_be_cancelled),
        cmocka_unit_test(test_the_constant_is_the_median_of_training_labels),
        cmocka_unit_test(test_summary_of_seeds_is_mean_and_sample_deviation),
        cmocka_unit_test(test_runs_are_compared_by_the_means_of_their_models_on_the_same_resamples),
        cmocka_unit_test(test_synthetic_data_are_known_by_their_source),
        cmocka_unit_test(test_models_of_a_run_are_found_in_the_order_of_seeds),
    };
    return cmocka_run_group_tests(tests, make_all, remove_all);
}
