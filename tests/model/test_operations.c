/* Operations counted from the shapes are those that the kernels do: the linker sends their calls of
 * cblas_sgemm() through a counter (tests/CMakeLists.txt). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cblas.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "model/network.h"
#include "model/operations.h"
#include "model/parameters.h"

/* ---- The counter ---- */

static int64_t n_counted;

void __real_cblas_sgemm(CBLAS_LAYOUT layout, CBLAS_TRANSPOSE a_form, CBLAS_TRANSPOSE b_form,
                        blasint m, blasint n, blasint k, float alpha, const float *a, blasint lda,
                        const float *b, blasint ldb, float beta, float *c, blasint ldc);
void __wrap_cblas_sgemm(CBLAS_LAYOUT layout, CBLAS_TRANSPOSE a_form, CBLAS_TRANSPOSE b_form,
                        blasint m, blasint n, blasint k, float alpha, const float *a, blasint lda,
                        const float *b, blasint ldb, float beta, float *c, blasint ldc);

void __wrap_cblas_sgemm(CBLAS_LAYOUT layout, CBLAS_TRANSPOSE a_form, CBLAS_TRANSPOSE b_form,
                        blasint m, blasint n, blasint k, float alpha, const float *a, blasint lda,
                        const float *b, blasint ldb, float beta, float *c, blasint ldc)
{
    __atomic_fetch_add(&n_counted, 2 * (int64_t)m * n * k, __ATOMIC_RELAXED);
    __real_cblas_sgemm(layout, a_form, b_form, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
}

/* ---- Passes ---- */

#define N_CLIPS  5
#define MOST     7 /* rows of a clip */
#define MOST_ALL (N_CLIPS * MOST)

/* A batch in which every clip has as many rows of a stream as the others. */
struct rows {
    float values[VALENCE_N_STREAMS][MOST_ALL * 16];
    int64_t offsets[VALENCE_N_STREAMS][N_CLIPS + 1];
    uint64_t keys[N_CLIPS];
    float labels[N_CLIPS];
};

static struct valence_batch make_batch(const struct valence_model_config *config,
                                       const int64_t lengths[VALENCE_N_STREAMS], struct rows *rows)
{
    struct valence_batch batch = {.n_clips = N_CLIPS, .keys = rows->keys, .labels = rows->labels};
    for (int s = 0; s < VALENCE_N_STREAMS; s++) {
        int64_t width = config->widths[valence_stream_modality(s)];
        for (int i = 0; i <= N_CLIPS; i++)
            rows->offsets[s][i] = i * lengths[s];
        for (int64_t i = 0; i < N_CLIPS * lengths[s] * width; i++)
            rows->values[s][i] = (float)((i * 37 + s) % 11) / 11;
        batch.streams[s] =
            (struct valence_rows){rows->values[s], VALENCE_F32, width, rows->offsets[s], NULL};
    }
    for (int i = 0; i < N_CLIPS; i++) {
        rows->keys[i] = (uint64_t)i + 1;
        rows->labels[i] = (float)i / 2 - 1;
    }
    return batch;
}

/* What the kernels do in a pass. */
static int64_t count_pass(const struct valence_model_config *config,
                          const struct valence_batch *batch, const unsigned *flows, int n_flows,
                          bool training)
{
    struct loss_weights weights = {.complete = 0.5, .missing = 0.5, .rnc = 0.8};
    struct flow_output outputs[VALENCE_MAX_FLOWS];
    struct parameter_table table;
    struct valence_error error;
    struct loss_terms terms;
    struct network *network;
    parameter_table_make(config, &table);
    float *parameters = malloc((size_t)table.n_values * sizeof *parameters);
    float *gradients = malloc((size_t)table.n_values * sizeof *gradients);
    parameters_initialise(&table, 1, parameters);
    assert_int_equal(network_create(config, &network, &error), 0);
    n_counted = 0;
    int status = training ? network_gradients(network, parameters, NULL, batch, flows, n_flows,
                                              &weights, 1, gradients, &terms, &error)
                          : network_forward(network, parameters, NULL, batch, flows, n_flows,
                                            outputs, &error);
    if (status)
        fail_msg("%s", error.text);
    network_free(network);
    free(parameters);
    free(gradients);
    return n_counted;
}

static double sum(const double *parts)
{
    double all = 0;
    for (int p = 0; p < VALENCE_N_COST_PARTS; p++)
        all += parts[p];
    return all;
}

static void compare(const struct valence_model_config *config, const unsigned *flows, int n_flows,
                    bool training)
{
    static struct rows rows;
    static const int64_t lengths[VALENCE_N_STREAMS] = {7, 3, 5, 4};
    double n_rows[VALENCE_N_STREAMS], parts[VALENCE_N_COST_PARTS];
    struct valence_batch batch = make_batch(config, lengths, &rows);
    for (int s = 0; s < VALENCE_N_STREAMS; s++)
        n_rows[s] = (double)(N_CLIPS * lengths[s]);
    network_operations(config, N_CLIPS, n_rows, flows, n_flows, training, parts);
    int64_t counted = count_pass(config, &batch, flows, n_flows, training);
    if (counted != (int64_t)sum(parts))
        fail_msg("%s, %d flows, %s: %lld operations are done, %.0f counted",
                 valence_fusion_names[config->fusion], n_flows, training ? "training" : "scoring",
                 (long long)counted, sum(parts));
}

static struct valence_model_config small_config(void)
{
    struct valence_model_config config;
    valence_model_config_default(&config);
    config.widths[VALENCE_AUDIO] = 10;
    config.widths[VALENCE_TEXT] = 13;
    config.widths[VALENCE_VIDEO] = 6;
    config.d = 16;
    config.o = 8;
    return config;
}

/* Trained flows in training; in scoring also those that share streams with others. */
static void compare_all(struct valence_model_config config)
{
    static const unsigned flows[] = {0, VALENCE_BIT(VALENCE_TEXT), VALENCE_BIT(VALENCE_AUDIO),
                                     VALENCE_BIT(VALENCE_AUDIO) | VALENCE_BIT(VALENCE_TEXT)};
    config.n_flows = 4;
    memcpy(config.flows, flows, sizeof flows);
    for (int n = 1; n <= 4; n++) {
        compare(&config, flows, n, false);
        compare(&config, flows, n, true);
    }
    compare(&config, flows + 3, 1, false);
}

static void test_all_fusions_are_counted(void **state)
{
    (void)state;
    for (int f = 0; f < VALENCE_N_FUSIONS; f++) {
        struct valence_model_config config = small_config();
        config.fusion = (enum valence_fusion)f;
        if (f == VALENCE_FUSION_LATE) /* has no representations to imagine */
            config.imagination = VALENCE_IMAGINATION_OFF;
        if (f != VALENCE_FUSION_LINEAR && f != VALENCE_FUSION_CONSTANT)
            compare_all(config);
    }
}

static void test_simpler_views_are_counted(void **state)
{
    (void)state;
    struct valence_model_config config = small_config();
    config.views = VALENCE_VIEWS_FUSED;
    compare_all(config);
    config = small_config();
    config.modality_weights = config.view_weights = VALENCE_WEIGHTS_MEAN;
    compare_all(config);
    config = small_config();
    config.imagination = VALENCE_IMAGINATION_OFF;
    compare_all(config);
}

/* By hand: 7, 3 and 5 rows of 10, 13 and 6 columns, as means and as products with the weights. */
static void test_a_linear_model_is_counted(void **state)
{
    (void)state;
    static const double n_rows[VALENCE_N_STREAMS] = {7, 3, 5, 0};
    const unsigned complete = 0;
    struct valence_model_config config = small_config();
    double parts[VALENCE_N_COST_PARTS];
    config.fusion = VALENCE_FUSION_LINEAR;
    network_operations(&config, 1, n_rows, &complete, 1, false, parts);
    assert_true(parts[VALENCE_COST_PROJECTION] == 2 * (7 * 10 + 3 * 13 + 5 * 6));
    assert_true(parts[VALENCE_COST_GATHERING] == 2 * (10 + 13 + 6));
    config.fusion = VALENCE_FUSION_CONSTANT;
    network_operations(&config, 1, n_rows, &complete, 1, false, parts);
    assert_true(sum(parts) == 0);
}

/* By hand: one modality imagined, of one clip: layers of 3w to w, w to w, w to w/2 and back, for
 * the representation (w = 16) and seven cross outputs (w = 8). */
static void test_imagination_has_its_part(void **state)
{
    (void)state;
    static const double n_rows[VALENCE_N_STREAMS] = {7, 3, 5, 4};
    const unsigned flow = VALENCE_BIT(VALENCE_TEXT);
    struct valence_model_config config = small_config();
    double parts[VALENCE_N_COST_PARTS];
    network_operations(&config, 1, n_rows, &flow, 1, false, parts);
    assert_true(parts[VALENCE_COST_IMAGINATION] == 2 * 5 * (16 * 16 + 7 * 8 * 8));
    network_operations(&config, 1, n_rows, &flow, 1, true, parts);
    assert_true(parts[VALENCE_COST_IMAGINATION] == 6 * 5 * (16 * 16 + 7 * 8 * 8));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_fusions_are_counted),
        cmocka_unit_test(test_simpler_views_are_counted),
        cmocka_unit_test(test_a_linear_model_is_counted),
        cmocka_unit_test(test_imagination_has_its_part),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
