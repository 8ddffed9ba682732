/* Scores, evaluations and predictions on a store made from the golden inputs. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "evaluate/evaluation.h"
#include "evaluate/prediction.h"
#include "evaluate/run_models.h"
#include "base/file.h"
#include "format/safetensors.h"
#include "model/published.h"

#define GOLDEN  VALENCE_TEST_DATA "/golden/fusion/small-transition"
#define N_CLIPS 6 /* of the golden case; the store has six more */

static char folder[] = "/tmp/valence-evaluation-XXXXXX";
static char store_path[64], command[128];
static struct safetensors *cases;
static struct valence_model *model, *calibrated;
static struct valence_store *store;

/* ---- The store ------------------------------------------------------------------------------- */

static const struct valence_store_stream streams[VALENCE_N_STREAMS] = {
    {"audio", 20, VALENCE_F32},
    {"text", 24, VALENCE_F32},
    {"video", 12, VALENCE_F32},
    {"simulated_text", 24, VALENCE_F32}};

static const float *golden(const char *name)
{
    const struct safetensor *tensor = safetensors_find(cases, name);
    assert_non_null(tensor);
    float *values = calloc((size_t)tensor->count, sizeof *values);
    assert_non_null(values);
    safetensor_to_float(tensor, values);
    return values;
}

/* Adds a clip with the rows of golden clip `i` in the streams of the set `present`. */
static void add_clip(struct valence_store_writer *writer, const char *id, int i, unsigned present,
                     enum valence_split split, float label)
{
    static const char *const names[] = {"in.audio", "in.text", "in.video", "in.simulated"};
    struct valence_clip_rows rows[VALENCE_N_STREAMS];
    const float *blocks[VALENCE_N_STREAMS];
    struct valence_error error;
    int n = 0;
    for (int s = 0; s < VALENCE_N_STREAMS; s++) {
        char name[64];
        int64_t lengths[N_CLIPS], first = 0;
        snprintf(name, sizeof name, "%s.lengths", names[s]);
        assert_int_equal(safetensor_to_int64(safetensors_find(cases, name), lengths, &error), 0);
        for (int before = 0; before < i; before++)
            first += lengths[before];
        blocks[s] = golden(names[s]);
        if (present & 1u << s)
            rows[n++] =
                (struct valence_clip_rows){s, lengths[i], blocks[s] + first * streams[s].width};
    }
    struct valence_clip clip = {
        .id = id, .group = "", .transcript = "", .split = split, .label = label};
    if (valence_store_writer_add(writer, &clip, rows, n, &error))
        fail_msg("%s", error.text);
    for (int s = 0; s < VALENCE_N_STREAMS; s++)
        free((void *)(uintptr_t)blocks[s]);
}

static void make_store(void)
{
    struct valence_store_writer *writer;
    struct valence_error error;
    const float *labels = golden("in.labels");
    if (valence_store_writer_open(store_path, streams, VALENCE_N_STREAMS, &writer, &error))
        fail_msg("%s", error.text);
    for (int i = 0; i < N_CLIPS; i++) {
        char id[16];
        snprintf(id, sizeof id, "clip%d", i);
        add_clip(writer, id, i, 15, VALENCE_TEST, labels[i]);
    }
    add_clip(writer, "unlabelled", 0, 15, VALENCE_TEST, NAN);
    add_clip(writer, "textless", 1, 13, VALENCE_VALIDATION, 1);
    add_clip(writer, "deaf", 2, 6, VALENCE_TRAIN, -1);
    add_clip(writer, "audio only", 3, 1, VALENCE_TRAIN, NAN);
    add_clip(writer, "text only", 3, 2, VALENCE_TRAIN, NAN);
    add_clip(writer, "video only", 3, 4, VALENCE_TRAIN, NAN);
    assert_int_equal(
        valence_store_writer_set_meta(writer, "source", "{\"kind\": \"synthetic\"}", &error), 0);
    assert_int_equal(valence_store_writer_close(writer, &error), 0);
    free((void *)(uintptr_t)labels);
}

/* The golden model; with `errors`, knowing that it is off by 1/10, 2/10, ..., 9/10 in the complete flow, twice as much in the
 * other. */
static int make_model(bool errors, struct valence_model **made)
{
    struct valence_error error;
    struct checkpoint checkpoint;
    struct text unused = {.maximum = 10000};
    int status = published_load(GOLDEN ".weights.safetensors", VALENCE_IMAGINATION_TRANSITION,
                                &checkpoint, &unused, &error);
    text_free(&unused);
    if (!status && errors &&
        !(status = calibration_allocate(&checkpoint.calibration, 9, 2, &error))) {
        struct calibration *calibration = &checkpoint.calibration;
        calibration->range[0] = -3;
        calibration->range[1] = 3;
        for (int i = 0; i < 9; i++) {
            calibration->scores[i] = 0.1f * (float)(i + 1);
            calibration->scores[9 + i] = 0.2f * (float)(i + 1);
        }
    }
    return status ? status : checkpoint_to_model(&checkpoint, made, &error);
}

static int make_all(void **state)
{
    (void)state;
    struct valence_error error;
    if (!mkdtemp(folder) || safetensors_open(GOLDEN ".cases.safetensors", &cases, &error))
        return -1;
    snprintf(store_path, sizeof store_path, "%s/store", folder);
    if (make_model(false, &model) || make_model(true, &calibrated))
        return -1;
    make_store();
    return valence_store_open(store_path, &store, &error);
}

static int remove_all(void **state)
{
    (void)state;
    valence_store_close(store);
    valence_model_free(model);
    valence_model_free(calibrated);
    safetensors_close(cases);
    snprintf(command, sizeof command, "rm -r '%s'", folder);
    return system(command);
}

static struct scoring scoring_of(int64_t batch_size)
{
    struct scoring scoring = {.model = model, .store = store, .batch_size = batch_size};
    assert_int_equal(scoring_map_streams(model, store, 10000, &scoring.map, NULL), 0);
    return scoring;
}

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

/* ---- Evaluation ------------------------------------------------------------------------------ */

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

/* Errors of 0.1, ..., 0.9 make an interval of +-0.9 at 90 % and of +-0.5 at 50 %, and 0.5 to expect. */
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
                double score = (double)result->predicted[i], label = (double)evaluation.labels[i];
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

static void test_synthetic_data_are_known_by_their_source(void **state)
{
    (void)state;
    assert_true(store_is_synthetic(store));
}

/* ---- Prediction ------------------------------------------------------------------------------ */

static const struct prediction *find(const struct predictions *predictions, const char *id)
{
    int64_t clip = valence_store_find_clip(store, id);
    for (int64_t i = 0; i < predictions->n; i++)
        if (predictions->predictions[i].clip == clip)
            return &predictions->predictions[i];
    return NULL;
}

static void test_every_clip_goes_through_the_flow_that_fits_it(void **state)
{
    (void)state;
    struct scoring scoring = scoring_of(4);
    struct predictions predictions;
    assert_int_equal(
        predictions_make(&scoring, VALENCE_N_SPLITS, PREDICTION_AUTO, 0.9, &predictions, NULL), 0);
    assert_int_equal(predictions.n, N_CLIPS + 6);
    assert_int_equal(find(&predictions, "clip3")->flow, 0);
    assert_int_equal(find(&predictions, "clip3")->missing, 0);
    assert_int_equal(find(&predictions, "unlabelled")->flow, 0);
    assert_int_equal(find(&predictions, "textless")->flow, VALENCE_BIT(VALENCE_TEXT));
    assert_int_equal(find(&predictions, "textless")->missing, VALENCE_BIT(VALENCE_TEXT));
    assert_int_equal(find(&predictions, "deaf")->flow, 0);
    assert_int_equal(find(&predictions, "deaf")->missing, VALENCE_BIT(VALENCE_AUDIO));
    assert_int_equal(find(&predictions, "audio only")->flow, VALENCE_BIT(VALENCE_TEXT));
    assert_int_equal(find(&predictions, "audio only")->missing, 6);
    assert_int_equal(find(&predictions, "text only")->flow, 0);
    assert_int_equal(find(&predictions, "text only")->missing, 5);
    assert_int_equal(find(&predictions, "video only")->flow, VALENCE_BIT(VALENCE_TEXT));
    assert_int_equal(find(&predictions, "video only")->missing, 3);
    assert_int_equal(predictions.n_unfitting, 4);
    const float *missing = golden("missing.score"), *complete = golden("complete.score");
    const float *weights = golden("complete.modality_weights"),
                *views = golden("complete.view_weights");
    assert_true(fabsf(find(&predictions, "textless")->score.score - missing[1]) < 1e-4f);
    assert_true(fabsf(find(&predictions, "clip2")->score.score - complete[2]) < 1e-4f);
    assert_true(fabsf(find(&predictions, "clip2")->score.modality_weights[1] - weights[2 * 3 + 1]) <
                1e-4f);
    assert_true(fabsf(find(&predictions, "clip2")->score.view_weights[6] - views[2 * 7 + 6]) <
                1e-4f);
    free((void *)(uintptr_t)missing);
    free((void *)(uintptr_t)complete);
    free((void *)(uintptr_t)weights);
    free((void *)(uintptr_t)views);
    predictions_free(&predictions);
}

/* A model without parameters that matter, trained with the given flows. */
static struct valence_model *model_with_flows(int n_flows, const unsigned *flows)
{
    struct checkpoint checkpoint = {.config = {.widths = {2, 2, 2}, .d = 2, .o = 2}};
    struct valence_model *made;
    checkpoint.config.n_flows = n_flows;
    memcpy(checkpoint.config.flows, flows, (size_t)n_flows * sizeof *flows);
    assert_int_equal(checkpoint_allocate(&checkpoint, false, NULL), 0);
    assert_int_equal(checkpoint_to_model(&checkpoint, &made, NULL), 0);
    return made;
}

static void test_the_flow_that_fits_misses_the_most_of_what_is_absent_and_nothing_else(void **state)
{
    (void)state;
    enum { A = 1, T = 2, V = 4 };
    static const struct {
        int n;
        unsigned flows[VALENCE_MAX_FLOWS], fitting[VALENCE_ALL_MODALITIES]; /* by what is absent */
    } trained[] = {
        {1, {0}, {0, 0, 0, 0, 0, 0, 0}},
        {2, {0, T}, {0, 0, T, T, 0, 0, T}},
        {3, {0, A, A | V}, {0, A, 0, A, 0, A | V, 0}},
        {7, {0, A, T, V, A | T, A | V, T | V}, {0, A, T, A | T, V, A | V, T | V}},
    };
    for (size_t c = 0; c < sizeof trained / sizeof trained[0]; c++) {
        struct valence_model *made = model_with_flows(trained[c].n, trained[c].flows);
        for (unsigned absent = 0; absent < VALENCE_ALL_MODALITIES; absent++)
            assert_int_equal(scoring_flow_for(made, absent), trained[c].fitting[absent]);
        valence_model_free(made);
    }
}

static void test_a_clip_has_an_interval_where_its_flow_misses_just_what_it_lacks(void **state)
{
    (void)state;
    struct scoring scoring = scoring_of(4);
    struct predictions predictions;
    scoring.model = calibrated;
    assert_int_equal(
        predictions_make(&scoring, VALENCE_N_SPLITS, PREDICTION_AUTO, 0.5, &predictions, NULL), 0);
    const struct prediction *whole = find(&predictions, "clip1");
    assert_true(fabs(whole->estimate.error - 0.5) < 1e-6);
    assert_true(fabs(whole->estimate.high - fmin(3, (double)whole->score.score + 0.5)) < 1e-6);
    assert_true(fabs(find(&predictions, "textless")->estimate.error - 1) < 1e-6);
    static const char *const unfitting[] = {"deaf", "audio only", "text only", "video only"};
    for (int i = 0; i < 4; i++)
        assert_true(isnan(find(&predictions, unfitting[i])->estimate.low));
    predictions_free(&predictions);
    assert_int_equal(predictions_make(&scoring, VALENCE_TEST, VALENCE_BIT(VALENCE_AUDIO), 0.5,
                                      &predictions, NULL),
                     0);
    assert_false(predictions.trained);
    assert_true(isnan(predictions.predictions[0].estimate.error));
    predictions_free(&predictions);
}

/* What no trained flow misses is not imagined: the untrained flow is the fitting one without the stream. */
static void test_an_untrained_flow_scores_as_the_fitting_one_does_without_the_stream(void **state)
{
    (void)state;
    struct scoring scoring = scoring_of(4);
    struct predictions fitting, untrained;
    assert_int_equal(
        predictions_make(&scoring, VALENCE_TRAIN, PREDICTION_AUTO, 0.9, &fitting, NULL), 0);
    assert_int_equal(predictions_make(&scoring, VALENCE_TRAIN, VALENCE_BIT(VALENCE_AUDIO), 0.9,
                                      &untrained, NULL),
                     0);
    float score = find(&fitting, "deaf")->score.score;
    assert_true(fabsf(score - find(&untrained, "deaf")->score.score) < 1e-5f);
    predictions_free(&fitting);
    predictions_free(&untrained);
}

static void test_scores_do_not_depend_on_the_batch(void **state)
{
    (void)state;
    struct predictions alone, together;
    struct scoring one = scoring_of(1), many = scoring_of(100);
    int flow = VALENCE_BIT(VALENCE_TEXT);
    assert_int_equal(predictions_make(&one, VALENCE_TEST, flow, 0.9, &alone, NULL), 0);
    assert_int_equal(predictions_make(&many, VALENCE_TEST, flow, 0.9, &together, NULL), 0);
    assert_int_equal(alone.n, N_CLIPS + 1);
    for (int64_t i = 0; i < alone.n; i++)
        assert_true(fabsf(alone.predictions[i].score.score - together.predictions[i].score.score) <=
                    1e-5f);
    predictions_free(&alone);
    predictions_free(&together);
}

static void test_a_store_of_other_widths_is_an_error(void **state)
{
    (void)state;
    char path[80];
    struct valence_store_stream other = {"audio", 21, VALENCE_F32};
    struct valence_store_writer *writer;
    struct valence_store *opened;
    struct valence_error error;
    struct stream_map map;
    snprintf(path, sizeof path, "%s/other", folder);
    assert_int_equal(valence_store_writer_open(path, &other, 1, &writer, &error), 0);
    assert_int_equal(valence_store_writer_close(writer, &error), 0);
    assert_int_equal(valence_store_open(path, &opened, &error), 0);
    assert_int_equal(scoring_map_streams(model, opened, 100, &map, &error), VALENCE_ERROR_SHAPE);
    assert_non_null(strstr(error.text, "width 21, the model reads 20"));
    valence_store_close(opened);
}

/* ---- Runs ------------------------------------------------------------------------------------ */

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
        cmocka_unit_test(test_synthetic_data_are_known_by_their_source),
        cmocka_unit_test(test_every_clip_goes_through_the_flow_that_fits_it),
        cmocka_unit_test(
            test_the_flow_that_fits_misses_the_most_of_what_is_absent_and_nothing_else),
        cmocka_unit_test(test_a_clip_has_an_interval_where_its_flow_misses_just_what_it_lacks),
        cmocka_unit_test(test_an_untrained_flow_scores_as_the_fitting_one_does_without_the_stream),
        cmocka_unit_test(test_scores_do_not_depend_on_the_batch),
        cmocka_unit_test(test_a_store_of_other_widths_is_an_error),
        cmocka_unit_test(test_models_of_a_run_are_found_in_the_order_of_seeds),
    };
    return cmocka_run_group_tests(tests, make_all, remove_all);
}
