/* Data sets in the layouts of MMSA and MERBench, written by make_import_fixtures.py. */
#include "import_fixture.h"

#include <dirent.h>

#include "base/file.h"
#include "format/npy.h"
#include "exchange/frame_compression.h"

#define FIXTURE(name) VALENCE_TEST_DATA "/exchange/fixtures/" name

/* ---- What the script wrote ---- */

static float written(int clip, int stream, int64_t at)
{
    return (float)((at + 1000 * clip + 100 * stream) * 7 % 23 - 11) / 4;
}

static int length(int clip, int stream, int longest)
{
    return 1 + (clip * 3 + stream) % longest;
}

static double label(int clip)
{
    return (clip % 7 - 3) * 0.9;
}

static void check_rows(const struct valence_store *store, const char *id, const char *name,
                       int clip, int stream, int64_t rows, int64_t width)
{
    int64_t n_rows;
    float *values = rows_of(store, id, name, &n_rows);
    assert_int_equal(n_rows, rows);
    for (int64_t i = 0; i < rows * width; i++)
        if (values[i] != written(clip, stream, i))
            fail_msg("'%s', %s[%d]: %g, not %g", id, name, (int)i, values[i],
                     written(clip, stream, i));
    free(values);
}

/* ---- MMSA ---- */

static void import_mmsa(const char *path)
{
    options.type = VALENCE_F32;
    assert_fine(valence_import(VALENCE_IMPORT_MMSA, path, in_folder("store"), &options, NULL,
                               &result, &error));
}

static void check_mmsa(bool unaligned)
{
    static const int splits[] = {
        VALENCE_TRAIN,      VALENCE_TRAIN,      VALENCE_TRAIN, VALENCE_TRAIN, VALENCE_TRAIN,
        VALENCE_VALIDATION, VALENCE_VALIDATION, VALENCE_TEST,  VALENCE_TEST,  VALENCE_TEST};
    struct valence_store *store = open_store();
    assert_int_equal(result.n_taken, 10);
    assert_int_equal(valence_store_n_streams(store), 3);
    for (int i = 0; i < 10; i++) {
        char id[32], group[32], text[32];
        snprintf(id, sizeof id, "video%d$_$%d", i / 3, i);
        snprintf(group, sizeof group, "video%d", i / 3);
        snprintf(text, sizeof text, "so it is %d \xC3\xA9", i);
        const struct valence_clip *clip = valence_store_clip(store, i);
        assert_string_equal(clip->id, id);
        assert_string_equal(clip->group, group);
        assert_string_equal(clip->transcript, text);
        assert_int_equal(clip->split, splits[i]);
        assert_true(clip->label == (float)label(i));
        check_rows(store, id, "text", i, 1, unaligned ? length(i, 1, 6) : 4, 4);
        check_rows(store, id, "video", i, 2, unaligned ? length(i, 2, 5) : 4, 2);
        bool has_infinity = unaligned && (i == 0 || i == 5 || i == 7);
        if (has_infinity)
            assert_true(value_at(store, id, "audio", 0) == 0);
        else
            check_rows(store, id, "audio", i, 0, unaligned ? length(i, 0, 7) : 4, 3);
    }
    valence_store_close(store);
}

static void test_unaligned_mmsa_pickles_are_imported_exactly(void **state)
{
    (void)state;
    import_mmsa(FIXTURE("mmsa/unaligned-4.pkl"));
    check_mmsa(true);
}

static void test_aligned_mmsa_pickles_are_imported_exactly(void **state)
{
    (void)state;
    import_mmsa(FIXTURE("mmsa/aligned-4.pkl"));
    check_mmsa(false);
}

static void test_mmsa_pickles_of_older_and_newer_protocols_are_the_same(void **state)
{
    (void)state;
    static const char *const paths[] = {
        FIXTURE("mmsa/unaligned-2.pkl"), FIXTURE("mmsa/unaligned-5.pkl"),
        FIXTURE("mmsa/aligned-2.pkl"), FIXTURE("mmsa/aligned-5.pkl")};
    for (int i = 0; i < 4; i++) {
        import_mmsa(paths[i]);
        check_mmsa(i < 2);
        assert_int_equal(nftw(in_folder("store"), remove_entry, 4, FTW_DEPTH | FTW_PHYS), 0);
    }
}

static void test_other_labels_of_an_mmsa_pickle_are_a_choice(void **state)
{
    (void)state;
    options.label = "regression_labels_T";
    options.streams[VALENCE_STREAM_TEXT].source = "";
    import_mmsa(FIXTURE("mmsa/unaligned-4.pkl"));
    struct valence_store *store = open_store();
    assert_int_equal(valence_store_n_streams(store), 2);
    assert_true(valence_store_clip(store, 1)->label == -(float)label(1));
    valence_store_close(store);
}

static void test_what_an_mmsa_pickle_lacks_is_named(void **state)
{
    (void)state;
    options.label = "regression_labels_A";
    assert_fails(valence_import(VALENCE_IMPORT_MMSA, FIXTURE("mmsa/unaligned-4.pkl"),
                                in_folder("store"), &options, NULL, &result, &error),
                 VALENCE_ERROR_NOT_FOUND, "train: it holds no array 'regression_labels_A'");
    options.label = "annotations";
    assert_fails(valence_import(VALENCE_IMPORT_MMSA, FIXTURE("mmsa/unaligned-4.pkl"),
                                in_folder("store"), &options, NULL, &result, &error),
                 VALENCE_ERROR_DATA, "is not a number");
    assert_fails(valence_import(VALENCE_IMPORT_MMSA,
                                VALENCE_TEST_DATA "/format/fixtures/tree-4.pickle",
                                in_folder("other"), &options, NULL, &result, &error),
                 VALENCE_ERROR_FORMAT, "not a dict of splits");
    assert_fails(valence_import(VALENCE_IMPORT_MMSA,
                                VALENCE_TEST_DATA "/format/fixtures/hostile-system.pickle",
                                in_folder("other"), &options, NULL, &result, &error),
                 VALENCE_ERROR_UNSUPPORTED, "refused: posix.system");
}

/* The set of test_hostile_pickles.c, as data sets: none is one, and none runs anything. */
static void test_no_hostile_pickle_is_a_data_set(void **state)
{
    (void)state;
    int n = 0;
    DIR *files = opendir(VALENCE_TEST_DATA "/format/fixtures/hostile");
    assert_non_null(files);
    for (struct dirent *entry; (entry = readdir(files));) {
        char path[1024];
        if (entry->d_name[0] == '.')
            continue;
        snprintf(path, sizeof path, "%s/format/fixtures/hostile/%s", VALENCE_TEST_DATA,
                 entry->d_name);
        error.text[0] = '\0';
        int status = valence_import(VALENCE_IMPORT_MMSA, path, in_folder("store"), &options, NULL,
                                    &result, &error);
        if (status == VALENCE_OK || error.text[0] == '\0')
            fail_msg("%s was imported", entry->d_name);
        n++;
    }
    closedir(files);
    assert_true(n > 60);
    assert_int_not_equal(access(in_folder("store"), F_OK), 0);
    assert_int_not_equal(access("HOSTILE-PICKLE-WAS-EXECUTED", F_OK), 0);
}

/* ---- MERBench ---- */

#define MERBENCH(name) FIXTURE("merbench/" name)

static int import_merbench(void)
{
    options.type = VALENCE_F32;
    options.streams[VALENCE_STREAM_AUDIO].folder = MERBENCH("wavlm-large-FRA");
    options.streams[VALENCE_STREAM_TEXT].folder = MERBENCH("bert-UTT");
    options.streams[VALENCE_STREAM_VIDEO].folder = MERBENCH("manet_FRA");
    return valence_import(VALENCE_IMPORT_MERBENCH, MERBENCH("demo_label.npz"), in_folder("store"),
                          &options, NULL, &result, &error);
}

static void merbench_id(int clip, char id[32])
{
    snprintf(id, 32, "vid%d_%d", clip, clip % 2);
}

/* Audio is what the script saved in `folder`. */
static void check_audio(const struct valence_store *store, const char *folder_path, const char *id)
{
    char path[1024];
    struct npy *array;
    int64_t n_rows;
    snprintf(path, sizeof path, "%s/%s.npy", folder_path, id);
    assert_fine(npy_open(path, &array, &error));
    const struct npy_header *header = npy_header(array);
    float *values = rows_of(store, id, "audio", &n_rows);
    assert_int_equal(n_rows, header->shape[0]);
    for (int64_t i = 0; i < header->count; i++) {
        float expected;
        assert_fine(npy_read_float(array, i, 1, &expected, &error));
        assert_true(values[i] == expected);
    }
    free(values);
    npy_close(array);
}

static void check_merbench(const char *audio)
{
    struct valence_store *store = open_store();
    assert_int_equal(valence_store_n_clips(store), 11);
    for (int i = 0; i < 11; i++) {
        char id[32];
        merbench_id(i, id);
        const struct valence_clip *clip = valence_store_clip(store, i);
        assert_string_equal(clip->id, id);
        assert_int_equal(clip->split, i < 6   ? VALENCE_TRAIN
                                      : i < 8 ? VALENCE_VALIDATION
                                              : VALENCE_TEST);
        assert_true(clip->label == (float)label(i));
        check_rows(store, id, "text", i, 1, 1, 4);
        if (options.feat_scale == 1)
            check_rows(store, id, "video", i, 2, i == 4 ? 0 : 1 + i % 3, 2);
        check_audio(store, audio, id);
    }
    valence_store_close(store);
}

static void test_merbench_is_imported_exactly_and_what_is_in_one_place_only_is_named(void **state)
{
    (void)state;
    assert_fails(import_merbench(), VALENCE_ERROR_NOT_FOUND, "vid4_0.npy");
    options.skip = VALENCE_BIT(VALENCE_SKIP_MISSING) | VALENCE_BIT(VALENCE_SKIP_EMPTY);
    assert_fine(import_merbench());
    assert_int_equal(result.n_stored, 4);
    assert_int_equal(result.n_taken, 7);
    assert_int_equal(result.skipped[VALENCE_SKIP_MISSING].n, 2);
    assert_string_equal(result.skipped[VALENCE_SKIP_MISSING].examples[0], "vid4_0");
    assert_string_equal(result.skipped[VALENCE_SKIP_MISSING].examples[1], "labelled_only");
    assert_int_equal(result.skipped[VALENCE_SKIP_EMPTY].n, 1);
    assert_int_equal(result.unlisted.n, 2);
    assert_string_equal(result.unlisted.examples[0], "stray_1");
    assert_string_equal(result.unlisted.examples[1], "stray_2");
    check_merbench(MERBENCH("wavlm-large-FRA"));
}

static void test_feat_scale_gives_what_the_published_rule_gives(void **state)
{
    (void)state;
    options.feat_scale = 6;
    options.skip = VALENCE_BIT(VALENCE_SKIP_MISSING) | VALENCE_BIT(VALENCE_SKIP_EMPTY);
    assert_fine(import_merbench());
    check_merbench(MERBENCH("wavlm-large-FRA-scale-6"));
}

/* Against the rule written as it is published, with a padded copy. */
static void test_frames_are_compressed_in_place_for_every_length_and_scale(void **state)
{
    (void)state;
    float rows[64], original[64];
    for (int n = 1; n < 32; n++)
        for (int scale = 1; scale < 40; scale++) {
            for (int i = 0; i < 2 * n; i++)
                rows[i] = original[i] = written(n, scale, i);
            int wanted = (n + scale - 1) / scale, chunk = (n + wanted - 1) / wanted;
            int pad = wanted * chunk - n;
            assert_int_equal(compress_frames(rows, n, 2, scale), wanted);
            for (int i = 0; i < 2 * wanted; i++) {
                double sum = 0;
                for (int j = i / 2 * chunk; j < (i / 2 + 1) * chunk; j++)
                    sum += j < pad ? 0 : (double)original[2 * (j - pad) + i % 2];
                assert_true(rows[i] == (float)(sum / chunk));
            }
        }
}

static void test_a_missing_merbench_label_is_an_error(void **state)
{
    (void)state;
    options.label = "valence";
    options.skip = ~0u;
    assert_fails(import_merbench(), VALENCE_ERROR_NOT_FOUND, "they have emo, val");
    assert_string_equal(error.key, "label");
    options.label = "emo";
    assert_fine(import_merbench());
    struct valence_store *store = open_store();
    assert_true(valence_store_clip(store, 3)->label == 3);
    valence_store_close(store);
}

static void check_real_labels(const char *name, int train, int validation, int test)
{
    char path[1024];
    const char *shared = getenv("VALENCE_SHARED");
    snprintf(path, sizeof path, "%s/data/labels/%s",
             shared ? shared : VALENCE_TEST_DATA "/../../shared", name);
    if (!path_exists(path))
        skip();
    options.labels_only = true;
    assert_fine(valence_import(VALENCE_IMPORT_MERBENCH, path, in_folder(name), &options, NULL,
                               &result, &error));
    struct valence_store *store;
    assert_fine(valence_store_open(in_folder(name), NULL, &store, &error));
    int n[VALENCE_N_SPLITS] = {0};
    for (int64_t i = 0; i < valence_store_n_clips(store); i++)
        n[valence_store_clip(store, i)->split]++;
    valence_store_close(store);
    assert_int_equal(n[VALENCE_TRAIN], train);
    assert_int_equal(n[VALENCE_VALIDATION], validation);
    assert_int_equal(n[VALENCE_TEST], test);
}

static void test_the_published_labels_have_the_published_counts(void **state)
{
    (void)state;
    check_real_labels("cmumosi_label.npz", 1284, 229, 686);
    check_real_labels("cmumosei_label.npz", 16326, 1871, 4659);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_unaligned_mmsa_pickles_are_imported_exactly),
        TEST(test_aligned_mmsa_pickles_are_imported_exactly),
        TEST(test_mmsa_pickles_of_older_and_newer_protocols_are_the_same),
        TEST(test_other_labels_of_an_mmsa_pickle_are_a_choice),
        TEST(test_what_an_mmsa_pickle_lacks_is_named),
        TEST(test_no_hostile_pickle_is_a_data_set),
        TEST(test_merbench_is_imported_exactly_and_what_is_in_one_place_only_is_named),
        TEST(test_feat_scale_gives_what_the_published_rule_gives),
        TEST(test_frames_are_compressed_in_place_for_every_length_and_scale),
        TEST(test_a_missing_merbench_label_is_an_error),
        TEST(test_the_published_labels_have_the_published_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
