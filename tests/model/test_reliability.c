/* What intervals promise: coverage of new clips, in every region, and what happens where there are
 * few clips or ties. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>

#include "base/random.h"
#include "valence/reliability.h"

#define MAX_CLIPS 2000

static float scores[MAX_CLIPS], labels[MAX_CLIPS];

/* Scores whose errors grow with them, and are skewed: nothing that the method assumes away. */
static void draw(struct random_source *source, int64_t n)
{
    for (int64_t i = 0; i < n; i++) {
        double score = 1.5 * random_normal(source), u = random_uniform(source);
        scores[i] = (float)score;
        labels[i] = (float)(score + (0.2 + fabs(score)) * (random_normal(source) + u * u * 3));
    }
}

static struct valence_reliability *fit(int64_t n, double range)
{
    struct valence_reliability *reliability;
    struct valence_error error;
    if (valence_reliability_create(scores, labels, n, -range, range, &reliability, &error))
        fail_msg("%s", error.text);
    return reliability;
}

static bool covers(const struct valence_reliability *reliability, int64_t i, double level)
{
    struct valence_estimate e = valence_reliability_estimate(reliability, scores[i], level);
    return (double)labels[i] >= e.low && (double)labels[i] <= e.high;
}

/* Whether a share of n is within five deviations of what theory says it is between. */
static void assert_share(double found, double least, double most, double n)
{
    double slack = 5 * sqrt(least * (1 - least) / n);
    if (found < least - slack || found > most + slack)
        fail_msg("%.4f is not within %.4f ... %.4f", found, least, most);
}

/* ---- Coverage ---- */

/* One new clip for each of many calibration sets: the guarantee is over both. */
static void test_a_new_clip_is_covered_as_often_as_promised(void **state)
{
    (void)state;
    static const struct {
        int64_t n;
        double level, most;
    } cases[] = {{19, 0.9, 0.9}, {25, 0.8, 0.8 + 1.0 / 26}, {200, 0.9, 0.9 + 1.0 / 40}};
    for (size_t c = 0; c < sizeof cases / sizeof cases[0]; c++) {
        enum { N_SETS = 20000 };
        struct random_source source = random_source(11, c);
        int covered = 0;
        for (int set = 0; set < N_SETS; set++) {
            draw(&source, cases[c].n + 1);
            struct valence_reliability *reliability = fit(cases[c].n, 1e6);
            covered += covers(reliability, cases[c].n, cases[c].level);
            valence_reliability_free(reliability);
        }
        assert_share((double)covered / N_SETS, cases[c].level, cases[c].most, N_SETS);
    }
}

static void test_every_region_is_covered_although_errors_differ(void **state)
{
    (void)state;
    enum { N_SETS = 60, N_NEW = 1000 };
    struct random_source source = random_source(12, 0);
    double covered[VALENCE_MAX_REGIONS] = {0}, n[VALENCE_MAX_REGIONS] = {0}, all = 0;
    for (int set = 0; set < N_SETS; set++) {
        draw(&source, 1000);
        struct valence_reliability *reliability = fit(1000, 1e6);
        assert_int_equal(valence_reliability_n_regions(reliability), VALENCE_MAX_REGIONS);
        draw(&source, N_NEW);
        for (int64_t i = 0; i < N_NEW; i++) {
            int r = 0;
            while ((double)scores[i] >= valence_reliability_region(reliability, r).to)
                r++;
            n[r]++;
            covered[r] += covers(reliability, i, 0.9);
            all += covers(reliability, i, 0.9);
        }
        valence_reliability_free(reliability);
    }
    /* A set's coverage deviates by about sqrt(0.09 / 200) in a region, whatever the number of new
     * clips. */
    for (int r = 0; r < VALENCE_MAX_REGIONS; r++)
        assert_true(fabs(covered[r] / n[r] - 0.9) < 6 * sqrt(0.09 / 200 / N_SETS + 0.09 / n[r]));
    assert_true(fabs(all / (N_SETS * N_NEW) - 0.9) < 0.01);
}

static void test_regions_tell_small_errors_from_large_ones(void **state)
{
    (void)state;
    struct random_source source = random_source(13, 0);
    draw(&source, 2000);
    struct valence_reliability *reliability = fit(2000, 1e6);
    struct valence_estimate middle = valence_reliability_estimate(reliability, 0, 0.9);
    struct valence_estimate high = valence_reliability_estimate(reliability, 3, 0.9);
    assert_true(high.error > 1.5 * middle.error);
    assert_true(high.high - high.low > 1.5 * (middle.high - middle.low));
    valence_reliability_free(reliability);
}

/* ---- By hand ---- */

static void test_the_interval_is_the_k_th_smallest_error(void **state)
{
    (void)state;
    for (int i = 0; i < 9; i++) { /* errors 0.5, 1.0, ..., 4.5 */
        scores[i] = 0.25f * (float)(i * 4 % 9);
        labels[i] = scores[i] + (i % 2 ? -0.5f : 0.5f) * (float)(i + 1);
    }
    struct valence_reliability *reliability = fit(9, 100);
    assert_int_equal(valence_reliability_n_regions(reliability), 1);
    static const struct {
        double level, half;
    } cases[] = {{0.9, 4.5}, {0.89, 4.5}, {0.8, 4}, {0.5, 2.5}, {0.1, 0.5}, {0.001, 0.5}};
    for (size_t c = 0; c < sizeof cases / sizeof cases[0]; c++) {
        struct valence_estimate e = valence_reliability_estimate(reliability, 1, cases[c].level);
        assert_true(fabs(e.high - 1 - cases[c].half) < 1e-6 &&
                    fabs(1 - e.low - cases[c].half) < 1e-6);
        assert_true(fabs(e.error - 2.5) < 1e-6);
    }
    struct valence_estimate e = valence_reliability_estimate(reliability, 1, 0.91);
    assert_true(e.low == -100 && e.high == 100); /* 9 clips are not that sure of anything */
    valence_reliability_free(reliability);
}

static void test_intervals_grow_with_the_level(void **state)
{
    (void)state;
    struct random_source source = random_source(14, 0);
    draw(&source, 300);
    struct valence_reliability *reliability = fit(300, 5);
    for (float score = -6; score <= 6; score += 0.5f) {
        double width = 0;
        for (double level = 0.01; level < 1; level += 0.01) {
            struct valence_estimate e = valence_reliability_estimate(reliability, score, level);
            assert_true(e.high - e.low >= width);
            width = e.high - e.low;
        }
    }
    valence_reliability_free(reliability);
}

static void test_intervals_stay_within_the_labels_range(void **state)
{
    (void)state;
    for (int i = 0; i < 20; i++) {
        scores[i] = 2.9f;
        labels[i] = 2.5f;
    }
    struct valence_reliability *reliability = fit(20, 3);
    struct valence_estimate near = valence_reliability_estimate(reliability, 2.9f, 0.9);
    assert_true(near.high == 3 && fabs(near.low - 2.5) < 1e-6);
    struct valence_estimate beyond = valence_reliability_estimate(reliability, 4, 0.9);
    assert_true(beyond.high == 3 && beyond.low < 3); /* no false certainty: it counts as 3 */
    struct valence_estimate below = valence_reliability_estimate(reliability, -9, 0.9);
    assert_true(below.high > -3 && below.low == -3);
    struct valence_estimate sure = valence_reliability_estimate(reliability, 0, 0.99);
    assert_true(sure.high == 3 && sure.low == -3);
    valence_reliability_free(reliability);
}

/* ---- Regions ---- */

static void assert_regions_fit_together(const struct valence_reliability *reliability, int64_t n)
{
    int n_regions = valence_reliability_n_regions(reliability);
    int64_t counted = 0;
    assert_in_range(n_regions, 1, VALENCE_MAX_REGIONS);
    for (int r = 0; r < n_regions; r++) {
        struct valence_region region = valence_reliability_region(reliability, r);
        assert_true(region.from < region.to && region.n_clips > 0 && isfinite(region.error));
        if (r > 0)
            assert_true(region.from == valence_reliability_region(reliability, r - 1).to);
        int64_t inside = 0;
        for (int64_t i = 0; i < n; i++)
            inside += (double)scores[i] > region.from && (double)scores[i] < region.to;
        assert_int_equal(region.n_clips, inside);
        counted += inside;
    }
    assert_true(isinf(valence_reliability_region(reliability, 0).from));
    assert_true(isinf(valence_reliability_region(reliability, n_regions - 1).to));
    assert_true(counted <= n);
}

static void test_regions_follow_the_number_of_clips(void **state)
{
    (void)state;
    struct random_source source = random_source(15, 0);
    static const int64_t sizes[] = {1, 2, 79, 80, 120, 200, 2000};
    static const int expected[] = {1, 1, 1, 2, 3, 5, 5};
    for (int i = 0; i < 7; i++) {
        draw(&source, sizes[i]);
        struct valence_reliability *reliability = fit(sizes[i], 9);
        assert_int_equal(valence_reliability_n_regions(reliability), expected[i]);
        assert_regions_fit_together(reliability, sizes[i]);
        valence_reliability_free(reliability);
    }
}

static void test_scores_that_tie_join_regions(void **state)
{
    (void)state;
    struct random_source source = random_source(16, 0);
    for (int n_values = 1; n_values < 12; n_values++) {
        draw(&source, 500);
        for (int i = 0; i < 500; i++)
            scores[i] = (float)random_below(&source, n_values);
        struct valence_reliability *reliability = fit(500, 9);
        assert_regions_fit_together(reliability, 500);
        if (n_values == 1) { /* a constant model: one region, with all clips */
            assert_int_equal(valence_reliability_n_regions(reliability), 1);
            assert_int_equal(valence_reliability_region(reliability, 0).n_clips, 500);
        }
        valence_reliability_free(reliability);
    }
}

static void test_one_clip_gives_an_error_and_no_interval(void **state)
{
    (void)state;
    scores[0] = 1;
    labels[0] = 0.5f;
    struct valence_reliability *reliability = fit(1, 3);
    struct valence_estimate e = valence_reliability_estimate(reliability, 2, 0.9);
    assert_true(e.error == 0.5 && e.low == -3 && e.high == 3);
    valence_reliability_free(reliability);
}

static void test_no_clips_are_an_error(void **state)
{
    (void)state;
    struct valence_reliability *reliability;
    struct valence_error error;
    assert_int_equal(valence_reliability_create(NULL, NULL, 0, -3, 3, &reliability, &error),
                     VALENCE_ERROR_ARGUMENT);
    assert_null(reliability);
    valence_reliability_free(NULL);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_new_clip_is_covered_as_often_as_promised),
        cmocka_unit_test(test_every_region_is_covered_although_errors_differ),
        cmocka_unit_test(test_regions_tell_small_errors_from_large_ones),
        cmocka_unit_test(test_the_interval_is_the_k_th_smallest_error),
        cmocka_unit_test(test_intervals_grow_with_the_level),
        cmocka_unit_test(test_intervals_stay_within_the_labels_range),
        cmocka_unit_test(test_regions_follow_the_number_of_clips),
        cmocka_unit_test(test_scores_that_tie_join_regions),
        cmocka_unit_test(test_one_clip_gives_an_error_and_no_interval),
        cmocka_unit_test(test_no_clips_are_an_error),
    };
    return cmocka_run_group_tests_name("reliability", tests, NULL, NULL);
}
