/* Which flow a clip goes through, and what is said about its score. */
#include "evaluate/prediction.h"
#include "golden_store.h"

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

static void test_a_modality_that_the_model_never_reads_is_not_lacked(void **state)
{
    (void)state;
    struct valence_model *deaf;
    assert_int_equal(make_model(true, VALENCE_AUDIO, &deaf), 0);
    struct scoring scoring = {.model = deaf, .store = store, .batch_size = 4};
    struct predictions predictions;
    assert_int_equal(scoring_map_streams(deaf, store, 10000, &scoring.map, NULL), 0);
    assert_int_equal(
        predictions_make(&scoring, VALENCE_N_SPLITS, PREDICTION_AUTO, 0.5, &predictions, NULL), 0);
    assert_int_equal(find(&predictions, "clip1")->missing, VALENCE_BIT(VALENCE_AUDIO));
    assert_true(fabs(find(&predictions, "clip1")->estimate.error - 0.5) < 1e-6);
    assert_true(isnan(find(&predictions, "text only")->estimate.error));
    assert_int_equal(predictions.n_unfitting, 1);
    predictions_free(&predictions);
    valence_model_free(deaf);
}

/* What no trained flow misses is not imagined: the untrained flow is the fitting one without the
 * stream. */
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
    assert_int_equal(valence_store_writer_open(path, &other, 1, NULL, &writer, &error), 0);
    assert_int_equal(valence_store_writer_finish(writer, &error), 0);
    assert_int_equal(valence_store_writer_close(writer, &error), 0);
    assert_int_equal(valence_store_open(path, NULL, &opened, &error), 0);
    assert_int_equal(scoring_map_streams(model, opened, 100, &map, &error), VALENCE_ERROR_SHAPE);
    assert_non_null(strstr(error.text, "width 21, the model reads 20"));
    valence_store_close(opened);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_clip_goes_through_the_flow_that_fits_it),
        cmocka_unit_test(
            test_the_flow_that_fits_misses_the_most_of_what_is_absent_and_nothing_else),
        cmocka_unit_test(test_a_clip_has_an_interval_where_its_flow_misses_just_what_it_lacks),
        cmocka_unit_test(test_a_modality_that_the_model_never_reads_is_not_lacked),
        cmocka_unit_test(test_an_untrained_flow_scores_as_the_fitting_one_does_without_the_stream),
        cmocka_unit_test(test_scores_do_not_depend_on_the_batch),
        cmocka_unit_test(test_a_store_of_other_widths_is_an_error),
    };
    return cmocka_run_group_tests(tests, make_all, remove_all);
}
