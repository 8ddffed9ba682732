/* Views, mixing and weighing against the sums they stand for, and their central differences. */
#include "model/gather.h"
#include "numbers.h"
#include "valence/model.h"

#define B 3
#define D 5
#define O 4
#define M VALENCE_N_MODALITIES
#define Q VALENCE_N_VIEWS

struct gather_case {
    double *w;               /* (B, 3) */
    double *representations; /* (B, 3, D) */
    double *cross;           /* (B, Q, 3, O) */
    double *mixed;           /* (B, Q, O) */
    double *view_weights;    /* (B, Q) */
    double *dviews, *dmixed, *dfeature;
};

static struct gather_case make_case(void)
{
    struct random_source source = random_source(1, 1);
    return (struct gather_case){.w = draw(&source, B * M),
                                .representations = draw(&source, B * M * D),
                                .cross = draw(&source, B * Q * M * O),
                                .mixed = draw(&source, B * Q * O),
                                .view_weights = draw(&source, B * Q),
                                .dviews = draw(&source, B * Q * D),
                                .dmixed = draw(&source, B * Q * O),
                                .dfeature = draw(&source, B * O)};
}

/* ---- The sums, as the paper writes them ---- */

static double view(const struct gather_case *c, int64_t b, int q, int64_t j)
{
    double a = c->representations[(b * M + VALENCE_AUDIO) * D + j];
    double t = c->representations[(b * M + VALENCE_TEXT) * D + j];
    double v = c->representations[(b * M + VALENCE_VIDEO) * D + j];
    double wa = c->w[b * M + VALENCE_AUDIO], wt = c->w[b * M + VALENCE_TEXT];
    double wv = c->w[b * M + VALENCE_VIDEO];
    const double views[Q] = {
        wa * a + wt * t + wv * v, wa * a + wt * t, wt * t + wv * v, wa * a + wv * v, a, t, v};
    return views[q];
}

static double mixed(const struct gather_case *c, int64_t b, int q, int64_t j)
{
    double sum = 0;
    for (int m = 0; m < M; m++)
        sum += c->w[b * M + m] * c->cross[((b * Q + q) * M + m) * O + j];
    return sum;
}

static double feature(const struct gather_case *c, int64_t b, int64_t j)
{
    double sum = 0;
    for (int q = 0; q < Q; q++)
        sum += c->view_weights[b * Q + q] * c->mixed[(b * Q + q) * O + j];
    return sum;
}

static double views_objective(void *context)
{
    const struct gather_case *c = context;
    double sum = 0;
    for (int64_t i = 0; i < B * Q * D; i++)
        sum += c->dviews[i] * view(c, i / (Q * D), (int)(i / D % Q), i % D);
    return sum;
}

static double mix_objective(void *context)
{
    const struct gather_case *c = context;
    double sum = 0;
    for (int64_t i = 0; i < B * Q * O; i++)
        sum += c->dmixed[i] * mixed(c, i / (Q * O), (int)(i / O % Q), i % O);
    return sum;
}

static double weigh_objective(void *context)
{
    const struct gather_case *c = context;
    double sum = 0;
    for (int64_t i = 0; i < B * O; i++)
        sum += c->dfeature[i] * feature(c, i / O, i % O);
    return sum;
}

/* ---- Tests ---- */

static void test_views_are_the_weighted_sums(void **state)
{
    (void)state;
    struct gather_case c = make_case();
    double wanted[B * Q * D];
    for (int64_t i = 0; i < B * Q * D; i++)
        wanted[i] = view(&c, i / (Q * D), (int)(i / D % Q), i % D);
    real *views = gradient_from(9, B * Q * D);
    views_forward(B, Q, D, as_reals(B * M, c.w), as_reals(B * M * D, c.representations), views);
    assert_near("views", B * Q * D, views, wanted, VALUE_TOLERANCE);
}

static void test_views_backward_is_the_derivative(void **state)
{
    (void)state;
    struct gather_case c = make_case();
    real *dw = gradient_from(0.5, B * M), *dr = gradient_from(0.25, B * M * D);
    views_backward(B, Q, D, as_reals(B * M, c.w), as_reals(B * M * D, c.representations),
                   as_reals(B * Q * D, c.dviews), dw, dr);
    assert_added("dw", 0.5, B * M, dw, central_differences(views_objective, &c, B * M, c.w));
    assert_added("drepresentations", 0.25, B * M * D, dr,
                 central_differences(views_objective, &c, B * M * D, c.representations));
}

static void test_mixing_weighs_the_modalities(void **state)
{
    (void)state;
    struct gather_case c = make_case();
    double wanted[B * Q * O];
    for (int64_t i = 0; i < B * Q * O; i++)
        wanted[i] = mixed(&c, i / (Q * O), (int)(i / O % Q), i % O);
    real *result = gradient_from(9, B * Q * O);
    mix_forward(B, Q, O, as_reals(B * M, c.w), as_reals(B * Q * M * O, c.cross), result);
    assert_near("mixed", B * Q * O, result, wanted, VALUE_TOLERANCE);
}

static void test_mixing_backward_is_the_derivative(void **state)
{
    (void)state;
    struct gather_case c = make_case();
    real *dw = gradient_from(0.5, B * M), *dc = gradient_from(9, B * Q * M * O);
    mix_backward(B, Q, O, as_reals(B * M, c.w), as_reals(B * Q * M * O, c.cross),
                 as_reals(B * Q * O, c.dmixed), dw, dc);
    assert_added("dw", 0.5, B * M, dw, central_differences(mix_objective, &c, B * M, c.w));
    assert_near("dc", B * Q * M * O, dc,
                central_differences(mix_objective, &c, B * Q * M * O, c.cross), GRADIENT_TOLERANCE);
}

static void test_the_feature_weighs_the_views(void **state)
{
    (void)state;
    struct gather_case c = make_case();
    double wanted[B * O];
    for (int64_t i = 0; i < B * O; i++)
        wanted[i] = feature(&c, i / O, i % O);
    real *result = gradient_from(9, B * O);
    weigh_views_forward(B, Q, O, as_reals(B * Q, c.view_weights), as_reals(B * Q * O, c.mixed),
                        result);
    assert_near("feature", B * O, result, wanted, VALUE_TOLERANCE);
}

static void test_weighing_backward_is_the_derivative(void **state)
{
    (void)state;
    struct gather_case c = make_case();
    real *dw = gradient_from(9, B * Q), *dm = gradient_from(0.25, B * Q * O);
    weigh_views_backward(B, Q, O, as_reals(B * Q, c.view_weights), as_reals(B * Q * O, c.mixed),
                         as_reals(B * O, c.dfeature), dw, dm);
    assert_near("dview_weights", B * Q, dw,
                central_differences(weigh_objective, &c, B * Q, c.view_weights),
                GRADIENT_TOLERANCE);
    assert_added("dmixed", 0.25, B * Q * O, dm,
                 central_differences(weigh_objective, &c, B * Q * O, c.mixed));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_views_are_the_weighted_sums, release_kept),
        cmocka_unit_test_teardown(test_views_backward_is_the_derivative, release_kept),
        cmocka_unit_test_teardown(test_mixing_weighs_the_modalities, release_kept),
        cmocka_unit_test_teardown(test_mixing_backward_is_the_derivative, release_kept),
        cmocka_unit_test_teardown(test_the_feature_weighs_the_views, release_kept),
        cmocka_unit_test_teardown(test_weighing_backward_is_the_derivative, release_kept),
    };
    return cmocka_run_group_tests_name("gather", tests, NULL, NULL);
}
