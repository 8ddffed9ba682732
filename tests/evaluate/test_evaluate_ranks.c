/* Evaluation, comparison, protocols and prediction by several ranks, which are threads here: the
 * bytes of one rank, and one rank's trouble ends all. */
#include "golden_store.h"
#include "base/random.h"
#include "thread_ranks.h"
#include "valence/predict.h"
#include "valence/protocol.h"
#include "valence/runtime.h"

/* So many clips that ranks exchange scores several times, with batches of 2. */
enum { MOST_RANKS = 4, N_RANDOM = 301, BATCH = 2, MOST_ROWS = 5 };

static char random_path[64], other_path[64];
static struct valence_store *random_store, *other_store;
static struct valence_model *other_model;

/* ---- Stores ---- */

static void add_random_clip(struct valence_store_writer *writer, int i, int n_clips)
{
    static float blocks[VALENCE_N_STREAMS][MOST_ROWS * 24];
    struct random_source source = random_source(3, (uint64_t)i);
    struct valence_clip_rows rows[VALENCE_N_STREAMS];
    struct valence_error error;
    char id[16];
    int n = 0;
    for (int s = 0; s < VALENCE_N_STREAMS; s++) {
        int64_t length = 1 + random_below(&source, MOST_ROWS);
        for (int64_t k = 0; k < length * streams[s].width; k++)
            blocks[s][k] = (float)random_normal(&source);
        if (s == 0 || random_below(&source, 4)) /* some modalities are missing */
            rows[n++] = (struct valence_clip_rows){s, length, blocks[s]};
    }
    snprintf(id, sizeof id, "%03d", i);
    struct valence_clip clip = {.id = id,
                                .group = "",
                                .transcript = "",
                                .split = i < n_clips - 20 ? VALENCE_TEST : VALENCE_TRAIN,
                                .label = (float)random_normal(&source)};
    if (valence_store_writer_add(writer, &clip, rows, n, &error))
        fail_msg("%s", error.text);
}

static int make_random_store(const char *path, int n_clips, struct valence_store **made)
{
    struct valence_store_writer *writer;
    struct valence_error error;
    if (valence_store_writer_open(path, streams, VALENCE_N_STREAMS, NULL, &writer, &error))
        return -1;
    for (int i = 0; i < n_clips; i++)
        add_random_clip(writer, i, n_clips);
    if (valence_store_writer_finish(writer, &error) || valence_store_writer_close(writer, &error))
        return -1;
    return valence_store_open(path, NULL, made, &error);
}

/* Another network on the same streams. */
static int make_other_model(void)
{
    struct checkpoint checkpoint = {.config = {.widths = {20, 24, 12}, .d = 2, .o = 2}};
    struct valence_error error;
    checkpoint.config.n_flows = 1;
    for (int s = 0; s < VALENCE_N_STREAMS; s++)
        memcpy(checkpoint.stream_names[s], streams[s].name, strlen(streams[s].name) + 1);
    int status = checkpoint_allocate(&checkpoint, false, &error);
    return status ? status : checkpoint_to_model(&checkpoint, &other_model, &error);
}

static int set_up(void **state)
{
    valence_set_threads(1);
    if (make_all(state))
        return -1;
    snprintf(random_path, sizeof random_path, "%s/random", folder);
    snprintf(other_path, sizeof other_path, "%s/other", folder);
    return make_random_store(random_path, N_RANDOM, &random_store) ||
           make_random_store(other_path, N_RANDOM - 1, &other_store) || make_other_model();
}

static int tear_down(void **state)
{
    valence_store_close(random_store);
    valence_store_close(other_store);
    valence_model_free(other_model);
    return remove_all(state);
}

/* ---- Work of all ranks ---- */

enum job { EVALUATE, COMPARE, PROTOCOL, PREDICT };

struct received {
    int n;
    int64_t clips[N_RANDOM];
    unsigned flows[N_RANDOM];
    float values[N_RANDOM][4 + VALENCE_N_MODALITIES + VALENCE_N_VIEWS];
};

struct joint {
    enum job job;
    const char *protocol;
    /* The ranks that have another store, have another model, name a stream that does not exist, or
     * stop after so many calls; -1 and 0: none. */
    int other_store, other_model, other_stream, stops_rank, stops_after;
    int statuses[MAX_RANKS];
    struct valence_error errors[MAX_RANKS];
    const struct valence_evaluation *evaluations[MAX_RANKS];
    const struct valence_comparison *comparisons[MAX_RANKS];
    const struct valence_protocol_evaluation *protocols[MAX_RANKS];
    struct received received[MAX_RANKS];
    struct valence_prediction_counts counts[MAX_RANKS];
};

static struct joint joint_of(enum job job)
{
    return (struct joint){
        .job = job, .other_store = -1, .other_model = -1, .other_stream = -1, .stops_rank = -1};
}

static void free_joint(struct joint *joint)
{
    for (int r = 0; r < MAX_RANKS; r++) {
        valence_evaluation_free(joint->evaluations[r]);
        valence_comparison_free(joint->comparisons[r]);
        valence_protocol_evaluation_free(joint->protocols[r]);
    }
}

/* Stops from the call on that it counts down to; 0: never. */
static int count_down(void *user, const struct valence_progress_event *event)
{
    int *left = user;
    (void)event;
    *left -= *left > 1;
    return *left == 1;
}

static int receive(void *user, const struct valence_prediction *p)
{
    struct received *to = user;
    float *values = to->values[to->n];
    to->clips[to->n] = p->clip;
    to->flows[to->n++] = p->flow;
    memcpy(values, p->modality_weights, VALENCE_N_MODALITIES * sizeof *values);
    memcpy(values + VALENCE_N_MODALITIES, p->view_weights, VALENCE_N_VIEWS * sizeof *values);
    values += VALENCE_N_MODALITIES + VALENCE_N_VIEWS;
    values[0] = p->score;
    values[1] = p->raw_score;
    values[2] = p->distance;
    values[3] = (float)p->estimate.error;
    return 0;
}

/* What one rank does. `own` is where its results go. */
static int work(struct joint *joint, int own, const struct valence_collective *collective)
{
    struct valence_error *error = &joint->errors[own];
    const struct valence_store *from = joint->other_store == own ? other_store : random_store;
    const struct valence_model *with = joint->other_model == own ? other_model : calibrated;
    const char *stream = joint->other_stream == own ? "nowhere" : NULL;
    int left = joint->stops_rank == own ? joint->stops_after : 0;
    struct valence_progress progress = {count_down, &left};
    struct valence_evaluate_options options;
    valence_evaluate_options_default(&options);
    options.batch_size = BATCH;
    options.n_resamples = 50;
    options.text_stream = stream;
    options.collective = collective;
    if (joint->job == PREDICT) {
        struct valence_predict_options predict;
        valence_predict_options_default(&predict);
        predict.batch_size = BATCH;
        predict.collective = collective;
        joint->counts[own].size = sizeof joint->counts[own];
        return valence_predict(with, from, &predict, &progress, receive, &joint->received[own],
                               &joint->counts[own], error);
    }
    if (joint->job == PROTOCOL) {
        struct valence_protocol_options protocol;
        valence_protocol_options_default(&protocol);
        protocol.batch_size = BATCH;
        protocol.n_resamples = 50;
        protocol.collective = collective;
        return valence_evaluate_protocol(with, from, joint->protocol, &protocol, &progress,
                                         &joint->protocols[own], error);
    }
    int status = valence_evaluate(with, from, &options, &progress, &joint->evaluations[own], error);
    return status || joint->job == EVALUATE
               ? status
               : valence_compare(&joint->evaluations[own], 1, &joint->evaluations[own], 1, &options,
                                 &joint->comparisons[own], error);
}

static void work_as_rank(struct thread_rank *rank, void *argument)
{
    struct joint *joint = argument;
    int own = rank->collective.rank;
    joint->statuses[own] = work(joint, own, &rank->collective);
}

/* ---- The same bytes ---- */

static void assert_same_values(const void *a, const void *b, size_t bytes, const char *what)
{
    if (memcmp(a, b, bytes) != 0)
        fail_msg("%s differ", what);
}

static void assert_same_evaluation(const struct valence_evaluation *a,
                                   const struct valence_evaluation *b)
{
    size_t n = (size_t)a->n_clips;
    assert_true(n > 200);
    assert_int_equal(b->n_clips, a->n_clips);
    assert_same_values(a->clips, b->clips, n * sizeof *a->clips, "clips");
    assert_same_values(a->labels, b->labels, n * sizeof *a->labels, "labels");
    assert_same_values(&a->constant_metrics, &b->constant_metrics, sizeof a->constant_metrics,
                       "metrics of the constant");
    assert_int_equal(b->n_flows, a->n_flows);
    for (int f = 0; f < a->n_flows; f++) {
        const struct valence_flow_evaluation *x = &a->flows[f], *y = &b->flows[f];
        assert_same_values(x->scores, y->scores, n * sizeof *x->scores, "scores");
        assert_same_values(&x->metrics, &y->metrics, sizeof x->metrics, "metrics");
        assert_same_values(x->intervals, y->intervals, VALENCE_N_METRICS * sizeof *x->intervals,
                           "intervals");
        assert_same_values(x->differences, y->differences,
                           VALENCE_N_METRICS * sizeof *x->differences, "differences");
        assert_same_values(x->reliability, y->reliability,
                           VALENCE_N_RELIABILITY_FIGURES * sizeof *x->reliability, "reliability");
        assert_int_equal(y->n_incomplete, x->n_incomplete);
        assert_int_equal(y->n_outside, x->n_outside);
    }
}

static void assert_same_protocol(const struct valence_protocol_evaluation *a,
                                 const struct valence_protocol_evaluation *b)
{
    assert_true(a->n_conditions > 1 && a->n_clips > 200);
    assert_int_equal(b->n_conditions, a->n_conditions);
    for (int c = 0; c < a->n_conditions; c++) {
        const struct valence_condition *x = &a->conditions[c], *y = &b->conditions[c];
        assert_same_values(x->scores, y->scores, (size_t)a->n_clips * sizeof *x->scores, "scores");
        assert_same_values(&x->metrics, &y->metrics, sizeof x->metrics, "metrics");
        assert_same_values(x->intervals, y->intervals, VALENCE_N_METRICS * sizeof *x->intervals,
                           "intervals");
        assert_int_equal(y->n_unimagined, x->n_unimagined);
    }
    assert_same_values(a->mean, b->mean, sizeof a->mean, "means");
}

static void assert_same(const struct joint *joint, int a, int b)
{
    if (joint->job == EVALUATE || joint->job == COMPARE)
        assert_same_evaluation(joint->evaluations[a], joint->evaluations[b]);
    if (joint->job == COMPARE)
        for (int i = 0; i < joint->comparisons[a]->n_flows * (int)VALENCE_N_METRICS; i++)
            assert_same_values(&joint->comparisons[a]->differences[i],
                               &joint->comparisons[b]->differences[i],
                               sizeof joint->comparisons[a]->differences[i], "differences of runs");
    if (joint->job == PROTOCOL)
        assert_same_protocol(joint->protocols[a], joint->protocols[b]);
    if (joint->job == PREDICT) {
        assert_int_equal(joint->received[a].n, N_RANDOM);
        assert_same_values(&joint->received[a], &joint->received[b], sizeof joint->received[a],
                           "predictions");
        assert_same_values(&joint->counts[a], &joint->counts[b], sizeof joint->counts[a], "counts");
    }
}

/* By 1 ... 4 ranks, and alone, which the last place is for. */
static void assert_ranks_do_not_matter(enum job job, const char *protocol)
{
    enum { ALONE = MAX_RANKS - 1 };
    for (int n = 1; n <= MOST_RANKS; n++) {
        struct joint *joint = calloc(1, sizeof *joint);
        *joint = joint_of(job);
        joint->protocol = protocol;
        if (work(joint, ALONE, NULL))
            fail_msg("alone: %s", joint->errors[ALONE].text);
        run_thread_ranks(n, work_as_rank, joint);
        for (int r = 0; r < n; r++) {
            if (joint->statuses[r])
                fail_msg("rank %d: %s", r, joint->errors[r].text);
            assert_same(joint, ALONE, r);
        }
        free_joint(joint);
        free(joint);
    }
}

static void test_an_evaluation_is_the_same_by_any_number_of_ranks(void **state)
{
    (void)state;
    assert_ranks_do_not_matter(EVALUATE, NULL);
}

static void test_so_is_a_comparison(void **state)
{
    (void)state;
    assert_ranks_do_not_matter(COMPARE, NULL);
}

static void test_so_are_predictions(void **state)
{
    (void)state;
    assert_ranks_do_not_matter(PREDICT, NULL);
}

static void test_so_are_protocols(void **state)
{
    (void)state;
    assert_ranks_do_not_matter(PROTOCOL, "rmfm");
    assert_ranks_do_not_matter(PROTOCOL, "six-conditions");
}

/* What a rank's progress function is told. */
struct reports {
    int n;
    bool ascending;
    int64_t done;
};

static struct reports reports[MAX_RANKS];

static int count_reports(void *user, const struct valence_progress_event *event)
{
    struct reports *of = user;
    of->ascending = of->ascending && event->done > of->done && event->done <= event->total;
    of->done = event->done;
    of->n++;
    return 0;
}

static void evaluate_counting(struct thread_rank *rank, void *argument)
{
    struct joint *joint = argument;
    int own = rank->collective.rank;
    reports[own] = (struct reports){.ascending = true};
    struct valence_progress progress = {count_reports, &reports[own]};
    struct valence_evaluate_options options;
    valence_evaluate_options_default(&options);
    options.batch_size = BATCH;
    options.n_resamples = 0;
    options.collective = &rank->collective;
    joint->statuses[own] = valence_evaluate(calibrated, random_store, &options, &progress,
                                            &joint->evaluations[own], &joint->errors[own]);
}

static void test_ranks_share_the_work(void **state)
{
    (void)state;
    struct joint joint = joint_of(EVALUATE);
    run_thread_ranks(3, evaluate_counting, &joint);
    int n_batches = (int)(joint.evaluations[0]->n_clips + BATCH - 1) / BATCH;
    assert_int_equal(reports[0].n + reports[1].n + reports[2].n, n_batches);
    for (int r = 0; r < 3; r++) {
        assert_in_range(reports[r].n, n_batches / 3 - 3, n_batches / 3 + 3);
        assert_true(reports[r].ascending);
    }
    free_joint(&joint);
}

/* ---- Errors ---- */

static void assert_all_fail(struct joint *joint, int failed, int expected, const char *text)
{
    run_thread_ranks(3, work_as_rank, joint);
    for (int r = 0; r < 3; r++) {
        int wanted =
            r == failed || expected == VALENCE_ERROR_CANCELLED ? expected : VALENCE_ERROR_RANK;
        if (joint->statuses[r] != wanted || !strstr(joint->errors[r].text, text))
            fail_msg("rank %d: %d, %s", r, joint->statuses[r], joint->errors[r].text);
        assert_null(joint->evaluations[r]);
        assert_null(joint->protocols[r]);
    }
}

static void test_other_clips_and_models_are_noticed(void **state)
{
    (void)state;
    for (enum job job = EVALUATE; job <= PREDICT; job++) {
        struct joint *joint = calloc(1, sizeof *joint);
        *joint = joint_of(job);
        joint->protocol = "erase";
        joint->other_store = 1;
        assert_all_fail(joint, 1, VALENCE_ERROR_DATA, "rank 1 of 3: its clips differ");
        joint->other_store = -1;
        joint->other_model = 2;
        assert_all_fail(joint, 2, VALENCE_ERROR_DATA, "rank 2 of 3: its model's parameters differ");
        free(joint);
    }
}

static void test_one_rank_that_cannot_read_ends_all(void **state)
{
    (void)state;
    struct joint joint = joint_of(EVALUATE);
    joint.other_stream = 2;
    assert_all_fail(&joint, 2, VALENCE_ERROR_NOT_FOUND, "rank 2 of 3: ");
    assert_null(strstr(joint.errors[2].text + 5, "rank 2")); /* said once */
}

static void test_a_rank_that_cancels_stops_all(void **state)
{
    (void)state;
    for (enum job job = EVALUATE; job <= PREDICT; job++) {
        struct joint *joint = calloc(1, sizeof *joint);
        *joint = joint_of(job);
        joint->protocol = "erase";
        joint->stops_rank = 0;
        joint->stops_after = 20;
        assert_all_fail(joint, 0, VALENCE_ERROR_CANCELLED, "cancelled after");
        free(joint);
    }
}

static void test_options_are_checked(void **state)
{
    (void)state;
    struct valence_collective table;
    struct valence_evaluate_options options;
    struct valence_predict_options predict;
    const struct valence_evaluation *evaluation;
    struct valence_error error;
    valence_collective_default(&table);
    table.n_ranks = 2;
    valence_evaluate_options_default(&options);
    options.collective = &table;
    assert_int_equal(valence_evaluate(model, store, &options, NULL, &evaluation, &error),
                     VALENCE_ERROR_ARGUMENT);
    valence_predict_options_default(&predict);
    predict.collective = &table;
    assert_int_equal(valence_predict(model, store, &predict, NULL, NULL, NULL, NULL, &error),
                     VALENCE_ERROR_ARGUMENT);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_evaluation_is_the_same_by_any_number_of_ranks),
        cmocka_unit_test(test_so_is_a_comparison),
        cmocka_unit_test(test_so_are_predictions),
        cmocka_unit_test(test_so_are_protocols),
        cmocka_unit_test(test_ranks_share_the_work),
        cmocka_unit_test(test_other_clips_and_models_are_noticed),
        cmocka_unit_test(test_one_rank_that_cannot_read_ends_all),
        cmocka_unit_test(test_a_rank_that_cancels_stops_all),
        cmocka_unit_test(test_options_are_checked),
    };
    return cmocka_run_group_tests_name("evaluation by ranks", tests, set_up, tear_down);
}
