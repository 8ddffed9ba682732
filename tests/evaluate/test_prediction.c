/* Which flow a clip goes through, and what is said about its score. */
#include "golden_store.h"
#include "valence/predict.h"

/* What a prediction leaves behind: predictions live for a call only. */
struct kept {
    struct valence_prediction prediction;
    float modality_weights[VALENCE_N_MODALITIES], view_weights[VALENCE_N_VIEWS];
};

struct predictions {
    int n;
    struct kept kept[N_CLIPS + 6];
    struct valence_prediction_counts counts;
};

static int keep_prediction(void *user, const struct valence_prediction *prediction)
{
    struct predictions *predictions = user;
    assert_in_range(predictions->n, 0, N_CLIPS + 5);
    struct kept *kept = &predictions->kept[predictions->n++];
    kept->prediction = *prediction;
    memcpy(kept->modality_weights, prediction->modality_weights, sizeof kept->modality_weights);
    memcpy(kept->view_weights, prediction->view_weights, sizeof kept->view_weights);
    return 0;
}

static struct predictions predict(const struct valence_model *with, int split, int flow,
                                  double level, int64_t batch_size)
{
    struct predictions predictions = {.counts.size = sizeof predictions.counts};
    struct valence_predict_options options;
    struct valence_error error;
    valence_predict_options_default(&options);
    options.split = split;
    options.flow = flow;
    options.level = level;
    options.batch_size = batch_size;
    if (valence_predict(with, store, &options, NULL, keep_prediction, &predictions,
                        &predictions.counts, &error))
        fail_msg("%s", error.text);
    assert_int_equal(predictions.counts.n, predictions.n);
    return predictions;
}

static const struct valence_prediction *find(const struct predictions *predictions, const char *id)
{
    for (int i = 0; i < predictions->n; i++)
        if (strcmp(predictions->kept[i].prediction.id, id) == 0)
            return &predictions->kept[i].prediction;
    fail_msg("no prediction of '%s'", id);
    return NULL;
}

static const struct kept *find_kept(const struct predictions *predictions, const char *id)
{
    return (const struct kept *)find(predictions, id);
}

static void test_every_clip_goes_through_the_flow_that_fits_it(void **state)
{
    (void)state;
    struct predictions predictions = predict(model, VALENCE_ALL_SPLITS, VALENCE_FLOW_AUTO, 0.9, 4);
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
    assert_int_equal(predictions.counts.n_unfitting, 4);
    const float *missing = golden("missing.score"), *complete = golden("complete.score");
    const float *weights = golden("complete.modality_weights"),
                *views = golden("complete.view_weights");
    assert_true(fabsf(find(&predictions, "textless")->score - missing[1]) < 1e-4f);
    assert_true(fabsf(find(&predictions, "clip2")->score - complete[2]) < 1e-4f);
    assert_true(fabsf(find_kept(&predictions, "clip2")->modality_weights[1] - weights[2 * 3 + 1]) <
                1e-4f);
    assert_true(fabsf(find_kept(&predictions, "clip2")->view_weights[6] - views[2 * 7 + 6]) <
                1e-4f);
    free((void *)(uintptr_t)missing);
    free((void *)(uintptr_t)complete);
    free((void *)(uintptr_t)weights);
    free((void *)(uintptr_t)views);
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
            assert_int_equal(valence_model_flow_for(made, absent), trained[c].fitting[absent]);
        valence_model_free(made);
    }
}

static void test_a_clip_has_an_interval_where_its_flow_misses_just_what_it_lacks(void **state)
{
    (void)state;
    struct predictions predictions =
        predict(calibrated, VALENCE_ALL_SPLITS, VALENCE_FLOW_AUTO, 0.5, 4);
    const struct valence_prediction *whole = find(&predictions, "clip1");
    assert_true(fabs(whole->estimate.error - 0.5) < 1e-6);
    assert_true(fabs(whole->estimate.high - fmin(3, (double)whole->score + 0.5)) < 1e-6);
    assert_true(fabs(find(&predictions, "textless")->estimate.error - 1) < 1e-6);
    static const char *const unfitting[] = {"deaf", "audio only", "text only", "video only"};
    for (int i = 0; i < 4; i++)
        assert_true(isnan(find(&predictions, unfitting[i])->estimate.low));
    predictions = predict(calibrated, VALENCE_TEST, VALENCE_BIT(VALENCE_AUDIO), 0.5, 4);
    assert_int_equal(predictions.counts.n_untrained, predictions.n);
    assert_true(isnan(predictions.kept[0].prediction.estimate.error));
}

static void test_a_modality_that_the_model_never_reads_is_not_lacked(void **state)
{
    (void)state;
    struct valence_model *deaf;
    assert_int_equal(make_model(true, VALENCE_AUDIO, &deaf), 0);
    struct predictions predictions = predict(deaf, VALENCE_ALL_SPLITS, VALENCE_FLOW_AUTO, 0.5, 4);
    assert_int_equal(valence_model_modalities(deaf), 6);
    assert_int_equal(find(&predictions, "clip1")->missing, VALENCE_BIT(VALENCE_AUDIO));
    assert_true(fabs(find(&predictions, "clip1")->estimate.error - 0.5) < 1e-6);
    assert_true(isnan(find(&predictions, "text only")->estimate.error));
    assert_int_equal(predictions.counts.n_unfitting, 1);
    valence_model_free(deaf);
}

/* What no trained flow misses is not imagined: the untrained flow is the fitting one without the
 * stream. */
static void test_an_untrained_flow_scores_as_the_fitting_one_does_without_the_stream(void **state)
{
    (void)state;
    struct predictions fitting = predict(model, VALENCE_TRAIN, VALENCE_FLOW_AUTO, 0.9, 4);
    struct predictions untrained =
        predict(model, VALENCE_TRAIN, VALENCE_BIT(VALENCE_AUDIO), 0.9, 4);
    float score = find(&fitting, "deaf")->score;
    assert_true(fabsf(score - find(&untrained, "deaf")->score) < 1e-5f);
}

static void test_scores_do_not_depend_on_the_batch(void **state)
{
    (void)state;
    struct predictions alone = predict(model, VALENCE_TEST, VALENCE_BIT(VALENCE_TEXT), 0.9, 1);
    struct predictions many = predict(model, VALENCE_TEST, VALENCE_BIT(VALENCE_TEXT), 0.9, 100);
    assert_int_equal(alone.n, N_CLIPS + 1);
    for (int i = 0; i < alone.n; i++)
        assert_true(fabsf(alone.kept[i].prediction.score - many.kept[i].prediction.score) <= 1e-5f);
}

/* Small batches make many chunks, whose clips go through different flows. */
static void test_predictions_come_in_the_order_of_the_store(void **state)
{
    (void)state;
    struct predictions all = predict(model, VALENCE_ALL_SPLITS, VALENCE_FLOW_AUTO, 0.9, 1);
    assert_int_equal(all.n, N_CLIPS + 6);
    for (int i = 0; i < all.n; i++)
        assert_int_equal(all.kept[i].prediction.clip, i);
}

static int stop_at_third(void *user, const struct valence_prediction *prediction)
{
    int *n = user;
    (void)prediction;
    return ++*n == 3;
}

static void test_a_receiver_can_stop(void **state)
{
    (void)state;
    int n = 0;
    struct valence_error error;
    struct valence_prediction_counts counts = {.size = sizeof counts};
    assert_int_equal(valence_predict(model, store, NULL, NULL, stop_at_third, &n, &counts, &error),
                     VALENCE_ERROR_CANCELLED);
    assert_int_equal(n, 3);
    assert_int_equal(counts.n, 3);
}

static void test_an_interval_lies_in_the_range_and_contains_its_score(void **state)
{
    (void)state;
    for (double level = 0.05; level < 1; level += 0.1) {
        struct predictions all =
            predict(calibrated, VALENCE_ALL_SPLITS, VALENCE_FLOW_AUTO, level, 4);
        int n = 0;
        for (int i = 0; i < all.n; i++) {
            const struct valence_prediction *p = &all.kept[i].prediction;
            if (isnan(p->estimate.low))
                continue;
            assert_true(p->estimate.low <= (double)p->score &&
                        p->estimate.high >= (double)p->score);
            assert_true(p->estimate.low >= -3 && p->estimate.high <= 3);
            assert_true(p->score == fmaxf(-3, fminf(3, p->raw_score)));
            n++;
        }
        assert_true(n > 0);
    }
}

/* The same rows from memory give what the store gives. */
static void test_a_batch_in_memory_is_predicted_as_a_store_is(void **state)
{
    (void)state;
    struct predictions stored = predict(calibrated, VALENCE_TEST, VALENCE_FLOW_AUTO, 0.9, 4);
    static const char *const names[] = {"in.audio", "in.text", "in.video", "in.simulated"};
    struct valence_batch batch = {.n_clips = N_CLIPS};
    int64_t offsets[VALENCE_N_STREAMS][N_CLIPS + 1] = {{0}};
    struct valence_error error;
    for (int s = 0; s < VALENCE_N_STREAMS; s++) {
        char name[64];
        int64_t lengths[N_CLIPS];
        snprintf(name, sizeof name, "%s.lengths", names[s]);
        assert_int_equal(safetensor_to_int64(safetensors_find(cases, name), lengths, &error), 0);
        for (int i = 0; i < N_CLIPS; i++)
            offsets[s][i + 1] = offsets[s][i] + lengths[i];
        batch.streams[s] = (struct valence_rows){golden(names[s]), VALENCE_F32, streams[s].width,
                                                 offsets[s], NULL};
    }
    struct predictions direct = {.counts.size = sizeof direct.counts};
    struct valence_workspace *workspace;
    assert_int_equal(valence_workspace_create(calibrated, &workspace, &error), 0);
    if (valence_predict_batch(workspace, &batch, NULL, keep_prediction, &direct, &direct.counts,
                              &error))
        fail_msg("%s", error.text);
    assert_int_equal(direct.n, N_CLIPS);
    for (int i = 0; i < N_CLIPS; i++) {
        const struct valence_prediction *a = &direct.kept[i].prediction;
        const struct valence_prediction *b = &stored.kept[i].prediction;
        assert_int_equal(a->clip, i);
        assert_int_equal(a->flow, b->flow);
        assert_true(fabsf(a->raw_score - b->raw_score) < 1e-5f);
        assert_true(fabs(a->estimate.low - b->estimate.low) < 1e-5);
    }
    struct valence_rows text = batch.streams[VALENCE_STREAM_TEXT];
    for (int s = 0; s < VALENCE_N_STREAMS; s++) {
        free((void *)(uintptr_t)batch.streams[s].data);
        batch.streams[s] = (struct valence_rows){0};
    }
    assert_int_equal(
        valence_predict_batch(workspace, &batch, NULL, keep_prediction, &direct, NULL, &error),
        VALENCE_ERROR_ARGUMENT);
    assert_non_null(strstr(error.text, "clip 0 of the batch has no rows"));
    text.offsets = NULL;
    batch.streams[VALENCE_STREAM_TEXT] = text;
    assert_int_equal(
        valence_predict_batch(workspace, &batch, NULL, keep_prediction, &direct, NULL, &error),
        VALENCE_ERROR_ARGUMENT);
    valence_workspace_free(workspace);
}

static void test_options_out_of_range_are_refused_with_their_key(void **state)
{
    (void)state;
    static const struct {
        const char *key;
        struct valence_predict_options change;
    } cases_of[] = {{"batch_size", {.batch_size = 0, .max_rows = 1, .level = 0.5}},
                    {"max_rows", {.batch_size = 1, .max_rows = 0, .level = 0.5}},
                    {"level", {.batch_size = 1, .max_rows = 1, .level = 0.9999}},
                    {"level", {.batch_size = 1, .max_rows = 1, .level = 0.001}},
                    {"level", {.batch_size = 1, .max_rows = 1, .level = (double)NAN}},
                    {"split", {.batch_size = 1, .max_rows = 1, .level = 0.5, .split = 3}},
                    {"flow", {.batch_size = 1, .max_rows = 1, .level = 0.5, .flow = 7}}};
    struct valence_error error;
    for (size_t c = 0; c < sizeof cases_of / sizeof cases_of[0]; c++) {
        struct valence_predict_options options = cases_of[c].change;
        options.size = sizeof options;
        assert_int_equal(valence_predict(model, store, &options, NULL, NULL, NULL, NULL, &error),
                         VALENCE_ERROR_ARGUMENT);
        assert_string_equal(error.key, cases_of[c].key);
    }
    struct valence_predict_options options;
    valence_predict_options_default(&options);
    options.size += 8; /* a newer caller's */
    assert_int_equal(valence_predict(model, store, &options, NULL, NULL, NULL, NULL, &error),
                     VALENCE_ERROR_ARGUMENT);
    options.size = offsetof(struct valence_predict_options, max_rows); /* an older caller's */
    options.max_rows = -1;
    assert_int_equal(valence_predict(model, store, &options, NULL, NULL, NULL, NULL, &error), 0);
}

static void test_a_store_of_other_widths_is_an_error(void **state)
{
    (void)state;
    char path[80];
    struct valence_store_stream other = {"audio", 21, VALENCE_F32};
    struct valence_store_writer *writer;
    struct valence_store *opened;
    struct valence_error error;
    snprintf(path, sizeof path, "%s/other", folder);
    assert_int_equal(valence_store_writer_open(path, &other, 1, NULL, &writer, &error), 0);
    assert_int_equal(valence_store_writer_finish(writer, &error), 0);
    assert_int_equal(valence_store_writer_close(writer, &error), 0);
    assert_int_equal(valence_store_open(path, NULL, &opened, &error), 0);
    assert_int_equal(valence_predict(model, opened, NULL, NULL, NULL, NULL, NULL, &error),
                     VALENCE_ERROR_SHAPE);
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
        cmocka_unit_test(test_predictions_come_in_the_order_of_the_store),
        cmocka_unit_test(test_a_receiver_can_stop),
        cmocka_unit_test(test_an_interval_lies_in_the_range_and_contains_its_score),
        cmocka_unit_test(test_a_batch_in_memory_is_predicted_as_a_store_is),
        cmocka_unit_test(test_options_out_of_range_are_refused_with_their_key),
        cmocka_unit_test(test_a_store_of_other_widths_is_an_error),
    };
    return cmocka_run_group_tests(tests, make_all, remove_all);
}
