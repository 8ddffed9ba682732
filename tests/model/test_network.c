/* What a network's outputs do not depend on - the batch, threads, what a flow does not read - and
 * what it refuses. */
#include <stdio.h>

#include "base/half.h"
#include "model/network_private.h"
#include "network_cases.h"

#define TOLERANCE 1e-5

/* audio, text, video, simulated text; clips without some, without all, and longer than many
 * tiles */
#define N_CLIPS 8
static const int64_t LENGTHS[] = {3, 4, 2, 5, 1,    7,    1,   2,  0, 12, 6, 3, 1700, 900, 650, 0,
                                  0, 0, 0, 0, 2000, 1100, 513, 40, 5, 1,  0, 9, 300,  25,  301, 24};

struct network_case {
    struct valence_model_config config;
    struct parameter_table table;
    struct clips clips;
    struct network *network;
    real *parameters;
};

static struct network_case make_case_of(enum valence_fusion fusion,
                                        enum valence_imagination imagination, int64_t d)
{
    struct network_case c = {.config = case_config(d, d / 2, N_ALL_FLOWS, imagination)};
    c.config.fusion = fusion;
    c.parameters = make_parameters(&c.config, &c.table);
    for (int64_t i = 0; i < c.table.n_values; i++)
        c.parameters[i] *= 1.5f; /* the initial ones' scores are nearly the same for every clip */
    /* A transformer's work grows with the square of a clip's rows. */
    int64_t *lengths = keep(N_CLIPS * N_STREAMS, sizeof *lengths);
    int64_t longest = fusion == VALENCE_FUSION_TRANSFORMER ? 60 : INT64_MAX;
    for (int64_t i = 0; i < N_CLIPS * N_STREAMS; i++)
        lengths[i] = LENGTHS[i] < longest ? LENGTHS[i] : longest;
    c.clips = make_clips(&c.config, N_CLIPS, lengths);
    c.network = make_network(&c.config);
    return c;
}

static struct network_case make_case(enum valence_imagination imagination)
{
    return make_case_of(VALENCE_FUSION_CROSS_ATTENTION, imagination, 24);
}

/* The published network in its variants, and others that are trained by steps. */
static const struct {
    enum valence_fusion fusion;
    enum valence_imagination imagination;
} NETWORKS[] = {{VALENCE_FUSION_CROSS_ATTENTION, VALENCE_IMAGINATION_TRANSITION},
                {VALENCE_FUSION_CROSS_ATTENTION, VALENCE_IMAGINATION_TEXT},
                {VALENCE_FUSION_CROSS_ATTENTION, VALENCE_IMAGINATION_OFF},
                {VALENCE_FUSION_TRANSFORMER, VALENCE_IMAGINATION_OFF},
                {VALENCE_FUSION_LATE, VALENCE_IMAGINATION_OFF}};
enum { N_NETWORKS = sizeof NETWORKS / sizeof NETWORKS[0] };

static struct network_case make_network_case(int i)
{
    return make_case_of(NETWORKS[i].fusion, NETWORKS[i].imagination, 24);
}

/* One whose batch is worth several threads. */
static struct network_case make_wide_case(int i)
{
    struct network_case c = make_case_of(NETWORKS[i].fusion, NETWORKS[i].imagination, 72);
    assert_true(network_threads(c.network, &c.clips.batch, true) == threads_count());
    return c;
}

/* The scores of one flow. */
static float *score(const struct network_case *c, const struct valence_batch *batch, unsigned flow)
{
    struct flow_output output;
    struct valence_error error;
    must(network_forward(c->network, c->parameters, NULL, batch, &flow, 1, &output, &error),
         &error);
    float *scores = keep(batch->n_clips, sizeof *scores);
    memcpy(scores, output.score, (size_t)batch->n_clips * sizeof *scores);
    return scores;
}

/* Within 1e-5: of a score and everything up to 1 as it is, of larger values (gradients) relative to
 * the largest. */
static void assert_same(const char *what, int64_t n, const float *a, const float *b)
{
    double largest = 1;
    for (int64_t i = 0; i < n; i++)
        largest = fmax(largest, fabs((double)a[i]));
    for (int64_t i = 0; i < n; i++)
        if (!(fabs((double)a[i] - (double)b[i]) <= TOLERANCE * largest))
            fail_msg("%s: element %lld is %.9g and %.9g", what, (long long)i, (double)a[i],
                     (double)b[i]);
}

/* ---- Batch and threads ---- */

static void test_a_score_does_not_depend_on_the_batch(void **state)
{
    (void)state;
    threads_set(2);
    for (int i = 0; i < N_NETWORKS; i++) {
        struct network_case c = make_network_case(i);
        for (int f = 0; f < N_ALL_FLOWS; f++) {
            float *together = score(&c, &c.clips.batch, ALL_FLOWS[f]);
            for (int64_t clip = 0; clip < N_CLIPS; clip++) {
                struct valence_batch alone = select_clips(&c.clips, 1, &clip);
                assert_same("alone", 1, score(&c, &alone, ALL_FLOWS[f]), together + clip);
            }
            static const int64_t some[] = {7, 4, 4, 1, 3};
            struct valence_batch other = select_clips(&c.clips, 5, some);
            float *scores = score(&c, &other, ALL_FLOWS[f]);
            for (int64_t clip = 0; clip < 5; clip++)
                assert_same("in another batch", 1, scores + clip, together + some[clip]);
        }
        network_free(c.network);
        release_kept(NULL);
    }
}

static void check_scores_differ(struct network_case c)
{
    for (int f = 0; f < N_ALL_FLOWS; f++) {
        float *scores = score(&c, &c.clips.batch, ALL_FLOWS[f]);
        for (int64_t i = 1; i < 4; i++)
            assert_true(fabs((double)scores[i] - (double)scores[i - 1]) > 100 * TOLERANCE);
    }
    network_free(c.network);
}

static void test_clips_of_a_batch_score_differently(void **state)
{
    (void)state; /* or the test above would prove nothing */
    for (int i = 0; i < N_NETWORKS; i++) {
        threads_set(2);
        check_scores_differ(make_network_case(i));
        release_kept(NULL);
    }
}

static float *gradients_of(const struct network_case *c, const struct valence_batch *batch,
                           uint64_t dropout_key, double *total)
{
    static const struct loss_weights weights = {0.5, 0.5, 0.1, 0.7, 0.1, 0.8};
    struct loss_terms terms;
    struct valence_error error;
    float *gradients = keep(c->table.n_values, sizeof *gradients);
    must(network_gradients(c->network, c->parameters, NULL, batch, c->config.flows,
                           c->config.n_flows, &weights, dropout_key, gradients, &terms, &error),
         &error);
    *total = terms.total;
    return gradients;
}

static void check_threads_agree(struct network_case c)
{
    float *scores[3], *gradients[3];
    double totals[3];
    for (int k = 0; k < 3; k++) {
        threads_set(k + 1);
        scores[k] = score(&c, &c.clips.batch, 2);
        gradients[k] = gradients_of(&c, &c.clips.batch, 77, &totals[k]);
        assert_same("score", N_CLIPS, scores[0], scores[k]);
        assert_same("gradient", c.table.n_values, gradients[0], gradients[k]);
        assert_true(fabs(totals[k] - totals[0]) <= TOLERANCE);
    }
    network_free(c.network);
}

static void test_one_thread_and_more_agree(void **state)
{
    (void)state;
    for (int i = 0; i < N_NETWORKS; i++) {
        threads_set(2);
        check_threads_agree(make_wide_case(i));
        release_kept(NULL);
    }
}

/* `n` clips of `rows` rows in each stream, at the published sizes; nothing reads the rows. */
static struct valence_batch sized_batch(int64_t n, int64_t rows)
{
    struct valence_batch batch = {n, NULL, NULL, {{0}}};
    int64_t *offsets = keep(n + 1, sizeof *offsets);
    for (int64_t i = 0; i <= n; i++)
        offsets[i] = i * rows;
    for (int s = 0; s < N_STREAMS; s++)
        batch.streams[s] = (struct valence_rows){NULL, VALENCE_F16, 1024, offsets, NULL};
    return batch;
}

/* By sizes alone: whatever the machine does, a run takes the same threads. */
static void test_threads_follow_the_work(void **state)
{
    (void)state;
    struct valence_model_config config;
    valence_model_config_default(&config);
    config.widths[VALENCE_AUDIO] = config.widths[VALENCE_TEXT] = config.widths[VALENCE_VIDEO] =
        1024;
    struct network *network = make_network(&config);
    int before = threads_enter(3);
    struct valence_batch columns = sized_batch(32, 1), sequences = sized_batch(32, 100);
    struct valence_batch nothing = sized_batch(32, 0), fewer = sized_batch(32, 4);
    for (int training = 0; training < 2; training++) {
        assert_int_equal(network_threads(network, &nothing, training), 1);
        assert_int_equal(network_threads(network, &columns, training), 1);
        assert_int_equal(network_threads(network, &sequences, training), 3);
    }
    assert_int_equal(network_threads(network, &fewer, true), 3); /* a step is three times as much */
    assert_int_equal(network_threads(network, &fewer, false), 1);
    threads_leave(before);
    network_free(network);
}

/* A small batch is one thread's, to the byte, and the caller keeps its threads. */
static void test_a_small_batch_is_one_thread_s(void **state)
{
    (void)state;
    struct network_case c = make_case(VALENCE_IMAGINATION_TRANSITION);
    static const int64_t some[] = {0, 1, 3};
    struct valence_batch small = select_clips(&c.clips, 3, some);
    float *gradients[2], *scores[2];
    for (int k = 0; k < 2; k++) {
        double total;
        threads_set(2 * k + 1);
        gradients[k] = gradients_of(&c, &small, 77, &total);
        scores[k] = score(&c, &small, 2);
        assert_int_equal(threads_count(), 2 * k + 1);
    }
    assert_memory_equal(gradients[0], gradients[1], (size_t)c.table.n_values * sizeof(float));
    assert_memory_equal(scores[0], scores[1], 3 * sizeof(float));
    network_free(c.network);
}

static void check_same_bytes(struct network_case c)
{
    double first_total, second_total;
    float *first = gradients_of(&c, &c.clips.batch, 77, &first_total);
    float *first_scores = score(&c, &c.clips.batch, 2);
    static const int64_t one[] = {3};
    struct valence_batch other = select_clips(&c.clips, 1, one);
    gradients_of(&c, &other, 78, &second_total); /* leaves other values in the network's memory */
    float *second = gradients_of(&c, &c.clips.batch, 77, &second_total);
    assert_memory_equal(first, second, (size_t)c.table.n_values * sizeof *first);
    assert_true(first_total == second_total);
    network_free(c.network);
    c.network = make_network(&c.config);
    assert_memory_equal(first, gradients_of(&c, &c.clips.batch, 77, &second_total),
                        (size_t)c.table.n_values * sizeof *first);
    assert_memory_equal(first_scores, score(&c, &c.clips.batch, 2), N_CLIPS * sizeof(float));
    network_free(c.network);
}

static void test_two_runs_give_the_same_bytes(void **state)
{
    (void)state;
    for (int i = 0; i < N_NETWORKS; i++) {
        threads_set(2);
        check_same_bytes(i ? make_network_case(i) : make_wide_case(i));
        release_kept(NULL);
    }
}

static void check_dropout_follows_the_clip(struct network_case c)
{
    static const int64_t order[] = {7, 6, 0, 5, 1, 2, 4, 3};
    struct valence_batch shuffled = select_clips(&c.clips, N_CLIPS, order);
    double total, shuffled_total, other_total;
    float *gradients = gradients_of(&c, &c.clips.batch, 77, &total);
    assert_same("gradient", c.table.n_values, gradients,
                gradients_of(&c, &shuffled, 77, &shuffled_total));
    assert_true(fabs(total - shuffled_total) <= TOLERANCE);
    gradients_of(&c, &c.clips.batch, 78, &other_total);
    assert_true(fabs(total - other_total) > 10 * TOLERANCE);
    network_free(c.network);
}

static void test_dropout_follows_the_clip_not_its_place(void **state)
{
    (void)state;
    for (int i = 0; i < N_NETWORKS; i++) {
        threads_set(2);
        check_dropout_follows_the_clip(make_network_case(i));
        release_kept(NULL);
    }
}

/* ---- Flows ---- */

static void compare_outputs(const struct network_case *c, const struct flow_output *a,
                            const struct flow_output *b, unsigned missing)
{
    int64_t d = c->config.d, o = c->config.o;
    assert_same("score", N_CLIPS, a->score, b->score);
    assert_same("feature", N_CLIPS * o, a->feature, b->feature);
    assert_same("contrast", N_CLIPS * o / 2, a->rnc_feature, b->rnc_feature);
    assert_same("modality weights", N_CLIPS * 3, a->modality_weights, b->modality_weights);
    assert_same("view weights", N_CLIPS * N_VIEWS, a->view_weights, b->view_weights);
    assert_same("queries", N_CLIPS * N_VIEWS * d, a->queries, b->queries);
    assert_same("cross", N_CLIPS * N_VIEWS * 3 * o, a->cross, b->cross);
    for (int m = 0; m < N_MODALITIES; m++) {
        bool misses = missing & VALENCE_BIT(m);
        int stream = misses ? VALENCE_STREAM_SIMULATED_TEXT : m;
        int64_t rows = misses && m != VALENCE_TEXT ? 0 : c->clips.offsets[stream][N_CLIPS];
        assert_same("pool weights", rows, a->pool_weights[m], b->pool_weights[m]);
        assert_same("cross weights", N_VIEWS * rows, a->cross_weights[m], b->cross_weights[m]);
    }
}

static void test_flows_together_are_the_flows_one_by_one(void **state)
{
    (void)state;
    threads_set(2);
    for (int i = 0; i < N_NETWORKS; i++) {
        struct network_case c = make_network_case(i);
        struct network *single = make_network(&c.config);
        struct flow_output all[N_ALL_FLOWS], one;
        struct valence_error error;
        must(network_forward(c.network, c.parameters, NULL, &c.clips.batch, ALL_FLOWS, N_ALL_FLOWS,
                             all, &error),
             &error);
        for (int f = 0; f < N_ALL_FLOWS; f++) {
            must(network_forward(single, c.parameters, NULL, &c.clips.batch, &ALL_FLOWS[f], 1, &one,
                                 &error),
                 &error);
            compare_outputs(&c, &all[f], &one, ALL_FLOWS[f]);
        }
        network_free(single);
        network_free(c.network);
        release_kept(NULL);
    }
}

static void test_attention_weights_of_a_clip_sum_to_one(void **state)
{
    (void)state;
    struct network_case c = make_case(VALENCE_IMAGINATION_TRANSITION);
    struct flow_output output;
    struct valence_error error;
    unsigned complete = 0;
    must(network_forward(c.network, c.parameters, NULL, &c.clips.batch, &complete, 1, &output,
                         &error),
         &error);
    for (int m = 0; m < N_MODALITIES; m++)
        for (int64_t i = 0; i < N_CLIPS; i++) {
            int64_t start = c.clips.offsets[m][i], n = c.clips.offsets[m][i + 1] - start;
            for (int q = 0; q < N_VIEWS; q++) {
                double sum = 0;
                for (int64_t t = 0; t < n; t++)
                    sum += (double)output.cross_weights[m][N_VIEWS * start + q * n + t];
                assert_true(fabs(sum - (n > 0)) <= TOLERANCE);
            }
        }
    network_free(c.network);
}

/* Clip 3 has rows of every modality and no simulated text. */
static void test_late_fusion_is_the_mean_of_what_is_there(void **state)
{
    (void)state;
    static const unsigned alone[] = {6, 5, 3}; /* flows with audio, text, video alone */
    struct network_case c = make_case_of(VALENCE_FUSION_LATE, VALENCE_IMAGINATION_OFF, 24);
    struct valence_error error;
    struct flow_output output;
    unsigned complete = 0;
    c.parameters[parameter_find(&c.table, "late_weights.weight")->offset] = 1;
    double own[3], mean = 0;
    for (int m = 0; m < 3; m++)
        own[m] = (double)score(&c, &c.clips.batch, alone[m])[3];
    must(network_forward(c.network, c.parameters, NULL, &c.clips.batch, &complete, 1, &output,
                         &error),
         &error);
    for (int m = 0; m < 3; m++)
        mean += own[m] * (m == 0 ? exp(1) : 1) / (exp(1) + 2);
    assert_true(fabs((double)output.score[3] - mean) < TOLERANCE);
    for (int64_t i = 0; i < N_CLIPS; i++) {
        double sum = 0;
        bool bare = i == 4; /* nothing at all: all regressors count */
        for (int m = 0; m < N_MODALITIES; m++) {
            double weight = (double)output.modality_weights[i * N_MODALITIES + m];
            assert_true((weight > 0) == (bare || LENGTHS[i * N_STREAMS + m] > 0));
            sum += weight;
        }
        assert_true(fabs(sum - 1) < TOLERANCE);
    }
    network_free(c.network);
}

static bool is_read(unsigned missing, int stream)
{
    if (stream == VALENCE_STREAM_SIMULATED_TEXT)
        return missing & VALENCE_BIT(VALENCE_TEXT);
    return !(missing & VALENCE_BIT(stream));
}

static void test_a_flow_depends_on_the_streams_it_reads_and_no_others(void **state)
{
    (void)state;
    struct network_case c = make_case(VALENCE_IMAGINATION_TEXT);
    for (int f = 0; f < N_ALL_FLOWS; f++)
        for (int s = 0; s < N_STREAMS; s++) {
            float *before = score(&c, &c.clips.batch, ALL_FLOWS[f]);
            struct valence_batch absent = c.clips.batch;
            absent.streams[s] = (struct valence_rows){0};
            float *without = score(&c, &absent, ALL_FLOWS[f]);
            float kept = c.clips.rows[s][0];
            c.clips.rows[s][0] = is_read(ALL_FLOWS[f], s) ? kept + 20 : NAN; /* of the first clip */
            float *after = score(&c, &c.clips.batch, ALL_FLOWS[f]);
            c.clips.rows[s][0] = kept;
            if (is_read(ALL_FLOWS[f], s)) {
                assert_true(fabs((double)before[0] - (double)after[0]) > TOLERANCE);
                assert_true(fabs((double)before[0] - (double)without[0]) > TOLERANCE);
            } else {
                assert_memory_equal(before, after, N_CLIPS * sizeof *before);
                assert_memory_equal(before, without, N_CLIPS * sizeof *before);
            }
        }
    network_free(c.network);
}

/* ---- Input ---- */

static void test_halves_score_as_the_floats_they_stand_for(void **state)
{
    (void)state;
    struct network_case c = make_case(VALENCE_IMAGINATION_TRANSITION);
    struct valence_batch halves = c.clips.batch;
    for (int s = 0; s < N_STREAMS; s++) {
        int64_t size = c.clips.offsets[s][N_CLIPS] * halves.streams[s].width;
        uint16_t *rows = keep(size, sizeof *rows);
        for (int64_t i = 0; i < size; i++) {
            rows[i] = float_to_half(c.clips.rows[s][i]);
            c.clips.rows[s][i] = half_to_float(rows[i]);
        }
        halves.streams[s].data = rows;
        halves.streams[s].type = VALENCE_F16;
    }
    float *floats = score(&c, &c.clips.batch, 2);
    assert_memory_equal(floats, score(&c, &halves, 2), N_CLIPS * sizeof *floats);
    network_free(c.network);
}

static void test_standardisation_is_applied_per_column_of_each_stream(void **state)
{
    (void)state;
    struct network_case c = make_case(VALENCE_IMAGINATION_TRANSITION);
    struct random_source source = random_source(4, 0);
    struct standardisation standardisation = {0};
    struct flow_output output;
    struct valence_error error;
    float standardised[N_ALL_FLOWS][N_CLIPS];
    for (int s = 0; s < N_STREAMS; s++) {
        int64_t width = c.clips.batch.streams[s].width;
        standardisation.mean[s] = as_floats(width, draw(&source, width));
        standardisation.scale[s] = as_floats(width, draw(&source, width));
    }
    for (int f = 0; f < N_ALL_FLOWS; f++) {
        must(network_forward(c.network, c.parameters, &standardisation, &c.clips.batch,
                             &ALL_FLOWS[f], 1, &output, &error),
             &error);
        memcpy(standardised[f], output.score, sizeof standardised[f]);
    }
    for (int s = 0; s < N_STREAMS; s++) {
        int64_t width = c.clips.batch.streams[s].width;
        for (int64_t i = 0; i < c.clips.offsets[s][N_CLIPS] * width; i++)
            c.clips.rows[s][i] = (c.clips.rows[s][i] - standardisation.mean[s][i % width]) *
                                 standardisation.scale[s][i % width];
    }
    for (int f = 0; f < N_ALL_FLOWS; f++)
        assert_same("score", N_CLIPS, standardised[f], score(&c, &c.clips.batch, ALL_FLOWS[f]));
    network_free(c.network);
}

static void assert_refused(const struct network_case *c, const struct valence_batch *batch,
                           int expected, const char *text)
{
    static const struct loss_weights weights = {1, 1, 1, 1, 1, 1};
    struct flow_output output;
    struct loss_terms terms;
    struct valence_error error;
    float *gradients = keep(c->table.n_values, sizeof *gradients);
    for (int training = 0; training < 2; training++) {
        int status =
            training ? network_gradients(c->network, c->parameters, NULL, batch, c->config.flows,
                                         c->config.n_flows, &weights, 0, gradients, &terms, &error)
                     : network_forward(c->network, c->parameters, NULL, batch, &ALL_FLOWS[1], 1,
                                       &output, &error);
        if (status != expected || !strstr(error.text, text))
            fail_msg("gave %d, \"%s\"; expected \"%s\"", status, status ? error.text : "", text);
    }
}

static void test_a_value_that_is_not_finite_is_named(void **state)
{
    (void)state;
    struct network_case c = make_case(VALENCE_IMAGINATION_TRANSITION);
    static const float values[] = {NAN, INFINITY, -INFINITY};
    for (int k = 0; k < 3; k++) {
        int64_t width = c.config.widths[VALENCE_VIDEO];
        float *place =
            &c.clips.rows[VALENCE_VIDEO][(c.clips.offsets[VALENCE_VIDEO][3] + 4) * width];
        float kept = place[2];
        place[2] = values[k];
        assert_refused(&c, &c.clips.batch, VALENCE_ERROR_DATA,
                       "clip 3 of the batch: stream 'video', row 4, column 2");
        place[2] = kept;
    }
    score(&c, &c.clips.batch, 2); /* and the network is as good as before */
    network_free(c.network);
}

static void test_parameters_that_are_not_finite_are_blamed(void **state)
{
    (void)state;
    struct network_case c = make_case(VALENCE_IMAGINATION_TRANSITION);
    c.parameters[parameter_find(&c.table, "fc_out_v.bias")->offset] = NAN;
    assert_refused(&c, &c.clips.batch, VALENCE_ERROR_DATA, "its parameters are not usable");
    network_free(c.network);
}

static void test_a_stream_of_another_width_is_refused(void **state)
{
    (void)state;
    struct network_case c = make_case(VALENCE_IMAGINATION_TRANSITION);
    for (int s = 0; s < N_STREAMS; s++) {
        struct valence_batch batch = c.clips.batch;
        batch.streams[s].width--;
        char text[64];
        snprintf(text, sizeof text, "stream '%s' has width %lld", valence_stream_names[s],
                 (long long)batch.streams[s].width);
        assert_refused(&c, &batch, VALENCE_ERROR_SHAPE, text);
    }
    network_free(c.network);
}

static void test_a_batch_of_no_clips_is_refused(void **state)
{
    (void)state;
    struct network_case c = make_case(VALENCE_IMAGINATION_TRANSITION);
    struct valence_batch batch = c.clips.batch;
    batch.n_clips = 0;
    assert_refused(&c, &batch, VALENCE_ERROR_ARGUMENT, "a batch has 1 to");
    network_free(c.network);
}

static void test_a_batch_of_clips_without_any_row_has_a_score(void **state)
{
    (void)state;
    struct network_case c = make_case(VALENCE_IMAGINATION_TRANSITION);
    struct valence_batch empty = {.n_clips = 2, .keys = c.clips.keys, .labels = c.clips.labels};
    for (int f = 0; f < N_ALL_FLOWS; f++) {
        float *scores = score(&c, &empty, ALL_FLOWS[f]);
        assert_true(isfinite(scores[0]) && scores[0] == scores[1]);
    }
    double total;
    gradients_of(&c, &empty, 77, &total);
    assert_true(isfinite(total));
    network_free(c.network);
}

static void test_steps_within_what_was_reserved_allocate_nothing(void **state)
{
    (void)state;
    struct network_case c = make_case(VALENCE_IMAGINATION_TRANSITION);
    struct valence_error error;
    int64_t n_rows[N_STREAMS];
    double total;
    for (int s = 0; s < N_STREAMS; s++)
        n_rows[s] = c.clips.offsets[s][N_CLIPS];
    must(
        network_reserve(c.network, N_CLIPS, n_rows, c.config.flows, c.config.n_flows, true, &error),
        &error);
    const void *block = c.network->arena.block;
    for (int64_t i = 0; i < N_CLIPS; i++) {
        struct valence_batch alone = select_clips(&c.clips, 1, &i);
        gradients_of(&c, &alone, 77, &total);
        score(&c, &alone, 2);
    }
    gradients_of(&c, &c.clips.batch, 77, &total);
    assert_ptr_equal(block, c.network->arena.block);
    network_free(c.network);
}

static void test_a_configuration_out_of_range_makes_no_network(void **state)
{
    (void)state;
    struct valence_model_config config = case_config(24, 12, 2, VALENCE_IMAGINATION_TRANSITION);
    struct valence_error error;
    struct network *network = (struct network *)&config;
    config.d = 25;
    assert_int_equal(network_create(&config, &network, &error), VALENCE_ERROR_CONFIG);
    assert_null(network);
    network_free(NULL);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_a_score_does_not_depend_on_the_batch, release_kept),
        cmocka_unit_test_teardown(test_clips_of_a_batch_score_differently, release_kept),
        cmocka_unit_test_teardown(test_one_thread_and_more_agree, release_kept),
        cmocka_unit_test_teardown(test_threads_follow_the_work, release_kept),
        cmocka_unit_test_teardown(test_a_small_batch_is_one_thread_s, release_kept),
        cmocka_unit_test_teardown(test_two_runs_give_the_same_bytes, release_kept),
        cmocka_unit_test_teardown(test_dropout_follows_the_clip_not_its_place, release_kept),
        cmocka_unit_test_teardown(test_flows_together_are_the_flows_one_by_one, release_kept),
        cmocka_unit_test_teardown(test_attention_weights_of_a_clip_sum_to_one, release_kept),
        cmocka_unit_test_teardown(test_late_fusion_is_the_mean_of_what_is_there, release_kept),
        cmocka_unit_test_teardown(test_a_flow_depends_on_the_streams_it_reads_and_no_others,
                                  release_kept),
        cmocka_unit_test_teardown(test_halves_score_as_the_floats_they_stand_for, release_kept),
        cmocka_unit_test_teardown(test_standardisation_is_applied_per_column_of_each_stream,
                                  release_kept),
        cmocka_unit_test_teardown(test_a_value_that_is_not_finite_is_named, release_kept),
        cmocka_unit_test_teardown(test_parameters_that_are_not_finite_are_blamed, release_kept),
        cmocka_unit_test_teardown(test_a_stream_of_another_width_is_refused, release_kept),
        cmocka_unit_test_teardown(test_a_batch_of_no_clips_is_refused, release_kept),
        cmocka_unit_test_teardown(test_a_batch_of_clips_without_any_row_has_a_score, release_kept),
        cmocka_unit_test_teardown(test_steps_within_what_was_reserved_allocate_nothing,
                                  release_kept),
        cmocka_unit_test_teardown(test_a_configuration_out_of_range_makes_no_network, release_kept),
    };
    return cmocka_run_group_tests_name("network", tests, NULL, NULL);
}
