/* Figures of a map of distances against NumPy, and bins of labels. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdlib.h>

#include "distance_map_values.h"
#include "experiment/distance_map.h"

#define N 23

/* Ties, and own clips that are near. */
static void make_distances(float distances[N * N])
{
    for (int i = 0; i < N; i++)
        for (int j = 0; j < N; j++) {
            double d = floor(8 * (1.5 + sin(0.9 * i + 1.7 * j + 0.13 * i * j))) / 8;
            distances[i * N + j] = (float)(i == j && i % 3 == 0 ? d * 0.25 : d);
        }
}

static int ascending(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

static void make_labels(float labels[N])
{
    for (int i = 0; i < N; i++)
        labels[i] = (float)(rint(10 * 3 * sin(1.3 * i + 0.4)) / 10);
    qsort(labels, N, sizeof *labels, ascending);
}

static void test_figures_are_numpys(void **state)
{
    (void)state;
    float distances[N * N], labels[N];
    double figures[1 + MAP_MAX_BINS][MAP_N_FIGURES];
    struct valence_label_bin bins[MAP_MAX_BINS] = {{0}};
    make_distances(distances);
    make_labels(labels);
    assert_int_equal(map_label_bins(VALENCE_SCALE_SENTIMENT, labels, N, bins), 7);
    map_measure(distances, labels, N, bins, 7, figures[0]);
    for (int b = 0; b < 7; b++)
        assert_int_equal(bins[b].n_clips, bin_clips[b]);
    for (int b = 0; b < 8; b++)
        for (int f = 0; f < MAP_N_FIGURES; f++) {
            double found = figures[b][f], wanted = map_figures[b][f];
            if (isnan(wanted) ? !isnan(found) : !(fabs(found - wanted) < 1e-12))
                fail_msg("row %d, figure %d: %.15g, not %.15g", b, f, found, wanted);
        }
}

static void test_blocks_are_numpys(void **state)
{
    (void)state;
    float distances[N * N], grid[16], whole[N * N];
    make_distances(distances);
    map_reduce(distances, N, 4, grid);
    for (int i = 0; i < 16; i++)
        assert_true(fabs((double)grid[i] - map_blocks[i]) < 1e-6);
    map_reduce(distances, N, N, whole);
    assert_memory_equal(whole, distances, sizeof whole);
}

/* A vector that is the same for every clip says nothing: chance, and no correlation of its own. */
static void test_equal_distances_are_chance(void **state)
{
    (void)state;
    float distances[N * N], labels[N];
    double figures[1 + MAP_MAX_BINS][MAP_N_FIGURES];
    struct valence_label_bin bins[MAP_MAX_BINS] = {{0}};
    make_labels(labels);
    for (int i = 0; i < N * N; i++)
        distances[i] = 0.3f;
    int n_bins = map_label_bins(VALENCE_SCALE_SENTIMENT, labels, N, bins);
    map_measure(distances, labels, N, bins, n_bins, figures[0]);
    assert_true(fabs(figures[0][MAP_RATIO] - 1) < 1e-12);
    assert_true(figures[0][MAP_NEAREST] == 0);
    assert_true(fabs(figures[0][MAP_NEARER] - 0.5) < 1e-12);
    assert_true(isnan(figures[0][MAP_LABEL_CORR]));
}

static void test_bins_follow_the_scale(void **state)
{
    (void)state;
    const float classes[] = {-1, 0, 0, 1}, sims[] = {-1, -0.6f, 0, 1},
                others[] = {1, 1.8f, 4.5f, 5};
    const float equal[] = {2, 2, 2, 2};
    struct valence_label_bin bins[MAP_MAX_BINS] = {{0}};
    assert_int_equal(map_label_bins(VALENCE_SCALE_CLASSES3, classes, 4, bins), 3);
    assert_int_equal(bins[1].n_clips, 2);
    struct valence_label_bin of_sims[MAP_MAX_BINS] = {{0}};
    assert_int_equal(map_label_bins(VALENCE_SCALE_SIMS, sims, 4, of_sims), 5);
    assert_true(of_sims[0].low == -1 && of_sims[4].high == 1);
    assert_int_equal(of_sims[1].n_clips, 1); /* -0.6 is weakly negative */
    struct valence_label_bin of_others[MAP_MAX_BINS] = {{0}};
    assert_int_equal(map_label_bins(VALENCE_SCALE_OTHER, others, 4, of_others), 5);
    assert_true(of_others[0].low == 1 && of_others[4].high == 5);
    assert_int_equal(of_others[1].n_clips, 1); /* 1.8 is where the second begins */
    assert_int_equal(of_others[4].n_clips, 2); /* the largest label is within */
    struct valence_label_bin of_equal[MAP_MAX_BINS] = {{0}};
    assert_int_equal(map_label_bins(VALENCE_SCALE_OTHER, equal, 4, of_equal), 5);
    assert_int_equal(of_equal[4].n_clips, 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_figures_are_numpys),
        cmocka_unit_test(test_blocks_are_numpys),
        cmocka_unit_test(test_equal_distances_are_chance),
        cmocka_unit_test(test_bins_follow_the_scale),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
