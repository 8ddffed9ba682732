/* Importing again: after a failure, with other options, after the source was edited. */
#include "import_fixture.h"

#include <sys/stat.h>
#include <utime.h>

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
    options.streams[VALENCE_STREAM_AUDIO].source = "a0-a1";
    return valence_import(VALENCE_IMPORT_TABLE, in_folder("t.csv"), in_folder("store"), &options,
                          NULL, &result, &error);
}

static void assert_replaced(void)
{
    assert_true(result.n_notes > 0);
    assert_non_null(strstr(result.notes[0].text, "unfinished import"));
    struct valence_store *store = open_store();
    assert_true(valence_store_is_finished(store));
    valence_store_close(store);
}

/* ---- An unfinished store ---- */

static void test_an_unfinished_store_is_taken_over_with_the_advised_type(void **state)
{
    (void)state;
    write_text("t.csv", "id,split,label,a0,a1\nc1,train,1,1,2\nc2,train,1,1000000,2\n");
    assert_fails(import_table(), VALENCE_ERROR_DATA, "too large for f16");
    assert_string_equal(error.key, "dtype");
    options.type = VALENCE_F32;
    assert_fine(import_table());
    assert_int_equal(result.n_taken, 2);
    assert_replaced();
}

static void test_an_unfinished_store_is_taken_over_with_the_advised_range(void **state)
{
    (void)state;
    write_text("t.csv", "id,split,label,a0,a1\nc1,train,1,1,2\nc2,train,5,1,2\n");
    assert_fails(import_table(), VALENCE_ERROR_DATA, "not within -3 and 3");
    options.label_maximum = 5;
    assert_fine(import_table());
    assert_int_equal(result.n_taken, 2);
    assert_replaced();
}

static void test_an_unfinished_store_is_taken_over_with_the_advised_values(void **state)
{
    (void)state;
    write_text("t.csv", "id,split,label,a0,a1\nc1,train,1,1,2\nc2,fold7,1,1,2\n");
    assert_fails(import_table(), VALENCE_ERROR_DATA, "unknown split 'fold7'");
    options.split_values = "fold7=test";
    assert_fine(import_table());
    assert_replaced();
}

static void test_an_unfinished_store_is_taken_over_with_the_mended_file(void **state)
{
    (void)state;
    write_text("t.csv", "id,split,label,a0,a1\nc1,train,1,1,2\nc2,train,x,1,2\n");
    assert_fails(import_table(), VALENCE_ERROR_DATA, "label 'x'");
    write_text("t.csv", "id,split,label,a0,a1\nc1,train,2,1,2\nc2,train,0,1,2\n");
    assert_fine(import_table());
    assert_replaced();
    struct valence_store *store = open_store();
    assert_true(valence_store_clip(store, 0)->label == 2); /* not the old one */
    valence_store_close(store);
}

static void test_the_same_import_goes_on(void **state)
{
    (void)state;
    write_text("t.csv", "id,split,label,a0,a1\nc1,train,1,1,2\nc2,train,x,1,2\nc3,test,1,5,6\n");
    assert_fails(import_table(), VALENCE_ERROR_DATA, "label 'x'");
    options.skip = VALENCE_BIT(VALENCE_SKIP_LABEL);
    assert_fine(import_table());
    assert_int_equal(result.n_stored, 1);
    assert_int_equal(result.n_taken, 1);
    assert_int_equal(result.n_notes, 0);
}

/* ---- A finished store ---- */

static void test_an_edited_label_does_not_go_unnoticed(void **state)
{
    (void)state;
    struct stat before;
    write_text("t.csv", "id,split,label,a0,a1\nc1,train,1,1,2\nc2,train,0,1,2\n");
    assert_fine(import_table());
    assert_int_equal(stat(in_folder("t.csv"), &before), 0);
    write_text("t.csv", "id,split,label,a0,a1\nc1,train,2,1,2\nc2,train,0,1,2\n");
    const struct utimbuf times = {before.st_atime, before.st_mtime};
    assert_int_equal(utime(in_folder("t.csv"), &times), 0); /* as large and as old as before */
    assert_fails(import_table(), VALENCE_ERROR_EXISTS,
                 "'t.csv' has changed since: as many bytes, but other content");
    assert_string_equal(error.key, "overwrite");
}

static void test_an_edit_in_the_middle_of_a_large_file_does_not_go_unnoticed(void **state)
{
    (void)state;
    char *text = malloc(4 << 20);
    assert_non_null(text);
    int used = sprintf(text, "id,split,label,a0,a1\n");
    for (int i = 0; i < 20000; i++)
        used += sprintf(text + used, "clip%05d,train,1,1.25,2.50\n", i);
    write_text("t.csv", text);
    assert_fine(import_table());
    memcpy(strstr(text, "clip10000,train,1"), "clip10000,train,2", 17);
    write_text("t.csv", text);
    free(text);
    assert_fails(import_table(), VALENCE_ERROR_EXISTS, "other content");
}

static void test_a_copy_of_the_source_is_the_same(void **state)
{
    (void)state;
    write_text("t.csv", "id,split,label,a0,a1\nc1,train,1,1,2\n");
    assert_fine(import_table());
    const struct utimbuf times = {1, 1};
    assert_int_equal(utime(in_folder("t.csv"), &times), 0);
    assert_fine(import_table());
    assert_int_equal(result.n_stored, 1);
}

static void test_changed_arrays_of_a_folder_do_not_go_unnoticed(void **state)
{
    (void)state;
    const int64_t shape[] = {2, 2};
    write_text("t.csv", "id,split,label\nc1,train,1\n");
    assert_int_equal(mkdir(in_folder("arrays"), 0700), 0);
    assert_fine(npy_write(in_folder("arrays/c1.npy"), 0, ELEMENT_F32, 2, shape,
                          (const float[]){1, 2, 3, 4}, &error));
    char arrays[256];
    snprintf(arrays, sizeof arrays, "%s", in_folder("arrays"));
    options.streams[VALENCE_STREAM_VIDEO].folder = arrays;
    assert_fine(valence_import(VALENCE_IMPORT_TABLE, in_folder("t.csv"), in_folder("store"),
                               &options, NULL, &result, &error));
    unlink(in_folder("arrays/c1.npy"));
    assert_fine(npy_write(in_folder("arrays/c1.npy"), 0, ELEMENT_F32, 2, shape,
                          (const float[]){1, 2, 3, 5}, &error));
    assert_fails(valence_import(VALENCE_IMPORT_TABLE, in_folder("t.csv"), in_folder("store"),
                                &options, NULL, &result, &error),
                 VALENCE_ERROR_EXISTS, "'arrays' has changed since");
}

static void test_a_finished_store_of_other_options_stays(void **state)
{
    (void)state;
    write_text("t.csv", "id,split,label,a0,a1\nc1,train,1,1,2\n");
    assert_fine(import_table());
    options.label_maximum = 5;
    assert_fails(import_table(), VALENCE_ERROR_EXISTS, "its label_range was [-3.0, 3.0], not");
    struct valence_store *store = open_store();
    assert_int_equal(valence_store_n_clips(store), 1);
    valence_store_close(store);
}

static void test_a_finished_store_of_other_options_is_overwritten_where_asked_for(void **state)
{
    (void)state;
    write_text("t.csv", "id,split,label,a0,a1\nc1,train,1,1,2\nc2,train,1,1,2\n");
    assert_fine(import_table());
    write_text("t.csv", "id,split,label,a0,a1\nc3,train,5,1,2\n");
    options.overwrite = true;
    assert_int_equal(import_table(), VALENCE_ERROR_DATA); /* 5 is not within -3 and 3 */
    options.label_maximum = 5;
    assert_fine(import_table());
    assert_int_equal(result.n_taken, 1);
    struct valence_store *store = open_store();
    assert_int_equal(valence_store_n_clips(store), 1);
    assert_int_equal(valence_store_find_clip(store, "c3"), 0);
    valence_store_close(store);
    options.type = VALENCE_F32; /* of the same source, in another type */
    options.keep_type = true;
    assert_fine(import_table());
    assert_int_equal(result.n_taken, 1);
}

/* ---- Tables ---- */

static void test_ranges_of_columns_leave_out_what_is_no_feature(void **state)
{
    (void)state;
    write_text("t.csv", "a0,id,split,a1,label,a2\n1,c1,train,2,0.5,3\n");
    options.streams[VALENCE_STREAM_AUDIO].source = "a0-a2";
    assert_fine(valence_import(VALENCE_IMPORT_TABLE, in_folder("t.csv"), in_folder("store"),
                               &options, NULL, &result, &error));
    assert_non_null(strstr(result.notes[0].text, "'id', 'split', 'label'"));
    struct valence_store *store = open_store();
    assert_int_equal(valence_store_get_stream(store, 0)->width, 3);
    assert_true(value_at(store, "c1", "audio", 1) == 2 && value_at(store, "c1", "audio", 2) == 3);
    assert_true(valence_store_clip(store, 0)->label == 0.5f);
    valence_store_close(store);
}

static void test_a_field_that_is_named_as_a_feature_is_refused(void **state)
{
    (void)state;
    write_text("t.csv", "id,split,label,a0\nc1,train,1,1\n");
    options.streams[VALENCE_STREAM_AUDIO].source = "a0,label";
    assert_fails(valence_import(VALENCE_IMPORT_TABLE, in_folder("t.csv"), in_folder("store"),
                                &options, NULL, &result, &error),
                 VALENCE_ERROR_ARGUMENT, "column 'label'");
}

static void test_one_group_for_validation_is_told(void **state)
{
    (void)state;
    write_text("t.csv", "id,split,label,group,a0,a1\nc1,train,1,g,1,2\nc2,train,1,g,1,2\n");
    options.validation_fraction = 0.1;
    options.group = "group";
    options.skip = 0;
    options.streams[VALENCE_STREAM_AUDIO].source = "a0-a1";
    assert_fine(valence_import(VALENCE_IMPORT_TABLE, in_folder("t.csv"), in_folder("store"),
                               &options, NULL, &result, &error));
    /* 0.1 of 2 rounds to none */
    write_text("t.csv", "id,split,label,group,a0,a1\nc1,train,1,g,1,2\nc2,train,1,g,1,2\n");
    options.validation_fraction = 0.4;
    assert_fine(valence_import(VALENCE_IMPORT_TABLE, in_folder("t.csv"), in_folder("other"),
                               &options, NULL, &result, &error));
    assert_int_equal(result.n_notes, 1);
    assert_non_null(strstr(result.notes[0].text, "all 2 training clips went to validation"));
    assert_string_equal(result.notes[0].key, "validation_fraction");
}

/* ---- Names of files ---- */

static void test_files_are_found_under_decomposed_names(void **state)
{
    (void)state;
    const int64_t shape[] = {1, 1};
    static const struct {
        const char *id, *file;
    } names[] = {{"caf\xc3\xa9", "cafe\xcc\x81.npy"},
                 {"e\xcc\xa3\xcc\x82", "\xe1\xbb\x87.npy"},                    /* Vietnamese */
                 {"\xed\x95\x9c", "\xe1\x84\x92\xe1\x85\xa1\xe1\x86\xab.npy"}, /* Hangul */
                 {"\xe3\x81\x8c", "\xe3\x81\x8b\xe3\x82\x99.npy"},             /* kana */
                 {"plain", "plain.NPY"},
                 {"\xe4\xb8\xad", "\xe4\xb8\xad.npy"}};
    char folder_path[256], text[1024] = "id,split,label\n";
    assert_int_equal(mkdir(in_folder("arrays"), 0700), 0);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char path[64];
        float value = (float)i;
        snprintf(path, sizeof path, "arrays/%s", names[i].file);
        assert_fine(npy_write(in_folder(path), 0, ELEMENT_F32, 2, shape, &value, &error));
        sprintf(text + strlen(text), "%s,train,0\n", names[i].id);
    }
    write_text("t.csv", text);
    snprintf(folder_path, sizeof folder_path, "%s", in_folder("arrays"));
    options.streams[VALENCE_STREAM_VIDEO].folder = folder_path;
    assert_fine(valence_import(VALENCE_IMPORT_TABLE, in_folder("t.csv"), in_folder("store"),
                               &options, NULL, &result, &error));
    assert_int_equal(result.n_taken, sizeof names / sizeof *names);
    assert_int_equal(result.unlisted.n, 0);
    struct valence_store *store = open_store();
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        assert_true(value_at(store, names[i].id, "video", 0) == (float)i);
    valence_store_close(store);
}

static void test_where_no_file_fits_both_sides_are_shown(void **state)
{
    (void)state;
    const int64_t shape[] = {1, 1};
    char folder_path[256];
    write_text("t.csv", "id,split,label\nv_1,train,0\n");
    assert_int_equal(mkdir(in_folder("arrays"), 0700), 0);
    assert_fine(npy_write(in_folder("arrays/v-1.npy"), 0, ELEMENT_F32, 2, shape, (const float[]){1},
                          &error));
    snprintf(folder_path, sizeof folder_path, "%s", in_folder("arrays"));
    options.streams[VALENCE_STREAM_VIDEO].folder = folder_path;
    assert_fails(valence_import(VALENCE_IMPORT_TABLE, in_folder("t.csv"), in_folder("store"),
                                &options, NULL, &result, &error),
                 VALENCE_ERROR_NOT_FOUND, "a clip is 'v_1', an array 'v-1.npy'");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_an_unfinished_store_is_taken_over_with_the_advised_type),
        TEST(test_an_unfinished_store_is_taken_over_with_the_advised_range),
        TEST(test_an_unfinished_store_is_taken_over_with_the_advised_values),
        TEST(test_an_unfinished_store_is_taken_over_with_the_mended_file),
        TEST(test_the_same_import_goes_on),
        TEST(test_an_edited_label_does_not_go_unnoticed),
        TEST(test_an_edit_in_the_middle_of_a_large_file_does_not_go_unnoticed),
        TEST(test_a_copy_of_the_source_is_the_same),
        TEST(test_changed_arrays_of_a_folder_do_not_go_unnoticed),
        TEST(test_a_finished_store_of_other_options_stays),
        TEST(test_a_finished_store_of_other_options_is_overwritten_where_asked_for),
        TEST(test_ranges_of_columns_leave_out_what_is_no_feature),
        TEST(test_a_field_that_is_named_as_a_feature_is_refused),
        TEST(test_one_group_for_validation_is_told),
        TEST(test_files_are_found_under_decomposed_names),
        TEST(test_where_no_file_fits_both_sides_are_shown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
