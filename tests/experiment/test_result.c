/* Results: figures are those of evaluating each model alone, and what cannot be compared is
 * refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdlib.h>

#include "experiment/result_file.h"
#include "training_run.h"
#include "valence/experiment.h"

#define N_SEEDS 2

static struct valence_experiment *trained;

static void must(int status, const struct valence_error *error)
{
    if (status)
        fail_msg("%s", error->text);
}

/* An ablation that is trained once for all tests. */
static int set_up_trained(void **state)
{
    set_up(state);
    struct valence_train_config config = config_for(*state, "ablation");
    struct valence_experiment_options options;
    const struct valence_variant *variants;
    struct valence_error error;
    int n;
    config.seeds = N_SEEDS;
    config.epochs = 3;
    valence_experiment_options_default(&options);
    options.n_cores = 1;
    must(valence_ablation_create(&config, &variants, &n, &error), &error);
    must(valence_experiment_create(&config, variants, n, NULL, &trained, &error), &error);
    valence_variants_free(variants, n);
    must(valence_experiment_run(trained, &options, &error), &error);
    return 0;
}

static int tear_down_trained(void **state)
{
    valence_experiment_close(trained);
    return tear_down(state);
}

static const struct valence_experiment_result *evaluate(void)
{
    const struct valence_experiment_result *result;
    struct valence_evaluate_options options;
    struct valence_error error;
    valence_evaluate_options_default(&options);
    options.n_resamples = 400;
    must(valence_experiment_evaluate(trained, &options, NULL, &result, &error), &error);
    return result;
}

/* ---- Figures ---- */

static double evaluate_alone(const char *path, const struct valence_store *store, unsigned flow,
                             enum valence_metric metric)
{
    const struct valence_evaluation *evaluation;
    struct valence_evaluate_options options;
    struct valence_model *model;
    struct valence_error error;
    valence_evaluate_options_default(&options);
    options.n_resamples = 0;
    options.flows = &flow;
    options.n_flows = 1;
    must(valence_model_load(path, &model, &error), &error);
    must(valence_evaluate(model, store, &options, NULL, &evaluation, &error), &error);
    double value = evaluation->flows[0].metrics.values[metric];
    valence_evaluation_free(evaluation);
    valence_model_free(model);
    return value;
}

static void check_variant(const struct valence_experiment_result *result, int v,
                          const struct valence_store *store)
{
    const struct valence_result_variant *variant = &result->variants[v];
    for (int f = 0; f < result->n_flows; f++)
        for (int m = 0; m < 2; m++) {
            double values[N_SEEDS], mean, deviation;
            const struct valence_result_cell *cell = &variant->cells[f * result->n_metrics + m];
            for (int seed = 0; seed < N_SEEDS; seed++) {
                char path[2048];
                snprintf(path, sizeof path, "%s/runs/%s/seed-%d/best.safetensors",
                         valence_experiment_folder(trained), variant->name, seed + 1);
                values[seed] = evaluate_alone(path, store, result->flows[f], result->metrics[m]);
            }
            mean = (values[0] + values[1]) / 2;
            deviation = fabs(values[0] - values[1]) / sqrt(2);
            assert_true(fabs(cell->mean - mean) < 1e-12);
            assert_true(fabs(cell->deviation - deviation) < 1e-12);
            const struct valence_result_cell *first =
                &result->variants[0].cells[f * result->n_metrics + m];
            assert_true(v == 0 ? isnan(cell->difference)
                               : fabs(cell->difference - (cell->mean - first->mean)) < 1e-12);
        }
}

static void test_figures_are_those_of_the_models_alone(void **state)
{
    const struct fixture *f = *state;
    const struct valence_experiment_result *result = evaluate();
    struct valence_store *store;
    struct valence_error error;
    char path[256];
    snprintf(path, sizeof path, "%s/store", f->folder);
    must(valence_store_open(path, NULL, &store, &error), &error);
    assert_int_equal(result->n_flows, 2);
    assert_int_equal(result->n_metrics, 5);
    for (int v = 0; v < result->n_variants; v++)
        check_variant(result, v, store);
    valence_store_close(store);
    valence_experiment_result_free(result);
}

static void test_every_part_is_removed_once(void **state)
{
    (void)state;
    static const char *const names[] = {"full",
                                        "no-mia",
                                        "no-mkd-representation",
                                        "no-mkd-cross",
                                        "no-mkd",
                                        "no-rs",
                                        "no-rnc",
                                        "single-flow",
                                        "no-cross-attention",
                                        "fused-view-alone",
                                        "mean-modality-weights",
                                        "mean-view-weights",
                                        "no-simulated-text",
                                        "no-audio",
                                        "no-text",
                                        "no-video"};
    const struct valence_experiment_result *result = evaluate();
    assert_int_equal(result->n_variants, sizeof names / sizeof names[0]);
    for (int v = 0; v < result->n_variants; v++)
        assert_string_equal(result->variants[v].name, names[v]);
    valence_experiment_result_free(result);
}

/* The simpler networks have fewer parameters, and the others as many as the full one. */
static void test_parts_that_are_removed_have_no_parameters(void **state)
{
    (void)state;
    const struct valence_experiment_result *result = evaluate();
    int64_t full = result->variants[0].n_parameters;
    for (int v = 1; v < result->n_variants; v++) {
        const char *name = result->variants[v].name;
        bool smaller = strstr(name, "mia") || strstr(name, "single") || strstr(name, "cross-att") ||
                       strstr(name, "fused") || strstr(name, "mean") || strstr(name, "no-text");
        int64_t n = result->variants[v].n_parameters;
        if (smaller ? n >= full : n > full)
            fail_msg("%s has %lld parameters, the full network %lld", name, (long long)n,
                     (long long)full);
    }
    valence_experiment_result_free(result);
}

static void test_adjusted_tests_are_the_table_s(void **state)
{
    (void)state;
    const struct valence_experiment_result *result = evaluate();
    int64_t n = 0;
    for (int v = 1; v < result->n_variants; v++)
        for (int i = 0; i < result->n_flows * result->n_metrics; i++) {
            const struct valence_result_cell *cell = &result->variants[v].cells[i];
            n += !isnan(cell->p);
            if (!isnan(cell->p))
                assert_true(cell->p_holm >= cell->p && cell->p_holm <= 1);
            if (!isnan(cell->interval.low))
                assert_true(cell->interval.low <= cell->interval.high && cell->detectable >= 0);
        }
    assert_int_equal(n, result->n_tests);
    assert_true(n > 100);
    valence_experiment_result_free(result);
}

static void test_a_result_verifies_and_a_changed_one_does_not(void **state)
{
    (void)state;
    struct valence_error error;
    char path[2048];
    int64_t n;
    valence_experiment_result_free(evaluate());
    snprintf(path, sizeof path, "%s/result.json", valence_experiment_folder(trained));
    must(valence_result_verify(path, NULL, NULL, NULL, NULL, &n, &error), &error);
    assert_int_equal(n, 0);
    char *text;
    must(file_read_text(path, 1 << 24, &text, NULL, &error), &error);
    char *digit = strstr(text, "\"parameters\": ");
    assert_non_null(digit);
    digit += strlen("\"parameters\": ");
    *digit = *digit == '9' ? '1' : (char)(*digit + 1);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
    free(text);
    must(valence_result_verify(path, NULL, NULL, NULL, NULL, &n, &error), &error);
    assert_int_equal(n, 1);
}

struct listed {
    char text[512];
    int64_t n;
};

static void list(void *user, const char *where, const char *recorded, const char *found)
{
    struct listed *listed = user;
    size_t used = strlen(listed->text);
    snprintf(listed->text + used, sizeof listed->text - used, "%s: %s, %s\n", where, recorded,
             found);
}

static void test_two_documents_are_compared_figure_by_figure(void **state)
{
    (void)state;
    static const char recorded[] =
        "{\"mae\": 0.5, \"flows\": [{\"mask\": \"ab\"}, 7], \"gone\": null, \"n\": 3}";
    static const char found[] = "{\"mae\": 0.50000001, \"flows\": [{\"mask\": \"cd\"}, 7, 8], "
                                "\"gone\": null, \"n\": 3.1}";
    struct listed listed = {0};
    struct valence_error error;
    must(valence_result_compare(recorded, recorded, list, &listed, &listed.n, &error), &error);
    assert_int_equal(listed.n, 0);
    must(valence_result_compare(recorded, found, list, &listed, &listed.n, &error), &error);
    assert_int_equal(listed.n, 3);
    assert_string_equal(listed.text,
                        "flows[0].mask: \"ab\", \"cd\"\nflows[2]: nothing, 8\nn: 3, 3.1\n");
    assert_int_equal(valence_result_compare(recorded, "{", NULL, NULL, &listed.n, &error),
                     VALENCE_ERROR_FORMAT);
    assert_int_equal(valence_result_compare(NULL, found, NULL, NULL, &listed.n, &error),
                     VALENCE_ERROR_ARGUMENT);
}

/* Every change to a good file is refused, and the message says which part is wrong. */
static void test_damaged_results_are_refused(void **state)
{
    (void)state;
    static const char good[] =
        "{\"valence\": \"result\", \"source\": {\"runs\": [\"a\", \"b\"]},"
        "\"statistics\": {\"resamples\": 200, \"seed\": 1},"
        "\"data\": {\"store\": \"s\", \"split\": \"test\", \"scale\": \"sentiment\"},"
        "\"detectable\": {\"complete\": {}}}";
    static const struct {
        const char *from, *to, *says;
    } changes[] = {
        {"\"result\"", "\"plan\"", "'valence' is not"},
        {"\"valence\": \"result\"", "\"valence\": 7", "'valence' is not"},
        {"{\"runs\": [\"a\", \"b\"]}", "[]", "'source' does not say"},
        {"[\"a\", \"b\"]", "[]", "is not a list of runs"},
        {"[\"a\", \"b\"]", "\"a\"", "is not a list of runs"},
        {"\"b\"]", "7]", "other than names"},
        {"200", "-1", "number of resamples"},
        {"200", "1.5", "number of resamples"},
        {"\"seed\": 1", "\"seed\": null", "number of resamples"},
        {"\"store\": \"s\"", "\"store\": []", "names no store"},
        {"\"test\"", "\"tset\"", "is not a split"},
        {"\"sentiment\"", "3", "is not a scale"},
        {"{\"complete\": {}}", "{}", "no flows"},
        {"{\"complete\": {}}", "[1]", "no flows"},
        {"\"complete\"", "\"smell_missing\"", "other than flows"},
        {"]}", "]", "not JSON"},
        {"\"seed\"", "\"resamples\"", "not JSON"}, /* twice */
    };
    struct result_file file;
    struct valence_error error;
    must(result_file_parse(good, strlen(good), "it", &file, &error), &error);
    assert_int_equal(file.n_runs, 2);
    assert_string_equal(file.runs[1], "b");
    assert_int_equal(file.options.n_resamples, 200);
    result_file_free(&file);
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
        char text[512];
        const char *at = strstr(good, changes[i].from);
        assert_non_null(at);
        snprintf(text, sizeof text, "%.*s%s%s", (int)(at - good), good, changes[i].to,
                 at + strlen(changes[i].from));
        int status = result_file_parse(text, strlen(text), "it", &file, &error);
        assert_int_equal(status, VALENCE_ERROR_FORMAT);
        if (!strstr(error.text, changes[i].says))
            fail_msg("%s: %s", changes[i].to, error.text);
        result_file_free(&file);
    }
    must(result_file_parse(good, strlen(good), "it", &file, &error), &error);
    struct result_comparison itself = {0}; /* though it lacks most members */
    result_file_compare(&itself, file.json, file.json);
    assert_int_equal(itself.n, 0);
    result_file_free(&file);
    for (size_t size = 0; size < strlen(good); size++) { /* cut short anywhere */
        assert_int_equal(result_file_parse(good, size, "it", &file, &error), VALENCE_ERROR_FORMAT);
        result_file_free(&file);
    }
}

/* ---- What cannot be compared ---- */

static void test_an_unfinished_experiment_has_no_result(void **state)
{
    struct valence_train_config config = config_for(*state, "unfinished");
    const struct valence_experiment_result *result;
    struct valence_experiment *experiment;
    const struct valence_variant variant = {"only", NULL, 0};
    struct valence_error error;
    must(valence_experiment_create(&config, &variant, 1, NULL, &experiment, &error), &error);
    assert_int_equal(valence_experiment_evaluate(experiment, NULL, NULL, &result, &error),
                     VALENCE_ERROR_BUSY);
    assert_null(result);
    assert_non_null(strstr(error.text, "1 of 1 runs are not finished"));
    valence_experiment_close(experiment);
}

static void test_runs_on_other_data_are_refused(void **state)
{
    const struct fixture *f = *state;
    const struct valence_experiment_result *result;
    struct valence_store *store;
    struct valence_error error;
    char path[256], run[2048];
    snprintf(path, sizeof path, "%s/other", f->folder);
    make_training_store(path, N_CLIPS, 1);
    struct valence_train_config config = config_for(f, "on-other");
    snprintf(config.store, sizeof config.store, "%s", path);
    config.epochs = 1;
    config.seed = 9;
    train(&config, false);
    snprintf(run, sizeof run, "%s/runs/full", valence_experiment_folder(trained));
    const char *const runs[] = {run, config.output};
    snprintf(path, sizeof path, "%s/store", f->folder);
    must(valence_store_open(path, NULL, &store, &error), &error);
    int status = valence_compare_runs(runs, 2, store, NULL, NULL, &result, &error);
    /* make_training_store()'s last argument changes the test part alone: the same data */
    assert_int_equal(status, 0);
    assert_null(result->variants[0].validation); /* which nobody has asked for */
    assert_true(isnan(result->variants[0].selected.mean));
    valence_experiment_result_free(result);
    valence_store_close(store);
    snprintf(path, sizeof path, "%s/larger", f->folder);
    make_training_store(path, N_CLIPS + 10, 0);
    must(valence_store_open(path, NULL, &store, &error), &error);
    assert_int_equal(valence_compare_runs(runs, 2, store, NULL, NULL, &result, &error),
                     VALENCE_ERROR_DATA);
    assert_non_null(strstr(error.text, "was trained on other data"));
    const char *const same[] = {run, config.output, run};
    assert_int_equal(valence_compare_runs(same, 3, store, NULL, NULL, &result, &error),
                     VALENCE_ERROR_ARGUMENT);
    assert_non_null(strstr(error.text, "is given twice"));
    valence_store_close(store);
}

/* ---- Sweeps ---- */

static void check_names(const struct valence_train_config *config, const char *range,
                        enum valence_sweep_method method, const char *const *names, int n_names)
{
    const struct valence_variant *variants;
    struct valence_sweep_options options;
    struct valence_error error;
    int n;
    valence_sweep_options_default(&options);
    options.method = method;
    options.n_draws = 5;
    must(valence_sweep_create(config, &range, 1, &options, &variants, &n, &error), &error);
    assert_int_equal(n, n_names + 1);
    assert_string_equal(variants[0].name, "base");
    for (int i = 0; i < n_names; i++)
        assert_string_equal(variants[i + 1].name, names[i]);
    valence_variants_free(variants, n);
}

static void test_ranges_give_their_values(void **state)
{
    struct valence_train_config config = config_for(*state, "sweep");
    static const char *const steps[] = {"losses.rnc=0", "losses.rnc=0.1", "losses.rnc=0.2",
                                        "losses.rnc=0.3"};
    static const char *const factors[] = {"model.d=8", "model.d=16", "model.d=32"};
    static const char *const list[] = {"setting-1", "setting-2"};
    check_names(&config, "losses.rnc=0:0.3:0.1", VALENCE_SWEEP_ONE, steps, 4);
    check_names(&config, "model.d=8:40:*2", VALENCE_SWEEP_GRID, factors, 3);
    check_names(&config, "flows=[complete],[complete,text_missing]", VALENCE_SWEEP_GRID, list, 2);
}

static void test_draws_lie_in_their_range_and_repeat(void **state)
{
    struct valence_train_config config = config_for(*state, "sweep");
    static const char *const ranges[] = {"optimizer.learning_rate=1e-4:1e-1:*10", "epochs=3:5:1"};
    const struct valence_variant *variants[2];
    struct valence_sweep_options options;
    struct valence_error error;
    int n;
    valence_sweep_options_default(&options);
    options.method = VALENCE_SWEEP_RANDOM;
    options.n_draws = 200;
    int low = 0, epochs[8] = {0};
    for (int i = 0; i < 2; i++)
        must(valence_sweep_create(&config, ranges, 2, &options, &variants[i], &n, &error), &error);
    assert_int_equal(n, 201);
    for (int i = 1; i < n; i++) {
        double rate = atof(strchr(variants[0][i].assignments[0], '=') + 1);
        int drawn = atoi(strchr(variants[0][i].assignments[1], '=') + 1);
        assert_string_equal(variants[0][i].assignments[0], variants[1][i].assignments[0]);
        assert_true(rate >= 1e-4 && rate <= 1e-1 && drawn >= 3 && drawn <= 5);
        low += rate < 1e-3;
        epochs[drawn]++;
    }
    assert_true(low > 40 && low < 95); /* a third of a logarithmic scale */
    assert_true(epochs[3] > 40 && epochs[4] > 40 && epochs[5] > 40);
    valence_variants_free(variants[0], n);
    valence_variants_free(variants[1], n);
}

static void refuse_sweep(const struct valence_train_config *config, const char *const *ranges,
                         int n_ranges, int64_t n_draws, int wanted, const char *said)
{
    const struct valence_variant *variants;
    struct valence_sweep_options options;
    struct valence_error error;
    int n;
    valence_sweep_options_default(&options);
    options.method = VALENCE_SWEEP_RANDOM;
    options.n_draws = n_draws;
    assert_int_equal(
        valence_sweep_create(config, ranges, n_ranges, &options, &variants, &n, &error), wanted);
    assert_null(variants);
    if (!strstr(error.text, said))
        fail_msg("'%s' does not say '%s'", error.text, said);
}

static void test_no_setting_is_tried_twice(void **state)
{
    struct valence_train_config config = config_for(*state, "sweep");
    static const char *const few[] = {"model.d=8,16", "epochs=1:3:1"}, *const twice[] = {
                                                                           "losses.rnc=0,1",
                                                                           "losses.rnc=0.5"};
    const struct valence_variant *variants;
    struct valence_sweep_options options;
    struct valence_error error;
    int n;
    valence_sweep_options_default(&options);
    options.method = VALENCE_SWEEP_RANDOM;
    options.n_draws = 6;
    must(valence_sweep_create(&config, few, 2, &options, &variants, &n, &error), &error);
    assert_int_equal(n, 7);
    for (int i = 1; i < n; i++)
        for (int j = 1; j < i; j++)
            assert_string_not_equal(variants[i].name, variants[j].name);
    valence_variants_free(variants, n);
    refuse_sweep(&config, few, 2, 7, VALENCE_ERROR_ARGUMENT, "only 6 different settings");
    refuse_sweep(&config, twice, 2, 1, VALENCE_ERROR_CONFIG, "losses.rnc has two ranges");
}

static void test_an_ablation_needs_something_to_remove(void **state)
{
    struct valence_train_config config = config_for(*state, "ablation");
    const struct valence_variant *variants;
    struct valence_error error;
    int n;
    must(valence_train_config_set_model(&config, "constant", &error), &error);
    assert_int_equal(valence_ablation_create(&config, &variants, &n, &error), VALENCE_ERROR_CONFIG);
    assert_null(variants);
    assert_non_null(strstr(error.text, "no part that could be removed"));
}

static void test_ranges_that_are_wrong_are_refused(void **state)
{
    struct valence_train_config config = config_for(*state, "sweep");
    static const struct {
        const char *range, *said;
    } wrong[] = {{"losses.rnc=1:0:0.1", "the range is empty"},
                 {"losses.rnc=0:1:0", "the range is empty"},
                 {"losses.rnc=0:1:*2", "the range is empty"},
                 {"losses.rnc=0:1", "LOW:HIGH:STEP"},
                 {"losses.rnc=a:b:c", "LOW:HIGH:STEP"},
                 {"losses.rnc=0:1:0.0001", "more than 200 values"},
                 {"losses.rnc=0,,1", "empty"},
                 {"losses.rnc=0,-1", "losses.rnc"},
                 {"losses.rnc=0,0.5,0.0", "the value 0.0 is given twice"},
                 {"losses.rmc=0,1", "did you mean 'losses.rnc'"},
                 {"losses.rnc=", "KEY="},
                 {"losses.rnc", "KEY="},
                 {"model.d=8:9:0.5", "model.d"}};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        const struct valence_variant *variants;
        struct valence_error error;
        int n,
            status = valence_sweep_create(&config, &wrong[i].range, 1, NULL, &variants, &n, &error);
        if (status >= 0 || !strstr(error.text, wrong[i].said))
            fail_msg("%s: status %d, '%s'", wrong[i].range, status, status ? error.text : "");
        assert_null(variants);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_figures_are_those_of_the_models_alone),
        cmocka_unit_test(test_every_part_is_removed_once),
        cmocka_unit_test(test_parts_that_are_removed_have_no_parameters),
        cmocka_unit_test(test_adjusted_tests_are_the_table_s),
        cmocka_unit_test(test_a_result_verifies_and_a_changed_one_does_not),
        cmocka_unit_test(test_two_documents_are_compared_figure_by_figure),
        cmocka_unit_test(test_damaged_results_are_refused),
        cmocka_unit_test(test_an_unfinished_experiment_has_no_result),
        cmocka_unit_test(test_runs_on_other_data_are_refused),
        cmocka_unit_test(test_ranges_give_their_values),
        cmocka_unit_test(test_draws_lie_in_their_range_and_repeat),
        cmocka_unit_test(test_ranges_that_are_wrong_are_refused),
        cmocka_unit_test(test_no_setting_is_tried_twice),
        cmocka_unit_test(test_an_ablation_needs_something_to_remove),
    };
    return cmocka_run_group_tests(tests, set_up_trained, tear_down_trained);
}
