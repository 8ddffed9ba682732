/* What `valence doctor` finds, each in a set that has just that. */
#include "store_fixture.h"

#include "data/data_summary.h"
#include "valence/doctor.h"

static const struct valence_store_stream streams[] = {
    {"audio", 2, VALENCE_F16}, {"text", 2, VALENCE_F16}, {"video", 2, VALENCE_F16}};
static struct valence_data_summary summary;
static struct valence_diagnosis *diagnosis;
static int n_added;

static int begin(void **state)
{
    (void)state;
    n_added = 0;
    return data_summary_begin(&summary, streams, 3, &error);
}

static int end(void **state)
{
    (void)state;
    data_summary_free(&summary);
    valence_diagnosis_free(diagnosis);
    diagnosis = NULL;
    return 0;
}

/* Adds a clip with one row a stream, unlike any other. */
static void add(enum valence_split split, const char *group, float label, unsigned present)
{
    char id[32];
    snprintf(id, sizeof id, "clip%d", n_added);
    struct valence_clip clip = {
        .id = id, .group = group, .transcript = "", .split = split, .label = label};
    for (int s = 0; s < 3; s++)
        clip.n_rows[s] = present >> s & 1;
    assert_fine(data_summary_add(&summary, &clip, &error));
    for (int s = 0; s < 3; s++) {
        float row[] = {(float)(n_added + 1), -(float)(n_added + 1)};
        if (present >> s & 1)
            data_summary_add_rows(&summary, n_added, s, row, 1);
    }
    n_added++;
}

/* A set with nothing to warn of: recordings of their own, labels around 0. */
static void add_sound_set(void)
{
    static const int n[] = {300, 120, 100};
    for (int split = 0; split < VALENCE_N_SPLITS; split++)
        for (int i = 0; i < n[split]; i++) {
            char group[32];
            snprintf(group, sizeof group, "%d-%d", split, i / 10);
            add((enum valence_split)split, group, (float)(i % 7 - 3), 7);
        }
}

static const struct valence_finding *find(const char *code)
{
    for (int i = 0; i < diagnosis->n_findings; i++)
        if (strcmp(diagnosis->findings[i].code, code) == 0)
            return &diagnosis->findings[i];
    return NULL;
}

static bool is_note(const char *code)
{
    return find(code)->severity == VALENCE_NOTE;
}

static void diagnose(const char *published)
{
    struct valence_doctor_options options;
    valence_doctor_options_default(&options);
    options.published = published;
    valence_diagnosis_free(diagnosis);
    assert_fine(valence_diagnose(&summary, &options, &diagnosis, &error));
}

/* The set's one warning is `name` and says `words`. */
static void assert_warns(const char *name, const char *words)
{
    assert_fine(data_summary_finish(&summary, &error));
    diagnose(NULL);
    const struct valence_finding *finding = find(name);
    if (!finding || finding->severity == VALENCE_NOTE || !strstr(finding->text, words))
        fail_msg("no warning '%s' that says '%s'", name, words);
    if (diagnosis->n_warnings != 1)
        fail_msg("%d warnings, the last '%s'", diagnosis->n_warnings,
                 diagnosis->findings[diagnosis->n_findings - 1].text);
    assert_non_null(finding->remedy);
}

static void test_a_sound_set_gets_no_warning(void **state)
{
    (void)state;
    add_sound_set();
    assert_fine(data_summary_finish(&summary, &error));
    diagnose(NULL);
    assert_int_equal(diagnosis->n_findings, 0);
    assert_null(diagnosis->published);
}

static void test_a_recording_in_two_splits_is_warned_of(void **state)
{
    (void)state;
    add_sound_set();
    add(VALENCE_TEST, "0-3", 0, 7);
    assert_warns("groups-across-splits", "'0-3': train and test");
}

static void test_a_clip_of_training_in_test_is_warned_of(void **state)
{
    (void)state;
    add_sound_set();
    n_added = 5; /* its rows */
    struct valence_clip clip = {
        .id = "copy", .group = "", .transcript = "", .split = VALENCE_TEST, .n_rows = {1, 1, 1}};
    assert_fine(data_summary_add(&summary, &clip, &error));
    for (int s = 0; s < 3; s++)
        data_summary_add_rows(&summary, summary.n_clips - 1, s, (float[]){6, -6}, 1);
    assert_warns("duplicates-across-splits", "'copy' as 'clip5'");
}

static void test_broken_values_are_warned_of(void **state)
{
    (void)state;
    add_sound_set();
    data_summary_add_rows(&summary, 3, 1, (float[]){NAN, INFINITY}, 1);
    assert_warns("broken-values", "stream 'text': 1 NaN and 1 infinite values in 1 clip ('clip3')");
}

static void test_saturated_values_are_warned_of(void **state)
{
    (void)state;
    add_sound_set();
    data_summary_add_rows(&summary, 3, 2, (float[]){65504, 1}, 1);
    assert_warns("saturated", "stream 'video': 1 value is");
}

static void test_absent_streams_are_warned_of(void **state)
{
    (void)state;
    add_sound_set();
    add(VALENCE_TRAIN, "0-0", 1, 5);
    assert_warns("absent", "stream 'text': 1 clip has");
}

static void test_clips_without_rows_are_warned_of(void **state)
{
    (void)state;
    add_sound_set();
    add(VALENCE_TEST, "2-0", 1, 0);
    assert_warns("empty-clips", "1 test clip has");
}

static void test_labels_beyond_the_range_are_warned_of(void **state)
{
    (void)state;
    add_sound_set();
    add(VALENCE_TRAIN, "0-0", -4.5f, 7);
    assert_warns("label-range", "from -4.5 to 3");
}

static void test_unlabelled_clips_are_warned_of(void **state)
{
    (void)state;
    add_sound_set();
    add(VALENCE_TRAIN, "0-0", NAN, 7);
    assert_warns("unlabelled", "1 of 521");
}

static void test_labels_nearly_alike_are_warned_of(void **state)
{
    (void)state;
    add_sound_set();
    for (int i = 0; i < 3000; i++)
        add(VALENCE_TRAIN, "0-0", 2, 7);
    assert_warns("unbalanced", "round to one value");
}

static void test_what_a_set_lacks_is_warned_of(void **state)
{
    (void)state;
    data_summary_free(&summary);
    assert_fine(data_summary_begin(&summary, streams, 1, &error));
    struct valence_clip clip = {
        .id = "a", .group = "", .transcript = "", .label = 1, .n_rows = {0}};
    assert_fine(data_summary_add(&summary, &clip, &error));
    assert_fine(data_summary_finish(&summary, &error));
    diagnose(NULL);
    static const char *const names[] = {"missing-stream", "empty-stream",    "no-validation",
                                        "no-test",        "constant-labels", "no-groups"};
    for (int i = 0; i < 6; i++)
        if (!find(names[i]))
            fail_msg("no finding '%s'", names[i]);
}

static void test_groups_of_one_are_warned_of(void **state)
{
    (void)state;
    for (int i = 0; i < 500; i++) {
        char group[16];
        snprintf(group, sizeof group, "clip%d", i);
        add(i % 3, group, (float)(i % 7 - 3), 7);
    }
    assert_warns("groups-of-one", "each of the 500 recordings has one clip");
    assert_string_equal(find("groups-of-one")->key, "group");
}

static void test_one_recording_of_all_clips_is_warned_of(void **state)
{
    (void)state;
    for (int i = 0; i < 20; i++)
        add(VALENCE_VALIDATION, "video", (float)(i % 7 - 3), 7);
    assert_fine(data_summary_finish(&summary, &error));
    diagnose(NULL);
    assert_non_null(find("one-group"));
    assert_non_null(find("no-training")); /* the whole group was drawn for validation */
}

static void test_a_validation_part_of_one_class_is_warned_of(void **state)
{
    (void)state;
    for (int i = 0; i < 400; i++) {
        char group[16];
        snprintf(group, sizeof group, "%d-%d", i % 2, i / 10);
        add(i % 2 ? VALENCE_TRAIN : VALENCE_VALIDATION, group,
            i % 2 ? (float)(i % 7 - 3) : (float)(1 + i % 3), 7);
    }
    for (int i = 0; i < 4; i++)
        add(VALENCE_TEST, "test", (float)(i - 2), 7);
    assert_warns("one-class", "the 200 validation labels are all positive");
}

static void test_a_finding_says_which_clips_and_columns_it_is_about(void **state)
{
    (void)state;
    add_sound_set();
    data_summary_add_rows(&summary, 7, 1, (float[]){NAN, INFINITY}, 1);
    assert_fine(data_summary_finish(&summary, &error));
    diagnose(NULL);
    const struct valence_finding *finding = find("broken-values");
    assert_string_equal(finding->stream, "text");
    assert_int_equal(finding->clips.n, 1);
    assert_int_equal(finding->clips.clips[0], 7);
    assert_string_equal(finding->key, "skip");
}

/* ---- Published splits ---- */

static void set_counts(int64_t train, int64_t validation, int64_t test)
{
    summary.splits[VALENCE_TRAIN].n_clips = train;
    summary.splits[VALENCE_VALIDATION].n_clips = validation;
    summary.splits[VALENCE_TEST].n_clips = test;
    diagnose(NULL);
}

static void test_published_counts_are_recognised(void **state)
{
    (void)state;
    for (int i = 0; i < valence_n_published_splits(); i++) {
        const int64_t *n = valence_published_split_at(i)->n_clips;
        set_counts(n[0], n[1], n[2]);
        assert_ptr_equal(diagnosis->published, valence_published_split_at(i));
        assert_true(is_note("published-split"));
    }
    set_counts(1285, 228, 686); /* another draw of the validation part */
    assert_true(is_note("published-split"));
    assert_non_null(strstr(find("published-split")->text, "228 of 229"));
}

static void test_counts_near_published_ones_are_warned_of(void **state)
{
    (void)state;
    set_counts(1284, 229, 685);
    assert_false(is_note("published-split"));
    assert_non_null(strstr(find("published-split")->text, "1284/229/685"));
    assert_non_null(strstr(find("published-split")->text, "1284/229/686 of CMU-MOSI"));
    set_counts(700, 100, 100);
    assert_null(find("published-split"));
    diagnose("meld");
    assert_non_null(strstr(find("published-split")->text, "MELD"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_a_sound_set_gets_no_warning),
        TEST(test_a_recording_in_two_splits_is_warned_of),
        TEST(test_a_clip_of_training_in_test_is_warned_of),
        TEST(test_broken_values_are_warned_of),
        TEST(test_saturated_values_are_warned_of),
        TEST(test_absent_streams_are_warned_of),
        TEST(test_clips_without_rows_are_warned_of),
        TEST(test_labels_beyond_the_range_are_warned_of),
        TEST(test_unlabelled_clips_are_warned_of),
        TEST(test_labels_nearly_alike_are_warned_of),
        TEST(test_what_a_set_lacks_is_warned_of),
        TEST(test_groups_of_one_are_warned_of),
        TEST(test_one_recording_of_all_clips_is_warned_of),
        TEST(test_a_validation_part_of_one_class_is_warned_of),
        TEST(test_a_finding_says_which_clips_and_columns_it_is_about),
        TEST(test_published_counts_are_recognised),
        TEST(test_counts_near_published_ones_are_warned_of),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
