/* Sources that are looked at without being imported. */
#include "base/file_writer.h"
#include "store_fixture.h"

#include <dirent.h>
#include <sys/stat.h>

#include "format/npy.h"
#include "exchange/source_summary.h"

static struct source_summary summary;

static int end(void **state)
{
    source_summary_free(&summary);
    return remove_folder(state);
}

static void write_text(const char *name, const char *text)
{
    FILE *file = fopen(in_folder(name), "w");
    assert_non_null(file);
    fputs(text, file);
    assert_int_equal(fclose(file), 0);
}

static void write_array(const char *name, int64_t n_rows, int64_t width, const float *values)
{
    int64_t shape[] = {n_rows, width};
    assert_fine(npy_write(in_folder(name), FILE_OVERWRITE, ELEMENT_F32, 2, shape, values, &error));
}

static void test_a_table_is_recognised_and_nothing_is_written(void **state)
{
    (void)state;
    write_text("t.csv", "id,split,label\na,train,1\nb,test,9\na,test,x\nc,nowhere,0\n");
    assert_fine(source_summarise(in_folder("t.csv"), NULL, &summary, &error));
    assert_string_equal(summary.kind, "table");
    assert_int_equal(summary.data.n_clips, 2);
    assert_int_equal(summary.result.skipped[VALENCE_SKIP_LABEL].n, 1);
    assert_int_equal(summary.result.skipped[VALENCE_SKIP_SPLIT].n, 1);
    assert_true(summary.data.splits[VALENCE_TEST].label_high == 9); /* no label is out of range */
    int n = 0;
    DIR *directory = opendir(folder);
    for (struct dirent *entry; (entry = readdir(directory));)
        n += entry->d_name[0] != '.';
    closedir(directory);
    assert_int_equal(n, 1);
}

static void test_repeated_ids_are_counted(void **state)
{
    (void)state;
    write_text("t.csv", "id,split,label\na,train,1\nb,test,0\na,test,1\na,dev,1\n");
    assert_fine(source_summarise(in_folder("t.csv"), NULL, &summary, &error));
    assert_int_equal(summary.data.n_clips, 4);
    assert_int_equal(summary.data.repeated.n, 2);
    assert_int_equal(summary.data.repeated.clips[0], 2);
}

static void make_features(void)
{
    assert_int_equal(mkdir(in_folder("set"), 0700), 0);
    assert_int_equal(mkdir(in_folder("set/wavlm"), 0700), 0);
    assert_int_equal(mkdir(in_folder("set/manet"), 0700), 0);
    write_array("set/wavlm/a.npy", 2, 2, (float[]){1, 2, 3, 2});
    write_array("set/wavlm/b.npy", 1, 2, (float[]){NAN, 2});
    write_array("set/manet/b.npy", 1, 3, (float[]){1, 2, 3});
    write_array("set/manet/c.npy", 1, 2, (float[]){1, 2});
}

static void test_folders_of_arrays_are_streams(void **state)
{
    (void)state;
    make_features();
    assert_fine(source_summarise(in_folder("set"), NULL, &summary, &error));
    assert_string_equal(summary.kind, "features");
    assert_int_equal(summary.data.n_streams, 2);
    assert_int_equal(summary.data.n_clips, 3);
    const struct valence_stream_summary *manet = &summary.data.streams[0];
    const struct valence_stream_summary *wavlm = &summary.data.streams[1];
    assert_string_equal(wavlm->format.name, "wavlm");
    assert_int_equal(wavlm->n_clips, 2);
    assert_int_equal(wavlm->n_nan, 1);
    assert_int_equal(wavlm->n_constant, 1);
    assert_int_equal(manet->format.width, 3);
    assert_int_equal(manet->absent.n, 1); /* a; c has no stream that could be read */
    assert_int_equal(summary.result.skipped[VALENCE_SKIP_WIDTH].n, 1);
    assert_string_equal(summary.result.skipped[VALENCE_SKIP_WIDTH].examples[0], "c");
}

static void test_what_is_no_set_of_clips_is_told_apart(void **state)
{
    (void)state;
    write_text("t.csv", "x,y\n1,2\n");
    assert_int_equal(source_summarise(in_folder("t.csv"), NULL, &summary, &error),
                     VALENCE_ERROR_UNSUPPORTED);
    assert_int_equal(mkdir(in_folder("empty"), 0700), 0);
    assert_fails(source_summarise(in_folder("empty"), NULL, &summary, &error),
                 VALENCE_ERROR_UNSUPPORTED, "no store, run, table or arrays ID.npy");
    write_text("t.pkl", "no pickle");
    assert_true(source_summarise(in_folder("t.pkl"), NULL, &summary, &error) != VALENCE_OK);
}

static int cancel(void *user, const struct valence_progress_event *event)
{
    (void)user;
    return event->done == 1;
}

static void test_reading_can_be_cancelled(void **state)
{
    (void)state;
    struct valence_progress progress = {cancel, NULL};
    make_features();
    assert_int_equal(source_summarise(in_folder("set"), &progress, &summary, &error),
                     VALENCE_ERROR_CANCELLED);
    source_summary_free(&summary);
    write_text("t.csv", "id,split,label\na,train,1\nb,test,0\n");
    assert_int_equal(source_summarise(in_folder("t.csv"), &progress, &summary, &error),
                     VALENCE_ERROR_CANCELLED);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_folder, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_a_table_is_recognised_and_nothing_is_written),
        TEST(test_repeated_ids_are_counted),
        TEST(test_folders_of_arrays_are_streams),
        TEST(test_what_is_no_set_of_clips_is_told_apart),
        TEST(test_reading_can_be_cancelled),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
