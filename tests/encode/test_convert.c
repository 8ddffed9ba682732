/* valence_convert(): its kinds, which settings each takes, and callers of other versions. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "valence/convert.h"
#include "valence/encoder.h"

#define GOLDEN VALENCE_TEST_DATA "/golden/"

static char output[] = "/tmp/valence-convert-XXXXXX";

static void test_kinds_have_names_and_texts(void **state)
{
    (void)state;
    assert_int_equal(valence_n_convert_kinds(), VALENCE_CONVERT_FACES + 1);
    for (int kind = 0; kind < valence_n_convert_kinds(); kind++) {
        assert_true(strlen(valence_convert_kind_name(kind)) > 0);
        assert_true(strlen(valence_convert_kind_text(kind)) > 20);
    }
    assert_string_equal(valence_convert_kind_name(VALENCE_CONVERT_WAVLM), "wavlm");
    assert_null(valence_convert_kind_name(-1));
    assert_null(valence_convert_kind_name(valence_n_convert_kinds()));
    assert_null(valence_convert_kind_text(valence_n_convert_kinds()));
}

static void refused(enum valence_convert_kind kind, const struct valence_convert_options *options,
                    const char *key)
{
    struct valence_error error;
    assert_int_equal(valence_convert(kind, GOLDEN "wavlm/base", output, options, NULL, &error),
                     VALENCE_ERROR_ARGUMENT);
    assert_string_equal(error.key, key);
    assert_int_equal(access(output, F_OK), -1);
}

static void test_settings_of_other_kinds_are_refused(void **state)
{
    (void)state;
    struct valence_model *model = (struct valence_model *)&model;
    const struct {
        enum valence_convert_kind kind;
        struct valence_convert_options options;
        const char *key;
    } cases[] = {
        {VALENCE_CONVERT_PUBLISHED, {.type = "f16"}, "type"},
        {VALENCE_CONVERT_PUBLISHED, {.license = "mine"}, "license"},
        {VALENCE_CONVERT_FACES, {.llm = "llm.gguf"}, "llm"},
        {VALENCE_CONVERT_WAVLM, {.llm = "llm.gguf"}, "llm"},
        {VALENCE_CONVERT_WHISPER, {.wavlm = "wavlm.gguf"}, "wavlm"},
        {VALENCE_CONVERT_MANET, {.imagination = VALENCE_IMAGINATION_OFF}, "imagination"},
        {VALENCE_CONVERT_WAVLM, {.model = &model}, "model"},
        {VALENCE_CONVERT_PROJECTOR, {.wavlm = "wavlm.gguf"}, "llm"},
        {VALENCE_CONVERT_PROJECTOR, {.llm = "llm.gguf"}, "wavlm"},
        {VALENCE_CONVERT_WAVLM, {.type = "q9_9"}, "type"},
        {VALENCE_CONVERT_PUBLISHED, {.imagination = VALENCE_N_IMAGINATIONS}, "imagination"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct valence_convert_options options = cases[i].options;
        options.size = sizeof options;
        refused(cases[i].kind, &options, cases[i].key);
    }
    assert_null(model); /* cleared on failure */
    refused((enum valence_convert_kind)valence_n_convert_kinds(), NULL, "");
}

/* A caller of an older version knows fewer settings; one of a newer version more than we do. */
static void test_options_of_other_versions(void **state)
{
    (void)state;
    struct valence_error error;
    struct valence_convert_options options;
    valence_convert_options_default(&options);
    options.size = sizeof options + 8;
    refused(VALENCE_CONVERT_WAVLM, &options, "");
    options.size = 0;
    refused(VALENCE_CONVERT_WAVLM, &options, "");
    options.size = offsetof(struct valence_convert_options, type);
    options.type = "not looked at";
    assert_int_equal(
        valence_convert(VALENCE_CONVERT_WAVLM, GOLDEN "wavlm/base", output, &options, NULL, &error),
        0);
    assert_int_equal(
        valence_convert(VALENCE_CONVERT_WAVLM, GOLDEN "wavlm/base", output, NULL, NULL, &error),
        VALENCE_ERROR_EXISTS);
    assert_string_equal(error.key, "overwrite");
    unlink(output);
}

static void test_published_checkpoint_gives_its_model(void **state)
{
    (void)state;
    struct valence_error error;
    struct valence_model *model, *loaded;
    struct valence_convert_options options;
    char left_out[256];
    valence_convert_options_default(&options);
    options.model = &model;
    options.left_out = left_out;
    options.left_out_bytes = sizeof left_out;
    assert_int_equal(valence_convert(VALENCE_CONVERT_PUBLISHED,
                                     GOLDEN "fusion/small-transition.weights.pt", output, &options,
                                     NULL, &error),
                     0);
    assert_non_null(strstr(left_out, "fc_out_ev.weight"));
    assert_int_equal(valence_model_load(output, &loaded, &error), 0);
    assert_int_equal(valence_model_n_parameters(loaded), valence_model_n_parameters(model));
    valence_model_free(loaded);
    valence_model_free(model);
    unlink(output);
}

static int stop_at_third(void *user, const struct valence_progress_event *event)
{
    (void)event;
    return ++*(int *)user == 3;
}

static void test_progress_cancels(void **state)
{
    (void)state;
    struct valence_error error;
    int n_calls = 0;
    const struct valence_progress progress = {stop_at_third, &n_calls};
    assert_int_equal(valence_convert(VALENCE_CONVERT_MANET, GOLDEN "manet/manet-tiny.pth", output,
                                     NULL, &progress, &error),
                     VALENCE_ERROR_CANCELLED);
    assert_int_equal(n_calls, 3);
    assert_int_equal(access(output, F_OK), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kinds_have_names_and_texts),
        cmocka_unit_test(test_settings_of_other_kinds_are_refused),
        cmocka_unit_test(test_options_of_other_versions),
        cmocka_unit_test(test_published_checkpoint_gives_its_model),
        cmocka_unit_test(test_progress_cancels),
    };
    close(mkstemp(output));
    unlink(output);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
