/* The metrics against sklearn's and numpy's figures, and what the bootstrap promises. */
#include <jansson.h>
#include <math.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>

#include <cmocka.h>

#include "base/random.h"
#include "base/threads.h"
#include "valence/metrics.h"

#define N_RESAMPLES 2000

static float *read_floats(const json_t *array)
{
    float *values = calloc(json_array_size(array) + 1, sizeof *values);
    assert_non_null(values);
    for (size_t i = 0; i < json_array_size(array); i++)
        values[i] = (float)json_number_value(json_array_get(array, i));
    return values;
}

static void check_golden_case(const char *name, const json_t *golden, enum valence_scale scale)
{
    json_t *expected = json_object_get(golden, "expect");
    int64_t n = (int64_t)json_array_size(json_object_get(golden, "labels"));
    float *predicted = read_floats(json_object_get(golden, "predicted"));
    float *labels = read_floats(json_object_get(golden, "labels"));
    struct valence_metrics metrics;
    valence_metrics_compute(predicted, labels, n, scale, &metrics);
    int compared = 0;
    for (int metric = 0; metric < VALENCE_N_METRICS; metric++) {
        const char *key = valence_metric_describe((enum valence_metric)metric)->key;
        json_t *value = json_object_get(expected, key);
        if (!value)
            continue;
        compared++;
        double found = metrics.values[metric];
        bool right =
            json_is_null(value) ? isnan(found) : fabs(found - json_number_value(value)) <= 1e-12;
        if (!right)
            fail_msg("%s: %s is %.17g, not %.17g", name, key, found, json_number_value(value));
    }
    assert_int_equal(compared, (int)json_object_size(expected));
    free(predicted);
    free(labels);
}

static void check_golden_file(const char *path, const char *scale)
{
    json_t *cases = json_load_file(path, 0, NULL);
    const char *name;
    json_t *golden;
    int n = 0;
    assert_non_null(cases);
    json_object_foreach(cases, name, golden)
    {
        const char *of = json_string_value(json_object_get(golden, "scale"));
        if (!of && scale)
            continue;
        if (of && (!scale || strcmp(of, scale) != 0))
            continue;
        check_golden_case(name, golden,
                          scale ? (enum valence_scale)valence_scale_from_name(scale)
                                : VALENCE_SCALE_SENTIMENT);
        n++;
    }
    assert_true(n > 0);
    json_decref(cases);
}

static void test_metrics_equal_the_golden_ones(void **state)
{
    (void)state;
    check_golden_file(VALENCE_TEST_DATA "/golden/fusion/metrics.json", NULL);
}

/* By make_metrics.py, from the published definitions. */
static void test_metrics_of_every_scale_equal_independent_ones(void **state)
{
    (void)state;
    for (int scale = 0; scale < VALENCE_N_SCALES; scale++)
        check_golden_file(VALENCE_TEST_DATA "/evaluate/metrics.json", valence_scale_names[scale]);
}

static void test_a_scale_has_its_metrics_and_no_others(void **state)
{
    (void)state;
    static const float predicted[] = {0.4f, -0.6f, 1.2f, 0.04f}, labels[] = {1, -1, 1, 0};
    unsigned all = 0;
    for (int scale = 0; scale < VALENCE_N_SCALES; scale++) {
        struct valence_metrics metrics;
        unsigned set = valence_scale_metrics((enum valence_scale)scale);
        valence_metrics_compute(predicted, labels, 4, (enum valence_scale)scale, &metrics);
        for (int metric = 0; metric < VALENCE_MAX_METRICS; metric++)
            assert_int_equal(!isnan(metrics.values[metric]), set >> metric & 1);
        all |= set;
    }
    assert_int_equal(all, (1u << VALENCE_N_METRICS) - 1);
    assert_int_equal(valence_scale_metrics((enum valence_scale)99), 0);
    assert_int_equal(valence_scale_from_name("sims"), VALENCE_SCALE_SIMS);
    assert_int_equal(valence_scale_from_name("7"), -1);
    assert_null(valence_metric_describe(VALENCE_N_METRICS));
    assert_null(valence_warning_describe((enum valence_warning) - 1));
}

static void test_confusion_counts_by_label_and_prediction(void **state)
{
    (void)state;
    static const float predicted[] = {0, 1, 1, 2, 1}, labels[] = {0, 0, 1, 2, 2};
    static const float none[] = {0, 1, 1, 2, 3}, half[] = {0, 1, 1, 2, 0.5f};
    static const int64_t wanted[9] = {1, 1, 0, 0, 1, 0, 0, 1, 1};
    struct valence_error error;
    int64_t counts[9];
    assert_int_equal(valence_confusion_compute(predicted, labels, 5, 3, counts, &error), 0);
    assert_memory_equal(counts, wanted, sizeof counts);
    assert_int_equal(valence_confusion_compute(none, labels, 5, 3, counts, &error),
                     VALENCE_ERROR_ARGUMENT);
    assert_non_null(strstr(error.text, "clip 4: classes 3 and 2; there are 0 to 2"));
    assert_int_equal(valence_confusion_compute(half, labels, 5, 3, counts, &error),
                     VALENCE_ERROR_ARGUMENT);
}

static void test_metrics_without_clips_or_without_signs_are_undefined(void **state)
{
    (void)state;
    struct valence_metrics metrics;
    valence_metrics_compute(NULL, NULL, 0, VALENCE_SCALE_SENTIMENT, &metrics);
    for (int metric = 0; metric < VALENCE_N_METRICS; metric++)
        assert_true(isnan(metrics.values[metric]));
    const float predicted[] = {0.5f, -0.5f}, zeros[] = {0, 0};
    valence_metrics_compute(predicted, zeros, 2, VALENCE_SCALE_SENTIMENT, &metrics);
    assert_int_equal(metrics.n_nonzero, 0);
    assert_true(isnan(metrics.values[VALENCE_METRIC_ACC2_NON0]));
    assert_true(isnan(metrics.values[VALENCE_METRIC_F1_NON0]));
    assert_true(isnan(metrics.values[VALENCE_METRIC_CORR]));
    assert_true(metrics.values[VALENCE_METRIC_ACC2_HAS0] == 0.5);
    assert_true(metrics.values[VALENCE_METRIC_RMSE] == 0.5);
}

static void draw(float *predicted, float *labels, int64_t n, double noise)
{
    struct random_source source = random_source(3, 1);
    for (int64_t i = 0; i < n; i++) {
        labels[i] = (float)(1.2 * random_normal(&source));
        predicted[i] = labels[i] + (float)(noise * random_normal(&source));
    }
}

static void test_constant_and_one_sided_predictions_are_warned_of(void **state)
{
    (void)state;
    float predicted[100], labels[100];
    struct valence_metrics metrics;
    draw(predicted, labels, 100, 0.5);
    valence_metrics_compute(predicted, labels, 100, VALENCE_SCALE_SENTIMENT, &metrics);
    assert_int_equal(metrics.warnings, 0);
    for (int i = 0; i < 100; i++)
        predicted[i] = 0.2f + 0.01f * labels[i];
    valence_metrics_compute(predicted, labels, 100, VALENCE_SCALE_SENTIMENT, &metrics);
    assert_int_equal(metrics.warnings,
                     1 << VALENCE_WARNING_CONSTANT | 1 << VALENCE_WARNING_ONE_CLASS);
    for (int i = 0; i < 100; i++)
        predicted[i] = 5 + labels[i];
    valence_metrics_compute(predicted, labels, 100, VALENCE_SCALE_SENTIMENT, &metrics);
    assert_int_equal(metrics.warnings, 1 << VALENCE_WARNING_ONE_CLASS);
}

static void bootstrap(const float *predicted, const float *labels, int64_t n, uint64_t seed,
                      double *samples)
{
    struct valence_error error;
    assert_int_equal(valence_bootstrap(predicted, labels, n, VALENCE_SCALE_SENTIMENT, N_RESAMPLES,
                                       seed, samples, &error),
                     0);
}

static double samples_a[N_RESAMPLES * VALENCE_MAX_METRICS],
    samples_b[N_RESAMPLES * VALENCE_MAX_METRICS];

static void test_bootstrap_does_not_depend_on_threads(void **state)
{
    (void)state;
    float predicted[300], labels[300];
    draw(predicted, labels, 300, 0.7);
    int threads = threads_count();
    threads_set(1);
    bootstrap(predicted, labels, 300, 5, samples_a);
    threads_set(3);
    bootstrap(predicted, labels, 300, 5, samples_b);
    threads_set(threads);
    assert_memory_equal(samples_a, samples_b, sizeof samples_a);
    bootstrap(predicted, labels, 300, 6, samples_b);
    assert_memory_not_equal(samples_a, samples_b, sizeof samples_a);
}

#define N_DRAWN 4

static bool same_metrics(const double *values, const double *others)
{
    bool same = true;
    for (int metric = 0; metric < VALENCE_N_METRICS; metric++)
        same = same && (isnan(values[metric]) ? isnan(others[metric])
                                              : fabs(values[metric] - others[metric]) < 1e-9);
    return same;
}

/* Of so few clips all that can be drawn can be tried: every resample is one of those, with all its
 * metrics, and each of those is drawn. */
static void test_a_resample_has_the_metrics_of_the_clips_drawn(void **state)
{
    (void)state;
    enum { N_DRAWS = N_DRAWN * N_DRAWN * N_DRAWN * N_DRAWN };
    static const float predicted[N_DRAWN] = {-1.9f, 0.4f, 0.7f, 2.6f},
                       labels[N_DRAWN] = {-2, -0.3f, 1.5f, 2};
    static struct valence_metrics draws[N_DRAWS];
    static bool seen[N_DRAWS];
    for (int k = 0; k < N_DRAWS; k++) {
        float p[N_DRAWN], t[N_DRAWN];
        for (int i = 0, rest = k; i < N_DRAWN; i++, rest /= N_DRAWN) {
            p[i] = predicted[rest % N_DRAWN];
            t[i] = labels[rest % N_DRAWN];
        }
        valence_metrics_compute(p, t, N_DRAWN, VALENCE_SCALE_SENTIMENT, &draws[k]);
    }
    bootstrap(predicted, labels, N_DRAWN, 1, samples_a);
    for (int resample = 0; resample < N_RESAMPLES; resample++) {
        bool found = false;
        for (int k = 0; k < N_DRAWS; k++)
            if (same_metrics(samples_a + resample * VALENCE_MAX_METRICS, draws[k].values))
                found = seen[k] = true;
        assert_true(found);
    }
    for (int k = 0; k < N_DRAWS; k++)
        assert_true(seen[k]);
}

/* The interval of a mean error is known from its standard error. */
static void test_interval_of_a_mean_is_that_of_the_normal_approximation(void **state)
{
    (void)state;
    float predicted[1000], labels[1000];
    draw(predicted, labels, 1000, 0.7);
    struct valence_metrics metrics;
    valence_metrics_compute(predicted, labels, 1000, VALENCE_SCALE_SENTIMENT, &metrics);
    bootstrap(predicted, labels, 1000, 1, samples_a);
    struct valence_interval interval;
    assert_int_equal(valence_bootstrap_interval(samples_a, NULL, N_RESAMPLES, VALENCE_METRIC_MAE,
                                                0.95, &interval, NULL),
                     0);
    double mae = metrics.values[VALENCE_METRIC_MAE], rmse = metrics.values[VALENCE_METRIC_RMSE];
    double half = 1.96 * sqrt((rmse * rmse - mae * mae) / 1000);
    assert_true(fabs(interval.low - (mae - half)) < 0.1 * half);
    assert_true(fabs(interval.high - (mae + half)) < 0.1 * half);
}

/* As numpy.percentile() does. */
static void test_the_ends_of_an_interval_lie_between_samples(void **state)
{
    (void)state;
    static const double values[] = {30, 0, 100, 10, 20};
    double samples[5 * VALENCE_MAX_METRICS] = {0};
    struct valence_interval interval;
    for (int i = 0; i < 5; i++)
        samples[i * VALENCE_MAX_METRICS + VALENCE_METRIC_MAE] = values[i];
    valence_bootstrap_interval(samples, NULL, 5, VALENCE_METRIC_MAE, 0.8, &interval, NULL);
    assert_true(fabs(interval.low - 4) < 1e-9);   /* 0.4 of the way from 0 to 10 */
    assert_true(fabs(interval.high - 72) < 1e-9); /* 0.6 of the way from 30 to 100 */
}

static void test_paired_differences_of_equal_predictions_are_zero(void **state)
{
    (void)state;
    float predicted[200], labels[200], worse[200];
    draw(predicted, labels, 200, 0.4);
    draw(worse, labels, 200, 0.9);
    struct valence_interval interval;
    bootstrap(predicted, labels, 200, 1, samples_a);
    valence_bootstrap_interval(samples_a, samples_a, N_RESAMPLES, VALENCE_METRIC_CORR, 0.95,
                               &interval, NULL);
    assert_true(interval.low == 0 && interval.high == 0);
    bootstrap(worse, labels, 200, 1, samples_b);
    valence_bootstrap_interval(samples_b, samples_a, N_RESAMPLES, VALENCE_METRIC_MAE, 0.95,
                               &interval, NULL);
    assert_true(interval.low > 0);
}

static void test_interval_of_an_undefined_metric_is_undefined(void **state)
{
    (void)state;
    float predicted[50], labels[50];
    draw(predicted, labels, 50, 0.4);
    for (int i = 0; i < 50; i++)
        predicted[i] = 0.3f;
    struct valence_interval interval;
    bootstrap(predicted, labels, 50, 1, samples_a);
    valence_bootstrap_interval(samples_a, NULL, N_RESAMPLES, VALENCE_METRIC_CORR, 0.95, &interval,
                               NULL);
    assert_true(isnan(interval.low) && isnan(interval.high));
}

static void test_bootstrap_of_no_clips_is_an_error(void **state)
{
    (void)state;
    struct valence_error error;
    assert_int_equal(
        valence_bootstrap(NULL, NULL, 0, VALENCE_SCALE_SENTIMENT, 10, 1, samples_a, &error),
        VALENCE_ERROR_ARGUMENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_metrics_equal_the_golden_ones),
        cmocka_unit_test(test_metrics_of_every_scale_equal_independent_ones),
        cmocka_unit_test(test_a_scale_has_its_metrics_and_no_others),
        cmocka_unit_test(test_confusion_counts_by_label_and_prediction),
        cmocka_unit_test(test_metrics_without_clips_or_without_signs_are_undefined),
        cmocka_unit_test(test_constant_and_one_sided_predictions_are_warned_of),
        cmocka_unit_test(test_bootstrap_does_not_depend_on_threads),
        cmocka_unit_test(test_a_resample_has_the_metrics_of_the_clips_drawn),
        cmocka_unit_test(test_interval_of_a_mean_is_that_of_the_normal_approximation),
        cmocka_unit_test(test_the_ends_of_an_interval_lie_between_samples),
        cmocka_unit_test(test_paired_differences_of_equal_predictions_are_zero),
        cmocka_unit_test(test_interval_of_an_undefined_metric_is_undefined),
        cmocka_unit_test(test_bootstrap_of_no_clips_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
