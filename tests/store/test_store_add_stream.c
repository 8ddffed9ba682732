/* A stream more in a store that is there. */
#include "store_fixture.h"

#include <sys/stat.h>

enum { N = 300, BATCH = 7 };

/* Fails when it has made `fails_at` clips (-1: never); every fifth clip gets no rows. */
struct self {
    int64_t clips, fails_at;
    int width;
    float rows[BATCH][900];
    float sign;
};

static int make_rows(void *user, const struct valence_clip *const *clips, int64_t n,
                     const struct valence_progress *progress, struct valence_made_rows *made,
                     struct valence_error *failure)
{
    struct self *self = user;
    (void)progress;
    assert_in_range(n, 1, BATCH);
    for (int64_t i = 0; i < n; i++) {
        int number = atoi(clips[i]->transcript);
        if (self->clips++ == self->fails_at) {
            failure->status = VALENCE_ERROR_DATA;
            strcpy(failure->text, "no more");
            return VALENCE_ERROR_DATA;
        }
        for (int j = 0; j < 900; j++)
            self->rows[i][j] = self->sign * (float)number;
        made[i].n_rows = number % 5 ? 900 / self->width : 0;
        made[i].rows = self->rows[i];
        made[i].metadata = number % 5 ? "{\"heard\":true}" : NULL;
    }
    return VALENCE_OK;
}

static int add_stream(const char *name, int width, struct self *self, const char *settings,
                      int64_t *n_made)
{
    struct valence_stream_maker maker;
    valence_stream_maker_default(&maker);
    strcpy(maker.stream.name, name);
    maker.stream.width = self->width = width;
    maker.stream.type = VALENCE_F32;
    maker.settings = settings;
    maker.batch = BATCH;
    maker.user = self;
    maker.make = make_rows;
    return valence_store_add_stream(in_folder("store"), &maker, NULL, n_made, &error);
}

/* All clips, as they were made; with the stream of this width, or without (0). */
static void check_store(int width, float sign)
{
    struct valence_store *store;
    static float text[900];
    assert_fine(valence_store_open(in_folder("store"), NULL, &store, &error));
    assert_int_equal(valence_store_n_clips(store), N);
    assert_int_equal(valence_store_n_streams(store), width ? 2 : 1);
    for (int i = 0; i < N; i++) {
        uint16_t halves[4];
        const struct valence_clip *clip = valence_store_clip(store, i);
        assert_true(clip->label == (float)i / 4);
        assert_int_equal(clip->split, i % 3);
        assert_int_equal(clip->n_rows[0], i % 3 > 0 ? 2 : 0);
        assert_fine(valence_store_read_rows(store, i, 0, 0, clip->n_rows[0], halves, &error));
        if (i % 3 > 0)
            assert_int_equal(halves[3], 0x7bff); /* 65504 */
        assert_int_equal(clip->n_rows[1], width && i % 5 ? 900 / width : 0);
        if (clip->n_rows[1]) {
            assert_fine(valence_store_read_rows(store, i, 1, 0, 900 / width, text, &error));
            assert_true(text[0] == sign * (float)i && text[899] == sign * (float)i);
        }
        if (width && i == 2)
            assert_string_equal(clip->metadata, "{\"audio\":{\"x\":1},\"text\":{\"heard\":true}}");
    }
    const char *source = valence_store_source(store);
    assert_non_null(strstr(source, "\"layers\": 7"));
    assert_true((strstr(source, "\"layers\": 16") != NULL) == (width > 0));
    valence_store_close(store);
}

static void test_a_stream_is_added_and_everything_else_stays(void **state)
{
    (void)state;
    int64_t n_made;
    struct stat before, after;
    struct self self = {.fails_at = -1, .sign = 1};
    write_numbered_store("store", N);
    assert_int_equal(stat(in_folder("store/data.mdb"), &before), 0);
    assert_fine(add_stream("text", 3, &self, "{\"layers\": 16}", &n_made));
    assert_int_equal(n_made, N - N / 5);
    assert_int_equal(self.clips, N);
    check_store(3, 1);
    assert_int_equal(stat(in_folder("store/data.mdb"), &after), 0);
    assert_int_equal(before.st_ino, after.st_ino); /* the same file, and no copy of it */
    assert_fails(add_stream("text", 3, &self, "{}", NULL), VALENCE_ERROR_EXISTS,
                 "a stream 'text' already");
    assert_string_equal(error.key, "stream");
}

static void test_an_interrupted_addition_is_passed_over_and_gone_on_with(void **state)
{
    (void)state;
    int64_t n_made;
    struct self self = {.fails_at = 100, .sign = 1};
    struct valence_store_writer *writer;
    write_numbered_store("store", N);
    assert_fails(add_stream("text", 3, &self, "{\"layers\": 16}", &n_made), VALENCE_ERROR_DATA,
                 "clip 'c98': no more");
    check_store(0, 0);
    assert_fails(add_stream("other", 3, &self, "{}", NULL), VALENCE_ERROR_BUSY, "stream 'text'");
    assert_fails(
        valence_store_writer_open(in_folder("store"), &numbered_audio, 1, NULL, &writer, &error),
        VALENCE_ERROR_BUSY, "stream 'text' is being added");
    self = (struct self){.fails_at = -1, .sign = 1};
    assert_fine(add_stream("text", 3, &self, "{\"layers\": 16}", &n_made));
    assert_int_equal(self.clips, N - 98);
    check_store(3, 1);
}

static void test_other_settings_begin_anew(void **state)
{
    (void)state;
    struct self self = {.fails_at = 100, .sign = 1};
    write_numbered_store("store", N);
    assert_int_equal(add_stream("text", 3, &self, "{\"layers\": 15}", NULL), VALENCE_ERROR_DATA);
    self = (struct self){.fails_at = 50, .sign = -1};
    assert_int_equal(add_stream("text", 900, &self, "{\"layers\": 16}", NULL), VALENCE_ERROR_DATA);
    check_store(0, 0);
    self = (struct self){.fails_at = -1, .sign = -1};
    assert_fine(add_stream("text", 9, &self, "{\"layers\": 16}", NULL));
    assert_int_equal(self.clips, N);
    check_store(9, -1);
}

static void test_clips_can_be_added_afterwards(void **state)
{
    (void)state;
    struct self self = {.fails_at = -1, .sign = 1};
    struct valence_store_writer *writer;
    struct valence_store *store;
    struct valence_store_stream both[] = {numbered_audio,
                                          {.name = "text", .width = 3, .type = VALENCE_F32}};
    write_numbered_store("store", N);
    assert_fine(add_stream("text", 3, &self, "{\"layers\": 16}", NULL));
    assert_fine(valence_store_writer_open(in_folder("store"), both, 2, NULL, &writer, &error));
    struct valence_clip clip = {.id = "new"};
    struct valence_clip_rows rows = {1, 1, (float[]){1, 2, 3}};
    assert_fine(valence_store_writer_add(writer, &clip, &rows, 1, &error));
    assert_fine(valence_store_writer_finish(writer, &error));
    assert_fine(valence_store_writer_close(writer, &error));
    assert_fine(valence_store_open(in_folder("store"), NULL, &store, &error));
    assert_int_equal(valence_store_n_clips(store), N + 1);
    assert_int_equal(valence_store_clip(store, N)->n_rows[1], 1);
    valence_store_close(store);
}

static void test_a_maker_that_cannot_be_is_refused(void **state)
{
    (void)state;
    struct self self = {.fails_at = -1};
    write_numbered_store("store", N);
    assert_int_equal(add_stream("text", 3, &self, "[1]", NULL), VALENCE_ERROR_ARGUMENT);
    assert_int_equal(add_stream("Text", 3, &self, "{}", NULL), VALENCE_ERROR_ARGUMENT);
    assert_int_equal(valence_store_add_stream(in_folder("store"), NULL, NULL, NULL, &error),
                     VALENCE_ERROR_ARGUMENT);
    check_store(0, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST_IN_FOLDER(test_a_stream_is_added_and_everything_else_stays),
        TEST_IN_FOLDER(test_an_interrupted_addition_is_passed_over_and_gone_on_with),
        TEST_IN_FOLDER(test_other_settings_begin_anew),
        TEST_IN_FOLDER(test_clips_can_be_added_afterwards),
        TEST_IN_FOLDER(test_a_maker_that_cannot_be_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
