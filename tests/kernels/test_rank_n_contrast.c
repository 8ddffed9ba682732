/* The sorted loss against the definition's three loops, with ties of every kind. */
#include "kernels/rank_n_contrast.h"
#include "numbers.h"

#define WIDTH  3
#define WEIGHT 0.8

struct contrast_case {
    int64_t n_clips;
    int views;
    double *features; /* (views * n_clips, WIDTH) */
    float *labels;
};

static struct contrast_case make_case(int64_t n_clips, int views, const float *labels)
{
    struct random_source source = random_source(5, (uint64_t)(n_clips * 2 + views));
    struct contrast_case c = {.n_clips = n_clips, .views = views};
    c.features = draw(&source, views * n_clips * WIDTH);
    c.labels = keep(n_clips, sizeof *c.labels);
    for (int64_t i = 0; i < n_clips; i++)
        c.labels[i] = labels ? labels[i] : (float)random_normal(&source);
    return c;
}

static double distance_of(const struct contrast_case *c, int64_t i, int64_t j)
{
    double sum = 0;
    for (int64_t k = 0; k < WIDTH; k++) {
        double difference = c->features[i * WIDTH + k] - c->features[j * WIDTH + k];
        sum += difference * difference;
    }
    return sqrt(sum);
}

static double gap(const struct contrast_case *c, int64_t i, int64_t j)
{
    return fabs((double)c->labels[i % c->n_clips] - (double)c->labels[j % c->n_clips]);
}

/* Equation 3 of the source, over all anchors i, positives k and negatives j. */
static double objective(void *context)
{
    const struct contrast_case *c = context;
    int64_t n = c->views * c->n_clips;
    double loss = 0;
    for (int64_t i = 0; i < n; i++)
        for (int64_t k = 0; k < n; k++) {
            double sum = 0, own = -distance_of(c, i, k) / RNC_TEMPERATURE;
            for (int64_t j = 0; j < n && k != i; j++)
                if (j != i && gap(c, i, j) >= gap(c, i, k) - RNC_TIE_TOLERANCE)
                    sum += exp(-distance_of(c, i, j) / RNC_TEMPERATURE - own);
            loss += k != i ? log(sum) : 0;
        }
    return WEIGHT * loss / (double)(n * (n - 1));
}

/* The kernel's loss; its gradients, on top of 0.5, in `gradient` (n, WIDTH). */
static double run(const struct contrast_case *c, real *gradient)
{
    int64_t half = c->n_clips * WIDTH;
    real *features = as_reals(c->views * half, c->features);
    void *scratch = keep((int64_t)rank_n_contrast_scratch_bytes(c->n_clips), 1);
    return rank_n_contrast(c->n_clips, WIDTH, features, c->views == 2 ? features + half : NULL,
                           c->labels, WEIGHT, gradient, c->views == 2 ? gradient + half : NULL,
                           scratch);
}

static void check(struct contrast_case c)
{
    int64_t size = c.views * c.n_clips * WIDTH;
    real *gradient = gradient_from(0.5, size);
    double loss = WEIGHT * run(&c, gradient);
    assert_close("loss", loss, objective(&c), VALUE_TOLERANCE);
    double *wanted = central_differences(objective, &c, size, c.features);
    for (int64_t i = 0; i < size; i++)
        gradient[i] -= (real)0.5;
    /* Where features are equal, the difference quotient itself is as wrong as its step is wide. */
    assert_near("gradient", size, gradient, wanted, IS_DOUBLE ? 2e-5 : 1e-4);
}

static void test_loss_and_gradient_follow_the_definition(void **state)
{
    (void)state;
    for (int views = 1; views <= 2; views++)
        for (int64_t n = 2; n < 12; n += 3)
            check(make_case(n, views, NULL));
}

static void test_ties_are_negatives_of_each_other(void **state)
{
    (void)state;
    static const float labels[] = {0, 1, 1, -1, 2, 0, 1, 3};
    for (int views = 1; views <= 2; views++)
        check(make_case(8, views, labels));
}

static void test_gaps_within_the_tolerance_are_ties(void **state)
{
    (void)state;
    static const float labels[] = {0,        1,         1.00005f, 1.0001f,
                                   1.00015f, -1.00009f, -1.0002f, 1.00011f};
    for (int views = 1; views <= 2; views++)
        check(make_case(8, views, labels));
}

static void test_all_labels_equal(void **state)
{
    (void)state;
    static const float labels[] = {2, 2, 2, 2, 2};
    check(make_case(5, 1, labels));
    check(make_case(5, 2, labels));
}

static void test_equal_features_have_no_gradient_between_them(void **state)
{
    (void)state;
    struct contrast_case c = make_case(5, 2, NULL);
    memcpy(c.features, c.features + WIDTH, WIDTH * sizeof *c.features); /* two clips */
    memcpy(c.features + 7 * WIDTH, c.features + 2 * WIDTH,
           WIDTH * sizeof *c.features); /* two views */
    check(c);
    memset(c.features, 0, 10 * WIDTH * sizeof *c.features);
    real *gradient = gradient_from(0, 10 * WIDTH);
    double loss = run(&c, gradient);
    assert_true(isfinite(loss) && loss > 0);
    for (int64_t i = 0; i < 10 * WIDTH; i++)
        assert_true(gradient[i] == 0);
}

static void test_far_apart_features_neither_overflow_nor_vanish(void **state)
{
    (void)state;
    struct contrast_case c = make_case(6, 2, NULL);
    for (int64_t i = 0; i < 12 * WIDTH; i++)
        c.features[i] *= 4096;
    real *gradient = gradient_from(0, 12 * WIDTH);
    double loss = run(&c, gradient), sum = 0;
    assert_true(isfinite(loss) && loss > 100);
    for (int64_t i = 0; i < 12 * WIDTH; i++) {
        assert_true(isfinite(gradient[i]));
        sum += fabs((double)gradient[i]);
    }
    assert_true(sum > 0.01);
}

static void test_a_single_sample_has_no_loss(void **state)
{
    (void)state;
    struct contrast_case one = make_case(1, 1, NULL), two = make_case(1, 2, NULL);
    real *gradient = gradient_from(0, 2 * WIDTH);
    assert_true(run(&one, gradient) == 0);
    assert_close("loss of a pair", run(&two, gradient), 0, 1e-12);
    for (int64_t i = 0; i < 2 * WIDTH; i++)
        assert_true(fabs((double)gradient[i]) < 1e-6);
}

static void test_threads_do_not_change_a_bit(void **state)
{
    (void)state;
    struct contrast_case c = make_case(40, 2, NULL);
    real *gradients[2];
    double losses[2];
    for (int k = 0; k < 2; k++) {
        threads_set(k ? 3 : 1);
        gradients[k] = gradient_from(0, 80 * WIDTH);
        losses[k] = run(&c, gradients[k]);
    }
    assert_true(losses[0] == losses[1]);
    assert_memory_equal(gradients[0], gradients[1], 80 * WIDTH * sizeof(real));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_loss_and_gradient_follow_the_definition, release_kept),
        cmocka_unit_test_teardown(test_ties_are_negatives_of_each_other, release_kept),
        cmocka_unit_test_teardown(test_gaps_within_the_tolerance_are_ties, release_kept),
        cmocka_unit_test_teardown(test_all_labels_equal, release_kept),
        cmocka_unit_test_teardown(test_equal_features_have_no_gradient_between_them, release_kept),
        cmocka_unit_test_teardown(test_far_apart_features_neither_overflow_nor_vanish,
                                  release_kept),
        cmocka_unit_test_teardown(test_a_single_sample_has_no_loss, release_kept),
        cmocka_unit_test_teardown(test_threads_do_not_change_a_bit, release_kept),
    };
    return cmocka_run_group_tests_name("rank_n_contrast", tests, NULL, NULL);
}
