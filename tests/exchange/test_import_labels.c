/* The label files that data sets come with, recognised by their columns, and the patterns they
 * need. */
#include "import_fixture.h"

#include <sys/stat.h>

#include "exchange/table_field.h"

static void write_text(const char *name, const char *text)
{
    FILE *file = fopen(in_folder(name), "w");
    assert_non_null(file);
    fputs(text, file);
    assert_int_equal(fclose(file), 0);
}

static int import(const char *name)
{
    options.labels_only = true;
    return valence_import(VALENCE_IMPORT_TABLE, in_folder(name), in_folder("store"), &options, NULL,
                          &result, &error);
}

static const struct valence_clip *clip_of(const struct valence_store *store, const char *id)
{
    int64_t clip = valence_store_find_clip(store, id);
    if (clip < 0)
        fail_msg("there is no clip '%s'", id);
    return valence_store_clip(store, clip);
}

static void assert_clip(const struct valence_store *store, const char *id, enum valence_split split,
                        float label, const char *group, const char *transcript)
{
    const struct valence_clip *clip = clip_of(store, id);
    assert_int_equal(clip->split, split);
    assert_true(clip->label == label || (isnan(label) && isnan(clip->label)));
    assert_string_equal(clip->group, group);
    assert_string_equal(clip->transcript, transcript);
}

/* ---- Layouts ---- */

#define MELD "Sr No.,Utterance,Speaker,Emotion,Sentiment,Dialogue_ID,Utterance_ID\n"

static void write_meld(void)
{
    assert_int_equal(mkdir(in_folder("meld"), 0700), 0);
    write_text("meld/train_sent_emo.csv",
               MELD "1,\"Oh, he\xe2\x80\x99s lost it.\",A,joy,positive,0,0\n"
                    "2,What?,B,anger,negative,0,1\n");
    write_text("meld/dev_sent_emo.csv", MELD "1,Hi,A,neutral,neutral,0,0\n");
    write_text("meld/test_sent_emo.csv", MELD "1,Bye,A,fear,negative,7,12\n");
    write_text("meld/readme.csv", "not,of,any,split\n");
}

static void test_a_file_for_each_split_is_one_set(void **state)
{
    (void)state;
    write_meld();
    assert_fine(import("meld"));
    assert_int_equal(result.n_taken, 4);
    struct valence_store *store = open_store();
    assert_int_equal(valence_store_n_streams(store), 0);
    assert_clip(store, "train_dia0_utt0", VALENCE_TRAIN, 1, "train_dia0",
                "Oh, he\xe2\x80\x99s lost it.");
    assert_clip(store, "train_dia0_utt1", VALENCE_TRAIN, -1, "train_dia0", "What?");
    assert_clip(store, "dev_dia0_utt0", VALENCE_VALIDATION, 0, "dev_dia0", "Hi");
    assert_clip(store, "test_dia7_utt12", VALENCE_TEST, -1, "test_dia7", "Bye");
    valence_store_close(store);
}

static void test_a_file_named_by_its_split_is_of_it(void **state)
{
    (void)state;
    write_meld();
    assert_fine(import("meld/dev_sent_emo.csv"));
    struct valence_store *store = open_store();
    assert_clip(store, "dev_dia0_utt0", VALENCE_VALIDATION, 0, "dev_dia0", "Hi");
    valence_store_close(store);
}

static void test_files_with_other_columns_are_an_error(void **state)
{
    (void)state;
    write_meld();
    write_text("meld/dev_sent_emo.csv", "Sr No.,Utterance\n1,Hi\n");
    assert_fails(import("meld"), VALENCE_ERROR_FORMAT, "dev_sent_emo.csv: its columns are not");
}

static void test_a_folder_without_splits_is_an_error(void **state)
{
    (void)state;
    assert_int_equal(mkdir(in_folder("empty"), 0700), 0);
    write_text("empty/labels.csv", "id,label\na,1\n");
    assert_fails(import("empty"), VALENCE_ERROR_NOT_FOUND, "begins with a split");
}

static void test_a_folder_needs_no_layout_of_its_own(void **state)
{
    (void)state;
    assert_int_equal(mkdir(in_folder("parts"), 0700), 0);
    write_text("parts/train.csv", "id,label\na,1\n");
    write_text("parts/valid.csv", "id,label\nb,2\n");
    assert_fine(import("parts"));
    struct valence_store *store = open_store();
    assert_clip(store, "a", VALENCE_TRAIN, 1, "", "");
    assert_clip(store, "b", VALENCE_VALIDATION, 2, "", "");
    valence_store_close(store);
}

static void test_mmsa_label_files_are_recognised(void **state)
{
    (void)state;
    write_text("label.csv", "\xEF\xBB\xBFvideo_id,clip_id,text,label,label_T,annotation,mode\n"
                            "video_0001,0001,\xe6\x88\x91,-0.8,-1,Negative,train\n"
                            "video_0001,0002,,0.2,0,Positive,valid\n");
    assert_fine(import("label.csv"));
    struct valence_store *store = open_store();
    assert_clip(store, "video_0001_0001", VALENCE_TRAIN, -0.8f, "video_0001", "\xe6\x88\x91");
    assert_clip(store, "video_0001_0002", VALENCE_VALIDATION, 0.2f, "video_0001", "");
    valence_store_close(store);
}

static void test_an_option_beats_the_layout(void **state)
{
    (void)state;
    write_text("label.csv", "video_id,clip_id,text,label,label_T,annotation,mode\n"
                            "v,1,hi,-0.8,0.4,Negative,train\n");
    options.label = "label_T";
    options.group = "";
    assert_fine(import("label.csv"));
    struct valence_store *store = open_store();
    assert_clip(store, "v_1", VALENCE_TRAIN, 0.4f, "", "hi");
    valence_store_close(store);
}

static void test_merbench_label_files_are_recognised(void **state)
{
    (void)state;
    write_text("labels.csv", "id,split,valence,emo,text_en,text_zh\n"
                             "a_b_1,train,-1.0,sad,yes,\xe6\x98\xaf\n"
                             "a_b_2,test3,-10.0,sad,no,\n"
                             "a_b_3,test3,-10,sad,no,\n");
    options.transcript = "text_zh";
    options.group = "{id<_}";
    assert_fine(import("labels.csv"));
    assert_int_equal(result.n_no_label, 2);
    struct valence_store *store = open_store();
    assert_clip(store, "a_b_1", VALENCE_TRAIN, -1, "a_b", "\xe6\x98\xaf");
    assert_clip(store, "a_b_2", VALENCE_TEST, NAN, "a_b", "");
    valence_store_close(store);
}

static void test_texts_that_are_not_utf8_are_an_error_with_a_remedy(void **state)
{
    (void)state;
    write_text("labels.csv", "id,split,label,transcript\na,train,1,he\x92s\n");
    assert_fails(import("labels.csv"), VALENCE_ERROR_FORMAT, "labels.csv:2");
    assert_non_null(strstr(error.text, "iconv"));
}

/* ---- Values and patterns ---- */

static void test_values_stand_for_others(void **state)
{
    (void)state;
    write_text("t.csv", "id,split,label\na,fold1,bad\nb,fold9,good\nc,fold1,n/a\nd,test,0.5\n");
    options.label_values = "bad=-2,good=2,n/a=";
    options.split_values = "fold1=train,fold9=dev";
    assert_fine(import("t.csv"));
    struct valence_store *store = open_store();
    assert_clip(store, "a", VALENCE_TRAIN, -2, "", "");
    assert_clip(store, "b", VALENCE_VALIDATION, 2, "", "");
    assert_clip(store, "c", VALENCE_TRAIN, NAN, "", "");
    assert_clip(store, "d", VALENCE_TEST, 0.5f, "", "");
    valence_store_close(store);
}

static void test_a_part_of_a_value_stands_for_nothing(void **state)
{
    (void)state;
    options.label_values = "bad=-2,good=2";
    write_text("t.csv", "id,split,label\na,train,goo\n");
    assert_fails(import("t.csv"), VALENCE_ERROR_DATA, "label 'goo'");
}

static void test_malformed_values_are_an_error(void **state)
{
    (void)state;
    write_text("t.csv", "id,split,label\na,train,1\n");
    options.label_values = "bad=-2,good";
    assert_fails(import("t.csv"), VALENCE_ERROR_ARGUMENT, "'good' is not FROM=TO");
    assert_string_equal(error.key, "label_values");
}

static void test_patterns_put_columns_together(void **state)
{
    (void)state;
    static const char csv[] = "a,b<c,{x}\nu_v_w,2,3\n";
    struct csv_reader *reader;
    struct table_field field;
    bool more;
    static const struct {
        const char *spec, *text;
    } cases[] = {
        {"a", "u_v_w"},     {"{a}-{b<c}", "u_v_w-2"},       {"{a<_}", "u_v"},
        {"{a<-}", "u_v_w"}, {"{split}/{a}!", "dev/u_v_w!"}, {"{x}", "3"},
    };
    assert_fine(csv_open_memory(csv, sizeof csv - 1, "memory", ',', &reader, &error));
    assert_fine(csv_next(reader, &more, &error));
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_fine(table_field_parse(&field, reader, cases[i].spec, &error));
        assert_string_equal(table_field_text(&field, reader, "dev"), cases[i].text);
        table_field_free(&field);
    }
    assert_fails(table_field_parse(&field, reader, "{a}{d}", &error), VALENCE_ERROR_NOT_FOUND,
                 "'d'");
    assert_fails(table_field_parse(&field, reader, "{a", &error), VALENCE_ERROR_ARGUMENT,
                 "without a '}'");
    assert_int_equal(table_field_parse(&field, reader, "d", &error), VALENCE_ERROR_NOT_FOUND);
    csv_close(reader);
}

/* ---- The real files ---- */

static void assert_counts(const char *path, int64_t train, int64_t validation, int64_t test,
                          int64_t n_unlabelled)
{
    int64_t n[VALENCE_N_SPLITS] = {0}, unlabelled = 0;
    valence_import_options_default(&options);
    options.labels_only = true;
    options.label_minimum = -5;
    options.label_maximum = 5;
    char store_name[32];
    static int n_stores;
    snprintf(store_name, sizeof store_name, "store%d", n_stores++);
    assert_fine(valence_import(VALENCE_IMPORT_TABLE, path, in_folder(store_name), &options, NULL,
                               &result, &error));
    struct valence_store *store;
    assert_fine(valence_store_open(in_folder(store_name), NULL, &store, &error));
    for (int64_t i = 0; i < valence_store_n_clips(store); i++) {
        const struct valence_clip *clip = valence_store_clip(store, i);
        n[clip->split]++;
        unlabelled += isnan(clip->label);
    }
    valence_store_close(store);
    assert_int_equal(n[VALENCE_TRAIN], train);
    assert_int_equal(n[VALENCE_VALIDATION], validation);
    assert_int_equal(n[VALENCE_TEST], test);
    assert_int_equal(unlabelled, n_unlabelled);
}

static void test_the_real_label_files_have_the_published_counts(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        int64_t n[4];
    } files[] = {
        {"labels_cmumosi.csv", {1284, 229, 686, 0}},
        {"labels_cmumosei.csv", {16326, 1871, 4659, 0}},
        {"labels_sims.csv", {1368, 456, 457, 0}},
        {"labels_simsv2.csv", {2722, 647, 1034, 0}},
        {"labels_mer2023-dataset.csv", {3373, 0, 411 + 412 + 834, 834}},
        {"meld", {9989, 1109, 2610, 0}},
    };
    const char *shared = getenv("VALENCE_SHARED");
    int n_found = 0;
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        char path[1024];
        snprintf(path, sizeof path, "%s/data/labels/%s",
                 shared ? shared : VALENCE_TEST_DATA "/../../shared", files[i].name);
        if (access(path, R_OK) != 0)
            continue;
        const int64_t *n = files[i].n;
        assert_counts(path, n[0], n[1], n[2], n[3]);
        n_found++;
    }
    if (n_found == 0)
        skip();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_a_file_for_each_split_is_one_set),
        TEST(test_a_file_named_by_its_split_is_of_it),
        TEST(test_files_with_other_columns_are_an_error),
        TEST(test_a_folder_without_splits_is_an_error),
        TEST(test_a_folder_needs_no_layout_of_its_own),
        TEST(test_mmsa_label_files_are_recognised),
        TEST(test_an_option_beats_the_layout),
        TEST(test_merbench_label_files_are_recognised),
        TEST(test_texts_that_are_not_utf8_are_an_error_with_a_remedy),
        TEST(test_values_stand_for_others),
        TEST(test_a_part_of_a_value_stands_for_nothing),
        TEST(test_malformed_values_are_an_error),
        TEST(test_patterns_put_columns_together),
        TEST(test_the_real_label_files_have_the_published_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
