/* HDF5 and computational sequences: files written by make_hdf5_fixtures.py. */
#include "fixtures.h"

#include <unistd.h>

#include "format/csd.h"
#include "format/hdf5.h"

#define HDF5_FIXTURE(name) FIXTURE("hdf5/") name ".csd"

static struct valence_error error;

static struct csd *open_csd(const char *path)
{
    struct csd *csd;
    if (csd_open(path, &csd, &error))
        fail_msg("%s", error.text);
    return csd;
}

/* Entry `name` has rows 0 ... n_rows-1 of the script's values, times `scale` and plus `offset`. */
static void check_entry(const struct csd *csd, const char *name, int64_t n_rows, float scale,
                        float offset)
{
    struct csd_rows rows;
    int64_t index = 0;
    while (index < csd_n_entries(csd) && strcmp(csd_entry(csd, index), name) != 0)
        index++;
    assert_true(index < csd_n_entries(csd));
    if (csd_read(csd, index, &rows, &error))
        fail_msg("%s", error.text);
    assert_int_equal(rows.n_rows, n_rows);
    assert_int_equal(rows.width, 5);
    for (int64_t i = 0; i < 5 * n_rows; i++)
        assert_true(rows.features[i] == float_at(i) * scale + offset);
    for (int64_t i = 0; i < 2 * n_rows; i++)
        assert_true(rows.intervals[i] == (double)(i / 2 + i % 2));
    csd_rows_free(&rows);
}

static void test_every_layout_gives_the_same_rows(void **state)
{
    (void)state;
    static const char *const paths[] = {HDF5_FIXTURE("contiguous"), HDF5_FIXTURE("chunked"),
                                        HDF5_FIXTURE("deflated"), HDF5_FIXTURE("filtered")};
    for (int i = 0; i < 4; i++) {
        struct csd *csd = open_csd(paths[i]);
        assert_int_equal(csd_n_entries(csd), 2);
        check_entry(csd, "video", 7, 1, 0);
        check_entry(csd, "empty", 0, 1, 0);
        csd_close(csd);
    }
}

static void test_newer_headers_are_read(void **state)
{
    (void)state;
    struct csd *csd = open_csd(HDF5_FIXTURE("v110"));
    check_entry(csd, "video", 7, 1, 0);
    check_entry(csd, "whole", 7, 1, 0);
    csd_close(csd);
}

static void test_every_type_of_number_is_read(void **state)
{
    (void)state;
    static const char *const names[] = {"videof2", "videof4", "videof8",
                                        "videoi2", "videoi4", "videou1"};
    struct csd *csd = open_csd(HDF5_FIXTURE("types"));
    for (int i = 0; i < 6; i++)
        check_entry(csd, names[i], 7, 4, 11);
    csd_close(csd);
}

static void test_a_group_of_many_links_is_listed_in_order(void **state)
{
    (void)state;
    struct csd *csd = open_csd(HDF5_FIXTURE("many"));
    assert_int_equal(csd_n_entries(csd), 150);
    for (int64_t i = 1; i < 150; i++)
        assert_true(strcmp(csd_entry(csd, i - 1), csd_entry(csd, i)) < 0);
    csd_close(csd);
}

static void test_a_videos_segments_are_joined_in_the_order_of_time(void **state)
{
    (void)state;
    struct csd_rows rows;
    struct csd *csd = open_csd(HDF5_FIXTURE("segments"));
    assert_int_equal(csd_read_video(csd, "video", &rows, &error), VALENCE_OK);
    assert_int_equal(rows.n_rows, 2);
    csd_rows_free(&rows);
    assert_int_equal(csd_read_video(csd, "video1", &rows, &error), VALENCE_OK);
    assert_int_equal(rows.n_rows, 3);
    csd_rows_free(&rows);
    assert_int_equal(csd_read_video(csd, "vide", &rows, &error), VALENCE_ERROR_NOT_FOUND);
    csd_close(csd);
}

static void test_what_was_never_written_is_the_fill_value(void **state)
{
    (void)state;
    struct csd_rows rows;
    struct csd *csd = open_csd(HDF5_FIXTURE("unwritten"));
    assert_int_equal(csd_read(csd, 0, &rows, &error), VALENCE_OK);
    assert_int_equal(rows.n_rows, 3);
    for (int64_t i = 0; i < rows.n_rows * rows.width; i++)
        assert_true(rows.features[i] == 0);
    csd_rows_free(&rows);
    csd_close(csd);
}

/* The file behind so many bytes of another program's. */
static void check_user_block(size_t bytes, int expected)
{
    struct file_map map;
    struct csd *csd;
    assert_int_equal(file_map_open(&map, HDF5_FIXTURE("chunked"), &error), VALENCE_OK);
    unsigned char *moved = calloc(1, bytes + map.size);
    assert_non_null(moved);
    memcpy(moved + bytes, map.data, map.size);
    assert_int_equal(csd_open_memory(moved, bytes + map.size, "block", &csd, &error), expected);
    if (csd)
        check_entry(csd, "video", 7, 1, 0);
    csd_close(csd);
    free(moved);
    file_map_close(&map);
}

static void test_a_user_block_before_the_file_is_passed_over(void **state)
{
    (void)state;
    check_user_block(512, VALENCE_OK);
    check_user_block(2048, VALENCE_OK);
    check_user_block(1000, VALENCE_ERROR_FORMAT); /* no power of two */
}

static void test_a_wrong_checksum_is_an_error(void **state)
{
    (void)state;
    struct file_map map;
    int n_refused = 0;
    assert_int_equal(file_map_open(&map, HDF5_FIXTURE("filtered"), &error), VALENCE_OK);
    unsigned char *bytes = copy_bytes(map.data, map.size);
    for (size_t at = map.size - 400; at < map.size; at += 16) {
        struct csd *csd;
        struct csd_rows rows;
        bytes[at] ^= 1;
        if (csd_open_memory(bytes, map.size, "flipped", &csd, &error) == VALENCE_OK) {
            for (int64_t i = 0; i < csd_n_entries(csd); i++) {
                int status = csd_read(csd, i, &rows, &error);
                n_refused += status != VALENCE_OK;
                /* Never other values. */
                for (int64_t j = 0; !status && j < rows.n_rows * rows.width; j++)
                    assert_true(rows.features[j] == float_at(j));
                csd_rows_free(&rows);
            }
            csd_close(csd);
        }
        bytes[at] ^= 1;
    }
    assert_true(n_refused > 0);
    free(bytes);
    file_map_close(&map);
}

static void test_words_are_read_in_the_order_of_time(void **state)
{
    (void)state;
    struct csd_words words;
    struct csd *csd = open_csd(shared_path("bugs/words.csd"));
    assert_int_equal(csd_read_words(csd, "one", &words, &error), VALENCE_OK);
    assert_true(words.n > 0);
    for (int64_t i = 0; i < words.n; i++) {
        assert_true(words.words[i].text[0] != '\0');
        assert_true(i == 0 || words.words[i - 1].start <= words.words[i].start);
    }
    csd_words_free(&words);
    assert_int_equal(csd_read_words(csd, "none", &words, &error), VALENCE_ERROR_NOT_FOUND);
    csd_close(csd);
    csd = open_csd(HDF5_FIXTURE("contiguous"));
    assert_int_equal(csd_read_words(csd, "video", &words, &error), VALENCE_ERROR_SHAPE);
    csd_close(csd);
}

static void test_links_in_dense_storage_and_committed_types_are_read(void **state)
{
    (void)state;
    struct csd_rows rows;
    struct csd *csd = open_csd(HDF5_FIXTURE("dense"));
    assert_int_equal(csd_n_entries(csd), 21);
    csd_close(csd);
    csd = open_csd(HDF5_FIXTURE("committed"));
    assert_int_equal(csd_read(csd, 0, &rows, &error), VALENCE_OK);
    assert_int_equal(rows.width, 2);
    csd_rows_free(&rows);
    csd_close(csd);
}

static void test_several_files_are_open_at_once(void **state)
{
    (void)state;
    struct csd *first = open_csd(HDF5_FIXTURE("contiguous"));
    struct csd *second = open_csd(HDF5_FIXTURE("deflated"));
    check_entry(second, "video", 7, 1, 0);
    check_entry(first, "video", 7, 1, 0);
    csd_close(first);
    check_entry(second, "empty", 0, 1, 0);
    csd_close(second);
}

/* ---- Hostile files ---- */

/* Opens and reads everything, as far as it goes. */
static int read_all(struct csd *csd)
{
    int status = VALENCE_OK;
    for (int64_t i = 0; i < csd_n_entries(csd) && !status; i++) {
        struct csd_rows rows;
        status = csd_read(csd, i, &rows, &error);
        csd_rows_free(&rows);
    }
    csd_close(csd);
    return status;
}

static void check_refused(const char *path, int expected, const char *words)
{
    struct csd *csd;
    int status = csd_open(path, &csd, &error);
    if (!status)
        status = read_all(csd);
    if (status != expected || !strstr(error.text, words))
        fail_msg("%s: status %d, '%s' does not say '%s'", path, status, error.text, words);
}

static void test_what_leads_out_of_the_file_is_refused_by_name(void **state)
{
    (void)state;
    check_refused(HDF5_FIXTURE("soft-link"), VALENCE_ERROR_UNSUPPORTED, "soft link 'features'");
    check_refused(HDF5_FIXTURE("external-link"), VALENCE_ERROR_UNSUPPORTED,
                  "external link 'features'");
    check_refused(HDF5_FIXTURE("external-data"), VALENCE_ERROR_UNSUPPORTED, "external files");
    check_refused(HDF5_FIXTURE("virtual"), VALENCE_ERROR_UNSUPPORTED, "virtual data");
    check_refused(HDF5_FIXTURE("lzf"), VALENCE_ERROR_UNSUPPORTED, "filter 32000");
}

static void test_cycles_and_huge_claims_are_errors(void **state)
{
    (void)state;
    check_refused(HDF5_FIXTURE("cycle"), VALENCE_ERROR_FORMAT, "no 'features'");
    /* libhdf5 follows the tree until its stack overflows: the child's death is an error. */
    check_refused(HDF5_FIXTURE("tree-cycle"), VALENCE_ERROR_FORMAT, "libhdf5 failed on it");
    check_refused(HDF5_FIXTURE("huge-claim"), VALENCE_ERROR_LIMIT, "42949672960 elements");
    check_refused(HDF5_FIXTURE("huge-unwritten"), VALENCE_ERROR_LIMIT, "elements");
    check_refused(HDF5_FIXTURE("overflow"), VALENCE_ERROR_FORMAT, "impossible shape");
}

static void test_what_is_no_array_of_numbers_is_refused(void **state)
{
    (void)state;
    check_refused(HDF5_FIXTURE("texts"), VALENCE_ERROR_UNSUPPORTED, "words, not features");
    check_refused(HDF5_FIXTURE("compound"), VALENCE_ERROR_UNSUPPORTED, "neither plain numbers");
    check_refused(HDF5_FIXTURE("three"), VALENCE_ERROR_SHAPE, "(3, 2, 2)");
    check_refused(HDF5_FIXTURE("lengths"), VALENCE_ERROR_SHAPE, "(2, 2)");
    check_refused(HDF5_FIXTURE("no-features"), VALENCE_ERROR_FORMAT, "no 'features'");
    check_refused(FIXTURE("le-f4.npy"), VALENCE_ERROR_FORMAT,
                  "a NumPy array (.npy), not an HDF5 file");
}

static int open_and_read(const void *data, size_t size, struct valence_error *into)
{
    struct csd *csd;
    int status = csd_open_memory(data, size, "cut", &csd, &error);
    if (!status)
        status = read_all(csd);
    *into = error;
    return status;
}

static void test_every_truncation_is_an_error(void **state)
{
    (void)state;
    struct file_map map;
    assert_int_equal(file_map_open(&map, HDF5_FIXTURE("v110"), &error), VALENCE_OK);
    for (size_t size = 0; size < map.size; size += 13) { /* a process each */
        unsigned char *part = copy_bytes(map.data, size);
        assert_int_not_equal(open_and_read(part, size, &error), VALENCE_OK);
        assert_true(error.text[0] != '\0');
        free(part);
    }
    file_map_close(&map);
}

/* Nothing crashes or loops, whatever byte is wrong. */
static void test_every_wrong_byte_is_survived(void **state)
{
    (void)state;
    static const char *const paths[] = {HDF5_FIXTURE("v110"), HDF5_FIXTURE("filtered")};
    for (int i = 0; i < 2; i++) {
        struct file_map map;
        assert_int_equal(file_map_open(&map, paths[i], &error), VALENCE_OK);
        unsigned char *bytes = copy_bytes(map.data, map.size);
        for (size_t at = 0; at < map.size; at += 11) {
            bytes[at] = (unsigned char)(at % 3 == 0 ? ~map.data[at] : at % 3 == 1 ? 0 : 0xFF);
            (void)open_and_read(bytes, map.size, &error);
            bytes[at] = map.data[at];
        }
        assert_int_equal(open_and_read(bytes, map.size, &error), VALENCE_OK);
        free(bytes);
        file_map_close(&map);
    }
}

static void test_the_published_labels_of_mosi_are_read(void **state)
{
    (void)state;
    struct csd *csd = open_csd(shared_path("data/labels/CMU_MOSI_Opinion_Labels.csd"));
    int64_t n = 0;
    double sum = 0;
    assert_int_equal(csd_n_entries(csd), 93);
    for (int64_t i = 0; i < 93; i++) {
        struct csd_rows rows;
        assert_int_equal(csd_read(csd, i, &rows, &error), VALENCE_OK);
        n += rows.n_rows;
        for (int64_t j = 0; j < rows.n_rows; j++)
            sum += (double)rows.features[j];
        csd_rows_free(&rows);
    }
    csd_close(csd);
    assert_int_equal(n, 2199);
    assert_true(sum > 154.51 && sum < 154.52);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_layout_gives_the_same_rows),
        cmocka_unit_test(test_newer_headers_are_read),
        cmocka_unit_test(test_every_type_of_number_is_read),
        cmocka_unit_test(test_a_group_of_many_links_is_listed_in_order),
        cmocka_unit_test(test_a_videos_segments_are_joined_in_the_order_of_time),
        cmocka_unit_test(test_what_was_never_written_is_the_fill_value),
        cmocka_unit_test(test_a_user_block_before_the_file_is_passed_over),
        cmocka_unit_test(test_a_wrong_checksum_is_an_error),
        cmocka_unit_test(test_words_are_read_in_the_order_of_time),
        cmocka_unit_test(test_links_in_dense_storage_and_committed_types_are_read),
        cmocka_unit_test(test_several_files_are_open_at_once),
        cmocka_unit_test(test_what_leads_out_of_the_file_is_refused_by_name),
        cmocka_unit_test(test_cycles_and_huge_claims_are_errors),
        cmocka_unit_test(test_what_is_no_array_of_numbers_is_refused),
        cmocka_unit_test(test_every_truncation_is_an_error),
        cmocka_unit_test(test_every_wrong_byte_is_survived),
        cmocka_unit_test(test_the_published_labels_of_mosi_are_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
