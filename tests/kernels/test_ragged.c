/* How sequences are cut: every row in one segment, every segment in one tile and one clip. */
#include "sequences.h"

static void check(const int64_t *lengths)
{
    struct ragged r = cut_sequences(lengths);
    int64_t row = 0, clip = 0, tile = 0;
    assert_true(r.tile_rows >= 1 && r.tile_rows <= ragged_max_tile_rows());
    assert_true(r.n_tiles * r.tile_rows >= r.n_rows && (r.n_tiles - 1) * r.tile_rows < r.n_rows);
    assert_int_equal(r.tile_segments[0], 0);
    assert_int_equal(r.tile_segments[r.n_tiles], r.n_segments);
    assert_int_equal(r.clip_segments[0], 0);
    assert_int_equal(r.clip_segments[r.n_clips], r.n_segments);
    for (int64_t s = 0; s < r.n_segments; s++) {
        struct segment segment = r.segments[s];
        while (s >= r.tile_segments[tile + 1])
            tile++;
        while (s >= r.clip_segments[clip + 1])
            clip++;
        assert_int_equal(segment.first, row); /* in order, without gaps */
        assert_true(segment.n > 0);
        assert_int_equal(segment.clip, clip);
        assert_true(segment.first >= r.offsets[clip]);
        assert_true(segment.first + segment.n <= r.offsets[clip + 1]);
        assert_int_equal(segment.first / r.tile_rows, tile);
        assert_int_equal((segment.first + segment.n - 1) / r.tile_rows, tile);
        row += segment.n;
    }
    assert_int_equal(row, r.n_rows);
    for (int64_t i = 0; i < r.n_clips; i++)
        assert_true((r.clip_segments[i] == r.clip_segments[i + 1]) == (lengths[i] == 0));
}

static void test_segments_cover_every_row_once(void **state)
{
    (void)state;
    for (int threads = 1; threads <= 4; threads++) {
        threads_set(threads);
        for (size_t k = 0; k < N_ALL_LENGTHS; k++)
            check(ALL_LENGTHS[k]);
    }
}

static void test_random_lengths_are_covered_too(void **state)
{
    (void)state;
    for (int trial = 0; trial < 300; trial++) {
        struct random_source source = random_source(1, (uint64_t)trial);
        int64_t lengths[21];
        int64_t n = 1 + random_below(&source, 20), longest = 1 << random_below(&source, 12);
        for (int64_t i = 0; i < n; i++)
            lengths[i] = random_below(&source, 3) ? random_below(&source, longest) : 0;
        lengths[n] = -1;
        threads_set(1 + trial % 5);
        check(lengths);
        release_kept(NULL);
    }
}

static void test_every_thread_gets_a_tile(void **state)
{
    (void)state;
    threads_set(3);
    assert_int_equal(cut_sequences(LENGTHS_ONE).n_tiles, threads_count());
    assert_int_equal(cut_sequences(LENGTHS_LONG).n_tiles % threads_count(), 0);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_segments_cover_every_row_once, release_kept),
        cmocka_unit_test_teardown(test_random_lengths_are_covered_too, release_kept),
        cmocka_unit_test_teardown(test_every_thread_gets_a_tile, release_kept),
    };
    return cmocka_run_group_tests_name("ragged", tests, NULL, NULL);
}
