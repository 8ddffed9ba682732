/* What a store says of itself: whether it is finished, what it is made from, its labels' scale. */
#include "store_fixture.h"

static const struct valence_store_stream audio = {.name = "audio", .width = 3, .type = VALENCE_F16};
static const struct valence_store_stream wider = {.name = "audio", .width = 4, .type = VALENCE_F16};

static int add(struct valence_store_writer *writer, int i)
{
    float rows[] = {1, 2, 3};
    char id[16];
    snprintf(id, sizeof id, "c%d", i);
    struct valence_clip clip = {.id = id, .label = 1}; /* NULL texts are empty ones */
    struct valence_clip_rows stream = {0, 1, rows};
    return valence_store_writer_add(writer, &clip, &stream, 1, &error);
}

static struct valence_store_writer *open_writer(const struct valence_store_stream *stream,
                                                bool replace)
{
    struct valence_store_writer *writer;
    struct valence_store_writer_options options;
    valence_store_writer_options_default(&options);
    options.replace_unfinished = replace;
    assert_fine(
        valence_store_writer_open(in_folder("store"), stream, 1, &options, &writer, &error));
    return writer;
}

/* Adds n clips to the store; `finish` marks it as finished. */
static void write_store(int from, int n, bool finish)
{
    struct valence_store_writer *writer = open_writer(&audio, false);
    for (int i = from; i < from + n; i++)
        assert_fine(add(writer, i));
    if (finish)
        assert_fine(valence_store_writer_finish(writer, &error));
    assert_fine(valence_store_writer_close(writer, &error));
}

/* The number of its clips, or the negative status. */
static int64_t read_store(bool accept)
{
    struct valence_store_options options;
    struct valence_store *store;
    valence_store_options_default(&options);
    options.accept_unfinished = accept;
    int status = valence_store_open(in_folder("store"), &options, &store, &error);
    int64_t n = status ? status : valence_store_n_clips(store);
    valence_store_close(store);
    return n;
}

static void test_a_store_is_unfinished_until_it_is_said_to_be_finished(void **state)
{
    (void)state;
    write_store(0, 0, false);
    assert_int_equal(read_store(false), VALENCE_ERROR_DATA);
    assert_int_equal(read_store(true), 0);
    write_store(0, 3, false);
    assert_int_equal(read_store(false), VALENCE_ERROR_DATA);
    assert_string_equal(error.key, "accept_unfinished");
    assert_int_equal(read_store(true), 3);
    write_store(3, 2, true);
    assert_int_equal(read_store(false), 5);
}

static void test_a_finished_store_is_unfinished_again_when_a_clip_is_added(void **state)
{
    (void)state;
    write_store(0, 3, true);
    write_store(3, 0, false); /* nothing is added */
    assert_int_equal(read_store(false), 3);
    write_store(3, 1, false);
    assert_int_equal(read_store(false), VALENCE_ERROR_DATA);
    assert_int_equal(read_store(true), 4);
    write_store(4, 0, true);
    assert_int_equal(read_store(false), 4);
}

static void test_an_unfinished_store_of_other_streams_is_replaced_where_asked_for(void **state)
{
    (void)state;
    struct valence_store_writer *writer;
    write_store(0, 3, false);
    assert_fails(valence_store_writer_open(in_folder("store"), &wider, 1, NULL, &writer, &error),
                 VALENCE_ERROR_SHAPE, "'audio' of 3 f16, not 'audio' of 4 f16");
    writer = open_writer(&wider, true);
    assert_true(valence_store_writer_replaced(writer));
    assert_int_equal(valence_store_writer_n_clips(writer), 0);
    assert_false(valence_store_writer_has(writer, "c0"));
    assert_fine(valence_store_writer_finish(writer, &error));
    assert_fine(valence_store_writer_close(writer, &error));
    assert_int_equal(read_store(false), 0);
    struct valence_store_writer_options options; /* a finished one never is */
    valence_store_writer_options_default(&options);
    options.replace_unfinished = true;
    assert_int_equal(
        valence_store_writer_open(in_folder("store"), &audio, 1, &options, &writer, &error),
        VALENCE_ERROR_SHAPE);
}

static void test_a_finished_store_is_overwritten_where_asked_for(void **state)
{
    (void)state;
    struct valence_store_writer *writer;
    struct valence_store_writer_options options;
    valence_store_writer_options_default(&options);
    options.overwrite = true;
    write_store(0, 3, true);
    assert_fine(
        valence_store_writer_open(in_folder("store"), &wider, 1, &options, &writer, &error));
    assert_true(valence_store_writer_replaced(writer));
    assert_fine(valence_store_writer_finish(writer, &error));
    assert_fine(valence_store_writer_close(writer, &error));
    assert_int_equal(read_store(false), 0);
    assert_fine(
        valence_store_writer_open(in_folder("store"), &wider, 1, &options, &writer, &error));
    assert_false(valence_store_writer_replaced(writer)); /* the same: there is nothing to replace */
    assert_fine(valence_store_writer_set_source(writer, "{\"file\": \"a.csv\"}", &error));
    assert_fine(valence_store_writer_finish(writer, &error));
    assert_fine(valence_store_writer_set_source(writer, "{\"file\": \"b.csv\"}", &error));
    assert_true(valence_store_writer_replaced(writer));
    assert_fine(valence_store_writer_close(writer, &error));
}

static void test_a_damaged_store_is_overwritten_but_no_foreign_file(void **state)
{
    (void)state;
    struct valence_store_writer *writer;
    struct valence_store_writer_options options;
    valence_store_writer_options_default(&options);
    write_store(0, 3, true);
    FILE *data = fopen(in_folder("store/data.mdb"), "r+b");
    assert_non_null(data);
    for (int i = 0; i < 8192; i++)
        fputc(0x5a, data);
    assert_int_equal(fclose(data), 0);
    assert_int_equal(
        valence_store_writer_open(in_folder("store"), &audio, 1, &options, &writer, &error),
        VALENCE_ERROR_FORMAT);
    options.overwrite = true;
    fclose(fopen(in_folder("store/notes.txt"), "w"));
    assert_fails(
        valence_store_writer_open(in_folder("store"), &audio, 1, &options, &writer, &error),
        VALENCE_ERROR_EXISTS, "holds 'notes.txt'");
    remove(in_folder("store/notes.txt"));
    assert_fine(
        valence_store_writer_open(in_folder("store"), &audio, 1, &options, &writer, &error));
    assert_true(valence_store_writer_replaced(writer));
    assert_fine(valence_store_writer_finish(writer, &error));
    assert_fine(valence_store_writer_close(writer, &error));
    assert_int_equal(read_store(false), 0);
}

static void test_an_unfinished_store_of_another_source_is_replaced_where_asked_for(void **state)
{
    (void)state;
    struct valence_store_writer *writer = open_writer(&audio, true);
    assert_fine(valence_store_writer_set_source(writer, "{\"file\": \"a.csv\"}", &error));
    assert_fine(add(writer, 0));
    assert_fine(valence_store_writer_close(writer, &error));
    writer = open_writer(&audio, false);
    assert_fails(valence_store_writer_set_source(writer, "{\"file\": \"b.csv\"}", &error),
                 VALENCE_ERROR_EXISTS, "\"a.csv\", not \"b.csv\"");
    assert_fine(valence_store_writer_set_source(writer, "{\"file\": \"a.csv\"}", &error));
    assert_fine(valence_store_writer_close(writer, &error));
    writer = open_writer(&audio, true);
    assert_int_equal(valence_store_writer_n_clips(writer), 1);
    assert_fine(valence_store_writer_set_source(writer, "{\"file\": \"b.csv\"}", &error));
    assert_true(valence_store_writer_replaced(writer));
    assert_int_equal(valence_store_writer_n_clips(writer), 0);
    for (int i = 0; i < 5; i++)
        assert_fine(add(writer, i));
    assert_fine(valence_store_writer_finish(writer, &error));
    assert_fine(valence_store_writer_close(writer, &error));
    assert_int_equal(read_store(false), 5);
    writer = open_writer(&audio, true);
    assert_int_equal(valence_store_writer_set_source(writer, "{\"file\": \"c.csv\"}", &error),
                     VALENCE_ERROR_EXISTS);
    assert_int_equal(valence_store_writer_set_source(writer, "[1]", &error),
                     VALENCE_ERROR_ARGUMENT);
    assert_fine(valence_store_writer_close(writer, &error));
}

static void test_the_label_scale_is_kept(void **state)
{
    (void)state;
    struct valence_store_writer *writer = open_writer(&audio, false);
    struct valence_label_scale scale = {.name = "ch-sims", .low = -1, .high = 1};
    assert_fine(valence_store_writer_set_label_scale(writer, &scale, &error));
    scale.high = -1;
    assert_int_equal(valence_store_writer_set_label_scale(writer, &scale, &error),
                     VALENCE_ERROR_ARGUMENT);
    scale = (struct valence_label_scale){.name = "", .low = -1, .high = 1};
    assert_int_equal(valence_store_writer_set_label_scale(writer, &scale, &error),
                     VALENCE_ERROR_ARGUMENT);
    assert_fine(valence_store_writer_finish(writer, &error));
    assert_fine(valence_store_writer_close(writer, &error));
    struct valence_store *store;
    assert_fine(valence_store_open(in_folder("store"), NULL, &store, &error));
    assert_string_equal(valence_store_label_scale(store)->name, "ch-sims");
    assert_true(valence_store_label_scale(store)->low == -1);
    assert_true(valence_store_label_scale(store)->high == 1);
    valence_store_close(store);
}

static void test_what_is_not_there_is_null_or_an_error(void **state)
{
    (void)state;
    uint16_t row[3];
    struct valence_store *store;
    write_store(0, 2, true);
    assert_fine(valence_store_open(in_folder("store"), NULL, &store, &error));
    assert_null(valence_store_label_scale(store));
    assert_null(valence_store_clip(store, 2));
    assert_null(valence_store_clip(store, -1));
    assert_null(valence_store_get_stream(store, 1));
    assert_null(valence_store_get_stream(store, -1));
    assert_fine(valence_store_read_rows(store, 1, 0, 1, 0, row, &error)); /* no rows at the end */
    static const int64_t wrong[][4] = {{2, 0, 0, 1},  {-1, 0, 0, 1}, {0, 1, 0, 1},
                                       {0, -1, 0, 1}, {0, 0, 1, 1},  {0, 0, -1, 1},
                                       {0, 0, 0, 2},  {0, 0, 0, -1}, {0, 0, INT64_MAX, 1}};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_int_equal(valence_store_read_rows(store, wrong[i][0], (int)wrong[i][1], wrong[i][2],
                                                 wrong[i][3], row, &error),
                         VALENCE_ERROR_ARGUMENT);
    struct valence_column_statistics *statistics;
    assert_int_equal(valence_store_statistics(store, 1, NULL, &statistics, &error),
                     VALENCE_ERROR_ARGUMENT);
    assert_null(statistics);
    valence_store_close(store);
}

static void test_options_of_another_size_are_read_or_refused(void **state)
{
    (void)state;
    struct valence_store_options options;
    struct valence_store *store;
    write_store(0, 2, true);
    options.size = sizeof options.size; /* of a caller that knows no member */
    assert_fine(valence_store_open(in_folder("store"), &options, &store, &error));
    valence_store_close(store);
    options.size = sizeof options + 8;
    assert_int_equal(valence_store_open(in_folder("store"), &options, &store, &error),
                     VALENCE_ERROR_ARGUMENT);
    assert_null(store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST_IN_FOLDER(test_a_store_is_unfinished_until_it_is_said_to_be_finished),
        TEST_IN_FOLDER(test_a_finished_store_is_unfinished_again_when_a_clip_is_added),
        TEST_IN_FOLDER(test_an_unfinished_store_of_other_streams_is_replaced_where_asked_for),
        TEST_IN_FOLDER(test_a_finished_store_is_overwritten_where_asked_for),
        TEST_IN_FOLDER(test_a_damaged_store_is_overwritten_but_no_foreign_file),
        TEST_IN_FOLDER(test_an_unfinished_store_of_another_source_is_replaced_where_asked_for),
        TEST_IN_FOLDER(test_the_label_scale_is_kept),
        TEST_IN_FOLDER(test_what_is_not_there_is_null_or_an_error),
        TEST_IN_FOLDER(test_options_of_another_size_are_read_or_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
