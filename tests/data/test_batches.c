/* Clips chosen from a store, and batches of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "valence/runtime.h"
#include "data/batches.h"
#include "training_store.h"

static const char names[VALENCE_N_STREAMS][VALENCE_STORE_NAME_BYTES] = {"audio", "text", "video",
                                                                        "simulated_text"};

/* Six clips: whole, without audio, unlabelled, without any rows, long, and one of another part. */
static const struct training_clip clips[] = {
    {.id = "whole", .split = VALENCE_TRAIN, .label = 1, .n_rows = {3, 2, 4, 1}},
    {.id = "silent", .split = VALENCE_TRAIN, .label = -1, .n_rows = {0, 2, 1, 0}},
    {.id = "unlabelled", .split = VALENCE_TRAIN, .label = NAN, .n_rows = {1, 1, 1, 1}},
    {.id = "empty", .split = VALENCE_TRAIN, .label = 0, .n_rows = {0, 0, 0, 0}},
    {.id = "long", .split = VALENCE_TRAIN, .label = 2, .n_rows = {50, 2, 9, 3}},
    {.id = "other", .split = VALENCE_TEST, .label = 2, .n_rows = {1, 1, 1, 1}},
};
#define N_CLIPS  ((int)(sizeof clips / sizeof clips[0]))
#define MAX_ROWS 8

struct fixture {
    char folder[FOLDER_BYTES];
    char path[FOLDER_BYTES + 16];
    struct valence_store *store;
    struct stream_map map;
    struct batch_loader *loader;
};

static int set_up(void **state)
{
    static struct fixture fixture;
    struct fixture *f = &fixture;
    struct valence_error error;
    struct valence_store_writer *writer;
    make_folder(f->folder);
    snprintf(f->path, sizeof f->path, "%.*s/store", FOLDER_BYTES, f->folder);
    assert_int_equal(valence_store_writer_open(f->path, training_streams, VALENCE_N_STREAMS, NULL,
                                               &writer, &error),
                     0);
    for (int i = 0; i < N_CLIPS; i++)
        assert_int_equal(add_clip(writer, &clips[i], &error), 0);
    assert_int_equal(valence_store_writer_finish(writer, &error), 0);
    assert_int_equal(valence_store_writer_close(writer, &error), 0);
    assert_int_equal(valence_store_open(f->path, NULL, &f->store, &error), 0);
    assert_int_equal(stream_map_make(f->store, names, MAX_ROWS, &f->map, &error), 0);
    assert_int_equal(batch_loader_create(f->store, &f->map, &f->loader, &error), 0);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    batch_loader_free(f->loader);
    valence_store_close(f->store);
    remove_folder(f->folder);
    return 0;
}

/* ---- Choosing ---- */

static void test_a_split_leaves_out_unlabelled_and_empty_clips_and_counts_them(void **state)
{
    struct fixture *f = *state;
    struct clip_selection selection;
    assert_int_equal(clip_selection_make(f->store, &f->map, VALENCE_TRAIN, true, &selection, NULL),
                     0);
    assert_int_equal(selection.n, 3);
    assert_int_equal(selection.clips[0], 0);
    assert_int_equal(selection.clips[1], 1);
    assert_int_equal(selection.clips[2], 4);
    assert_int_equal(selection.n_unlabelled, 1);
    assert_int_equal(selection.n_empty, 1);
    clip_selection_free(&selection);
}

static void test_prediction_takes_unlabelled_clips_as_well(void **state)
{
    struct fixture *f = *state;
    struct clip_selection selection;
    assert_int_equal(clip_selection_make(f->store, &f->map, VALENCE_TRAIN, false, &selection, NULL),
                     0);
    assert_int_equal(selection.n, 4);
    assert_int_equal(selection.n_unlabelled, 0);
    clip_selection_free(&selection);
}

static void test_long_clips_are_counted_and_the_first_is_named(void **state)
{
    struct fixture *f = *state;
    struct clip_selection selection;
    assert_int_equal(clip_selection_make(f->store, &f->map, VALENCE_TRAIN, true, &selection, NULL),
                     0);
    assert_int_equal(selection.n_cut, 1);
    assert_string_equal(selection.first_cut, "long");
    clip_selection_free(&selection);
}

static void test_the_largest_batch_is_found_before_any_is_read(void **state)
{
    struct fixture *f = *state;
    int64_t n_rows[VALENCE_N_STREAMS];
    static const int64_t order[] = {0, 4, 1};
    largest_batch(f->store, &f->map, order, 3, 2, n_rows);
    assert_int_equal(n_rows[VALENCE_STREAM_AUDIO], 3 + MAX_ROWS);
    assert_int_equal(n_rows[VALENCE_STREAM_VIDEO], 4 + MAX_ROWS);
    assert_int_equal(n_rows[VALENCE_STREAM_SIMULATED_TEXT], 4);
}

static void test_a_stream_the_store_lacks_is_an_error_that_names_what_it_has(void **state)
{
    struct fixture *f = *state;
    struct valence_error error;
    struct stream_map map;
    char other[VALENCE_N_STREAMS][VALENCE_STORE_NAME_BYTES];
    memcpy(other, names, sizeof other);
    strcpy(other[VALENCE_STREAM_AUDIO], "wavlm");
    assert_int_equal(stream_map_make(f->store, other, 10, &map, &error), VALENCE_ERROR_NOT_FOUND);
    assert_non_null(strstr(error.text, "'wavlm'"));
    assert_non_null(strstr(error.text, "audio, text, video, simulated_text"));
}

static void test_a_modality_without_a_name_is_done_without(void **state)
{
    struct fixture *f = *state;
    struct valence_error error;
    struct stream_map map;
    char other[VALENCE_N_STREAMS][VALENCE_STORE_NAME_BYTES] = {{0}};
    assert_int_equal(stream_map_make(f->store, other, 10, &map, &error), VALENCE_ERROR_CONFIG);
    strcpy(other[VALENCE_STREAM_TEXT], "text");
    assert_int_equal(stream_map_make(f->store, other, 10, &map, &error), 0);
    assert_int_equal(map.index[VALENCE_STREAM_AUDIO], -1);
    assert_int_equal(map.width[VALENCE_STREAM_AUDIO], 1);
    assert_int_equal(map.width[VALENCE_STREAM_SIMULATED_TEXT], 0);
    assert_int_equal(clip_rows(f->store, &map, 0, VALENCE_STREAM_AUDIO), 0);
    assert_int_not_equal(clip_rows(f->store, &map, 0, VALENCE_STREAM_TEXT), 0);
}

static void test_simulated_text_of_another_width_than_text_is_an_error(void **state)
{
    struct fixture *f = *state;
    struct valence_error error;
    struct stream_map map;
    char other[VALENCE_N_STREAMS][VALENCE_STORE_NAME_BYTES];
    memcpy(other, names, sizeof other);
    strcpy(other[VALENCE_STREAM_SIMULATED_TEXT], "audio");
    assert_int_equal(stream_map_make(f->store, other, 10, &map, &error), VALENCE_ERROR_SHAPE);
}

static void test_simulated_text_may_be_left_out(void **state)
{
    struct fixture *f = *state;
    struct stream_map map;
    char other[VALENCE_N_STREAMS][VALENCE_STORE_NAME_BYTES];
    memcpy(other, names, sizeof other);
    other[VALENCE_STREAM_SIMULATED_TEXT][0] = '\0';
    assert_int_equal(stream_map_make(f->store, other, 10, &map, NULL), 0);
    assert_int_equal(map.index[VALENCE_STREAM_SIMULATED_TEXT], -1);
    assert_int_equal(map.width[VALENCE_STREAM_SIMULATED_TEXT], 0);
}

/* ---- Batches ---- */

/* The batch's rows of a clip are the store's, cut to the limit. */
static void assert_holds(const struct fixture *f, const struct valence_batch *batch, int64_t at,
                         int64_t clip)
{
    const struct valence_clip *record = valence_store_clip(f->store, clip);
    assert_true(batch->keys[at] == valence_clip_key(record->id));
    assert_true(batch->labels[at] == record->label ||
                (isnan(batch->labels[at]) && isnan(record->label)));
    for (int s = 0; s < VALENCE_N_STREAMS; s++) {
        const struct valence_rows *rows = &batch->streams[s];
        const struct valence_store_stream *stored = valence_store_get_stream(f->store, s);
        int64_t n = record->n_rows[s] < MAX_ROWS ? record->n_rows[s] : MAX_ROWS;
        size_t row_bytes = (size_t)stored->width * valence_dtype_size(stored->type);
        unsigned char expected[8192];
        assert_int_equal(rows->type, stored->type);
        assert_int_equal(rows->width, stored->width);
        assert_int_equal(rows->offsets[0], 0);
        assert_int_equal(rows->offsets[at + 1] - rows->offsets[at], n);
        assert_int_equal(valence_store_read_rows(f->store, clip, s, 0, n, expected, NULL), 0);
        assert_memory_equal((const char *)rows->data + (size_t)rows->offsets[at] * row_bytes,
                            expected, (size_t)n * row_bytes);
    }
}

static void test_batches_hold_the_clips_in_the_order_given(void **state)
{
    struct fixture *f = *state;
    static const int64_t order[] = {4, 0, 2, 1, 3, 5, 0};
    for (int64_t batch_size = 1; batch_size <= 8; batch_size++) {
        const struct valence_batch *batch;
        int64_t done = 0;
        batch_loader_start(f->loader, order, 7, batch_size);
        for (;;) {
            assert_int_equal(batch_loader_next(f->loader, &batch, NULL), 0);
            if (!batch)
                break;
            assert_int_equal(batch->n_clips, 7 - done < batch_size ? 7 - done : batch_size);
            for (int64_t i = 0; i < batch->n_clips; i++)
                assert_holds(f, batch, i, order[done + i]);
            done += batch->n_clips;
        }
        assert_int_equal(done, 7);
    }
}

struct counted {
    size_t held, most;
};

static void *take(void *user, size_t alignment, size_t bytes)
{
    struct counted *counted = user;
    __atomic_add_fetch(&counted->held, bytes, __ATOMIC_RELAXED); /* from the reading thread */
    counted->most = counted->held > counted->most ? counted->held : counted->most;
    return aligned_alloc(alignment, bytes);
}

static void release(void *user, void *block, size_t bytes)
{
    struct counted *counted = user;
    __atomic_sub_fetch(&counted->held, bytes, __ATOMIC_RELAXED);
    free(block);
}

static void test_rows_live_in_the_hosts_memory(void **state)
{
    struct fixture *f = *state;
    static const int64_t order[] = {4, 0, 2, 1, 3, 5};
    struct counted counted = {0};
    struct valence_allocator allocator = {sizeof allocator, take, release, &counted};
    struct batch_loader *loader;
    struct valence_error error;
    const struct valence_batch *batch;
    assert_int_equal(valence_set_allocator(&allocator, &error), 0);
    assert_int_equal(batch_loader_create(f->store, &f->map, &loader, &error), 0);
    batch_loader_start(loader, order, 6, 2);
    do
        assert_int_equal(batch_loader_next(loader, &batch, &error), 0);
    while (batch);
    batch_loader_free(loader);
    assert_int_equal(valence_set_allocator(NULL, &error), 0);
    assert_true(counted.most > 0);
    assert_int_equal(counted.held, 0);
}

static void test_the_end_stays_the_end(void **state)
{
    struct fixture *f = *state;
    static const int64_t order[] = {0};
    const struct valence_batch *batch;
    batch_loader_start(f->loader, order, 1, 4);
    assert_int_equal(batch_loader_next(f->loader, &batch, NULL), 0);
    assert_non_null(batch);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(batch_loader_next(f->loader, &batch, NULL), 0);
        assert_null(batch);
    }
}

static void test_a_pass_over_nothing_has_no_batch(void **state)
{
    struct fixture *f = *state;
    const struct valence_batch *batch;
    batch_loader_start(f->loader, NULL, 0, 4);
    assert_int_equal(batch_loader_next(f->loader, &batch, NULL), 0);
    assert_null(batch);
}

static void test_a_new_pass_gives_the_old_one_up(void **state)
{
    struct fixture *f = *state;
    static const int64_t first[] = {0, 1, 0, 1, 0, 1}, second[] = {4, 0};
    for (int taken = 0; taken < 4; taken++)
        for (int repeat = 0; repeat < 50; repeat++) {
            const struct valence_batch *batch;
            batch_loader_start(f->loader, first, 6, 1);
            for (int i = 0; i < taken; i++)
                assert_int_equal(batch_loader_next(f->loader, &batch, NULL), 0);
            batch_loader_start(f->loader, second, 2, 2);
            assert_int_equal(batch_loader_next(f->loader, &batch, NULL), 0);
            assert_int_equal(batch->n_clips, 2);
            assert_holds(f, batch, 0, 4);
            assert_holds(f, batch, 1, 0);
        }
}

static void test_a_loader_can_be_freed_in_the_middle_of_a_pass(void **state)
{
    struct fixture *f = *state;
    static const int64_t order[] = {0, 1, 2, 3, 4, 5};
    struct batch_loader *loader;
    const struct valence_batch *batch;
    assert_int_equal(batch_loader_create(f->store, &f->map, &loader, NULL), 0);
    batch_loader_start(loader, order, 6, 1);
    assert_int_equal(batch_loader_next(loader, &batch, NULL), 0);
    batch_loader_free(loader);
    batch_loader_free(NULL);
}

static void test_a_failing_read_is_reported_by_the_next_call(void **state)
{
    struct fixture *f = *state;
    char data[300];
    snprintf(data, sizeof data, "%s/data.mdb", f->path);
    assert_int_equal(truncate(data, 4096), 0);
    static const int64_t order[] = {0, 1, 4};
    struct valence_error error;
    const struct valence_batch *batch;
    batch_loader_start(f->loader, order, 3, 1);
    int status = batch_loader_next(f->loader, &batch, &error);
    assert_true(status < 0);
    assert_null(batch);
    assert_non_null(strstr(error.text, "store"));
    assert_int_equal(batch_loader_next(f->loader, &batch, &error), 0); /* the pass is over */
    assert_null(batch);
}

int main(void)
{
#define WITH_STORE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    static const struct CMUnitTest tests[] = {
        WITH_STORE(test_a_split_leaves_out_unlabelled_and_empty_clips_and_counts_them),
        WITH_STORE(test_prediction_takes_unlabelled_clips_as_well),
        WITH_STORE(test_long_clips_are_counted_and_the_first_is_named),
        WITH_STORE(test_the_largest_batch_is_found_before_any_is_read),
        WITH_STORE(test_a_stream_the_store_lacks_is_an_error_that_names_what_it_has),
        WITH_STORE(test_a_modality_without_a_name_is_done_without),
        WITH_STORE(test_simulated_text_of_another_width_than_text_is_an_error),
        WITH_STORE(test_simulated_text_may_be_left_out),
        WITH_STORE(test_batches_hold_the_clips_in_the_order_given),
        WITH_STORE(test_rows_live_in_the_hosts_memory),
        WITH_STORE(test_the_end_stays_the_end),
        WITH_STORE(test_a_pass_over_nothing_has_no_batch),
        WITH_STORE(test_a_new_pass_gives_the_old_one_up),
        WITH_STORE(test_a_loader_can_be_freed_in_the_middle_of_a_pass),
        WITH_STORE(test_a_failing_read_is_reported_by_the_next_call),
    };
    return cmocka_run_group_tests_name("batches", tests, NULL, NULL);
}
