/* The table of parameters, the configuration it follows from, and the initial values. */
#include <stdio.h>

#include "model/layout.h"
#include "network_cases.h"

static void test_tensors_follow_each_other_without_gaps(void **state)
{
    (void)state;
    for (int imagination = 0; imagination < VALENCE_N_IMAGINATIONS; imagination++)
        for (int n_flows = 1; n_flows <= N_ALL_FLOWS; n_flows++) {
            struct valence_model_config config = case_config(8, 4, n_flows, imagination);
            struct parameter_table table;
            struct network_layout layout;
            network_layout_make(&config, &layout, &table);
            int64_t at = 0;
            for (int i = 0; i < table.n; i++) {
                const struct parameter *parameter = &table.parameters[i];
                int64_t columns = parameter->n_dims == 2 ? parameter->shape[1] : 1;
                assert_int_equal(parameter->offset, at);
                assert_int_equal(parameter->n_values, parameter->shape[0] * columns);
                assert_ptr_equal(parameter_find(&table, parameter->name), parameter);
                at += parameter->n_values;
            }
            assert_int_equal(table.n_values, at);
            assert_int_equal(layout.n_values, at);
        }
}

static void test_the_paper_s_network_has_the_published_tensors(void **state)
{
    (void)state;
    struct valence_model_config config = {.widths = {1024, 4096, 1024}};
    struct parameter_table table;
    valence_model_config_default(&config);
    config.widths[VALENCE_AUDIO] = config.widths[VALENCE_VIDEO] = 1024;
    config.widths[VALENCE_TEXT] = 4096;
    parameter_table_make(&config, &table);
    static const struct {
        const char *name;
        int64_t rows, columns;
    } some[] = {{"frame_dim_reshape_1.weight", 256, 4096},
                {"fra2utt_0.attention_context_vector", 1, 256},
                {"fra2utt_2.input_proj.weight", 256, 256},
                {"attention_mlp.0.weight", 256, 768},
                {"cross_fused_query_mlp.0.weight", 256, 256},
                {"cross_att_fra2utt_1.query_proj.weight", 256, 256},
                {"cross_attention_mlp.0.weight", 256, 896},
                {"cross_fc_att.weight", 7, 128},
                {"fc_out_v.weight", 1, 128},
                {"missing_text_imagination_mlp.transition.0.weight", 256, 768},
                {"orgin_linear_change.2.weight", 64, 64}};
    for (size_t i = 0; i < sizeof some / sizeof some[0]; i++) {
        const struct parameter *parameter = parameter_find(&table, some[i].name);
        if (!parameter || parameter->shape[0] != some[i].rows ||
            parameter->shape[1] != some[i].columns)
            fail_msg("%s", some[i].name);
    }
    assert_null(parameter_find(&table, "missing_audio_imagination_mlp.transition.0.weight"));
    assert_null(parameter_find(&table, "fc_out_v"));
}

/* ---- Initial values ---- */

static void check_uniform(const struct parameter *parameter, const float *values)
{
    double bound = 1 / sqrt((double)parameter->fan_in), sum = 0, squares = 0;
    double n = (double)parameter->n_values, deviation = bound / sqrt(3);
    for (int64_t i = 0; i < parameter->n_values; i++) {
        double value = (double)values[i];
        assert_true(fabs(value) <= bound * (1 + 1e-6));
        sum += value;
        squares += value * value;
    }
    /* 5 standard deviations of a mean, and of a mean of squares of uniform values */
    if (fabs(sum / n) > 5 * deviation / sqrt(n) ||
        fabs(squares / n - deviation * deviation) > 5 * bound * bound * sqrt(4.0 / 45) / sqrt(n))
        fail_msg("%s: mean %g, deviation %g, expected 0 and %g", parameter->name, sum / n,
                 sqrt(squares / n), deviation);
}

static void test_initial_values_are_those_of_pytorch(void **state)
{
    (void)state;
    struct valence_model_config config = case_config(128, 64, 2, VALENCE_IMAGINATION_TRANSITION);
    struct parameter_table table;
    float *values = make_parameters(&config, &table);
    double context = 0, n_context = 0;
    for (int i = 0; i < table.n; i++) {
        const struct parameter *parameter = &table.parameters[i];
        const float *tensor = values + parameter->offset;
        if (parameter->fan_in) {
            check_uniform(parameter, tensor);
            continue;
        }
        for (int64_t j = 0; j < parameter->n_values; j++)
            context += (double)tensor[j] * (double)tensor[j];
        n_context += (double)parameter->n_values;
    }
    assert_int_equal((int)n_context, 3 * 128);
    double variance = 2.0 / (1 + 128); /* Xavier's of a (1, d) matrix */
    assert_true(fabs(context / n_context - variance) < 5 * variance * sqrt(2 / n_context));
}

static void test_learned_weights_can_start_near_their_means(void **state)
{
    (void)state;
    struct valence_model_config config = case_config(8, 4, 2, VALENCE_IMAGINATION_TRANSITION);
    for (int fused = 0; fused < 2; fused++) {
        struct parameter_table table;
        config.views = fused ? VALENCE_VIEWS_FUSED : VALENCE_VIEWS_ALL;
        float *random = make_parameters(&config, &table);
        float *values = keep(table.n_values, sizeof *values);
        memcpy(values, random, (size_t)table.n_values * sizeof *values);
        parameters_start_at_means(&config, values);
        int64_t modalities = parameter_find(&table, "fc_att.bias")->offset;
        int64_t views = parameter_find(&table, "cross_fc_att.bias")->offset;
        int64_t n_views = fused ? 1 : VALENCE_N_VIEWS;
        for (int64_t i = 0; i < table.n_values; i++) {
            float expected = random[i];
            if (i >= modalities && i < modalities + VALENCE_N_MODALITIES)
                expected = 1.0f / 3;
            if (i >= views && i < views + n_views)
                expected = 1.0f / (float)n_views;
            assert_true(values[i] == expected);
        }
    }
}

static void test_networks_without_learned_weights_start_as_they_are(void **state)
{
    (void)state;
    for (int fusion = 0; fusion < VALENCE_N_FUSIONS; fusion++) {
        struct valence_model_config config = case_config(8, 4, 1, VALENCE_IMAGINATION_OFF);
        struct parameter_table table;
        config.fusion = (enum valence_fusion)fusion;
        config.modality_weights = config.view_weights = VALENCE_WEIGHTS_MEAN;
        float *random = make_parameters(&config, &table);
        float *values = keep(table.n_values, sizeof *values);
        memcpy(values, random, (size_t)table.n_values * sizeof *values);
        parameters_start_at_means(&config, values);
        assert_memory_equal(values, random, (size_t)table.n_values * sizeof *values);
    }
}

static void test_fan_in_is_the_layer_s_own(void **state)
{
    (void)state;
    struct valence_model_config config = case_config(8, 4, 2, VALENCE_IMAGINATION_TRANSITION);
    struct parameter_table table;
    parameter_table_make(&config, &table);
    for (int i = 0; i < table.n; i++) {
        const struct parameter *parameter = &table.parameters[i];
        if (parameter->fan_in && parameter->n_dims == 2) {
            assert_int_equal(parameter->fan_in, parameter->shape[1]);
            assert_int_equal(table.parameters[i + 1].fan_in, parameter->fan_in); /* its bias */
        }
    }
}

static void test_a_seed_gives_the_same_values_whatever_else_the_table_holds(void **state)
{
    (void)state;
    struct valence_model_config small = case_config(8, 4, 1, VALENCE_IMAGINATION_OFF);
    struct valence_model_config large = case_config(8, 4, 7, VALENCE_IMAGINATION_TEXT);
    struct parameter_table small_table, large_table;
    float *few = make_parameters(&small, &small_table);
    float *many = make_parameters(&large, &large_table);
    assert_true(large_table.n > small_table.n);
    for (int i = 0; i < small_table.n; i++) {
        const struct parameter *parameter = &small_table.parameters[i];
        const struct parameter *same = parameter_find(&large_table, parameter->name);
        assert_memory_equal(few + parameter->offset, many + same->offset,
                            (size_t)parameter->n_values * sizeof *few);
    }
    float *other = keep(small_table.n_values, sizeof *other);
    parameters_initialise(&small_table, 6, other);
    for (int64_t i = 0; i < small_table.n_values; i++)
        assert_true(other[i] != few[i]);
}

/* ---- Configuration ---- */

static void refuse(struct valence_model_config config, const char *text)
{
    struct valence_error error;
    int status = valence_model_config_check(&config, &error);
    if (status != VALENCE_ERROR_CONFIG || !strstr(error.text, text))
        fail_msg("gave %d, \"%s\"; expected \"%s\"", status, status ? error.text : "", text);
}

static void test_values_out_of_range_are_named(void **state)
{
    (void)state;
    struct valence_model_config good = case_config(8, 4, 2, VALENCE_IMAGINATION_TEXT), bad;
    assert_int_equal(valence_model_config_check(&good, NULL), VALENCE_OK);
#define REFUSE(place, value, text) (bad = good, bad.place = (value), refuse(bad, text))
    REFUSE(widths[VALENCE_TEXT], 0, "the width of text is 0");
    REFUSE(widths[VALENCE_AUDIO], 65537, "the width of audio");
    REFUSE(d, 7, "d (model width) is 7");
    REFUSE(d, -2, "d (model width)");
    REFUSE(d, 4098, "d (model width)");
    REFUSE(o, 0, "o (output width)");
    REFUSE(imagination, VALENCE_N_IMAGINATIONS, "imagination");
    REFUSE(dropout, 1.0, "dropout is 1");
    REFUSE(dropout, NAN, "dropout");
    REFUSE(attention_dropout, -0.1, "attention_dropout");
    REFUSE(n_flows, 0, "flows: 0 of them");
    REFUSE(n_flows, 8, "flows: 8 of them");
    REFUSE(flows[0], 2, "the first must be complete");
    REFUSE(flows[1], 0, "complete is listed twice");
    REFUSE(flows[1], 7, "number 2 misses every modality");
    REFUSE(flows[1], 9, "number 2 misses every modality or one that does not exist");
#undef REFUSE
}

static void test_flow_names_go_there_and_back(void **state)
{
    (void)state;
    for (int missing = 0; missing < N_ALL_FLOWS; missing++)
        assert_int_equal(valence_flow_from_name(valence_flow_name((unsigned)missing)), missing);
    assert_string_equal(valence_flow_name(2), "text_missing");
    assert_int_equal(valence_flow_from_name("everything_missing"), -1);
    assert_int_equal(valence_flow_from_name(""), -1);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tensors_follow_each_other_without_gaps),
        cmocka_unit_test(test_the_paper_s_network_has_the_published_tensors),
        cmocka_unit_test_teardown(test_initial_values_are_those_of_pytorch, release_kept),
        cmocka_unit_test_teardown(test_learned_weights_can_start_near_their_means, release_kept),
        cmocka_unit_test_teardown(test_networks_without_learned_weights_start_as_they_are,
                                  release_kept),
        cmocka_unit_test(test_fan_in_is_the_layer_s_own),
        cmocka_unit_test_teardown(test_a_seed_gives_the_same_values_whatever_else_the_table_holds,
                                  release_kept),
        cmocka_unit_test(test_values_out_of_range_are_named),
        cmocka_unit_test(test_flow_names_go_there_and_back),
    };
    return cmocka_run_group_tests_name("parameters", tests, NULL, NULL);
}
