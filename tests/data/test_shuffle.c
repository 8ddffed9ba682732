/* The order of an epoch's clips, in full and by shards, and the files read ahead of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "data/batches.h"
#include "data/shuffle.h"
#include "store/store_shards.h"
#include "training_store.h"

#define N_SHARDS 7
#define N_EACH   10
#define N_CLIPS  (N_SHARDS * N_EACH)

struct fixture {
    char folder[FOLDER_BYTES];
    struct valence_store *store;
    int64_t clips[N_CLIPS], order[N_CLIPS];
};

static int set_up(void **state)
{
    static struct fixture fixture;
    struct fixture *f = &fixture;
    char path[FOLDER_BYTES + 16];
    make_folder(f->folder);
    snprintf(path, sizeof path, "%.*s/store", FOLDER_BYTES, f->folder);
    make_training_shards(path, N_SHARDS, N_EACH);
    assert_int_equal(valence_store_open(path, NULL, &f->store, NULL), 0);
    for (int i = 0; i < N_CLIPS; i++)
        f->clips[i] = i;
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    valence_store_close(f->store);
    remove_folder(f->folder);
    return 0;
}

static void shuffle(struct fixture *f, int64_t n, int64_t window, uint64_t seed)
{
    struct random_source source = random_source(seed, 1);
    assert_int_equal(shuffle_clips(f->store, f->clips, n, window, &source, f->order, NULL), 0);
}

/* Whether each of the n clips is in the order once. */
static void assert_all_once(const struct fixture *f, int64_t n)
{
    bool is_there[N_CLIPS] = {false};
    for (int64_t i = 0; i < n; i++) {
        assert_false(is_there[f->order[i]]);
        is_there[f->order[i]] = true;
    }
    for (int64_t i = 0; i < n; i++)
        assert_true(is_there[f->clips[i]]);
}

/* The shards that the clips from `first` to before `end` of the order are in. */
static int count_shards(const struct fixture *f, int64_t first, int64_t end)
{
    bool is_there[N_SHARDS] = {false};
    int n = 0;
    for (int64_t i = first; i < end; i++)
        is_there[store_file_of_clip(f->store, f->order[i])] = true;
    for (int s = 0; s < N_SHARDS; s++)
        n += is_there[s];
    return n;
}

/* ---- The order ---- */

static void test_every_file_says_which_clips_it_has(void **state)
{
    const struct fixture *f = *state;
    assert_int_equal(store_n_files(f->store), N_SHARDS);
    for (int i = 0; i < N_CLIPS; i++)
        assert_int_equal(store_file_of_clip(f->store, i), i / N_EACH);
    struct store_file file = store_get_file(f->store, 3);
    assert_int_equal(file.first_clip, 3 * N_EACH);
    assert_int_equal(file.n_clips, N_EACH);
    assert_true(file.n_bytes > 0);
}

/* As before there were windows: seeds keep their meaning. */
static void test_without_a_window_any_order_is_possible(void **state)
{
    struct fixture *f = *state;
    int64_t wanted[N_CLIPS];
    for (int64_t window = 0; window <= N_SHARDS + 1; window += N_SHARDS) {
        struct random_source source = random_source(5, 1);
        memcpy(wanted, f->clips, sizeof wanted);
        random_shuffle(&source, wanted, N_CLIPS);
        shuffle(f, N_CLIPS, window, 5);
        assert_memory_equal(f->order, wanted, sizeof wanted);
    }
}

static void test_with_a_window_a_group_is_read_to_its_end_before_the_next(void **state)
{
    struct fixture *f = *state;
    for (int64_t window = 1; window < N_SHARDS; window++)
        for (uint64_t seed = 0; seed < 20; seed++) {
            shuffle(f, N_CLIPS, window, seed);
            assert_all_once(f, N_CLIPS);
            for (int64_t first = 0; first < N_CLIPS; first += window * N_EACH) {
                int64_t end = first + window * N_EACH < N_CLIPS ? first + window * N_EACH : N_CLIPS;
                assert_int_equal(count_shards(f, first, end), (end - first) / N_EACH);
            }
        }
}

/* Each shard comes first about as often as any other, and a group's clips are mixed. */
static void test_shards_and_the_clips_of_a_group_come_in_any_order(void **state)
{
    struct fixture *f = *state;
    int firsts[N_SHARDS] = {0}, n_mixed = 0;
    for (uint64_t seed = 0; seed < 700; seed++) {
        shuffle(f, N_CLIPS, 1, seed);
        firsts[f->order[0] / N_EACH]++;
        shuffle(f, N_CLIPS, 3, seed);
        n_mixed += count_shards(f, 0, N_EACH) == 3;
    }
    for (int s = 0; s < N_SHARDS; s++)
        assert_in_range(firsts[s], 65, 135); /* 100 +- 3.8 standard deviations */
    assert_true(n_mixed > 600);
}

static void test_an_order_depends_on_the_seed_alone(void **state)
{
    struct fixture *f = *state;
    int64_t first[N_CLIPS];
    shuffle(f, N_CLIPS, 2, 1);
    memcpy(first, f->order, sizeof first);
    shuffle(f, N_CLIPS, 2, 1);
    assert_memory_equal(f->order, first, sizeof first);
    shuffle(f, N_CLIPS, 2, 2);
    assert_memory_not_equal(f->order, first, sizeof first);
}

/* Clips of another split, or without labels, are not taken: a shard may have none of them. */
static void test_shards_without_chosen_clips_take_no_place(void **state)
{
    struct fixture *f = *state;
    int64_t n = 0;
    for (int64_t clip = 0; clip < N_CLIPS; clip++)
        if (clip / N_EACH % 2 == 1 && clip % 3)
            f->clips[n++] = clip; /* shards 1, 3, 5 */
    for (uint64_t seed = 0; seed < 20; seed++) {
        shuffle(f, n, 2, seed);
        assert_all_once(f, n);
        int64_t group = 0;
        while (group < n && count_shards(f, 0, group + 1) <= 2)
            group++;
        assert_in_range(group, 12, 14); /* all of two shards, 6 or 7 clips each */
        assert_int_equal(count_shards(f, group, n), 1);
    }
    shuffle(f, 0, 2, 1);
}

/* ---- Reading ahead ---- */

static const char names[VALENCE_N_STREAMS][VALENCE_STORE_NAME_BYTES] = {"audio", "text", "video",
                                                                        "simulated_text"};

static void assert_pass(struct batch_loader *loader, const struct fixture *f, int64_t batch_size,
                        int64_t n_wanted)
{
    const struct valence_batch *batch;
    int64_t n = 0;
    batch_loader_start(loader, f->order, N_CLIPS, batch_size);
    while (n < n_wanted) {
        assert_int_equal(batch_loader_next(loader, &batch, NULL), 0);
        if (!batch)
            break;
        for (int64_t i = 0; i < batch->n_clips; i++, n++)
            assert_true(batch->keys[i] ==
                        valence_clip_key(valence_store_clip(f->store, f->order[n])->id));
    }
    assert_true(n >= n_wanted);
}

/* Batches that lie in one shard and in many, passes given up anywhere, orders that no window made.
 */
static void test_what_is_read_ahead_changes_no_batch(void **state)
{
    struct fixture *f = *state;
    static const int64_t windows[] = {1, 2, 6, 100}, sizes[] = {1, 7, 25, N_CLIPS};
    for (int w = 0; w < 4; w++) {
        struct stream_map map;
        struct batch_loader *loader;
        assert_int_equal(stream_map_make(f->store, names, 10, &map, NULL), 0);
        assert_int_equal(batch_loader_create(f->store, &map, &loader, NULL), 0);
        assert_int_equal(batch_loader_read_ahead(loader, windows[w], NULL), 0);
        for (int s = 0; s < 4; s++) {
            shuffle(f, N_CLIPS, windows[w], (uint64_t)s);
            assert_pass(loader, f, sizes[s], N_CLIPS / 3); /* and no further */
            assert_pass(loader, f, sizes[s], N_CLIPS);
            shuffle(f, N_CLIPS, 0, (uint64_t)s);
            assert_pass(loader, f, sizes[s], N_CLIPS);
        }
        batch_loader_start(loader, f->order, N_CLIPS, 1); /* given up by freeing */
        batch_loader_free(loader);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_every_file_says_which_clips_it_has),
        TEST(test_without_a_window_any_order_is_possible),
        TEST(test_with_a_window_a_group_is_read_to_its_end_before_the_next),
        TEST(test_shards_and_the_clips_of_a_group_come_in_any_order),
        TEST(test_an_order_depends_on_the_seed_alone),
        TEST(test_shards_without_chosen_clips_take_no_place),
        TEST(test_what_is_read_ahead_changes_no_batch),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
