/* Labels of MERBench that are missing, stand for others, or are on another scale; the fixture is
 * written by make_fault_fixtures.py. */
#include "import_fixture.h"

#define FIXTURE(name) VALENCE_TEST_DATA "/exchange/fixtures/faults/" name

static int import(enum valence_import_kind kind, const char *path)
{
    return valence_import(kind, path, in_folder("store"), &options, NULL, &result, &error);
}

static const struct valence_clip *clip_of(const struct valence_store *store, const char *id)
{
    int64_t clip = valence_store_find_clip(store, id);
    if (clip < 0)
        fail_msg("there is no clip '%s'", id);
    return valence_store_clip(store, clip);
}

static void test_values_of_numeric_labels_stand_for_others(void **state)
{
    (void)state;
    options.labels_only = true;
    options.label_values = "-10=";
    options.skip = VALENCE_BIT(VALENCE_SKIP_LABEL);
    assert_fine(import(VALENCE_IMPORT_MERBENCH, FIXTURE("label.npz")));
    assert_int_equal(result.n_no_label, 2);
    assert_int_equal(result.skipped[VALENCE_SKIP_LABEL].n, 1); /* c has no 'val' */
    struct valence_store *store = open_store();
    assert_true(isnan(clip_of(store, "a")->label) && isnan(clip_of(store, "d")->label));
    assert_true(clip_of(store, "b")->label == 1.5f); /* an array of one */
    assert_true(clip_of(store, "e")->label == 2);
    valence_store_close(store);
}

static void test_a_clip_without_a_label_stops_the_import_unless_skipped(void **state)
{
    (void)state;
    options.labels_only = true;
    options.label_values = "-10.0=";
    assert_fails(import(VALENCE_IMPORT_MERBENCH, FIXTURE("label.npz")), VALENCE_ERROR_DATA,
                 "clip 'c': it has no label 'val'");
    assert_string_equal(error.key, "skip.label");
}

static void test_labels_are_mapped_to_another_scale(void **state)
{
    (void)state;
    static const struct {
        const char *formula;
        float expected; /* of 1.5 */
    } cases[] = {
        {"x-3", -1.5f}, {"(x - 0.5) / 2", 0.5f}, {"3 - 2*x", 0}, {"-x", -1.5f}, {"2e-1*x", 0.3f}};
    options.labels_only = true;
    options.skip = ~0u;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char name[16];
        snprintf(name, sizeof name, "store%zu", i);
        options.label_map = cases[i].formula;
        options.label_scale = "likert";
        assert_fine(valence_import(VALENCE_IMPORT_MERBENCH, FIXTURE("label.npz"), in_folder(name),
                                   &options, NULL, &result, &error));
        struct valence_store *store;
        assert_fine(valence_store_open(in_folder(name), NULL, &store, &error));
        assert_true(clip_of(store, "b")->label == cases[i].expected);
        assert_non_null(strstr(valence_store_source(store), cases[i].formula));
        const struct valence_label_scale *scale = valence_store_label_scale(store);
        assert_non_null(scale);
        assert_string_equal(scale->name, "likert");
        assert_true(scale->low == -3 && scale->high == 3);
        valence_store_close(store);
    }
}

static void test_what_is_no_affine_formula_is_refused(void **state)
{
    (void)state;
    static const char *const formulas[] = {"x*x",
                                           "1/x",
                                           "3",
                                           "x-",
                                           "y-3",
                                           "(x",
                                           "x/0",
                                           "x 3",
                                           "x+1e999",
                                           "0*x",
                                           "",
                                           "x--",
                                           "((((((((((((((((((((((((((((((((((x"};
    options.labels_only = true;
    for (size_t i = 0; i < sizeof formulas / sizeof *formulas; i++) {
        options.label_map = formulas[i];
        assert_fails(import(VALENCE_IMPORT_MERBENCH, FIXTURE("label.npz")), VALENCE_ERROR_ARGUMENT,
                     "is not a formula");
        assert_string_equal(error.key, "label_map");
    }
}

static void test_impossible_ranges_are_refused(void **state)
{
    (void)state;
    static const double ranges[][2] = {
        {-INFINITY, INFINITY}, {NAN, 3}, {-3, NAN}, {3, -3}, {-INFINITY, 3}};
    options.labels_only = true;
    for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++) {
        options.label_minimum = ranges[i][0];
        options.label_maximum = ranges[i][1];
        assert_fails(import(VALENCE_IMPORT_MERBENCH, FIXTURE("label.npz")), VALENCE_ERROR_ARGUMENT,
                     "label range");
    }
    options.label_minimum = -3;
    options.label_maximum = 3;
    options.validation_fraction = NAN;
    assert_fails(import(VALENCE_IMPORT_MERBENCH, FIXTURE("label.npz")), VALENCE_ERROR_ARGUMENT,
                 "fraction");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_values_of_numeric_labels_stand_for_others),
        TEST(test_a_clip_without_a_label_stops_the_import_unless_skipped),
        TEST(test_labels_are_mapped_to_another_scale),
        TEST(test_what_is_no_affine_formula_is_refused),
        TEST(test_impossible_ranges_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
