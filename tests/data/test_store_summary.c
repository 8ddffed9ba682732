/* What `valence inspect` and `valence doctor` count of a data set. */
#include "store_fixture.h"

#include "data/data_summary.h"

static const struct valence_store_stream streams[] = {{"audio", 2, VALENCE_F32},
                                                      {"text", 1, VALENCE_F16}};

static void add(struct valence_store_writer *writer, const char *id, const char *group,
                enum valence_split split, float label, int64_t audio_rows, const float *audio,
                int64_t text_rows, const float *text)
{
    struct valence_clip clip = {
        .id = id, .group = group, .transcript = "", .split = split, .label = label};
    struct valence_clip_rows data[] = {{0, audio_rows, audio}, {1, text_rows, text}};
    assert_fine(valence_store_writer_add(writer, &clip, data, 2, &error));
}

static struct valence_store_writer *make_store(void)
{
    struct valence_store_writer *writer;
    assert_fine(valence_store_writer_open(in_folder("store"), streams, 2, NULL, &writer, &error));
    return writer;
}

static struct valence_store *store;

/* Of the store, which stays open: the summary uses its texts. */
static struct valence_data_summary *summarise(struct valence_store_writer *writer, bool values)
{
    struct valence_data_summary *summary;
    assert_fine(valence_store_writer_finish(writer, &error));
    assert_fine(valence_store_writer_close(writer, &error));
    assert_fine(valence_store_open(in_folder("store"), NULL, &store, &error));
    assert_fine(valence_store_summarise(store, values, NULL, &summary, &error));
    return summary;
}

static void test_counts_are_those_of_the_clips(void **state)
{
    (void)state;
    static const float rows[64];
    struct valence_store_writer *writer = make_store();
    add(writer, "a", "v1", VALENCE_TRAIN, 1.0f, 4, rows, 1, rows);
    add(writer, "b", "v1", VALENCE_TRAIN, -3.5f, 8, rows, 0, rows);
    add(writer, "c", "v1", VALENCE_TEST, 0.5f, 1, rows, 2, rows); /* in two splits */
    add(writer, "d", "v2", VALENCE_TEST, NAN, 2, rows, 3, rows);
    struct valence_data_summary *summary = summarise(writer, false);

    assert_int_equal(summary->n_streams, 2);
    assert_int_equal(summary->streams[0].n_clips, 4);
    assert_int_equal(summary->streams[0].n_rows, 15);
    assert_int_equal(summary->streams[0].shortest, 1);
    assert_int_equal(summary->streams[0].median, 2);
    assert_int_equal(summary->streams[0].longest, 8);
    assert_int_equal(summary->streams[0].absent.n, 0);
    assert_int_equal(summary->streams[1].n_clips, 3);
    assert_int_equal(summary->streams[1].shortest, 1);
    assert_int_equal(summary->streams[1].absent.n, 1);
    assert_string_equal(valence_data_summary_id(summary, summary->streams[1].absent.clips[0]), "b");
    const struct valence_split_summary *train = &summary->splits[VALENCE_TRAIN];
    assert_int_equal(train->n_clips, 2);
    assert_int_equal(train->n_groups, 1);
    assert_int_equal(train->label_bins[0], 1); /* -3.5 counts as -3 */
    assert_int_equal(train->label_bins[4], 1);
    assert_float_equal(train->label_mean, -1.25, 1e-9);
    assert_float_equal(train->label_deviation, 2.25, 1e-9);
    assert_true(train->label_low == -3.5 && train->label_high == 1);
    const struct valence_split_summary *test = &summary->splits[VALENCE_TEST];
    assert_int_equal(test->n_unlabelled, 1);
    assert_int_equal(test->n_groups, 2);
    assert_int_equal(test->label_bins[3], 1); /* 0.5 rounds to the even 0 */
    assert_true(isnan(summary->splits[VALENCE_VALIDATION].label_mean));
    assert_int_equal(summary->n_shared_groups, 1);
    assert_false(summary->has_values);
    valence_data_summary_free(summary);
    valence_store_close(store);
}

static void test_values_are_counted_by_column(void **state)
{
    (void)state;
    struct valence_store_writer *writer = make_store();
    add(writer, "a", "", VALENCE_TRAIN, 0, 2, (float[]){7, 1, 7, -2}, 1, (float[]){65504});
    add(writer, "b", "", VALENCE_TRAIN, 0, 1, (float[]){7, 65504}, 1, (float[]){-65504});
    struct valence_data_summary *summary = summarise(writer, true);
    const struct valence_stream_summary *audio = &summary->streams[0], *text = &summary->streams[1];
    assert_true(audio->low == -2 && audio->high == 65504);
    assert_int_equal(audio->n_constant, 1);
    assert_int_equal(audio->constant[0], 0);
    assert_int_equal(audio->n_saturated, 0); /* f32 can hold more */
    assert_int_equal(text->n_saturated, 2);
    assert_int_equal(text->n_constant, 0);
    assert_int_equal(audio->n_nan + audio->n_infinite + text->n_nan + text->n_infinite, 0);
    valence_data_summary_free(summary);
    valence_store_close(store);
}

static void test_equal_rows_are_duplicates_and_leaks(void **state)
{
    (void)state;
    struct valence_store_writer *writer = make_store();
    const float one[] = {1, 2, 3, 4}, two[] = {1, 2, 3, 5};
    add(writer, "a", "", VALENCE_TRAIN, 0, 2, one, 0, NULL);
    add(writer, "other", "", VALENCE_TRAIN, 0, 2, two, 0, NULL);
    add(writer, "shorter", "", VALENCE_TRAIN, 0, 1, one, 0, NULL);
    add(writer, "more", "", VALENCE_TRAIN, 0, 2, one, 1, one);
    add(writer, "again", "", VALENCE_TRAIN, 1, 2, one, 0, NULL);
    add(writer, "seen", "", VALENCE_TEST, 0, 2, one, 0, NULL);
    add(writer, "nothing", "", VALENCE_TEST, 0, 0, NULL, 0, NULL);
    add(writer, "nothing too", "", VALENCE_TEST, 0, 0, NULL, 0, NULL);
    struct valence_data_summary *summary = summarise(writer, true);
    assert_int_equal(summary->splits[VALENCE_TRAIN].n_duplicates, 1);
    assert_int_equal(summary->splits[VALENCE_TEST].n_duplicates, 0); /* without rows none is */
    assert_string_equal(valence_data_summary_id(summary, summary->duplicates[0].second), "again");
    assert_int_equal(summary->n_leaked, 1);
    assert_string_equal(valence_data_summary_id(summary, summary->leaked[0].first), "a");
    assert_string_equal(valence_data_summary_id(summary, summary->leaked[0].second), "seen");
    valence_data_summary_free(summary);
    valence_store_close(store);
}

static void test_the_same_values_in_other_streams_are_no_duplicate(void **state)
{
    (void)state;
    struct valence_store_writer *writer = make_store();
    const float values[] = {1, 2, 3, 4};
    add(writer, "a", "", VALENCE_TRAIN, 0, 2, values, 0, NULL);
    add(writer, "b", "", VALENCE_TRAIN, 0, 1, values, 2, values + 2);
    struct valence_data_summary *summary = summarise(writer, true);
    assert_int_equal(summary->splits[VALENCE_TRAIN].n_duplicates, 0);
    valence_data_summary_free(summary);
    valence_store_close(store);
}

static void test_one_row_does_not_make_a_column_constant(void **state)
{
    (void)state;
    struct valence_store_writer *writer = make_store();
    add(writer, "a", "", VALENCE_TRAIN, 0, 1, (float[]){1, 2}, 0, NULL);
    struct valence_data_summary *summary = summarise(writer, true);
    assert_int_equal(summary->streams[0].n_constant, 0);
    assert_int_equal(summary->streams[1].n_constant, 0); /* no rows at all */
    valence_data_summary_free(summary);
    valence_store_close(store);
}

/* What a store refuses can be in a source that is only looked at. */
static void test_broken_values_are_counted_and_their_clips_named(void **state)
{
    (void)state;
    struct valence_data_summary summary;
    struct valence_clip clip = {.id = "a", .group = "", .transcript = "", .n_rows = {2, 0}};
    assert_fine(data_summary_begin(&summary, streams, 2, &error));
    assert_fine(data_summary_add(&summary, &clip, &error));
    clip.id = "b";
    assert_fine(data_summary_add(&summary, &clip, &error));
    data_summary_add_rows(&summary, 0, 0, (float[]){1, 2, 3, 4}, 2);
    data_summary_add_rows(&summary, 1, 0, (float[]){NAN, 5}, 1);
    data_summary_add_rows(&summary, 1, 0, (float[]){-INFINITY, NAN}, 1);
    assert_fine(data_summary_finish(&summary, &error));
    assert_int_equal(summary.streams[0].n_nan, 2);
    assert_int_equal(summary.streams[0].n_infinite, 1);
    assert_int_equal(summary.streams[0].broken.n, 1);
    assert_string_equal(valence_data_summary_id(&summary, summary.streams[0].broken.clips[0]), "b");
    data_summary_free(&summary);
}

/* ---- What spoils values ---- */

enum { N_CLIPS = 60 };

/* Sixty training clips of five rows of sound values, but for what `spoil` does to them. */
static struct valence_data_summary *make_values(void (*spoil)(int clip, float *rows))
{
    struct valence_store_writer *writer = make_store();
    for (int i = 0; i < N_CLIPS; i++) {
        char id[16];
        float rows[10], text[5];
        snprintf(id, sizeof id, "c%d", i);
        for (int j = 0; j < 10; j++)
            rows[j] = (float)sin(i * 10 + j);
        spoil(i, rows);
        for (int j = 0; j < 5; j++)
            text[j] = rows[2 * j]; /* column 0 of the f32 stream, as f16 */
        add(writer, id, "", i % 4 ? VALENCE_TRAIN : VALENCE_TEST, 0, 5, rows, 5, text);
    }
    return summarise(writer, true);
}

static void blank_some(int clip, float *rows)
{
    if (clip % 3 == 1)
        memset(rows, 0, 10 * sizeof *rows);
    if (clip % 3 == 2)
        memset(rows, 0, 8 * sizeof *rows); /* but not its last row */
}

static void test_clips_of_nothing_but_zeros_are_counted(void **state)
{
    (void)state;
    struct valence_data_summary *summary = make_values(blank_some);
    assert_int_equal(summary->streams[0].zero.n, N_CLIPS / 3);
    assert_string_equal(valence_data_summary_id(summary, summary->streams[0].zero.clips[1]), "c4");
    valence_data_summary_free(summary);
    valence_store_close(store);
}

static void shift_far(int clip, float *rows)
{
    (void)clip;
    for (int j = 0; j < 10; j += 2)
        rows[j] = 1500 + rows[j] / 3;
}

static void test_columns_that_f16_ruins_are_named(void **state)
{
    (void)state;
    struct valence_data_summary *summary = make_values(shift_far);
    assert_int_equal(summary->streams[0].n_coarse, 0); /* f32 */
    assert_int_equal(summary->streams[1].n_coarse, 1);
    assert_int_equal(summary->streams[1].coarse[0], 0);
    valence_data_summary_free(summary);
    valence_store_close(store);
}

static void throw_one(int clip, float *rows)
{
    if (clip == 8) /* of the test part */
        rows[5] = -200;
}

static void test_values_far_outside_are_named_with_their_clip(void **state)
{
    (void)state;
    struct valence_data_summary *summary = make_values(throw_one);
    const struct valence_stream_summary *audio = &summary->streams[0];
    assert_int_equal(audio->n_far, 1);
    assert_int_equal(audio->far[0].column, 1);
    assert_string_equal(valence_data_summary_id(summary, audio->far[0].clip), "c8");
    assert_true(audio->far[0].value == -200);
    assert_in_range((int)audio->far[0].deviations, 250, 320); /* of a sine: 200 / 0.71 */
    assert_int_equal(summary->streams[1].n_far, 0);
    valence_data_summary_free(summary);
    valence_store_close(store);
}

static void throw_one_of_training(int clip, float *rows)
{
    if (clip == 0)
        rows[5] = 1e30f;
}

/* The value widens the deviation that it is measured by. */
static void test_a_value_that_makes_the_variance_is_named(void **state)
{
    (void)state;
    struct valence_data_summary *summary = make_values(throw_one_of_training);
    const struct valence_stream_summary *audio = &summary->streams[0];
    assert_int_equal(audio->n_far, 1);
    assert_int_equal(audio->far[0].column, 1);
    assert_string_equal(valence_data_summary_id(summary, audio->far[0].clip), "c0");
    valence_data_summary_free(summary);
    valence_store_close(store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST_IN_FOLDER(test_counts_are_those_of_the_clips),
        TEST_IN_FOLDER(test_values_are_counted_by_column),
        TEST_IN_FOLDER(test_equal_rows_are_duplicates_and_leaks),
        TEST_IN_FOLDER(test_the_same_values_in_other_streams_are_no_duplicate),
        TEST_IN_FOLDER(test_one_row_does_not_make_a_column_constant),
        TEST_IN_FOLDER(test_clips_of_nothing_but_zeros_are_counted),
        TEST_IN_FOLDER(test_columns_that_f16_ruins_are_named),
        TEST_IN_FOLDER(test_values_far_outside_are_named_with_their_clip),
        TEST_IN_FOLDER(test_a_value_that_makes_the_variance_is_named),
        TEST_IN_FOLDER(test_broken_values_are_counted_and_their_clips_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
