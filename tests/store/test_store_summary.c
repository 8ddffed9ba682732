/* What `valence inspect` counts of a store. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "store/store_summary.h"

static const struct valence_store_stream streams[] = {{"audio", 2, VALENCE_F32},
                                                      {"text", 1, VALENCE_F16}};

static void add(struct valence_store_writer *writer, const char *id, const char *group,
                enum valence_split split, float label, int64_t audio_rows, int64_t text_rows)
{
    static const float rows[64];
    struct valence_error error;
    struct valence_clip clip = {
        .id = id, .group = group, .transcript = "", .split = split, .label = label};
    struct valence_clip_rows data[] = {{0, audio_rows, rows}, {1, text_rows, rows}};
    assert_int_equal(valence_store_writer_add(writer, &clip, data, 2, &error), VALENCE_OK);
}

static void test_counts_are_those_of_the_clips(void **state)
{
    (void)state;
    char folder[] = "/tmp/valence-summary-XXXXXX", path[64], command[96];
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/store", folder);
    struct valence_error error;
    struct valence_store_writer *writer;
    assert_int_equal(valence_store_writer_open(path, streams, 2, &writer, &error), VALENCE_OK);
    add(writer, "a", "v1", VALENCE_TRAIN, 1.0f, 4, 1);
    add(writer, "b", "v1", VALENCE_TRAIN, -3.5f, 8, 0);
    add(writer, "c", "v1", VALENCE_TEST, 0.5f, 1, 2); /* the recording is in two splits */
    add(writer, "d", "v2", VALENCE_TEST, NAN, 2, 3);
    assert_int_equal(valence_store_writer_close(writer, &error), VALENCE_OK);

    struct valence_store *store;
    struct store_summary summary;
    assert_int_equal(valence_store_open(path, &store, &error), VALENCE_OK);
    assert_int_equal(store_summarise(store, &summary, &error), VALENCE_OK);
    valence_store_close(store);

    assert_int_equal(summary.n_streams, 2);
    assert_int_equal(summary.streams[0].n_clips, 4);
    assert_int_equal(summary.streams[0].n_rows, 15);
    assert_int_equal(summary.streams[0].shortest, 1);
    assert_int_equal(summary.streams[0].median, 2);
    assert_int_equal(summary.streams[0].longest, 8);
    assert_int_equal(summary.streams[1].n_clips, 3);
    assert_int_equal(summary.streams[1].shortest, 1);
    const struct split_summary *train = &summary.splits[VALENCE_TRAIN];
    assert_int_equal(train->n_clips, 2);
    assert_int_equal(train->n_groups, 1);
    assert_int_equal(train->label_bins[0], 1); /* -3.5 counts as -3 */
    assert_int_equal(train->label_bins[4], 1);
    assert_float_equal(train->label_mean, -1.25, 1e-9);
    assert_float_equal(train->label_deviation, 2.25, 1e-9);
    const struct split_summary *test = &summary.splits[VALENCE_TEST];
    assert_int_equal(test->n_unlabelled, 1);
    assert_int_equal(test->n_groups, 2);
    assert_int_equal(test->label_bins[3], 1); /* 0.5 rounds to the even 0 */
    assert_true(isnan(summary.splits[VALENCE_VALIDATION].label_mean));
    assert_int_equal(summary.n_shared_groups, 1);
    snprintf(command, sizeof command, "rm -rf %s", folder);
    assert_int_equal(system(command), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_counts_are_those_of_the_clips)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
