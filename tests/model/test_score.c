/* Scoring through a workspace: what a caller may get wrong, what a group is, what lies far outside
 * the training data, and threads that share a model. */
#include <errno.h>
#include <pthread.h>
#include <unistd.h>

#include "base/file.h"
#include "base/file_writer.h"
#include "model/checkpoint.h"
#include "network_cases.h"
#include "valence/reliability.h"
#include "valence/score.h"

#define N_CLIPS 3
#define N_VALID 60 /* validation clips of a calibrated model */

static const int64_t lengths[] = {3, 4, 2, 5, 1, 7, 1, 2, 2, 0, 6, 3};
static struct valence_error error;

/* A checkpoint whose columns have mean 0, deviation 1 and the range -2 ... 2, and whose validation
 * clips lie up to `distance` outside. */
static struct checkpoint make_checkpoint(uint64_t seed, int64_t d, float distance)
{
    struct checkpoint checkpoint = {.config = case_config(2, 2, 2, VALENCE_IMAGINATION_TRANSITION)};
    checkpoint.config.d = checkpoint.config.o = d;
    must(checkpoint_allocate(&checkpoint, false, &error), &error);
    struct random_source source = random_source(seed, 0);
    for (int64_t i = 0; i < checkpoint.n_parameters; i++)
        checkpoint.parameters[i] = (float)random_normal(&source);
    static const float zeros[8] = {0}, ones[8] = {1, 1, 1, 1, 1, 1, 1, 1};
    static const float low[8] = {-2, -2, -2, -2, -2, -2, -2, -2},
                       high[8] = {2, 2, 2, 2, 2, 2, 2, 2};
    for (int s = 0; s < N_STREAMS; s++) {
        struct column_ranges columns = {case_width(&checkpoint.config, s), zeros, ones, low, high};
        must(checkpoint_set_standardisation(&checkpoint, (enum valence_stream)s, &columns, &error),
             &error);
        strcpy(checkpoint.stream_names[s], valence_stream_names[s]);
    }
    struct calibration *calibration = &checkpoint.calibration;
    must(calibration_allocate(calibration, N_VALID, 2, &error), &error);
    calibration->range[0] = -3;
    calibration->range[1] = 3;
    for (int i = 0; i < N_VALID; i++) {
        calibration->labels[i] = (float)(i % 7) - 3;
        for (int f = 0; f < 2; f++)
            calibration->scores[f * N_VALID + i] = calibration->labels[i] + (float)(i % 5) * 0.1f;
        calibration->distances[VALENCE_STREAM_AUDIO * N_VALID + i] = i == 7 ? distance : 0;
    }
    return checkpoint;
}

static struct valence_model *make_model(uint64_t seed, int64_t d, float distance)
{
    struct checkpoint checkpoint = make_checkpoint(seed, d, distance);
    struct valence_model *model;
    must(checkpoint_to_model(&checkpoint, &model, &error), &error);
    return model;
}

static struct valence_workspace *make_workspace(const struct valence_model *model)
{
    struct valence_workspace *workspace;
    must(valence_workspace_create(model, &workspace, &error), &error);
    return workspace;
}

static struct clips make_batch(const struct valence_model *model)
{
    return make_clips(valence_model_get_config(model), N_CLIPS, lengths);
}

/* ---- The caller's mistakes ---- */

static void refuse(struct valence_workspace *workspace, const struct valence_batch *batch,
                   int expected, const char *text)
{
    float scores[N_CLIPS] = {7, 7, 7};
    int status = valence_score(workspace, batch, 0, scores, NULL, &error);
    if (status != expected || !strstr(error.text, text))
        fail_msg("gave %d, \"%s\" for \"%s\"", status, status ? error.text : "", text);
    assert_true(scores[0] == 7 && scores[2] == 7);
}

static void test_a_batch_that_cannot_be_read_is_refused(void **state)
{
    (void)state;
    struct valence_model *model = make_model(1, 2, 0);
    struct valence_workspace *workspace = make_workspace(model);
    struct clips clips = make_batch(model);
    struct valence_batch *batch = &clips.batch;
    int64_t *offsets = clips.offsets[VALENCE_STREAM_AUDIO];
    struct valence_rows *audio = &batch->streams[VALENCE_STREAM_AUDIO], whole = *audio;
    refuse(workspace, NULL, VALENCE_ERROR_ARGUMENT, "1 to");
    static const int64_t counts[] = {0, -1, INT64_MIN, INT64_MAX};
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        batch->n_clips = counts[i];
        refuse(workspace, batch, VALENCE_ERROR_ARGUMENT, "a batch has 1 to");
    }
    batch->n_clips = N_CLIPS;
    static const struct {
        int at;
        int64_t value;
        const char *text;
    } faults[] = {{0, -1, "offsets begin with -1"},
                  {0, 1, "offsets begin with 1"},
                  {1, -4, "offset 1 is -4 after 0"},
                  {2, 2, "offset 2 is 2 after 3"},
                  {3, 1, "offset 3 is 1"},
                  {3, INT64_MAX, "offset 3"},
                  {1, INT64_MIN, "offset 1 is -922"},
                  {2, (int64_t)1 << 40, "offset 2"}};
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
        int64_t before = offsets[faults[i].at];
        offsets[faults[i].at] = faults[i].value;
        refuse(workspace, batch, VALENCE_ERROR_ARGUMENT, faults[i].text);
        offsets[faults[i].at] = before;
    }
    audio->offsets = NULL;
    refuse(workspace, batch, VALENCE_ERROR_ARGUMENT, "no offsets");
    *audio = whole;
    audio->data = NULL;
    refuse(workspace, batch, VALENCE_ERROR_ARGUMENT, "no data");
    *audio = whole;
    audio->type = (enum valence_dtype)9;
    refuse(workspace, batch, VALENCE_ERROR_ARGUMENT, "element type 9");
    *audio = whole;
    audio->width = -5;
    refuse(workspace, batch, VALENCE_ERROR_SHAPE, "width -5");
    *audio = whole;
    clips.rows[VALENCE_STREAM_AUDIO][3] = INFINITY;
    refuse(workspace, batch, VALENCE_ERROR_DATA, "infinite");
    clips.rows[VALENCE_STREAM_AUDIO][3] = NAN;
    refuse(workspace, batch, VALENCE_ERROR_DATA, "nan");
    valence_workspace_free(workspace);
    valence_model_free(model);
}

/* The batch's clips at addresses of their own: copies, which lie the other way round. */
static void scatter(struct valence_batch *batch, const void *clips[N_STREAMS][N_CLIPS])
{
    for (int s = 0; s < N_STREAMS; s++) {
        struct valence_rows *rows = &batch->streams[s];
        for (int i = N_CLIPS - 1; i >= 0; i--) {
            int64_t n = (rows->offsets[i + 1] - rows->offsets[i]) * rows->width;
            const float *from = (const float *)rows->data + rows->offsets[i] * rows->width;
            clips[s][i] = n ? memcpy(keep(n, sizeof *from), from, (size_t)n * sizeof *from) : NULL;
        }
        rows->data = NULL;
        rows->clips = clips[s];
    }
}

static void test_rows_at_addresses_of_their_own_give_the_same_bytes(void **state)
{
    (void)state;
    struct valence_model *model = make_model(1, 2, 0);
    struct valence_workspace *workspace = make_workspace(model);
    struct clips clips = make_batch(model);
    struct valence_batch apart = clips.batch;
    const void *addresses[N_STREAMS][N_CLIPS];
    const struct valence_attention *attention;
    struct valence_details details;
    float scores[2][N_CLIPS], distances[N_CLIPS], rows[16];
    scatter(&apart, addresses);
    for (unsigned missing = 0; missing < VALENCE_ALL_MODALITIES; missing++) {
        must(valence_score(workspace, &clips.batch, missing, scores[0], &details, &error), &error);
        memcpy(distances, details.distances, sizeof distances);
        must(valence_score(workspace, &apart, missing, scores[1], &details, &error), &error);
        assert_memory_equal(scores[1], scores[0], sizeof scores[0]);
        assert_memory_equal(details.distances, distances, sizeof distances);
    }
    must(valence_attend(workspace, &clips.batch, 0, &attention, &error), &error);
    int64_t n = attention->modalities[VALENCE_AUDIO].n_rows;
    assert_true(n > 1 && n <= 16);
    memcpy(rows, attention->modalities[VALENCE_AUDIO].rows, (size_t)n * sizeof(float));
    must(valence_attend(workspace, &apart, 0, &attention, &error), &error);
    assert_memory_equal(attention->modalities[VALENCE_AUDIO].rows, rows, (size_t)n * sizeof(float));
    ((float *)(uintptr_t)addresses[VALENCE_STREAM_AUDIO][2])[5] = NAN;
    refuse(workspace, &apart, VALENCE_ERROR_DATA, "clip 2 of the batch: stream 'audio', row 1");
    addresses[VALENCE_STREAM_AUDIO][2] = NULL;
    refuse(workspace, &apart, VALENCE_ERROR_ARGUMENT, "clip 2 of the batch: stream 'audio' has 2");
    valence_workspace_free(workspace);
    valence_model_free(model);
}

static void test_null_and_unknown_flows_are_refused(void **state)
{
    (void)state;
    struct valence_model *model = make_model(1, 2, 0);
    struct valence_workspace *workspace = make_workspace(model), *none;
    struct clips clips = make_batch(model);
    float scores[N_CLIPS], *places[2] = {scores, NULL};
    static const unsigned flows[2] = {0, 2}, all[1] = {VALENCE_ALL_MODALITIES};
    assert_int_equal(valence_score(NULL, &clips.batch, 0, scores, NULL, &error),
                     VALENCE_ERROR_ARGUMENT);
    assert_int_equal(valence_score(workspace, &clips.batch, 0, NULL, NULL, NULL),
                     VALENCE_ERROR_ARGUMENT);
    assert_int_equal(valence_score_flows(workspace, &clips.batch, flows, 2, places, NULL, &error),
                     VALENCE_ERROR_ARGUMENT);
    static const int counts[] = {0, -1, VALENCE_MAX_FLOWS + 1};
    for (int i = 0; i < 3; i++)
        assert_int_equal(
            valence_score_flows(workspace, &clips.batch, flows, counts[i], places, NULL, &error),
            VALENCE_ERROR_ARGUMENT);
    assert_int_equal(valence_score_flows(workspace, &clips.batch, all, 1, places, NULL, &error),
                     VALENCE_ERROR_ARGUMENT);
    assert_int_equal(valence_workspace_create(NULL, &none, &error), VALENCE_ERROR_ARGUMENT);
    assert_null(none);
    assert_int_equal(valence_model_load(NULL, &model, &error), VALENCE_ERROR_ARGUMENT);
    assert_null(model);
    valence_model_free((struct valence_model *)(uintptr_t)valence_workspace_model(workspace));
    valence_workspace_free(workspace);
    valence_workspace_free(NULL);
}

/* Keys and labels are for training alone. */
static void test_scores_need_neither_keys_nor_labels(void **state)
{
    (void)state;
    struct valence_model *model = make_model(1, 2, 0);
    struct valence_workspace *workspace = make_workspace(model);
    struct clips clips = make_batch(model);
    float with[N_CLIPS], without[N_CLIPS];
    must(valence_score(workspace, &clips.batch, 0, with, NULL, &error), &error);
    clips.batch.keys = NULL;
    clips.batch.labels = NULL;
    must(valence_score(workspace, &clips.batch, 0, without, NULL, &error), &error);
    assert_memory_equal(with, without, sizeof with);
    valence_workspace_free(workspace);
    valence_model_free(model);
}

static void test_a_workspace_keeps_its_model_alive(void **state)
{
    (void)state;
    struct valence_model *model = make_model(1, 2, 0);
    struct valence_workspace *workspace = make_workspace(model);
    struct clips clips = make_batch(model);
    float before[N_CLIPS], after[N_CLIPS];
    must(valence_score(workspace, &clips.batch, 0, before, NULL, &error), &error);
    valence_model_free(model);
    must(valence_score(workspace, &clips.batch, 0, after, NULL, &error), &error);
    assert_memory_equal(before, after, sizeof before);
    assert_int_equal(valence_model_get_config(valence_workspace_model(workspace))->d, 2);
    valence_workspace_free(workspace);
}

/* ---- Far outside ---- */

static void test_what_lies_outside_the_training_range_is_clipped_and_measured(void **state)
{
    (void)state;
    struct valence_model *model = make_model(1, 2, 3);
    struct valence_workspace *workspace = make_workspace(model);
    struct clips clips = make_batch(model);
    float *row = clips.rows[VALENCE_STREAM_AUDIO], at_bound[N_CLIPS], scores[N_CLIPS];
    struct valence_details details;
    assert_true(valence_model_distance_limit(model, 0) == 6); /* twice 3 */
    assert_true(valence_model_distance_limit(model, 1) == 4); /* audio is not read */
    assert_true(isinf(valence_model_distance_limit(model, 7)));
    for (int s = 0; s < N_STREAMS; s++)
        for (int64_t i = 0;
             i < clips.offsets[s][N_CLIPS] * case_width(valence_model_get_config(model), s); i++)
            clips.rows[s][i] = fmaxf(-2, fminf(2, clips.rows[s][i]));
    row[1] = 2;
    must(valence_score(workspace, &clips.batch, 0, at_bound, &details, &error), &error);
    for (int i = 0; i < N_CLIPS; i++)
        assert_true(details.distances[i] == 0 && !details.outside[i]);
    static const struct {
        float value, distance;
        bool outside;
    } cases[] = {
        {3, 1, false}, {8, 6, false}, {8.5f, 6.5f, true}, {164, 162, true}, {1e30f, 1e30f, true}};
    for (size_t c = 0; c < sizeof cases / sizeof cases[0]; c++) {
        row[1] = cases[c].value;
        must(valence_score(workspace, &clips.batch, 0, scores, &details, &error), &error);
        assert_memory_equal(scores, at_bound, sizeof scores);
        assert_true(details.distances[0] == cases[c].distance);
        assert_int_equal(details.outside[0], cases[c].outside);
        assert_true(details.distances[1] == 0 && !details.outside[1]);
        must(valence_score(workspace, &clips.batch, 1, scores, &details, &error), &error);
        assert_true(details.distances[0] == 0); /* this flow does not read audio */
    }
    row[1] = -5;
    must(valence_score(workspace, &clips.batch, 0, scores, &details, &error), &error);
    assert_true(details.distances[0] == 3);
    valence_workspace_free(workspace);
    valence_model_free(model);
}

/* Without a range, as in older and published checkpoints, only the clip itself suffers. */
static void test_a_clip_that_overflows_leaves_the_others_their_scores(void **state)
{
    (void)state;
    struct checkpoint checkpoint = make_checkpoint(1, 2, 0);
    struct column_ranges columns = {.mean = (float[8]){0}, .deviation = (float[8]){1, 1, 1, 1, 1}};
    for (int s = 0; s < N_STREAMS; s++) {
        columns.n = case_width(&checkpoint.config, s);
        must(checkpoint_set_standardisation(&checkpoint, (enum valence_stream)s, &columns, &error),
             &error);
    }
    struct valence_model *model;
    must(checkpoint_to_model(&checkpoint, &model, &error), &error);
    struct valence_workspace *workspace = make_workspace(model);
    struct clips clips = make_batch(model);
    float before[N_CLIPS], scores[N_CLIPS];
    must(valence_score(workspace, &clips.batch, 0, before, NULL, &error), &error);
    for (int64_t i = 3 * 4; i < 4 * 4; i++) /* the second clip's one row of audio */
        clips.rows[VALENCE_STREAM_AUDIO][i] = i % 2 ? 3e38f : -3e38f;
    must(valence_score(workspace, &clips.batch, 0, scores, NULL, &error), &error);
    assert_true(scores[0] == before[0] && scores[2] == before[2]);
    assert_true(isnan(scores[1]));
    valence_workspace_free(workspace);
    valence_model_free(model);
}

static void test_a_deviation_below_the_smallest_float_is_that_of_a_constant(void **state)
{
    (void)state;
    struct checkpoint checkpoint = make_checkpoint(1, 2, 0);
    float mean[4] = {0}, deviation[4] = {1e-39f, 1e-45f, 1.2e-38f, 1};
    struct column_ranges columns = {4, mean, deviation, mean, mean};
    must(checkpoint_set_standardisation(&checkpoint, VALENCE_STREAM_AUDIO, &columns, &error),
         &error);
    const float *scale = checkpoint.standardisation.scale[VALENCE_STREAM_AUDIO];
    assert_true(scale[0] == 0 && scale[1] == 0 && isfinite(scale[2]) && scale[3] == 1);
    checkpoint_free(&checkpoint);
}

/* ---- Groups ---- */

static void test_a_group_scores_the_mean_of_its_members(void **state)
{
    (void)state;
    struct valence_model *members[3], *group;
    float scores[3][N_CLIPS], mean[N_CLIPS], weights[N_CLIPS * 3] = {0};
    struct valence_details details;
    for (int i = 0; i < 3; i++)
        members[i] = make_model((uint64_t)i + 1, 2 + 2 * i, (float)i);
    struct clips clips = make_batch(members[0]);
    for (int i = 0; i < 3; i++) {
        struct valence_workspace *workspace = make_workspace(members[i]);
        must(valence_score(workspace, &clips.batch, 2, scores[i], &details, &error), &error);
        for (int j = 0; j < N_CLIPS * 3; j++)
            weights[j] += details.modality_weights[j] / 3;
        valence_workspace_free(workspace);
    }
    must(valence_model_group(members, 3, &group, &error), &error);
    assert_int_equal(valence_model_n_members(group), 3);
    assert_int_equal(valence_model_n_members(members[0]), 1);
    for (int i = 0; i < 3; i++)
        valence_model_free(members[i]);
    struct valence_workspace *workspace = make_workspace(group);
    must(valence_score(workspace, &clips.batch, 2, mean, &details, &error), &error);
    for (int i = 0; i < N_CLIPS; i++) {
        float wanted = (scores[0][i] + scores[1][i] + scores[2][i]) / 3;
        assert_true(fabsf(mean[i] - wanted) < 1e-5f * (1 + fabsf(wanted)));
    }
    for (int j = 0; j < N_CLIPS * 3; j++)
        assert_true(fabsf(details.modality_weights[j] - weights[j]) <
                    1e-5f * (1 + fabsf(weights[j])));
    assert_non_null(valence_model_reliability(group, 2)); /* the same validation clips */
    assert_true(valence_model_distance_limit(group, 0) == 4);
    double low, high;
    assert_true(valence_model_label_range(group, &low, &high) && low == -3 && high == 3);
    valence_model_free(group);
    valence_workspace_free(workspace);
}

static void test_members_that_do_not_fit_together_are_named(void **state)
{
    (void)state;
    struct valence_model *one = make_model(1, 2, 0), *group, *outer;
    struct checkpoint other = make_checkpoint(2, 2, 0), shorter = make_checkpoint(3, 2, 0);
    struct valence_model *members[2] = {one, NULL};
    strcpy(other.stream_names[VALENCE_STREAM_AUDIO], "covarep");
    must(checkpoint_to_model(&other, &members[1], &error), &error);
    assert_int_equal(valence_model_group(members, 2, &group, &error), VALENCE_ERROR_ARGUMENT);
    assert_non_null(strstr(error.text, "member 2"));
    assert_null(group);
    valence_model_free(members[1]);
    shorter.calibration.labels[3] = 1.25f; /* other validation clips: a group without intervals */
    must(checkpoint_to_model(&shorter, &members[1], &error), &error);
    must(valence_model_group(members, 2, &group, &error), &error);
    assert_null(valence_model_reliability(group, 0));
    assert_int_equal(valence_model_group(&group, 1, &outer, &error), VALENCE_ERROR_ARGUMENT);
    assert_int_equal(valence_model_group(members, 0, &outer, &error), VALENCE_ERROR_ARGUMENT);
    assert_null(outer);
    valence_model_free(members[1]);
    valence_model_free(one);
    valence_model_free(group);
}

/* ---- Threads ---- */

#define N_THREADS 8
#define N_ROUNDS  20

struct scorer {
    const struct valence_model *model;
    const struct valence_batch *batch;
    int number;
    int status;
    float scores[N_ALL_FLOWS][N_CLIPS];
};

static void *score_often(void *argument)
{
    struct scorer *scorer = argument;
    struct valence_workspace *workspace;
    scorer->status = valence_workspace_create(scorer->model, &workspace, NULL);
    for (int round = 0; round < N_ROUNDS && !scorer->status; round++) {
        int flow = (scorer->number + round) % N_ALL_FLOWS;
        scorer->status = valence_score(workspace, scorer->batch, ALL_FLOWS[flow],
                                       scorer->scores[flow], NULL, NULL);
    }
    valence_workspace_free(workspace);
    return NULL;
}

static void test_eight_threads_score_with_one_model(void **state)
{
    (void)state;
    struct valence_model *model = make_model(1, 8, 0);
    struct clips clips = make_batch(model);
    struct scorer scorers[N_THREADS], alone = {.model = model, .batch = &clips.batch};
    pthread_t threads[N_THREADS];
    score_often(&alone);
    for (int i = 0; i < N_THREADS; i++) {
        scorers[i] = (struct scorer){.model = model, .batch = &clips.batch, .number = i};
        assert_int_equal(pthread_create(&threads[i], NULL, score_often, &scorers[i]), 0);
    }
    for (int i = 0; i < N_THREADS; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(scorers[i].status, VALENCE_OK);
        assert_memory_equal(scorers[i].scores, alone.scores, sizeof alone.scores);
    }
    valence_model_free(model);
}

/* ---- Sources ---- */

static void test_a_model_comes_from_a_path_memory_or_a_descriptor(void **state)
{
    (void)state;
    char path[] = "/tmp/valence-score-XXXXXX";
    int descriptor = mkstemp(path);
    assert_true(descriptor >= 0);
    struct checkpoint checkpoint = make_checkpoint(4, 2, 0);
    checkpoint.provenance =
        json_pack("{s:s, s:s, s:{s:i}, s:s, s:{s:s, s:{s:{s:s}}}}", "valence", "0.2.0", "store",
                  "corpus", "config", "epochs", 3, "data", "abc", "source", "kind", "csd",
                  "encoders", "text", "layers", "-1");
    must(checkpoint_save(path, FILE_OVERWRITE, &checkpoint, &error), &error);
    checkpoint_free(&checkpoint);
    struct file_map map;
    must(file_map_open(&map, path, &error), &error);
    int pipe_ends[2];
    assert_int_equal(pipe(pipe_ends), 0);
    assert_true(map.size < 60000 && write(pipe_ends[1], map.data, map.size) == (ssize_t)map.size);
    close(pipe_ends[1]);
    close(descriptor);
    struct valence_model *models[3];
    must(valence_model_load(path, &models[0], &error), &error);
    must(valence_model_load_memory(map.data, map.size, NULL, &models[1], &error), &error);
    must(valence_model_load_descriptor(pipe_ends[0], "a pipe", &models[2], &error), &error);
    file_map_close(&map);
    for (int i = 0; i < 3; i++) {
        const struct valence_model_provenance *from = valence_model_get_provenance(models[i]);
        assert_string_equal(from->version, "0.2.0");
        assert_string_equal(from->store, "corpus");
        assert_string_equal(from->configuration, "{\"epochs\":3}");
        assert_string_equal(from->data, "abc");
        assert_string_equal(from->converted_from, "");
        assert_string_equal(valence_model_encoder(models[i], VALENCE_STREAM_TEXT),
                            "{\"layers\":\"-1\"}");
        assert_string_equal(valence_model_encoder(models[i], VALENCE_STREAM_AUDIO), "");
        assert_string_equal(valence_model_stream_name(models[i], (enum valence_stream)99), "");
        valence_model_free(models[i]);
    }
    assert_int_equal(valence_model_load_descriptor(pipe_ends[0], "a pipe", &models[0], &error),
                     VALENCE_ERROR_FORMAT); /* nothing is left in it */
    assert_non_null(strstr(error.text, "a pipe"));
    close(pipe_ends[0]);
    assert_int_equal(valence_model_load_descriptor(pipe_ends[0], NULL, &models[0], &error),
                     VALENCE_ERROR_IO);
    assert_null(models[0]);
    unlink(path);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_a_batch_that_cannot_be_read_is_refused, release_kept),
        cmocka_unit_test_teardown(test_rows_at_addresses_of_their_own_give_the_same_bytes,
                                  release_kept),
        cmocka_unit_test_teardown(test_null_and_unknown_flows_are_refused, release_kept),
        cmocka_unit_test_teardown(test_scores_need_neither_keys_nor_labels, release_kept),
        cmocka_unit_test_teardown(test_a_workspace_keeps_its_model_alive, release_kept),
        cmocka_unit_test_teardown(test_what_lies_outside_the_training_range_is_clipped_and_measured,
                                  release_kept),
        cmocka_unit_test_teardown(test_a_clip_that_overflows_leaves_the_others_their_scores,
                                  release_kept),
        cmocka_unit_test_teardown(test_a_deviation_below_the_smallest_float_is_that_of_a_constant,
                                  release_kept),
        cmocka_unit_test_teardown(test_a_group_scores_the_mean_of_its_members, release_kept),
        cmocka_unit_test_teardown(test_members_that_do_not_fit_together_are_named, release_kept),
        cmocka_unit_test_teardown(test_eight_threads_score_with_one_model, release_kept),
        cmocka_unit_test_teardown(test_a_model_comes_from_a_path_memory_or_a_descriptor,
                                  release_kept),
    };
    return cmocka_run_group_tests_name("score", tests, NULL, NULL);
}
