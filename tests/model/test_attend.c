/* The attention weights that valence_attend() hands out are those of the formulas: computed here
 * once more from the parameters, in plain loops. */
#include "model/checkpoint.h"
#include "model/layout.h"
#include "network_cases.h"
#include "valence/score.h"

#define N_CLIPS 3
#define D       4
#define O       2

/* audio, text, video, simulated text; the second clip has no video */
static const int64_t lengths[] = {3, 4, 2, 5, 1, 7, 0, 2, 6, 2, 5, 3};
static struct valence_error error;

static struct checkpoint make_checkpoint(uint64_t seed)
{
    struct checkpoint checkpoint = {.config = case_config(D, O, 2, VALENCE_IMAGINATION_TRANSITION)};
    static const float means[8] = {0.5f, -0.5f, 0.1f, 0, 0, 0, 0, 0};
    static const float scales[8] = {1, 2, 0.5f, 1, 1, 1, 1, 1};
    static const float low[8] = {-2, -2, -2, -2, -2, -2, -2, -2};
    static const float high[8] = {2, 2, 2, 2, 2, 2, 2, 2};
    must(checkpoint_allocate(&checkpoint, false, &error), &error);
    struct random_source source = random_source(seed, 0);
    for (int64_t i = 0; i < checkpoint.n_parameters; i++)
        checkpoint.parameters[i] = (float)random_normal(&source);
    for (int s = 0; s < N_STREAMS; s++) {
        struct column_ranges columns = {case_width(&checkpoint.config, s), means, scales, low,
                                        high};
        must(checkpoint_set_standardisation(&checkpoint, (enum valence_stream)s, &columns, &error),
             &error);
        strcpy(checkpoint.stream_names[s], valence_stream_names[s]);
    }
    return checkpoint;
}

/* ---- The formulas (docs/architecture.md, "The network"), a clip at a time ---- */

static void linear(const float *block, struct layer layer, const double *x, double *y)
{
    for (int64_t i = 0; i < layer.out; i++) {
        y[i] = (double)block[layer.bias + i];
        for (int64_t j = 0; j < layer.in; j++)
            y[i] += (double)block[layer.weight + i * layer.in + j] * x[j];
    }
}

static void relu_linear(const float *block, struct layer layer, const double *x, double *y)
{
    linear(block, layer, x, y);
    for (int64_t i = 0; i < layer.out; i++)
        y[i] = y[i] > 0 ? y[i] : 0;
}

/* softmax over t of 0.3 q . tanh(W x_t + b) */
static void soften(const float *block, struct layer key, const double *query, int64_t n,
                   const double *x, double *weights)
{
    double total = 0, keys[D];
    for (int64_t t = 0; t < n; t++) {
        double product = 0;
        linear(block, key, x + t * D, keys);
        for (int j = 0; j < D; j++)
            product += query[j] * tanh(keys[j]);
        total += weights[t] = exp(0.3 * product);
    }
    for (int64_t t = 0; t < n; t++)
        weights[t] /= total;
}

/* A clip's projected rows, standardised on the way. */
static void project(const struct checkpoint *checkpoint, struct layer layer, enum valence_stream s,
                    const struct valence_rows *rows, int64_t clip, double *x)
{
    const struct standardisation *by = &checkpoint->standardisation;
    const float *row = (const float *)rows->data + rows->offsets[clip] * rows->width;
    for (int64_t t = rows->offsets[clip]; t < rows->offsets[clip + 1]; t++, x += D) {
        double z[16];
        for (int64_t c = 0; c < rows->width; c++)
            z[c] = fmin(fmax(((double)*row++ - (double)by->mean[s][c]) * (double)by->scale[s][c],
                             (double)by->low[s][c]),
                        (double)by->high[s][c]);
        linear(checkpoint->parameters, layer, z, x);
    }
}

struct naive {
    double pooling[N_MODALITIES][8], views[N_MODALITIES][VALENCE_N_VIEWS][8];
};

/* The complete flow, which imagines nothing, up to its attention weights. */
static struct naive attend(const struct checkpoint *checkpoint, const struct valence_batch *batch,
                           int64_t clip)
{
    struct network_layout layout;
    struct naive made = {0};
    const float *block = checkpoint->parameters;
    double x[N_MODALITIES][8 * D], h[N_MODALITIES][D], hidden[2][D], alpha[N_MODALITIES];
    network_layout_make(&checkpoint->config, &layout, NULL);
    for (int m = 0; m < N_MODALITIES; m++) {
        const struct valence_rows *rows = &batch->streams[m];
        int64_t n = rows->offsets[clip + 1] - rows->offsets[clip];
        double pooled[D] = {0}, context[D];
        project(checkpoint, layout.project[m], (enum valence_stream)m, rows, clip, x[m]);
        for (int j = 0; j < D; j++)
            context[j] = (double)block[layout.pool[m].context + j];
        soften(block, layout.pool[m].key, context, n, x[m], made.pooling[m]);
        for (int64_t t = 0; t < n; t++)
            for (int j = 0; j < D; j++)
                pooled[j] += made.pooling[m][t] * x[m][t * D + j];
        relu_linear(block, layout.modality_mlp[m][0], pooled, hidden[0]);
        relu_linear(block, layout.modality_mlp[m][1], hidden[0], h[m]);
    }
    relu_linear(block, layout.weight_mlp[0], h[0], hidden[0]);
    relu_linear(block, layout.weight_mlp[1], hidden[0], hidden[1]);
    linear(block, layout.modality_weights, hidden[1], alpha);
    for (int q = 0; q < VALENCE_N_VIEWS; q++) {
        unsigned set = valence_view_modalities((enum valence_view)q);
        bool is_single = (set & (set - 1)) == 0;
        double view[D] = {0}, query[D], asked[D];
        for (int m = 0; m < N_MODALITIES; m++)
            for (int j = 0; j < D && set & VALENCE_BIT(m); j++)
                view[j] += (is_single ? 1 : alpha[m]) * h[m][j];
        relu_linear(block, layout.query_mlp[q], view, query);
        for (int m = 0; m < N_MODALITIES; m++) {
            const int64_t *offsets = batch->streams[m].offsets;
            linear(block, layout.cross[m].query, query, asked);
            soften(block, layout.cross[m].key, asked, offsets[clip + 1] - offsets[clip], x[m],
                   made.views[m][q]);
        }
    }
    return made;
}

/* ---- Tests ---- */

static struct valence_model *make_model(uint64_t seed)
{
    struct checkpoint checkpoint = make_checkpoint(seed);
    struct valence_model *model;
    must(checkpoint_to_model(&checkpoint, &model, &error), &error);
    return model;
}

static void near(const char *what, double value, double wanted)
{
    if (!(fabs(value - wanted) <= 1e-5))
        fail_msg("%s is %g, not %g", what, value, wanted);
}

static void compare_clip(const struct valence_modality_attention *is, const int64_t *offsets,
                         int64_t clip, int m, const struct naive *naive, const float *view_weights)
{
    const float *views = is->views + VALENCE_N_VIEWS * offsets[clip];
    int64_t n = offsets[clip + 1] - offsets[clip];
    double total = 0, sum = 0;
    for (int q = 0; q < VALENCE_N_VIEWS; q++)
        total += fabs((double)view_weights[q]);
    for (int64_t t = 0; t < n; t++) {
        double mean = 0;
        near("pooling", (double)is->pooling[offsets[clip] + t], naive->pooling[m][t]);
        for (int q = 0; q < VALENCE_N_VIEWS; q++) {
            near("a view", (double)views[q * n + t], naive->views[m][q][t]);
            mean += fabs((double)view_weights[q]) / total * naive->views[m][q][t];
        }
        near("the mean", (double)is->rows[offsets[clip] + t], mean);
        sum += mean;
    }
    near("the sum", sum, n > 0);
}

static void test_weights_are_those_of_the_formulas(void **state)
{
    (void)state;
    struct checkpoint checkpoint = make_checkpoint(3);
    struct valence_model *model = make_model(3);
    struct clips clips = make_clips(&checkpoint.config, N_CLIPS, lengths);
    struct valence_workspace *workspace;
    const struct valence_attention *attention;
    struct valence_details details;
    float scores[N_CLIPS], view_weights[N_CLIPS * VALENCE_N_VIEWS];
    must(valence_workspace_create(model, &workspace, &error), &error);
    must(valence_score(workspace, &clips.batch, 0, scores, &details, &error), &error);
    memcpy(view_weights, details.view_weights, sizeof view_weights);
    must(valence_attend(workspace, &clips.batch, 0, &attention, &error), &error);
    for (int m = 0; m < N_MODALITIES; m++) {
        const struct valence_modality_attention *is = &attention->modalities[m];
        assert_int_equal(is->stream, m);
        assert_int_equal(is->n_rows, clips.offsets[m][N_CLIPS]);
        for (int64_t clip = 0; clip < N_CLIPS; clip++) {
            struct naive naive = attend(&checkpoint, &clips.batch, clip);
            compare_clip(is, clips.offsets[m], clip, m, &naive,
                         view_weights + VALENCE_N_VIEWS * clip);
        }
    }
    valence_workspace_free(workspace);
    valence_model_free(model);
    checkpoint_free(&checkpoint);
}

static void test_a_flow_attends_to_the_streams_that_it_reads(void **state)
{
    (void)state;
    const unsigned no_text = VALENCE_BIT(VALENCE_TEXT), no_video = VALENCE_BIT(VALENCE_VIDEO);
    struct valence_model *model = make_model(3);
    struct clips clips = make_clips(valence_model_get_config(model), N_CLIPS, lengths);
    struct valence_workspace *workspace;
    const struct valence_attention *attention;
    must(valence_workspace_create(model, &workspace, &error), &error);
    must(valence_attend(workspace, &clips.batch, no_text, &attention, &error), &error);
    assert_int_equal(attention->modalities[VALENCE_TEXT].stream, VALENCE_STREAM_SIMULATED_TEXT);
    assert_int_equal(attention->modalities[VALENCE_TEXT].n_rows,
                     clips.offsets[VALENCE_STREAM_SIMULATED_TEXT][N_CLIPS]);
    must(valence_attend(workspace, &clips.batch, no_video, &attention, &error), &error);
    assert_int_equal(attention->modalities[VALENCE_VIDEO].n_rows, 0);
    assert_null(attention->modalities[VALENCE_VIDEO].rows);
    clips.batch.streams[VALENCE_STREAM_AUDIO] = (struct valence_rows){0}; /* not in the batch */
    must(valence_attend(workspace, &clips.batch, 0, &attention, &error), &error);
    assert_int_equal(attention->modalities[VALENCE_AUDIO].n_rows, 0);
    assert_non_null(attention->modalities[VALENCE_VIDEO].rows);
    valence_workspace_free(workspace);
    valence_model_free(model);
}

/* A group's weights are the means over its members. */
static void test_a_group_attends_as_its_members_do(void **state)
{
    (void)state;
    struct valence_model *models[3] = {make_model(3), make_model(4)};
    struct clips clips = make_clips(valence_model_get_config(models[0]), N_CLIPS, lengths);
    struct valence_workspace *workspaces[3];
    const struct valence_attention *attention[3];
    must(valence_model_group(models, 2, &models[2], &error), &error);
    for (int i = 0; i < 3; i++) {
        must(valence_workspace_create(models[i], &workspaces[i], &error), &error);
        must(valence_attend(workspaces[i], &clips.batch, 0, &attention[i], &error), &error);
    }
    for (int64_t t = 0; t < clips.offsets[VALENCE_TEXT][N_CLIPS]; t++) {
        const float *rows[3];
        for (int i = 0; i < 3; i++)
            rows[i] = attention[i]->modalities[VALENCE_TEXT].rows;
        near("a group's weight", (double)rows[2][t], ((double)rows[0][t] + (double)rows[1][t]) / 2);
    }
    for (int i = 0; i < 3; i++) {
        valence_workspace_free(workspaces[i]);
        valence_model_free(models[i]);
    }
}

static void test_what_is_refused(void **state)
{
    (void)state;
    struct valence_model *model = make_model(3);
    struct clips clips = make_clips(valence_model_get_config(model), N_CLIPS, lengths);
    struct valence_workspace *workspace;
    const struct valence_attention *attention;
    must(valence_workspace_create(model, &workspace, &error), &error);
    assert_int_equal(
        valence_attend(workspace, &clips.batch, VALENCE_ALL_MODALITIES, &attention, &error),
        VALENCE_ERROR_ARGUMENT);
    assert_null(attention);
    assert_int_equal(valence_attend(workspace, NULL, 0, &attention, &error),
                     VALENCE_ERROR_ARGUMENT);
    assert_int_equal(valence_attend(NULL, &clips.batch, 0, &attention, &error),
                     VALENCE_ERROR_ARGUMENT);
    clips.rows[VALENCE_STREAM_AUDIO][3] = INFINITY;
    assert_int_equal(valence_attend(workspace, &clips.batch, 0, &attention, &error),
                     VALENCE_ERROR_DATA);
    valence_workspace_free(workspace);
    valence_model_free(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_weights_are_those_of_the_formulas, release_kept),
        cmocka_unit_test_teardown(test_a_flow_attends_to_the_streams_that_it_reads, release_kept),
        cmocka_unit_test_teardown(test_a_group_attends_as_its_members_do, release_kept),
        cmocka_unit_test_teardown(test_what_is_refused, release_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
