/* The statistics of tables against those of NumPy and SciPy (make_statistics.py). */
#include <jansson.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "experiment/statistics.h"

#define N_RESAMPLES 20000
#define MAX_SEEDS   8

static json_t *golden;

static int read_golden(void **state)
{
    (void)state;
    golden = json_load_file(VALENCE_TEST_DATA "/experiment/statistics.json", 0, NULL);
    return golden ? 0 : -1;
}

static int forget_golden(void **state)
{
    (void)state;
    json_decref(golden);
    return 0;
}

static double value_of(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    assert_true(json_is_number(value));
    return json_number_value(value);
}

static double item_of(const json_t *object, const char *key, size_t i)
{
    const json_t *value = json_array_get(json_object_get(object, key), i);
    assert_true(json_is_number(value));
    return json_number_value(value);
}

/* ---- Holm ---- */

static void test_adjusted_p_values_are_numpy_s(void **state)
{
    (void)state;
    size_t i;
    const json_t *tests;
    assert_true(json_array_size(json_object_get(golden, "holm")) >= 5);
    json_array_foreach(json_object_get(golden, "holm"), i, tests)
    {
        size_t n = json_array_size(json_object_get(tests, "p"));
        double p[64], adjusted[64];
        assert_true(n <= 64);
        for (size_t j = 0; j < n; j++)
            p[j] = item_of(tests, "p", j);
        assert_int_equal(adjust_holm(p, (int64_t)n, adjusted, NULL), 0);
        for (size_t j = 0; j < n; j++)
            if (fabs(adjusted[j] - item_of(tests, "adjusted", j)) > 1e-15)
                fail_msg("list %zu: p %.17g is adjusted to %.17g", i, p[j], adjusted[j]);
    }
}

static void test_what_is_undefined_is_no_test(void **state)
{
    (void)state;
    double p[] = {0.02, NAN, 0.03, NAN}, adjusted[4];
    assert_int_equal(adjust_holm(p, 4, adjusted, NULL), 0);
    assert_true(adjusted[0] == 0.04 && adjusted[2] == 0.04);
    assert_true(isnan(adjusted[1]) && isnan(adjusted[3]));
    assert_int_equal(adjust_holm(p, 0, adjusted, NULL), 0);
}

static void test_detectable_differences_are_scipy_s(void **state)
{
    (void)state;
    size_t i;
    const json_t *one;
    json_array_foreach(json_object_get(golden, "detectable"), i, one)
    {
        double wanted = value_of(one, "difference");
        assert_true(fabs(detectable_difference(value_of(one, "error")) - wanted) < 1e-9 * wanted);
    }
    assert_true(i == 3);
}

/* ---- Differences ---- */

struct side {
    int n;
    double values[MAX_SEEDS];
    double *samples[MAX_SEEDS];
    const double *of_each[MAX_SEEDS];
};

static float *read_floats(const json_t *array, size_t *n)
{
    *n = json_array_size(array);
    float *values = calloc(*n + 1, sizeof *values);
    assert_non_null(values);
    for (size_t i = 0; i < *n; i++)
        values[i] = (float)json_number_value(json_array_get(array, i));
    return values;
}

static void make_side(const json_t *scores, const float *labels, const struct clusters *clusters,
                      enum valence_metric metric, struct side *side)
{
    side->n = (int)json_array_size(scores);
    for (int i = 0; i < side->n; i++) {
        size_t n;
        struct valence_metrics metrics;
        float *predicted = read_floats(json_array_get(scores, (size_t)i), &n);
        side->samples[i] = calloc(N_RESAMPLES * VALENCE_MAX_METRICS, sizeof(double));
        side->of_each[i] = side->samples[i];
        valence_metrics_compute(predicted, labels, (int64_t)n, VALENCE_SCALE_SENTIMENT, &metrics);
        side->values[i] = metrics.values[metric];
        assert_int_equal(bootstrap_clusters(predicted, labels, clusters, VALENCE_SCALE_SENTIMENT,
                                            N_RESAMPLES, 7, side->samples[i], NULL),
                         0);
        free(predicted);
    }
}

static void free_side(struct side *side)
{
    for (int i = 0; i < side->n; i++)
        free(side->samples[i]);
}

static void make_groups(const json_t *groups, char names[][8], const char **texts)
{
    for (size_t i = 0; i < json_array_size(groups); i++) {
        snprintf(names[i], 8, "v%d", (int)json_integer_value(json_array_get(groups, i)));
        texts[i] = names[i];
    }
}

static void check(const char *name, const char *what, double found, double wanted, double within)
{
    if (!(fabs(found - wanted) <= within))
        fail_msg("%s: %s is %.6g, NumPy has %.6g", name, what, found, wanted);
}

static void check_difference(const json_t *one, size_t at, enum valence_metric metric)
{
    char names[256][8];
    const char *groups[256], *name = json_string_value(json_object_get(one, "name"));
    size_t n;
    struct side a, b;
    struct clusters clusters;
    struct difference difference;
    float *labels = read_floats(json_object_get(one, "labels"), &n);
    make_groups(json_object_get(one, "groups"), names, groups);
    assert_int_equal(clusters_make(groups, (int64_t)n, &clusters, NULL), 0);
    assert_int_equal(clusters.n, 24);
    make_side(json_object_get(one, "a"), labels, &clusters, metric, &a);
    make_side(json_object_get(one, "b"), labels, &clusters, metric, &b);
    struct seed_samples left = {a.n, a.values, a.of_each}, right = {b.n, b.values, b.of_each};
    assert_int_equal(difference_of(&left, &right, json_is_true(json_object_get(one, "paired")),
                                   metric, N_RESAMPLES, 7, 0.95, &difference, NULL),
                     0);
    /* With 20000 resamples a standard error is known to 0.5 %, an end of an interval to 2 % of the
     * standard error, and a p of 0.36 to 0.007. */
    double error = item_of(one, "error", at);
    check(name, "the value", difference.value, item_of(one, "value", at), 1e-9);
    check(name, "the standard error", difference.error, error, 0.025 * error);
    check(name, "the lower end", difference.interval.low, item_of(one, "low", at), 0.09 * error);
    check(name, "the upper end", difference.interval.high, item_of(one, "high", at), 0.09 * error);
    check(name, "p", difference.p, item_of(one, "p", at), 0.02);
    free_side(&a);
    free_side(&b);
    clusters_free(&clusters);
    free(labels);
}

static void test_differences_are_numpy_s(void **state)
{
    (void)state;
    size_t i;
    const json_t *one;
    json_array_foreach(json_object_get(golden, "differences"), i, one)
    {
        check_difference(one, 0, VALENCE_METRIC_MAE);
        check_difference(one, 1, VALENCE_METRIC_CORR);
    }
    assert_true(i == 3);
}

/* ---- Special cases ---- */

static void test_clips_without_a_recording_stand_alone(void **state)
{
    (void)state;
    static const char *const groups[] = {"b", "", "a", "b", "", "a"};
    static const int64_t clips[] = {1, 4, 2, 5, 0, 3}, offsets[] = {0, 1, 2, 4, 6};
    struct clusters clusters;
    assert_int_equal(clusters_make(groups, 6, &clusters, NULL), 0);
    assert_int_equal(clusters.n, 4);
    assert_memory_equal(clusters.clips, clips, sizeof clips);
    assert_memory_equal(clusters.offsets, offsets, sizeof offsets);
    clusters_free(&clusters);
}

/* Without groups it is the usual bootstrap: the standard error of a mean is its deviation over
 * sqrt(n). */
static void test_single_clips_give_the_usual_standard_error(void **state)
{
    (void)state;
    enum { N = 200 };
    const char *groups[N];
    float predicted[N], labels[N];
    double mean = 0, squares = 0, samples_mean = 0, samples_squares = 0;
    struct clusters clusters;
    for (int i = 0; i < N; i++) {
        groups[i] = "";
        labels[i] = (float)(i % 7) - 3;
        predicted[i] = labels[i] + (float)((i * 37) % 11) / 10;
        mean += fabs((double)predicted[i] - (double)labels[i]) / N;
    }
    for (int i = 0; i < N; i++)
        squares += pow(fabs((double)predicted[i] - (double)labels[i]) - mean, 2) / N;
    double *samples = calloc(N_RESAMPLES * VALENCE_MAX_METRICS, sizeof *samples);
    assert_int_equal(clusters_make(groups, N, &clusters, NULL), 0);
    assert_int_equal(clusters.n, N);
    assert_int_equal(bootstrap_clusters(predicted, labels, &clusters, VALENCE_SCALE_SENTIMENT,
                                        N_RESAMPLES, 3, samples, NULL),
                     0);
    for (int i = 0; i < N_RESAMPLES; i++)
        samples_mean += samples[i * VALENCE_MAX_METRICS + VALENCE_METRIC_MAE] / N_RESAMPLES;
    for (int i = 0; i < N_RESAMPLES; i++)
        samples_squares +=
            pow(samples[i * VALENCE_MAX_METRICS + VALENCE_METRIC_MAE] - samples_mean, 2);
    double wanted = sqrt(squares / N), found = sqrt(samples_squares / N_RESAMPLES);
    check("single clips", "the standard error", found, wanted, 0.025 * wanted);
    clusters_free(&clusters);
    free(samples);
}

static void test_a_model_does_not_differ_from_itself(void **state)
{
    (void)state;
    double values[2] = {0.5, 0.6}, *samples = calloc(2 * 100 * VALENCE_MAX_METRICS, sizeof(double));
    const double *of_each[2] = {samples, samples + 100 * VALENCE_MAX_METRICS};
    for (int i = 0; i < 200 * VALENCE_MAX_METRICS; i++)
        samples[i] = (i * 7 % 13) / 13.0;
    struct seed_samples side = {2, values, of_each};
    struct difference difference;
    assert_int_equal(
        difference_of(&side, &side, true, VALENCE_METRIC_MAE, 100, 1, 0.95, &difference, NULL), 0);
    assert_true(difference.value == 0 && difference.p == 1 && difference.error == 0);
    values[0] = NAN;
    assert_int_equal(
        difference_of(&side, &side, true, VALENCE_METRIC_MAE, 100, 1, 0.95, &difference, NULL), 0);
    assert_true(isnan(difference.value) && isnan(difference.p));
    free(samples);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_adjusted_p_values_are_numpy_s),
        cmocka_unit_test(test_what_is_undefined_is_no_test),
        cmocka_unit_test(test_detectable_differences_are_scipy_s),
        cmocka_unit_test(test_differences_are_numpy_s),
        cmocka_unit_test(test_clips_without_a_recording_stand_alone),
        cmocka_unit_test(test_single_clips_give_the_usual_standard_error),
        cmocka_unit_test(test_a_model_does_not_differ_from_itself),
    };
    return cmocka_run_group_tests(tests, read_golden, forget_golden);
}
