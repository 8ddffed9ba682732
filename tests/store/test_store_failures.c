/* Clips that could not be made, as a store records them, and clips that come from another store. */
#include "store_fixture.h"

static const struct valence_store_stream streams[] = {
    {.name = "audio", .width = 3, .type = VALENCE_F16},
    {.name = "video", .width = 2, .type = VALENCE_F32}};

static struct valence_store_writer *open_writer(const char *name)
{
    struct valence_store_writer *writer;
    assert_fine(valence_store_writer_open(in_folder(name), streams, 2, NULL, &writer, &error));
    return writer;
}

static int add(struct valence_store_writer *writer, const char *id, float value)
{
    const float audio[] = {value, 2, 3, 4, 5, 6}, video[] = {value, 0.1f};
    const struct valence_clip clip = {.id = id, .label = value, .split = VALENCE_TEST};
    const struct valence_clip_rows rows[] = {{0, 2, audio}, {1, 1, video}};
    return valence_store_writer_add(writer, &clip, rows, 2, &error);
}

static int fail_clip(struct valence_store_writer *writer, const char *id, const char *metadata)
{
    const struct valence_store_failure failure = {id, VALENCE_ERROR_FORMAT, "it is cut off",
                                                  metadata};
    return valence_store_writer_add_failure(writer, &failure, &error);
}

static struct valence_store *read_store(const char *name)
{
    struct valence_store *store;
    assert_fine(valence_store_open(in_folder(name), NULL, &store, &error));
    return store;
}

static void finish(struct valence_store_writer *writer)
{
    assert_fine(valence_store_writer_finish(writer, &error));
    assert_fine(valence_store_writer_close(writer, &error));
}

static void test_failures_are_kept_until_the_clip_is_there(void **state)
{
    (void)state;
    char long_id[VALENCE_STORE_ID_BYTES];
    memset(long_id, 'z', sizeof long_id - 1);
    long_id[sizeof long_id - 1] = '\0';
    struct valence_store_writer *writer = open_writer("store");
    assert_fine(fail_clip(writer, "b", "{\"key\":\"1\"}"));
    assert_fine(fail_clip(writer, "a", NULL));
    assert_fine(fail_clip(writer, long_id, ""));
    assert_fine(fail_clip(writer, "b", "{\"key\":\"2\"}")); /* in place of the first */
    assert_fine(add(writer, "c", 1));
    assert_int_equal(fail_clip(writer, "c", NULL), VALENCE_ERROR_EXISTS);
    assert_int_equal(fail_clip(writer, "", NULL), VALENCE_ERROR_DATA);
    assert_int_equal(fail_clip(writer, "d", "[1]"), VALENCE_ERROR_DATA);
    finish(writer);
    struct valence_store *store = read_store("store");
    assert_int_equal(valence_store_n_clips(store), 1);
    assert_int_equal(valence_store_n_failures(store), 3);
    const struct valence_store_failure *failure = valence_store_get_failure(store, 1);
    assert_string_equal(valence_store_get_failure(store, 0)->id, "a");
    assert_string_equal(failure->id, "b");
    assert_int_equal(failure->status, VALENCE_ERROR_FORMAT);
    assert_string_equal(failure->reason, "it is cut off");
    assert_string_equal(failure->metadata, "{\"key\":\"2\"}");
    assert_string_equal(valence_store_get_failure(store, 2)->id, long_id);
    assert_null(valence_store_get_failure(store, 3));
    assert_null(valence_store_get_failure(store, -1));
    valence_store_close(store);

    writer = open_writer("store");
    assert_fine(add(writer, "b", 1));
    assert_fine(valence_store_writer_remove_failure(writer, "a", &error));
    assert_fine(valence_store_writer_remove_failure(writer, "nobody", &error));
    finish(writer);
    store = read_store("store");
    assert_int_equal(valence_store_n_failures(store), 1);
    assert_int_equal(valence_store_n_clips(store), 2);
    valence_store_close(store);
}

static void test_clips_come_from_another_store(void **state)
{
    (void)state;
    struct valence_store_writer *writer = open_writer("from");
    assert_fine(add(writer, "a", 0.5f));
    assert_fine(add(writer, "b", 2));
    finish(writer);
    struct valence_store *from = read_store("from");
    writer = open_writer("to");
    struct valence_clip record = *valence_store_clip(from, 0);
    record.label = -1;
    assert_fine(valence_store_writer_add_from(writer, from, 1, NULL, &error));
    assert_fine(valence_store_writer_add_from(writer, from, 0, &record, &error));
    assert_int_equal(valence_store_writer_add_from(writer, from, 2, NULL, &error),
                     VALENCE_ERROR_ARGUMENT);
    finish(writer);
    struct valence_store *to = read_store("to");
    float video[2], expected[2];
    assert_string_equal(valence_store_clip(to, 0)->id, "b");
    assert_true(valence_store_clip(to, 1)->label == -1);
    assert_int_equal(valence_store_clip(to, 1)->n_rows[0], 2);
    assert_fine(valence_store_read_rows(to, 1, 1, 0, 1, video, &error));
    assert_fine(valence_store_read_rows(from, 0, 1, 0, 1, expected, &error));
    assert_memory_equal(video, expected, sizeof video);
    valence_store_close(to);
    assert_fine(valence_store_writer_open(in_folder("other"), streams, 1, NULL, &writer, &error));
    assert_int_equal(valence_store_writer_add_from(writer, from, 0, NULL, &error),
                     VALENCE_ERROR_SHAPE);
    assert_fine(valence_store_writer_close(writer, &error));
    valence_store_close(from);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_failures_are_kept_until_the_clip_is_there, make_folder,
                                        remove_folder),
        cmocka_unit_test_setup_teardown(test_clips_come_from_another_store, make_folder,
                                        remove_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
