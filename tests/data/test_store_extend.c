/* A store made from another one with a stream more. */
#include "store_fixture.h"

#include "data/encoder_settings.h"
#include "store/store_extend.h"

#define N 10

/* The fifth clip gets none of the new stream. */
static struct valence_store *make_store(void)
{
    struct valence_store *store;
    write_numbered_store("from", N);
    assert_fine(valence_store_open(in_folder("from"), NULL, &store, &error));
    return store;
}

/* Counts its calls and clips, and fails when `fails_at` clips were made. */
struct maker_self {
    float rows[4][3];
    json_t *metadata;
    int64_t calls, clips, fails_at; /* fails_at: -1 never */
};

static int make_rows(void *user, const struct valence_clip *const *clips, int64_t n,
                     const struct valence_progress *progress, struct made_rows *made,
                     struct valence_error *failure)
{
    struct maker_self *self = user;
    (void)progress;
    assert_in_range(n, 1, 4);
    for (int64_t i = 0; i < n; i++) {
        int number = atoi(clips[i]->transcript);
        if (self->clips == self->fails_at) {
            failure->status = VALENCE_ERROR_DATA;
            strcpy(failure->text, "no more");
            return VALENCE_ERROR_DATA;
        }
        self->clips++;
        self->rows[i][0] = 70000.0f + (float)number;
        self->rows[i][1] = (float)atoi(clips[0]->transcript); /* what it is made together with */
        made[i] = (struct made_rows){number == 5 ? 0 : 1, self->rows[i], self->metadata};
    }
    self->calls++;
    return VALENCE_OK;
}

static int extend(const struct valence_store *from, struct maker_self *self, int layers,
                  int64_t *n_made, int64_t *n_stored)
{
    json_t *settings = json_pack("{s:i}", "layers", layers);
    struct stream_maker maker = {.stream = {.name = "text", .width = 3, .type = VALENCE_F32},
                                 .settings = settings,
                                 .batch = 4,
                                 .self = self,
                                 .make = make_rows};
    int status = store_extend(from, in_folder("to"), false, &maker, NULL, n_made, n_stored, &error);
    json_decref(settings);
    return status;
}

static void check_extended(void)
{
    struct valence_store *store;
    assert_fine(valence_store_open(in_folder("to"), NULL, &store, &error));
    assert_int_equal(valence_store_n_clips(store), N);
    for (int i = 0; i < N; i++) {
        const struct valence_clip *clip = valence_store_clip(store, i);
        uint16_t halves[4];
        float text[3];
        assert_int_equal(clip->split, i % 3);
        assert_true(clip->label == (float)i / 4);
        assert_int_equal(clip->n_rows[0], i % 3 > 0 ? 2 : 0);
        assert_int_equal(clip->n_rows[1], i != 5);
        if (i % 3 > 0) {
            assert_fine(valence_store_read_rows(store, i, 0, 0, 2, halves, &error));
            assert_int_equal(halves[3], 0x7bff); /* 65504 */
        }
        if (i != 5) {
            assert_fine(valence_store_read_rows(store, i, 1, 0, 1, text, &error));
            assert_true(text[0] == 70000.0f + (float)i);
            assert_true(text[1] == (float)(i / 4 * 4));
        }
    }
    assert_string_equal(valence_store_clip(store, 1)->metadata, "{\"text\":{\"heard\":true}}");
    assert_string_equal(valence_store_clip(store, 2)->metadata,
                        "{\"audio\":{\"x\":1},\"text\":{\"heard\":true}}");
    json_t *source = json_loads(valence_store_source(store), 0, NULL);
    assert_int_equal(
        json_integer_value(json_object_get(encoder_settings(source, "text"), "layers")), 16);
    assert_int_equal(
        json_integer_value(json_object_get(encoder_settings(source, "audio"), "layers")), 7);
    assert_null(encoder_settings(source, "video"));
    json_decref(source);
    valence_store_close(store);
}

static void test_a_stream_is_added_in_batches_and_everything_else_is_kept(void **state)
{
    (void)state;
    struct valence_store *from = make_store();
    struct maker_self self = {.metadata = json_pack("{s:b}", "heard", 1), .fails_at = -1};
    int64_t n_made, n_stored;
    assert_fine(extend(from, &self, 16, &n_made, &n_stored));
    assert_int_equal(n_made, N - 1);
    assert_int_equal(n_stored, 0);
    assert_int_equal(self.calls, 3);
    check_extended();
    json_decref(self.metadata);
    valence_store_close(from);
}

static void test_what_was_interrupted_goes_on_and_is_the_same(void **state)
{
    (void)state;
    struct valence_store *from = make_store();
    struct maker_self self = {.metadata = json_pack("{s:b}", "heard", 1), .fails_at = 6};
    int64_t n_made, n_stored;
    assert_fails(extend(from, &self, 16, &n_made, &n_stored), VALENCE_ERROR_DATA,
                 "clip 'c4': no more");
    assert_int_equal(n_made, 4);
    self.fails_at = -1;
    assert_fails(extend(from, &self, 17, &n_made, &n_stored), VALENCE_ERROR_EXISTS, "encoders");
    assert_fine(extend(from, &self, 16, &n_made, &n_stored));
    assert_int_equal(n_stored, 4);
    assert_int_equal(n_made, 5);
    check_extended();
    assert_fine(extend(from, &self, 16, &n_made, &n_stored));
    assert_int_equal(n_stored, N);
    assert_int_equal(n_made, 0);
    json_decref(self.metadata);
    valence_store_close(from);
}

/* The store as a killed process leaves it: a batch is there in part. */
static void leave_clips(int n)
{
    struct valence_store *whole;
    struct valence_store_writer *writer;
    if (rename(in_folder("to"), in_folder("whole")) != 0)
        fail_msg("cannot rename");
    assert_fine(valence_store_open(in_folder("whole"), NULL, &whole, &error));
    const struct valence_store_stream streams[] = {*valence_store_get_stream(whole, 0),
                                                   *valence_store_get_stream(whole, 1)};
    assert_fine(valence_store_writer_open(in_folder("to"), streams, 2, NULL, &writer, &error));
    assert_fine(valence_store_writer_set_source(writer, valence_store_source(whole), &error));
    for (int i = 0; i < n; i++)
        assert_fine(valence_store_writer_add_from(writer, whole, i, NULL, &error));
    assert_fine(valence_store_writer_close(writer, &error));
    valence_store_close(whole);
}

static void test_a_batch_that_is_there_in_part_is_made_whole_again(void **state)
{
    (void)state;
    struct valence_store *from = make_store();
    struct maker_self self = {.metadata = json_pack("{s:b}", "heard", 1), .fails_at = -1};
    int64_t n_made, n_stored;
    assert_fine(extend(from, &self, 16, &n_made, &n_stored));
    leave_clips(6);
    self.calls = self.clips = 0;
    assert_fine(extend(from, &self, 16, &n_made, &n_stored));
    assert_int_equal(n_stored, 6);
    assert_int_equal(n_made, 4);
    assert_int_equal(self.calls, 2);
    assert_int_equal(self.clips, 6);
    check_extended();
    json_decref(self.metadata);
    valence_store_close(from);
}

static void test_a_stream_that_is_there_is_not_made_again(void **state)
{
    (void)state;
    struct valence_store *from = make_store();
    struct stream_maker maker = {.stream = numbered_audio, .batch = 1, .make = make_rows};
    int64_t n_made, n_stored;
    assert_fails(
        store_extend(from, in_folder("to"), false, &maker, NULL, &n_made, &n_stored, &error),
        VALENCE_ERROR_EXISTS, "has a stream 'audio' already");
    valence_store_close(from);
}

static void test_another_store_is_overwritten_but_never_the_one_that_is_read(void **state)
{
    (void)state;
    struct valence_store *from = make_store();
    struct maker_self self = {.fails_at = -1};
    json_t *settings = json_pack("{s:s}", "layers", "1"),
           *other = json_pack("{s:s}", "layers", "2");
    struct stream_maker maker = {.stream = {.name = "text", .width = 3, .type = VALENCE_F32},
                                 .settings = settings,
                                 .batch = 4,
                                 .self = &self,
                                 .make = make_rows};
    int64_t n_made, n_stored;
    assert_fine(
        store_extend(from, in_folder("to"), false, &maker, NULL, &n_made, &n_stored, &error));
    maker.settings = other;
    assert_int_equal(
        store_extend(from, in_folder("to"), false, &maker, NULL, &n_made, &n_stored, &error),
        VALENCE_ERROR_EXISTS);
    assert_string_equal(error.key, "overwrite");
    assert_fine(
        store_extend(from, in_folder("to"), true, &maker, NULL, &n_made, &n_stored, &error));
    assert_int_equal(n_stored, 0);
    assert_fails(
        store_extend(from, in_folder("from"), true, &maker, NULL, &n_made, &n_stored, &error),
        VALENCE_ERROR_ARGUMENT, "is the store that is read");
    json_decref(settings);
    json_decref(other);
    valence_store_close(from);
}

static int refuse(void *user, const struct valence_progress_event *event)
{
    assert_string_equal(event->unit, "clips");
    return event->done >= *(const int64_t *)user;
}

static void test_cancelling_leaves_what_can_be_gone_on_with(void **state)
{
    (void)state;
    struct valence_store *from = make_store();
    int64_t limit = 4, n_made, n_stored;
    struct maker_self self = {.fails_at = -1};
    json_t *settings = json_object();
    struct stream_maker maker = {.stream = {.name = "text", .width = 3, .type = VALENCE_F32},
                                 .settings = settings,
                                 .batch = 4,
                                 .self = &self,
                                 .make = make_rows};
    struct valence_progress progress = {refuse, &limit};
    assert_fails(
        store_extend(from, in_folder("to"), false, &maker, &progress, &n_made, &n_stored, &error),
        VALENCE_ERROR_CANCELLED, "do the same again to continue");
    assert_int_equal(n_made, 4);
    limit = N + 1;
    assert_fine(
        store_extend(from, in_folder("to"), false, &maker, &progress, &n_made, &n_stored, &error));
    assert_int_equal(n_stored, 4);
    json_decref(settings);
    valence_store_close(from);
}

static void test_encodings_are_compared_by_all_but_the_files_name(void **state)
{
    (void)state;
    json_t *trained = json_pack("{s:s, s:s, s:b}", "source", "a.gguf", "layers", "18", "mean", 0);
    json_t *now = json_pack("{s:s, s:s, s:b}", "source", "b.gguf", "layers", "18", "mean", 0);
    assert_fine(encoder_settings_compare(trained, now, "text", &error));
    json_object_set_new(now, "layers", json_string("16"));
    assert_fails(encoder_settings_compare(trained, now, "text", &error), VALENCE_ERROR_DATA,
                 "'text' encoded with layers \"18\", and this is encoded with \"16\"");
    assert_fails(encoder_settings_compare(trained, NULL, "text", &error), VALENCE_ERROR_DATA,
                 "with none");
    json_decref(trained);
    json_decref(now);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST_IN_FOLDER(test_a_stream_is_added_in_batches_and_everything_else_is_kept),
        TEST_IN_FOLDER(test_what_was_interrupted_goes_on_and_is_the_same),
        TEST_IN_FOLDER(test_a_batch_that_is_there_in_part_is_made_whole_again),
        TEST_IN_FOLDER(test_a_stream_that_is_there_is_not_made_again),
        TEST_IN_FOLDER(test_another_store_is_overwritten_but_never_the_one_that_is_read),
        TEST_IN_FOLDER(test_cancelling_leaves_what_can_be_gone_on_with),
        TEST_IN_FOLDER(test_encodings_are_compared_by_all_but_the_files_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
