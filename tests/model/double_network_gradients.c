/* The gradients of the whole loss against its central differences, in double precision.
 *
 * The distillation terms (rep, cross) do not learn through the complete flow: their derivative is
 * that of the distance to what the complete flow gave before the parameter was changed, which is
 * what `objective` computes. */
#include "model/network_private.h"
#include "network_cases.h"

#define D           6
#define O           8
#define N_CLIPS     5
#define DROPOUT_KEY 1234567

/* Sanitizers look for stray accesses, which every tensor's check makes alike. */
#ifdef VALENCE_SANITIZED
#define TENSOR_STEP 7
#else
#define TENSOR_STEP 1
#endif

/* audio, text, video, simulated text */
static const int64_t FULL[] = {3, 4, 2, 5, 1, 7, 1, 2, 9, 2, 6, 3, 4, 5, 3, 1, 2, 3, 8, 4};
static const int64_t NO_SIMULATION[] = {3, 4, 2, 0, 1, 7, 1, 0, 9, 2, 6, 0, 4, 5, 3, 0, 2, 3, 8, 0};
static const int64_t SOME_EMPTY[] = {0, 4, 2, 5, 1, 0, 1, 0, 9, 2, 0, 3, 0, 0, 0, 0, 2, 3, 8, 4};

static const struct loss_weights WEIGHTS = {0.5, 0.6, 0.2, 0.7, 0.3, 0.8};

struct gradient_case {
    struct valence_model_config config;
    struct parameter_table table;
    struct clips clips;
    struct network *network;
    struct loss_weights weights;
    uint64_t dropout_key;
    real *parameters, *gradients;
    real *others; /* gradients elsewhere, not looked at */
    /* the complete flow's, as they were */
    real *target_queries, *target_cross, *target_representations;
};

static struct loss_terms run(const struct gradient_case *c, real *gradients)
{
    struct loss_terms terms;
    struct valence_error error;
    must(network_gradients(c->network, c->parameters, NULL, &c->clips.batch, c->config.flows,
                           c->config.n_flows, &c->weights, c->dropout_key, gradients, &terms,
                           &error),
         &error);
    return terms;
}

static real *copy(int64_t n, const real *values)
{
    return memcpy(keep(n, sizeof *values), values, (size_t)n * sizeof *values);
}

static struct gradient_case make_case_of(const struct valence_model_config *config, bool dropout,
                                         const int64_t *lengths)
{
    struct gradient_case c = {.config = *config, .weights = WEIGHTS};
    c.parameters = make_parameters(&c.config, &c.table);
    c.clips = make_clips(&c.config, N_CLIPS, lengths);
    c.network = make_network(&c.config);
    c.dropout_key = dropout ? DROPOUT_KEY : 0;
    c.gradients = keep(c.table.n_values, sizeof *c.gradients);
    c.others = keep(c.table.n_values, sizeof *c.others);
    for (int64_t i = 0; i < c.table.n_values; i++)
        c.gradients[i] = NAN; /* it is written, not added to */
    run(&c, c.gradients);
    c.target_queries = copy(N_CLIPS * views_of(c.network) * D, c.network->flows[0].queries);
    c.target_cross =
        copy(N_CLIPS * views_of(c.network) * N_MODALITIES * O, c.network->flows[0].cross);
    c.target_representations =
        copy(N_CLIPS * N_MODALITIES * D, c.network->flows[0].representations);
    return c;
}

static struct gradient_case make_case(int n_flows, enum valence_imagination imagination,
                                      bool dropout, const int64_t *lengths)
{
    struct valence_model_config config = case_config(D, O, n_flows, imagination);
    return make_case_of(&config, dropout, lengths);
}

/* ---- The loss with the distillation's targets held ---- */

/* The root mean square between two columns of `width` within rows of `stride`. */
static double root(int64_t rows, int64_t stride, int64_t column, int64_t width, const real *x,
                   const real *y)
{
    double sum = 0;
    for (int64_t i = 0; i < rows; i++)
        for (int64_t j = column; j < column + width; j++)
            sum +=
                (x[i * stride + j] - y[i * stride + j]) * (x[i * stride + j] - y[i * stride + j]);
    return sqrt(sum / (double)(rows * width));
}

static double distillation(const struct gradient_case *c)
{
    double loss = 0;
    for (int f = 1; f < c->network->n_flows; f++) {
        const struct flow_state *flow = &c->network->flows[f];
        double rep = 0, cross = 0, n_missing = 0;
        for (int m = 0; m < N_MODALITIES; m++) {
            if (!(flow->missing & VALENCE_BIT(m)))
                continue;
            n_missing++;
            if (c->config.fusion || c->config.views)
                rep += root(N_CLIPS, N_MODALITIES * D, m * D, D, flow->representations,
                            c->target_representations);
            else
                rep += root(N_CLIPS, N_VIEWS * D, (VALENCE_VIEW_AUDIO + m) * D, D, flow->queries,
                            c->target_queries);
            if (!c->config.fusion)
                cross += root(N_CLIPS * views_of(c->network), N_MODALITIES * O, m * O, O,
                              flow->cross, c->target_cross);
        }
        loss += (c->weights.rep * rep + c->weights.cross * cross) / n_missing;
    }
    return c->network->n_flows > 1 ? loss / (c->network->n_flows - 1) : 0;
}

static double objective(void *context)
{
    const struct gradient_case *c = context;
    struct loss_terms terms = run(c, c->others);
    return c->weights.complete * terms.complete + c->weights.missing * terms.missing +
           c->weights.feature * terms.feature + c->weights.rnc * terms.rnc + distillation(c);
}

/* ---- Tests ---- */

/* Of every tensor the value with the largest gradient, and `more` others. */
static void check_tensor(struct gradient_case *c, const struct parameter *parameter, int more)
{
    struct random_source source = random_source(9, valence_clip_key(parameter->name));
    const real *gradient = c->gradients + parameter->offset;
    int64_t largest = 0;
    for (int64_t i = 0; i < parameter->n_values; i++)
        if (!(fabs(gradient[i]) <= fabs(gradient[largest])))
            largest = i;
    for (int k = 0; k <= more; k++) {
        int64_t at = k ? random_below(&source, parameter->n_values) : largest;
        double wanted = central_difference(objective, c, &c->parameters[parameter->offset + at]);
        if (!(fabs(gradient[at] - wanted) <= 1e-6 * fabs(gradient[largest]) + 1e-8))
            fail_msg("%d flows, imagination %s, %s dropout: %s[%lld] has gradient %.12g, not %.12g",
                     c->config.n_flows, valence_imagination_names[c->config.imagination],
                     c->dropout_key ? "with" : "without", parameter->name, (long long)at,
                     gradient[at], wanted);
    }
}

static void check_all(int n_flows, const int64_t *lengths, int more)
{
    for (int imagination = 0; imagination < VALENCE_N_IMAGINATIONS; imagination++)
        for (int dropout = 0; dropout < 2; dropout++) {
            threads_set(1); /* many tiny steps: waking threads would be most of the work */
            struct gradient_case c = make_case(n_flows, imagination, dropout, lengths);
            for (int i = 0; i < c.table.n; i += TENSOR_STEP)
                check_tensor(&c, &c.table.parameters[i], more);
            network_free(c.network);
            release_kept(NULL);
        }
}

static void test_the_complete_flow_alone(void **state)
{
    (void)state;
    check_all(1, FULL, 1);
}

static void test_complete_and_text_missing(void **state)
{
    (void)state;
    check_all(2, FULL, 1);
}

static void test_all_seven_flows(void **state)
{
    (void)state;
    check_all(N_ALL_FLOWS, FULL, 0);
}

static void test_without_simulated_text(void **state)
{
    (void)state;
    check_all(2, NO_SIMULATION, 0);
}

static void test_with_empty_streams(void **state)
{
    (void)state;
    check_all(2, SOME_EMPTY, 0);
    check_all(N_ALL_FLOWS, SOME_EMPTY, 0);
}

/* The simpler networks: each alone, and together where they go together. */
static const struct {
    enum valence_fusion fusion;
    enum valence_view_set views;
    enum valence_weighting modality_weights, view_weights;
} SIMPLER[] = {{VALENCE_FUSION_CONCATENATION, 0, 0, 0},
               {0, VALENCE_VIEWS_FUSED, 0, 0},
               {0, 0, VALENCE_WEIGHTS_MEAN, 0},
               {0, 0, 0, VALENCE_WEIGHTS_MEAN},
               {0, VALENCE_VIEWS_FUSED, VALENCE_WEIGHTS_MEAN, VALENCE_WEIGHTS_MEAN},
               {VALENCE_FUSION_TRANSFORMER, 0, 0, 0},
               {VALENCE_FUSION_LATE, 0, 0, 0},
               {VALENCE_FUSION_LATE, 0, VALENCE_WEIGHTS_MEAN, 0}};
#define N_SIMPLER ((int)(sizeof SIMPLER / sizeof SIMPLER[0]))

static struct valence_model_config simpler_config(int i, int n_flows,
                                                  enum valence_imagination imagination)
{
    struct valence_model_config config = case_config(D, O, n_flows, imagination);
    config.fusion = SIMPLER[i].fusion;
    config.views = SIMPLER[i].views;
    config.modality_weights = SIMPLER[i].modality_weights;
    config.view_weights = SIMPLER[i].view_weights;
    config.n_heads = 3; /* of D */
    return config;
}

/* Or does not say that it does. */
static bool can_imagine(const struct valence_model_config *config)
{
    return config->fusion != VALENCE_FUSION_LATE || config->imagination == VALENCE_IMAGINATION_OFF;
}

static void check_simpler(int n_flows, const int64_t *lengths)
{
    for (int i = 0; i < N_SIMPLER; i++)
        for (int imagination = 0; imagination < VALENCE_N_IMAGINATIONS; imagination++)
            for (int dropout = 0; dropout < 2; dropout++) {
                threads_set(1);
                struct valence_model_config config = simpler_config(i, n_flows, imagination);
                if (!can_imagine(&config))
                    continue;
                struct gradient_case c = make_case_of(&config, dropout, lengths);
                /* A transformer's many tensors are shared out among the imaginations. */
                bool many = config.fusion == VALENCE_FUSION_TRANSFORMER;
                int first = many ? imagination : 0;
                int step = many ? VALENCE_N_IMAGINATIONS * TENSOR_STEP : TENSOR_STEP;
                for (int t = first; t < c.table.n; t += step)
                    check_tensor(&c, &c.table.parameters[t], 0);
                network_free(c.network);
                release_kept(NULL);
            }
}

static void test_simpler_networks(void **state)
{
    (void)state;
    check_simpler(2, FULL);
    check_simpler(3, SOME_EMPTY);
}

/* The loss is then the total itself, but for distillation, which is off. */
static double total_loss(void *context)
{
    return run(context, ((struct gradient_case *)context)->others).total;
}

static void test_classes(void **state)
{
    (void)state;
    static const enum valence_fusion fusions[] = {VALENCE_FUSION_CROSS_ATTENTION,
                                                  VALENCE_FUSION_CONCATENATION,
                                                  VALENCE_FUSION_TRANSFORMER, VALENCE_FUSION_LATE};
    for (int i = 0; i < 4; i++) {
        threads_set(1);
        bool late = fusions[i] == VALENCE_FUSION_LATE;
        struct valence_model_config config =
            case_config(D, O, 2, late ? VALENCE_IMAGINATION_OFF : VALENCE_IMAGINATION_TRANSITION);
        config.fusion = fusions[i];
        config.n_heads = 3;
        config.n_classes = 4;
        struct gradient_case c = make_case_of(&config, i == 0, FULL);
        for (int64_t clip = 0; clip < N_CLIPS; clip++)
            c.clips.labels[clip] = (float)(clip % 4);
        c.weights =
            (struct loss_weights){.complete = 0.5, .missing = 0.7, .feature = late ? 0 : 0.2};
        run(&c, c.gradients);
        for (int t = 0; t < c.table.n; t++) {
            const struct parameter *parameter = &c.table.parameters[t];
            bool head = strncmp(parameter->name, "fc_out_v", 8) == 0 ||
                        strncmp(parameter->name, "late_", 5) == 0;
            if (!head && t % 5 != i)
                continue;
            real *value = c.parameters + parameter->offset + parameter->n_values / 2;
            double wanted = central_difference(total_loss, &c, value);
            double gradient = c.gradients[parameter->offset + parameter->n_values / 2];
            if (!(fabs(gradient - wanted) <= 1e-6 * fabs(wanted) + 1e-8))
                fail_msg("%s has gradient %.12g, not %.12g", parameter->name, gradient, wanted);
        }
        network_free(c.network);
        release_kept(NULL);
    }
}

static void check_every_tensor_learns(struct gradient_case c)
{
    for (int i = 0; i < c.table.n; i++) {
        const struct parameter *parameter = &c.table.parameters[i];
        double norm = 0;
        for (int64_t j = 0; j < parameter->n_values; j++)
            norm += fabs(c.gradients[parameter->offset + j]);
        /* All contrast is a matter of differences, in which a common bias has no part. */
        bool has_part = !strstr(parameter->name, "orgin_linear_change") || parameter->n_dims == 2;
        if (has_part && norm < 1e-9)
            fail_msg("%s has a gradient of %g", parameter->name, norm);
    }
    network_free(c.network);
}

static void test_every_tensor_learns(void **state)
{
    (void)state;
    check_every_tensor_learns(make_case(N_ALL_FLOWS, VALENCE_IMAGINATION_TRANSITION, false, FULL));
    for (int i = 0; i < N_SIMPLER; i++) {
        struct valence_model_config config =
            simpler_config(i, N_ALL_FLOWS, VALENCE_IMAGINATION_TRANSITION);
        if (!can_imagine(&config))
            config.imagination = VALENCE_IMAGINATION_OFF;
        check_every_tensor_learns(make_case_of(&config, false, FULL));
    }
}

/* Copies a tensor of the fused view's network to the place of the same rows and columns in that of
 * all views, whose others are 0; or back, where gradients are compared. */
static void check_or_copy(const struct parameter *fused, const struct parameter *all,
                          const real *from, real *to, const real *gradients)
{
    int64_t n = fused->n_dims > 1 ? fused->shape[1] : 1;
    int64_t stride = all->n_dims > 1 ? all->shape[1] : 1;
    if (!gradients)
        for (int64_t i = 0; i < all->n_values && fused->n_values < all->n_values; i++)
            to[all->offset + i] = 0;
    for (int64_t i = 0; i < fused->n_values; i++) {
        int64_t at = all->offset + i / n * stride + i % n;
        if (!gradients)
            to[at] = from[fused->offset + i];
        else if (!(fabs(gradients[at] - from[fused->offset + i]) <=
                   1e-12 * fabs(gradients[at]) + 1e-14))
            fail_msg("%s, value %lld: gradient %.15g instead of %.15g", fused->name, (long long)i,
                     from[fused->offset + i], gradients[at]);
    }
}

/* The fused view's network is that of all views in which the other six count nothing: the same
 * losses and gradients, though it computes nothing of them. Distillation differs by design. */
static void test_the_fused_view_alone_is_all_views_with_six_that_count_nothing(void **state)
{
    (void)state;
    for (int imagination = 0; imagination < VALENCE_N_IMAGINATIONS; imagination++) {
        struct valence_model_config config = case_config(D, O, N_ALL_FLOWS, imagination);
        struct gradient_case all = make_case_of(&config, true, SOME_EMPTY);
        config.views = VALENCE_VIEWS_FUSED;
        struct gradient_case fused = make_case_of(&config, true, SOME_EMPTY);
        all.weights.rep = all.weights.cross = fused.weights.rep = fused.weights.cross = 0;
        for (int t = 0; t < fused.table.n; t++) {
            const struct parameter *parameter = &fused.table.parameters[t];
            check_or_copy(parameter, parameter_find(&all.table, parameter->name), fused.parameters,
                          all.parameters, NULL);
        }
        struct loss_terms wanted = run(&all, all.gradients), terms = run(&fused, fused.gradients);
        assert_true(fabs(terms.total - wanted.total) <= 1e-12 * wanted.total);
        for (int t = 0; t < fused.table.n; t++) {
            const struct parameter *parameter = &fused.table.parameters[t];
            check_or_copy(parameter, parameter_find(&all.table, parameter->name), fused.gradients,
                          NULL, all.gradients);
        }
        network_free(all.network);
        network_free(fused.network);
        release_kept(NULL);
    }
}

static void test_terms_are_what_the_total_weighs(void **state)
{
    (void)state;
    struct gradient_case c = make_case(N_ALL_FLOWS, VALENCE_IMAGINATION_TRANSITION, true, FULL);
    struct loss_terms terms = run(&c, c.others);
    double detached = c.weights.rep * terms.rep + c.weights.cross * terms.cross;
    assert_close("distillation", detached, distillation(&c), 1e-12);
    assert_close("total", terms.total, objective(&c), 1e-12);
    network_free(c.network);
}

static void test_gradients_add_up_over_the_weights(void **state)
{
    (void)state;
    struct gradient_case c = make_case(3, VALENCE_IMAGINATION_TEXT, true, FULL);
    const double all[] = {WEIGHTS.complete, WEIGHTS.missing, WEIGHTS.rep,
                          WEIGHTS.cross,    WEIGHTS.feature, WEIGHTS.rnc};
    real *sum = keep(c.table.n_values, sizeof *sum), *part = keep(c.table.n_values, sizeof *part);
    for (int term = 0; term < 6; term++) {
        double only[6] = {0};
        only[term] = 1;
        c.weights = (struct loss_weights){only[0], only[1], only[2], only[3], only[4], only[5]};
        struct loss_terms terms = run(&c, part);
        assert_true(terms.rnc > 0 ? term == 5 : term < 5); /* not computed without its weight */
        for (int64_t i = 0; i < c.table.n_values; i++)
            sum[i] += all[term] * part[i];
    }
    assert_near("sum", c.table.n_values, sum, c.gradients, 1e-12);
    network_free(c.network);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(
            test_the_fused_view_alone_is_all_views_with_six_that_count_nothing, release_kept),
        cmocka_unit_test_teardown(test_the_complete_flow_alone, release_kept),
        cmocka_unit_test_teardown(test_complete_and_text_missing, release_kept),
        cmocka_unit_test_teardown(test_all_seven_flows, release_kept),
        cmocka_unit_test_teardown(test_without_simulated_text, release_kept),
        cmocka_unit_test_teardown(test_with_empty_streams, release_kept),
        cmocka_unit_test_teardown(test_simpler_networks, release_kept),
        cmocka_unit_test_teardown(test_classes, release_kept),
        cmocka_unit_test_teardown(test_every_tensor_learns, release_kept),
        cmocka_unit_test_teardown(test_terms_are_what_the_total_weighs, release_kept),
        cmocka_unit_test_teardown(test_gradients_add_up_over_the_weights, release_kept),
    };
    return cmocka_run_group_tests_name("network_gradients", tests, NULL, NULL);
}
