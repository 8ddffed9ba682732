/* Computational sequences aligned to their labels, written by make_csd_fixtures.py, and such as
 * people report trouble with, by make_fault_fixtures.py. */
#include "import_fixture.h"

#include "base/file.h"
#include "format/csv.h"

#define FIXTURE(name) VALENCE_TEST_DATA "/exchange/fixtures/csd/" name
#define FAULT(name)   VALENCE_TEST_DATA "/exchange/fixtures/faults/" name

static int import_csd(void)
{
    options.type = VALENCE_F32;
    options.streams[VALENCE_STREAM_AUDIO].source = FIXTURE("audio.csd");
    options.streams[VALENCE_STREAM_TEXT].source = FIXTURE("words.csd");
    return valence_import(VALENCE_IMPORT_CSD, FIXTURE("labels.csd"), in_folder("store"), &options,
                          NULL, &result, &error);
}

/* The script's first column is the number of the row, plus `step` a video. */
static void check_rows(const struct valence_store *store, const char *id, const char *stream,
                       int64_t width, double first, const char *rows)
{
    int64_t n_rows, n = 0;
    float *values = rows_of(store, id, stream, &n_rows);
    char *copy = strdup(rows), *rest = copy;
    assert_non_null(copy);
    for (char *row; (row = strsep(&rest, " "));)
        if (row[0]) {
            assert_true(n < n_rows);
            assert_true((double)values[width * n++] == first + atof(row));
        }
    assert_int_equal(n, n_rows);
    free(copy);
    free(values);
}

static void test_segments_have_the_rows_that_the_sdks_rule_gives(void **state)
{
    (void)state;
    struct csv_reader *reader;
    bool more;
    options.skip = VALENCE_BIT(VALENCE_SKIP_MISSING) | VALENCE_BIT(VALENCE_SKIP_EMPTY);
    assert_fine(import_csd());
    assert_int_equal(result.skipped[VALENCE_SKIP_MISSING].n, 2);
    assert_string_equal(result.skipped[VALENCE_SKIP_MISSING].examples[0], "vidC[0]");
    assert_int_equal(result.skipped[VALENCE_SKIP_EMPTY].n, 1);
    assert_string_equal(result.skipped[VALENCE_SKIP_EMPTY].examples[0], "vidB[1]");
    assert_int_equal(result.unlisted.n, 1);
    assert_string_equal(result.unlisted.examples[0], "vidX");
    struct valence_store *store = open_store();
    assert_int_equal(valence_store_n_clips(store), 9);
    assert_fine(csv_open(FIXTURE("aligned.csv"), ',', &reader, &error));
    int64_t clip = 0;
    while (csv_next(reader, &more, &error) == VALENCE_OK && more) {
        const char *id = csv_field(reader, 0), *group = csv_field(reader, 1);
        int video = group[3] - 'A';
        if (strcmp(id, "vidB[1]") == 0)
            continue;
        const struct valence_clip *record = valence_store_clip(store, clip++);
        assert_string_equal(record->id, id);
        assert_string_equal(record->group, group);
        assert_true(record->label == (float)atof(csv_field(reader, 2)));
        check_rows(store, id, "audio", 3, 1000 * video, csv_field(reader, 3));
        check_rows(store, id, "text", 1, 100 * video, csv_field(reader, 4));
    }
    assert_int_equal(clip, 9);
    csv_close(reader);
    valence_store_close(store);
}

static void test_videos_without_a_stream_stop_the_import_unless_skipped(void **state)
{
    (void)state;
    options.skip = VALENCE_BIT(VALENCE_SKIP_EMPTY);
    assert_fails(import_csd(), VALENCE_ERROR_NOT_FOUND, "no video 'vidC'");
}

static void test_splits_are_of_clips_or_of_their_videos(void **state)
{
    (void)state;
    options.splits = FIXTURE("splits.csv");
    options.skip = ~0u;
    assert_fine(import_csd());
    struct valence_store *store = open_store();
    int n[VALENCE_N_SPLITS] = {0};
    for (int64_t i = 0; i < valence_store_n_clips(store); i++)
        n[valence_store_clip(store, i)->split]++;
    assert_int_equal(n[VALENCE_TRAIN], 4);
    assert_int_equal(n[VALENCE_VALIDATION], 2);
    assert_int_equal(n[VALENCE_TEST], 3);
    assert_int_equal(valence_store_clip(store, valence_store_find_clip(store, "vidA[3]"))->split,
                     VALENCE_TEST);
    valence_store_close(store);
}

static void test_the_labels_column_is_a_number(void **state)
{
    (void)state;
    options.skip = ~0u;
    options.label = "sentiment";
    assert_fails(import_csd(), VALENCE_ERROR_ARGUMENT, "number from 0");
    options.label = "2";
    assert_fails(import_csd(), VALENCE_ERROR_SHAPE, "label 2 does not exist");
    options.label = "1";
    assert_fine(import_csd());
    struct valence_store *store = open_store();
    assert_true(valence_store_clip(store, 3)->label == 3);
    valence_store_close(store);
}

static void test_the_published_labels_of_mosi_are_imported(void **state)
{
    (void)state;
    char path[1024];
    const char *shared = getenv("VALENCE_SHARED");
    snprintf(path, sizeof path, "%s/data/labels/CMU_MOSI_Opinion_Labels.csd",
             shared ? shared : VALENCE_TEST_DATA "/../../shared");
    if (!path_exists(path))
        skip();
    options.labels_only = true;
    assert_fine(valence_import(VALENCE_IMPORT_CSD, path, in_folder("store"), &options, NULL,
                               &result, &error));
    assert_int_equal(result.n_taken, 2199);
    struct valence_store *store = open_store();
    int64_t clip = valence_store_find_clip(store, "03bSnISJMiM[0]");
    assert_true(clip >= 0 && valence_store_clip(store, clip)->label == 2.4f);
    valence_store_close(store);
}

/* ---- Computational sequences after an alignment ---- */

static int import_faults(const char *audio)
{
    options.type = VALENCE_F32;
    options.streams[VALENCE_STREAM_AUDIO].source = audio;
    return valence_import(VALENCE_IMPORT_CSD, FAULT("labels.csd"), in_folder("store"), &options,
                          NULL, &result, &error);
}

static void test_deployed_segments_are_clips_of_their_videos(void **state)
{
    (void)state;
    assert_fine(import_faults(FAULT("audio.csd")));
    assert_int_equal(result.n_taken, 15);
    assert_int_equal(result.unlisted.n, 1);
    assert_string_equal(result.unlisted.examples[0], "other");
    struct valence_store *store = open_store();
    const struct valence_clip *clip =
        valence_store_clip(store, valence_store_find_clip(store, "vid2[1]"));
    assert_non_null(clip);
    assert_string_equal(clip->group, "vid2");
    assert_true(clip->label == 0);
    assert_int_equal(clip->n_rows[0], 3);
    assert_true(value_at(store, "vid2[1]", "audio", 0) == 211);
    valence_store_close(store);
}

static void test_parts_drawn_from_deployed_segments_share_no_video(void **state)
{
    (void)state;
    options.validation_fraction = 0.4;
    assert_fine(import_faults(FAULT("audio.csd")));
    struct valence_store *store = open_store();
    enum valence_split split[5] = {0};
    int n_validation = 0;
    for (int64_t i = 0; i < 15; i++) {
        const struct valence_clip *clip = valence_store_clip(store, i);
        int video = clip->group[3] - '0';
        if (i % 3 == 0)
            split[video] = clip->split;
        assert_int_equal(clip->split, split[video]);
        n_validation += clip->split == VALENCE_VALIDATION;
    }
    assert_int_equal(n_validation, 6);
    valence_store_close(store);
}

static void test_splits_by_video_hold_for_deployed_segments(void **state)
{
    (void)state;
    options.splits = FAULT("splits.csv");
    assert_fails(import_faults(FAULT("audio.csd")), VALENCE_ERROR_DATA,
                 "splits.csv names neither it nor its recording 'vid4'");
    options.skip = VALENCE_BIT(VALENCE_SKIP_SPLIT);
    assert_fine(import_faults(FAULT("audio.csd")));
    assert_int_equal(result.skipped[VALENCE_SKIP_SPLIT].n, 3);
    struct valence_store *store = open_store();
    int64_t n[VALENCE_N_SPLITS] = {0};
    for (int64_t i = 0; i < valence_store_n_clips(store); i++)
        n[valence_store_clip(store, i)->split]++;
    assert_int_equal(n[VALENCE_TRAIN], 7);
    assert_int_equal(n[VALENCE_VALIDATION], 3);
    assert_int_equal(n[VALENCE_TEST], 2);
    valence_store_close(store);
}

static void test_unusable_values_of_a_sequence_become_zero(void **state)
{
    (void)state;
    assert_fails(import_faults(FAULT("invalid.csd")), VALENCE_ERROR_DATA, "clip 'vid1[1]'");
    options.zero_invalid = true;
    assert_fine(import_faults(FAULT("invalid.csd")));
    assert_int_equal(result.n_taken, 15);
    struct valence_store *store = open_store();
    assert_true(value_at(store, "vid1[1]", "audio", 2) == 0);
    assert_true(value_at(store, "vid1[1]", "audio", 3) == 114);
    assert_true(value_at(store, "vid1[1]", "audio", 5) == 0);
    valence_store_close(store);
}

static void test_the_width_of_most_entries_is_the_sequences(void **state)
{
    (void)state;
    options.skip = VALENCE_BIT(VALENCE_SKIP_WIDTH);
    assert_fine(import_faults(FAULT("mixed.csd")));
    assert_int_equal(result.n_taken, 14);
    assert_string_equal(result.skipped[VALENCE_SKIP_WIDTH].examples[0], "vid0[0]");
}

static void test_timed_words_become_transcripts(void **state)
{
    (void)state;
    options.transcript = FAULT("words.csd");
    assert_fine(import_faults(FAULT("audio.csd")));
    struct valence_store *store = open_store();
    static const char *const expected[] = {"so it is", "good", "", ""};
    for (int64_t i = 0; i < 4; i++)
        assert_string_equal(valence_store_clip(store, i)->transcript, expected[i]);
    valence_store_close(store);
}

static void test_words_are_no_features(void **state)
{
    (void)state;
    assert_int_not_equal(import_faults(FAULT("words.csd")), VALENCE_OK);
    assert_non_null(strstr(error.text, "words"));
    assert_string_equal(error.key, "transcript");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_segments_have_the_rows_that_the_sdks_rule_gives),
        TEST(test_videos_without_a_stream_stop_the_import_unless_skipped),
        TEST(test_splits_are_of_clips_or_of_their_videos),
        TEST(test_the_labels_column_is_a_number),
        TEST(test_the_published_labels_of_mosi_are_imported),
        TEST(test_deployed_segments_are_clips_of_their_videos),
        TEST(test_parts_drawn_from_deployed_segments_share_no_video),
        TEST(test_splits_by_video_hold_for_deployed_segments),
        TEST(test_unusable_values_of_a_sequence_become_zero),
        TEST(test_the_width_of_most_entries_is_the_sequences),
        TEST(test_timed_words_become_transcripts),
        TEST(test_words_are_no_features),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
