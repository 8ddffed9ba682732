/* The importers: what they take, what they refuse, and going on after an interruption. */
#include "base/file_writer.h"
#include "import_fixture.h"

#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "format/npy.h"

static void write_text(const char *name, const char *text)
{
    FILE *file = fopen(in_folder(name), "w");
    assert_non_null(file);
    fputs(text, file);
    assert_int_equal(fclose(file), 0);
}

static int import_table(void)
{
    return valence_import(VALENCE_IMPORT_TABLE, in_folder("t.csv"), in_folder("store"), &options,
                          NULL, &result, &error);
}

static int import_dense(const char *source)
{
    return valence_import(VALENCE_IMPORT_DENSE, in_folder(source), in_folder("store"), &options,
                          NULL, &result, &error);
}

/* ---- Tables ---- */

#define HEADER "id,split,label,group,transcript,a0,a1,a2,v-0,v-1\n"

static void test_columns_become_streams_of_one_row(void **state)
{
    (void)state;
    write_text("t.csv", HEADER "c1,train,1.5,g1,\"well, yes\",1,2,3,4,5\n"
                               "c2,test,,g2,,6,7,8,9,10\n"
                               "c3,dev,-3,g2,no,11,12,13,14,15\n");
    options.streams[VALENCE_STREAM_AUDIO].source = "a2,a0-a1";
    options.streams[VALENCE_STREAM_VIDEO].source = "v-0-v-1";
    assert_fine(import_table());
    assert_int_equal(result.n_taken, 3);
    assert_int_equal(result.n_no_label, 1);
    struct valence_store *store = open_store();
    const struct valence_clip *clip = valence_store_clip(store, 0);
    assert_string_equal(clip->transcript, "well, yes");
    assert_string_equal(clip->group, "g1");
    assert_true(clip->label == 1.5f);
    assert_true(isnan(valence_store_clip(store, 1)->label));
    assert_int_equal(valence_store_clip(store, 2)->split, VALENCE_VALIDATION);
    assert_true(value_at(store, "c1", "audio", 0) == 3 && value_at(store, "c1", "audio", 1) == 1);
    assert_true(value_at(store, "c3", "video", 1) == 15);
    assert_int_equal(valence_store_find_stream(store, "text"), -1);
    valence_store_close(store);
}

/* A second label, or a column of another kind, inside the range is no feature. */
static void test_a_numbered_range_takes_the_columns_of_its_name(void **state)
{
    (void)state;
    write_text("t.csv", "id,f1,valence,f2,f2_delta,label,f10,split\n"
                        "c1,1,0.5,2,7,0.25,10,train\n");
    options.streams[VALENCE_STREAM_AUDIO].source = "f1-f10";
    options.streams[VALENCE_STREAM_VIDEO].source = "valence-f2_delta"; /* by place */
    assert_fine(import_table());
    struct valence_store *store = open_store();
    assert_int_equal(valence_store_get_stream(store, 0)->width, 3);
    assert_true(value_at(store, "c1", "audio", 0) == 1 && value_at(store, "c1", "audio", 1) == 2 &&
                value_at(store, "c1", "audio", 2) == 10);
    assert_int_equal(valence_store_get_stream(store, 1)->width, 3);
    valence_store_close(store);
    assert_non_null(strstr(result.notes[0].text, "'valence', 'f2_delta', 'label'"));
}

static void write_array(const char *name, int64_t n_rows, int64_t width, float first)
{
    float *values = calloc((size_t)(n_rows * width + 1), sizeof *values);
    for (int64_t i = 0; i < n_rows * width; i++)
        values[i] = first + (float)i;
    int64_t shape[2] = {n_rows, width};
    assert_fine(npy_write(in_folder(name), FILE_OVERWRITE, ELEMENT_F32, 2, shape, values, &error));
    free(values);
}

static void make_folder_set(void)
{
    write_text("t.csv", "id,split,label\nc1,train,1\nc2,train,2\nc3,test,0\n");
    assert_int_equal(mkdir(in_folder("text"), 0700), 0);
    write_array("text/c1.npy", 2, 3, 10);
    write_array("text/c2.npy", 4, 3, 20);
    options.streams[VALENCE_STREAM_TEXT].folder = in_folder("text");
}

static void test_a_folder_of_arrays_becomes_a_stream(void **state)
{
    (void)state;
    make_folder_set();
    write_array("text/c3.npy", 1, 3, 30);
    assert_fine(import_table());
    struct valence_store *store = open_store();
    assert_int_equal(valence_store_clip(store, 1)->n_rows[0], 4);
    assert_true(value_at(store, "c2", "text", 11) == 31);
    assert_true(value_at(store, "c3", "text", 0) == 30);
    valence_store_close(store);
}

static void test_a_missing_file_is_an_error_or_a_clip_without_the_stream(void **state)
{
    (void)state;
    make_folder_set();
    write_text("t.csv", "id,split,label,a0\nc1,train,1,1\nc3,test,0,2\n");
    options.streams[VALENCE_STREAM_AUDIO].source = "a0";
    assert_fails(import_table(), VALENCE_ERROR_NOT_FOUND, "c3.npy");
    assert_string_equal(error.key, "skip.missing");
    options.skip = 1u << VALENCE_SKIP_MISSING;
    assert_fine(import_table());
    assert_int_equal(result.n_stored, 1);
    assert_int_equal(result.n_taken, 1);
    assert_int_equal(result.skipped[VALENCE_SKIP_MISSING].n, 1);
    assert_string_equal(result.skipped[VALENCE_SKIP_MISSING].examples[0], "c3");
    struct valence_store *store = open_store();
    assert_int_equal(valence_store_clip(store, 1)->n_rows[1], 0);
    assert_int_equal(valence_store_clip(store, 1)->n_rows[0], 1);
    valence_store_close(store);
}

static void test_a_clip_without_any_rows_is_an_error_or_a_skip(void **state)
{
    (void)state;
    make_folder_set();
    write_array("text/c3.npy", 0, 3, 0);
    assert_fails(import_table(), VALENCE_ERROR_DATA, "clip 'c3' has no rows");
    options.skip = 1u << VALENCE_SKIP_EMPTY;
    assert_fine(import_table());
    assert_int_equal(result.skipped[VALENCE_SKIP_EMPTY].n, 1);
}

static void test_another_width_is_an_error_or_a_skip(void **state)
{
    (void)state;
    make_folder_set();
    write_array("text/c3.npy", 2, 4, 0);
    assert_fails(import_table(), VALENCE_ERROR_SHAPE,
                 "clip 'c3': stream 'text' has width 4, the store has 3");
    options.skip = 1u << VALENCE_SKIP_WIDTH;
    assert_fine(import_table());
    assert_int_equal(result.skipped[VALENCE_SKIP_WIDTH].n, 1);
}

/* A table with one bad second row: the words of its error, and the reason that lets it be
 * skipped. */
static void check_bad_row(const char *row, int status, const char *words, enum valence_skip reason)
{
    char text[512];
    snprintf(text, sizeof text, "%sc1,train,1,g,,1,2,3,4,5\n%s\nc3,test,0,g,,1,2,3,4,5\n", HEADER,
             row);
    write_text("t.csv", text);
    valence_import_options_default(&options);
    options.streams[VALENCE_STREAM_AUDIO].source = "a0-a2";
    assert_fails(import_table(), status, words);
    assert_non_null(strstr(error.text, "t.csv:3"));
    assert_int_equal(result.n_taken, 1);
    options.skip = 1u << reason;
    assert_fine(import_table());
    assert_int_equal(result.n_stored, 1);
    assert_int_equal(result.n_taken, 1);
    assert_int_equal(result.skipped[reason].n, 1);
    remove(in_folder("store/data.mdb"));
}

static void test_bad_rows_are_errors_or_counted_skips(void **state)
{
    (void)state;
    check_bad_row("c2,train,3.5,g,,1,2,3,4,5", VALENCE_ERROR_DATA, "'3.5' is not within -3 and 3",
                  VALENCE_SKIP_LABEL);
    check_bad_row("c2,train,good,g,,1,2,3,4,5", VALENCE_ERROR_DATA, "label 'good'",
                  VALENCE_SKIP_LABEL);
    check_bad_row("c2,train,\"0,5\",g,,1,2,3,4,5", VALENCE_ERROR_DATA, "with a decimal point",
                  VALENCE_SKIP_LABEL);
    check_bad_row("c2,train,nan,g,,1,2,3,4,5", VALENCE_ERROR_DATA, "label 'nan'",
                  VALENCE_SKIP_LABEL);
    check_bad_row("c2,fold7,1,g,,1,2,3,4,5", VALENCE_ERROR_DATA, "unknown split 'fold7'",
                  VALENCE_SKIP_SPLIT);
    check_bad_row("c2,train,1,g,,1,nan,3,4,5", VALENCE_ERROR_DATA, "column 1: nan",
                  VALENCE_SKIP_VALUE);
    check_bad_row("c2,train,1,g,,1,x,3,4,5", VALENCE_ERROR_DATA, "", VALENCE_SKIP_VALUE);
    check_bad_row("c2,train,1,g,,1,70000,3,4,5", VALENCE_ERROR_DATA, "largest value is 65504",
                  VALENCE_SKIP_VALUE);
    check_bad_row("c1,train,1,g,,1,2,3,4,5", VALENCE_ERROR_EXISTS, "'c1' occurs twice",
                  VALENCE_SKIP_DUPLICATE);
}

static void test_a_duplicate_stays_an_error_when_importing_again(void **state)
{
    (void)state;
    write_text("t.csv", HEADER "c1,train,1,g,,1,2,3,4,5\nc1,train,1,g,,1,2,3,4,5\n");
    options.streams[VALENCE_STREAM_AUDIO].source = "a0";
    assert_int_equal(import_table(), VALENCE_ERROR_EXISTS);
    assert_int_equal(import_table(), VALENCE_ERROR_EXISTS);
}

static void test_missing_columns_are_named(void **state)
{
    (void)state;
    write_text("t.csv", "id,label,a0\nc1,1,2\n");
    options.streams[VALENCE_STREAM_AUDIO].source = "a0";
    assert_fails(import_table(), VALENCE_ERROR_NOT_FOUND, "no column 'split'");
    assert_string_equal(error.key, "split");
    options.split = "";
    options.streams[VALENCE_STREAM_AUDIO].source = "a0-a9";
    assert_fails(import_table(), VALENCE_ERROR_NOT_FOUND, "'a0-a9'");
    options.streams[VALENCE_STREAM_AUDIO].source = NULL;
    assert_fails(import_table(), VALENCE_ERROR_ARGUMENT, "no stream");
    options.streams[VALENCE_STREAM_AUDIO].source = "a0";
    options.all_in = VALENCE_TEST;
    assert_fine(import_table());
    struct valence_store *store = open_store();
    assert_int_equal(valence_store_clip(store, 0)->split, VALENCE_TEST);
    valence_store_close(store);
}

static void test_labels_alone_are_imported_where_that_is_asked_for(void **state)
{
    (void)state;
    write_text("t.csv", "id,split,label,transcript\nc1,train,1,well\nc2,test,,\n");
    assert_fails(import_table(), VALENCE_ERROR_ARGUMENT, "no stream is named");
    assert_string_equal(error.key, "labels_only");
    options.labels_only = true;
    assert_fine(import_table());
    assert_int_equal(result.n_taken, 2);
    assert_int_equal(result.n_no_label, 1);
    struct valence_store *store = open_store();
    assert_int_equal(valence_store_n_streams(store), 0);
    assert_int_equal(valence_store_n_clips(store), 2);
    assert_string_equal(valence_store_clip(store, 0)->transcript, "well");
    valence_store_close(store);
    assert_fine(import_table());
    assert_int_equal(result.n_stored, 2);
}

static void write_groups(void)
{
    FILE *file = fopen(in_folder("t.csv"), "w");
    fputs("id,split,label,group,a0\n", file);
    for (int i = 0; i < 400; i++)
        fprintf(file, "c%d,%s,%d,g%d,%d\n", i, i % 4 ? "train" : "test", i % 3, i / 10, i);
    fclose(file);
}

static void test_validation_is_drawn_by_whole_groups(void **state)
{
    (void)state;
    write_groups();
    options.streams[VALENCE_STREAM_AUDIO].source = "a0";
    options.validation_fraction = 0.2;
    options.seed = 5;
    assert_fine(import_table());
    struct valence_store *store = open_store();
    int n[3] = {0}, group_split[40];
    memset(group_split, -1, sizeof group_split);
    for (int i = 0; i < 400; i++) {
        int split = (int)valence_store_clip(store, i)->split;
        n[split]++;
        if (split == VALENCE_TEST)
            continue;
        assert_true(group_split[i / 10] == -1 || group_split[i / 10] == split);
        group_split[i / 10] = split;
    }
    valence_store_close(store);
    assert_int_equal(n[VALENCE_TEST], 100);
    assert_in_range(n[VALENCE_VALIDATION], 60, 68);
    options.seed = 6;
    assert_fails(import_table(), VALENCE_ERROR_EXISTS, "seed was 5, not 6");
}

static void test_validation_is_not_drawn_where_there_is_one(void **state)
{
    (void)state;
    write_text("t.csv", HEADER "c1,train,1,g,,1,2,3,4,5\nc2,valid,1,g,,1,2,3,4,5\n");
    options.streams[VALENCE_STREAM_AUDIO].source = "a0";
    options.validation_fraction = 0.5;
    assert_fails(import_table(), VALENCE_ERROR_ARGUMENT, "for validation already");
}

/* The real CMU-MOSI table, where it is. */
static void test_mosi_is_imported(void **state)
{
    (void)state;
    char path[1024];
    const char *shared = getenv("VALENCE_SHARED");
    snprintf(path, sizeof path, "%s/data/mosi/mosi_utt_tav.csv",
             shared ? shared : VALENCE_TEST_DATA "/../../shared");
    if (access(path, R_OK) != 0)
        skip();
    options.split = "split_bclstm";
    options.group = "video";
    options.transcript = "text";
    options.validation_fraction = 0.15;
    options.streams[VALENCE_STREAM_AUDIO].source = "a0-a72";
    options.streams[VALENCE_STREAM_TEXT].source = "t0-t99";
    options.streams[VALENCE_STREAM_VIDEO].source = "v0-v99";
    assert_fine(valence_import(VALENCE_IMPORT_TABLE, path, in_folder("store"), &options, NULL,
                               &result, &error));
    assert_int_equal(result.n_taken, 2199);
    struct valence_store *store = open_store();
    int64_t n[VALENCE_N_SPLITS] = {0};
    for (int64_t i = 0; i < 2199; i++)
        n[valence_store_clip(store, i)->split]++;
    assert_int_equal(n[VALENCE_TEST], 752);
    assert_in_range(n[VALENCE_VALIDATION], 1447 * 15 / 100, 1447 * 20 / 100);
    assert_string_equal(valence_store_clip(store, 0)->transcript, "ANYHOW IT WAS REALLY GOOD");
    valence_store_close(store);
}

/* ---- Going on ---- */

static void test_another_source_is_not_mixed_in(void **state)
{
    (void)state;
    write_text("t.csv", HEADER "c1,train,1,g,,1,2,3,4,5\n");
    options.streams[VALENCE_STREAM_AUDIO].source = "a0";
    assert_fine(import_table());
    write_text("t.csv", HEADER "c1,train,1,g,,1,2,3,4,5\nc2,train,1,g,,1,2,3,4,5\n");
    assert_fails(import_table(), VALENCE_ERROR_EXISTS, "'t.csv' has changed since");
}

static int cancel(void *user, const struct valence_progress_event *event)
{
    return event->done == *(int64_t *)user;
}

static void check_groups_store(void)
{
    struct valence_store *store = open_store();
    assert_int_equal(valence_store_n_clips(store), 400);
    for (int i = 0; i < 400; i++) {
        char id[16];
        snprintf(id, sizeof id, "c%d", i);
        assert_string_equal(valence_store_clip(store, i)->id, id);
        assert_true(value_at(store, id, "audio", 0) == (float)i);
    }
    valence_store_close(store);
}

static void test_a_cancelled_import_is_gone_on_with(void **state)
{
    (void)state;
    int64_t at = 150;
    struct valence_progress progress = {cancel, &at};
    write_groups();
    options.streams[VALENCE_STREAM_AUDIO].source = "a0";
    assert_int_equal(valence_import(VALENCE_IMPORT_TABLE, in_folder("t.csv"), in_folder("store"),
                                    &options, &progress, &result, &error),
                     VALENCE_ERROR_CANCELLED);
    assert_fine(import_table());
    assert_int_equal(result.n_stored, 150);
    assert_int_equal(result.n_taken, 250);
    check_groups_store();
}

static int kill_self(void *user, const struct valence_progress_event *event)
{
    if (event->done == *(int64_t *)user)
        raise(SIGKILL);
    return 0;
}

static void test_a_killed_import_is_gone_on_with(void **state)
{
    (void)state;
    write_groups();
    options.streams[VALENCE_STREAM_AUDIO].source = "a0";
    for (int64_t at = 0; at < 400; at += 130) {
        pid_t child = fork();
        if (child == 0) {
            struct valence_progress progress = {kill_self, &at};
            (void)valence_import(VALENCE_IMPORT_TABLE, in_folder("t.csv"), in_folder("store"),
                                 &options, &progress, &result, &error);
            _exit(0);
        }
        int status;
        waitpid(child, &status, 0);
        assert_true(WIFSIGNALED(status));
    }
    assert_fine(import_table());
    assert_int_equal(result.n_stored + result.n_taken, 400);
    check_groups_store();
}

/* ---- Dense arrays ---- */

/* Three clips of up to 4 rows of 2, the second shorter by its length, the third by trailing
 * zeros. */
static void make_dense_set(void)
{
    float audio[3][4][2] = {0}, labels[] = {1, -2, 0.5f};
    int64_t lengths[] = {4, 2, 4}, ids[] = {7, 8, 9}, shape[] = {3, 4, 2};
    for (int clip = 0; clip < 3; clip++)
        for (int row = 0; row < (clip == 2 ? 1 : 4); row++)
            for (int j = 0; j < 2; j++)
                audio[clip][row][j] = (float)(clip * 100 + row * 10 + j + 1);
    assert_int_equal(mkdir(in_folder("set"), 0700), 0);
    assert_fine(npy_write(in_folder("set/audio.npy"), FILE_OVERWRITE, ELEMENT_F32, 3, shape, audio,
                          &error));
    assert_fine(npy_write(in_folder("set/audio_lengths.npy"), FILE_OVERWRITE, ELEMENT_I64, 1, shape,
                          lengths, &error));
    assert_fine(
        npy_write(in_folder("set/id.npy"), FILE_OVERWRITE, ELEMENT_I64, 1, shape, ids, &error));
    assert_fine(npy_write(in_folder("set/label.npy"), FILE_OVERWRITE, ELEMENT_F32, 1, shape, labels,
                          &error));
    options.split = "";
}

static void test_dense_arrays_are_cut_to_their_lengths(void **state)
{
    (void)state;
    make_dense_set();
    assert_fine(import_dense("set"));
    assert_int_equal(result.n_taken, 3);
    struct valence_store *store = open_store();
    assert_int_equal(valence_store_clip(store, 0)->n_rows[0], 4);
    assert_int_equal(valence_store_clip(store, 1)->n_rows[0], 2);
    assert_int_equal(valence_store_clip(store, 2)->n_rows[0], 4);
    assert_true(valence_store_clip(store, 1)->label == -2);
    assert_true(value_at(store, "8", "audio", 3) == 112);
    valence_store_close(store);
}

static void test_trailing_zeros_are_trimmed_where_asked(void **state)
{
    (void)state;
    make_dense_set();
    options.trim_zeros = true;
    assert_fine(import_dense("set"));
    struct valence_store *store = open_store();
    assert_int_equal(valence_store_clip(store, 1)->n_rows[0], 2);
    assert_int_equal(valence_store_clip(store, 2)->n_rows[0], 1);
    valence_store_close(store);
}

static void rename_array(const char *from, const char *to)
{
    char path[512];
    snprintf(path, sizeof path, "%s", in_folder(from));
    assert_int_equal(rename(path, in_folder(to)), 0);
}

static void test_dense_arrays_may_be_named_in_capitals(void **state)
{
    (void)state;
    make_dense_set();
    rename_array("set/audio.npy", "set/Audio.npy");
    rename_array("set/id.npy", "set/ID.npy");
    assert_fine(import_dense("set"));
    struct valence_store *store = open_store();
    assert_true(valence_store_find_stream(store, "audio") >= 0);
    valence_store_close(store);
}

static void test_dense_arrays_that_are_there_are_named_where_no_stream_is(void **state)
{
    (void)state;
    make_dense_set();
    static const char *const streams[] = {"audio", "text", "video", "simulated_text"};
    for (size_t i = 0; i < sizeof streams / sizeof *streams; i++) {
        char from[64], to[64];
        snprintf(from, sizeof from, "set/%s.npy", streams[i]);
        snprintf(to, sizeof to, "set/wave-%zu.npy", i);
        if (access(in_folder(from), F_OK) == 0)
            rename_array(from, to);
    }
    assert_fails(import_dense("set"), VALENCE_ERROR_ARGUMENT, "it holds");
    assert_string_equal(error.key, "streams");
    assert_non_null(strstr(error.text, "wave-0"));
}

static void test_dense_arrays_that_do_not_fit_are_errors(void **state)
{
    (void)state;
    make_dense_set();
    int64_t two[] = {2, 1}, three[] = {3};
    float labels[] = {1, 2, 9};
    int64_t lengths[] = {4, 5, 4};
    options.streams[VALENCE_STREAM_TEXT].source = "words";
    assert_int_equal(import_dense("set"), VALENCE_ERROR_NOT_FOUND);
    options.streams[VALENCE_STREAM_TEXT].source = NULL;
    options.split = NULL;
    assert_int_equal(import_dense("set"), VALENCE_ERROR_NOT_FOUND);
    options.split = "";
    assert_fine(
        npy_write(in_folder("set/label.npy"), FILE_OVERWRITE, ELEMENT_F32, 1, two, labels, &error));
    assert_fails(import_dense("set"), VALENCE_ERROR_SHAPE, "2 clips");
    assert_fine(npy_write(in_folder("set/label.npy"), FILE_OVERWRITE, ELEMENT_F32, 1, three, labels,
                          &error));
    assert_fails(import_dense("set"), VALENCE_ERROR_DATA, "'9' is not within");
    options.label_maximum = 9;
    remove(in_folder("store/data.mdb"));
    assert_fine(npy_write(in_folder("set/audio_lengths.npy"), FILE_OVERWRITE, ELEMENT_I64, 1, three,
                          lengths, &error));
    assert_fails(import_dense("set"), VALENCE_ERROR_DATA, "5 rows of at most 4");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_columns_become_streams_of_one_row),
        TEST(test_a_numbered_range_takes_the_columns_of_its_name),
        TEST(test_a_folder_of_arrays_becomes_a_stream),
        TEST(test_a_missing_file_is_an_error_or_a_clip_without_the_stream),
        TEST(test_a_clip_without_any_rows_is_an_error_or_a_skip),
        TEST(test_another_width_is_an_error_or_a_skip),
        TEST(test_bad_rows_are_errors_or_counted_skips),
        TEST(test_a_duplicate_stays_an_error_when_importing_again),
        TEST(test_missing_columns_are_named),
        TEST(test_labels_alone_are_imported_where_that_is_asked_for),
        TEST(test_validation_is_drawn_by_whole_groups),
        TEST(test_validation_is_not_drawn_where_there_is_one),
        TEST(test_mosi_is_imported),
        TEST(test_another_source_is_not_mixed_in),
        TEST(test_a_cancelled_import_is_gone_on_with),
        TEST(test_a_killed_import_is_gone_on_with),
        TEST(test_dense_arrays_are_cut_to_their_lengths),
        TEST(test_trailing_zeros_are_trimmed_where_asked),
        TEST(test_dense_arrays_may_be_named_in_capitals),
        TEST(test_dense_arrays_that_are_there_are_named_where_no_stream_is),
        TEST(test_dense_arrays_that_do_not_fit_are_errors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
