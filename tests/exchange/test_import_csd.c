/* Computational sequences aligned to their labels, written by make_csd_fixtures.py. */
#include "import_fixture.h"

#include "base/file.h"
#include "format/csv.h"

#define FIXTURE(name) VALENCE_TEST_DATA "/exchange/fixtures/csd/" name

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
    assert_fails(import_csd(), VALENCE_ERROR_NOT_FOUND, "there is no video 'vidC'");
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
    assert_fails(import_csd(), VALENCE_ERROR_SHAPE, "there is no label 2");
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_segments_have_the_rows_that_the_sdks_rule_gives),
        TEST(test_videos_without_a_stream_stop_the_import_unless_skipped),
        TEST(test_splits_are_of_clips_or_of_their_videos),
        TEST(test_the_labels_column_is_a_number),
        TEST(test_the_published_labels_of_mosi_are_imported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
