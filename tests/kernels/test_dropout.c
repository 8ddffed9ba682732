/* Masks: how often they drop, that they are functions of their keys alone, and that all uses of
 * them agree. */
#include "kernels/dropout.h"
#include "sequences.h"

#define KEY  0x1234567890abcdefu
#define CLIP 0xfedcba0987654321u
#define SITE 77

static bool is_kept(const uint32_t *masks, int64_t width, int64_t row, int64_t column)
{
    return masks[row * dropout_words(width) + column / 32] >> (column % 32) & 1;
}

static uint32_t *draw_masks(const struct dropout *dropout, uint32_t site, uint64_t clip, int64_t n,
                            int64_t width)
{
    uint32_t *masks = keep(n * dropout_words(width), sizeof *masks);
    dropout_masks(dropout, site, clip, 0, n, width, masks);
    return masks;
}

/* How many of the n * width bits of two sets of masks are both kept. */
static double count_both(const uint32_t *a, const uint32_t *b, int64_t n, int64_t width)
{
    double count = 0;
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j < width; j++)
            count += is_kept(a, width, i, j) && is_kept(b, width, i, j);
    return count;
}

/* `count` successes of n trials at `probability` are within 5 standard deviations. */
static void assert_binomial(const char *what, double count, double n, double probability)
{
    double deviation = sqrt(n * probability * (1 - probability)) + 1e-9;
    if (fabs(count - n * probability) > 5 * deviation)
        fail_msg("%s: %.0f of %.0f at probability %g: %.1f standard deviations off", what, count, n,
                 probability, (count - n * probability) / deviation);
}

static const double rates[] = {0.5, 0.3, 0.1, 0.9, 0.75, 0.01};
#define N_RATES (sizeof rates / sizeof rates[0])

static void test_elements_are_kept_at_the_rate(void **state)
{
    (void)state;
    for (size_t k = 0; k < N_RATES; k++) {
        struct dropout dropout = dropout_make(rates[k], KEY);
        double keep_rate = dropout.keep_16 / 65536.0;
        assert_true(fabs(keep_rate - (1 - rates[k])) <= 0.5 / 65536);
        assert_close("scale", (double)dropout.scale, 1 / keep_rate, VALUE_TOLERANCE);
        uint32_t *masks = draw_masks(&dropout, SITE, CLIP, 2000, 200);
        assert_binomial("all", count_both(masks, masks, 2000, 200), 400000, keep_rate);
        for (int64_t j = 0; j < 200; j++) {
            double column = 0;
            for (int64_t i = 0; i < 2000; i++)
                column += is_kept(masks, 200, i, j);
            assert_binomial("a column", column, 2000, keep_rate);
        }
    }
}

static void test_masks_of_different_keys_sites_clips_and_rows_are_independent(void **state)
{
    (void)state;
    int64_t n = 1000, width = 256;
    for (size_t k = 0; k < N_RATES; k++) {
        struct dropout dropout = dropout_make(rates[k], KEY),
                       other = dropout_make(rates[k], KEY + 1);
        double keep_rate = dropout.keep_16 / 65536.0, both = keep_rate * keep_rate;
        uint32_t *masks = draw_masks(&dropout, SITE, CLIP, n + 1, width);
        double total = (double)(n * width);
        const uint32_t *others[] = {draw_masks(&other, SITE, CLIP, n, width),
                                    draw_masks(&dropout, SITE + 1, CLIP, n, width),
                                    draw_masks(&dropout, SITE, CLIP + 1, n, width),
                                    draw_masks(&dropout, SITE, CLIP ^ (uint64_t)1 << 63, n, width),
                                    masks + dropout_words(width)};
        for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
            assert_binomial("both", count_both(masks, others[i], n, width), total, both);
        double neighbours = 0;
        for (int64_t i = 0; i < n; i++)
            for (int64_t j = 0; j + 1 < width; j++)
                neighbours += is_kept(masks, width, i, j) && is_kept(masks, width, i, j + 1);
        assert_binomial("neighbours", neighbours, (double)(n * (width - 1)), both);
    }
}

static const int64_t widths[] = {1, 31, 32, 33, 128, 129, 250, 1024};
#define N_WIDTHS (sizeof widths / sizeof widths[0])

static int compare_words(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

/* A wide row takes several draws: none of them is another row's. */
static void test_no_word_of_a_wide_row_is_drawn_twice(void **state)
{
    enum { WIDTH = 1000, ROWS = 10, WORDS = (WIDTH + 31) / 32 };
    (void)state;
    struct dropout dropout = dropout_make(0.5, KEY);
    uint32_t *masks = draw_masks(&dropout, SITE, CLIP, ROWS, WIDTH);
    qsort(masks, (size_t)ROWS * WORDS, sizeof *masks, compare_words);
    for (int i = 1; i < ROWS * WORDS; i++)
        assert_true(masks[i] != masks[i - 1]);
}

static void test_masks_do_not_depend_on_how_rows_are_split_into_calls(void **state)
{
    (void)state;
    static const int64_t pieces[] = {1, 3, 16, 29};
    for (size_t k = 0; k < N_WIDTHS; k++)
        for (size_t p = 0; p < sizeof pieces / sizeof pieces[0]; p++) {
            struct dropout dropout = dropout_make(0.3, KEY);
            int64_t n = 70, words = dropout_words(widths[k]);
            uint32_t *whole = draw_masks(&dropout, SITE, CLIP, n, widths[k]);
            uint32_t *joined = keep(n * words, sizeof *joined);
            for (int64_t row = 0; row < n; row += pieces[p])
                dropout_masks(&dropout, SITE, CLIP, row, n - row < pieces[p] ? n - row : pieces[p],
                              widths[k], joined + row * words);
            assert_memory_equal(whole, joined, (size_t)(n * words) * sizeof *whole);
        }
}

static void test_without_a_key_or_a_rate_everything_is_kept(void **state)
{
    (void)state;
    const struct dropout off[] = {dropout_make(0.5, 0), dropout_make(0, KEY)};
    for (int k = 0; k < 2; k++) {
        assert_true(dropout_is_off(&off[k]));
        assert_true(off[k].scale == 1);
        uint32_t *masks = draw_masks(&off[k], SITE, CLIP, 5, 40);
        assert_true(count_both(masks, masks, 5, 40) == 200);
        real x[] = {1, 2, 3, 4};
        uint64_t clips[] = {1, 2};
        dropout_clips(&off[k], SITE, 2, clips, 1, 2, x, 2);
        assert_true(x[0] == 1 && x[1] == 2 && x[2] == 3 && x[3] == 4);
    }
    struct dropout on = dropout_make(0.5, KEY);
    assert_false(dropout_is_off(&on));
}

static void test_applying_multiplies_by_the_mask(void **state)
{
    (void)state;
    for (size_t k = 0; k < N_WIDTHS; k++) {
        int64_t n = 9, size = n * widths[k];
        struct random_source source = random_source(1, k);
        struct dropout dropout = dropout_make(0.3, KEY);
        uint32_t *masks = draw_masks(&dropout, SITE, CLIP, n, widths[k]);
        double *x = draw(&source, size), *y = draw(&source, size);
        real *in_place = as_reals(size, x), *elsewhere = gradient_from(3, size);
        real *sum = as_reals(size, y);
        dropout_apply(&dropout, n, widths[k], masks, in_place, elsewhere);
        dropout_apply_add(&dropout, n, widths[k], masks, in_place, sum);
        dropout_apply(&dropout, n, widths[k], masks, in_place, in_place);
        for (int64_t i = 0; i < size; i++) {
            x[i] *= is_kept(masks, widths[k], i / widths[k], i % widths[k]) / (1 - 0.3);
            y[i] += x[i];
        }
        /* 0.3 is rounded to a multiple of 2^-16. */
        assert_near("in place", size, in_place, x, 1e-5);
        assert_near("elsewhere", size, elsewhere, x, 1e-5);
        assert_near("sum", size, sum, y, 2e-5);
    }
}

static void test_what_is_dropped_is_zero_even_where_it_is_not_finite(void **state)
{
    (void)state;
    struct dropout dropout = dropout_make(0.5, KEY);
    uint32_t *masks = draw_masks(&dropout, SITE, CLIP, 1, 64);
    real x[64];
    for (int j = 0; j < 64; j++)
        x[j] = (real)INFINITY;
    dropout_apply(&dropout, 1, 64, masks, x, x);
    for (int j = 0; j < 64; j++)
        assert_true(is_kept(masks, 64, 0, j) ? isinf(x[j]) : x[j] == 0);
}

/* The rows of 3 clips, 7 a clip, within a wider matrix. */
static real *dropped_ones(int threads, const uint64_t *clips, int64_t width, int64_t stride)
{
    struct dropout dropout = dropout_make(0.3, KEY);
    real *x = gradient_from(1, 3 * 7 * stride);
    threads_set(threads);
    dropout_clips(&dropout, SITE, 3, clips, 7, width, x, stride);
    return x;
}

static void test_a_batch_is_masked_clip_by_clip_by_any_number_of_threads(void **state)
{
    (void)state;
    static const uint64_t clips[] = {5, CLIP, 9};
    int64_t width = 140, stride = 143;
    struct dropout dropout = dropout_make(0.3, KEY);
    real *x = dropped_ones(1, clips, width, stride);
    for (int64_t clip = 0; clip < 3; clip++) {
        uint32_t *masks = draw_masks(&dropout, SITE, clips[clip], 7, width);
        for (int64_t i = 0; i < 7 * stride; i++) {
            bool kept = i % stride >= width || is_kept(masks, width, i / stride, i % stride);
            real wanted = !kept ? 0 : i % stride < width ? dropout.scale : 1;
            assert_true(x[clip * 7 * stride + i] == wanted);
        }
    }
    for (int threads = 1; threads <= 3; threads++)
        assert_memory_equal(x, dropped_ones(threads, clips, width, stride),
                            (size_t)(3 * 7 * stride) * sizeof *x);
}

static void test_a_clip_s_masks_do_not_depend_on_its_place_in_the_batch(void **state)
{
    (void)state;
    static const uint64_t first[] = {CLIP, 5, 9}, last[] = {5, 9, CLIP};
    real *a = dropped_ones(2, first, 40, 40), *b = dropped_ones(2, last, 40, 40);
    assert_memory_equal(a, b + 2 * 7 * 40, 7 * 40 * sizeof *a);
}

/* Clips of any length, some cut into several tiles, have the masks of their rows one by one. */
static void test_sequences_are_masked_row_by_row(void **state)
{
    (void)state;
    static const int64_t of_rows[] = {1, 32, 140, 2100};
    struct ragged sequence = cut_sequences(LENGTHS_LONG);
    uint64_t *clips = keep(sequence.n_clips, sizeof *clips);
    for (int64_t clip = 0; clip < sequence.n_clips; clip++)
        clips[clip] = CLIP + (uint64_t)clip;
    struct dropout dropout = dropout_make(0.1, KEY);
    for (size_t k = 0; k < sizeof of_rows / sizeof of_rows[0]; k++) {
        int64_t width = of_rows[k];
        real *x = gradient_from(1, sequence.n_rows * width);
        dropout_sequences(&dropout, SITE, &sequence, clips, width, x);
        for (int64_t clip = 0; clip < sequence.n_clips; clip++) {
            int64_t first = sequence.offsets[clip], n = sequence.offsets[clip + 1] - first;
            uint32_t *masks = draw_masks(&dropout, SITE, clips[clip], n, width);
            for (int64_t i = 0; i < n * width; i++)
                assert_true(x[first * width + i] ==
                            (is_kept(masks, width, i / width, i % width) ? dropout.scale : 0));
        }
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_elements_are_kept_at_the_rate, release_kept),
        cmocka_unit_test_teardown(test_masks_of_different_keys_sites_clips_and_rows_are_independent,
                                  release_kept),
        cmocka_unit_test_teardown(test_no_word_of_a_wide_row_is_drawn_twice, release_kept),
        cmocka_unit_test_teardown(test_masks_do_not_depend_on_how_rows_are_split_into_calls,
                                  release_kept),
        cmocka_unit_test_teardown(test_without_a_key_or_a_rate_everything_is_kept, release_kept),
        cmocka_unit_test_teardown(test_applying_multiplies_by_the_mask, release_kept),
        cmocka_unit_test_teardown(test_what_is_dropped_is_zero_even_where_it_is_not_finite,
                                  release_kept),
        cmocka_unit_test_teardown(test_a_batch_is_masked_clip_by_clip_by_any_number_of_threads,
                                  release_kept),
        cmocka_unit_test_teardown(test_a_clip_s_masks_do_not_depend_on_its_place_in_the_batch,
                                  release_kept),
        cmocka_unit_test_teardown(test_sequences_are_masked_row_by_row, release_kept),
    };
    return cmocka_run_group_tests_name("dropout", tests, NULL, NULL);
}
