/* The configuration: what is read, what is refused and how, and that printing gives it back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "train/train_config.h"

static int parse(const char *yaml, struct valence_train_config *config, struct valence_error *error)
{
    train_config_defaults(config);
    return train_config_parse(yaml, strlen(yaml), "c.yaml", config, error);
}

static void assert_refused(const char *yaml, const char *expected)
{
    struct valence_train_config config;
    struct valence_error error;
    int status = parse(yaml, &config, &error);
    if (status != VALENCE_ERROR_CONFIG || !strstr(error.text, expected))
        fail_msg("%s\ngave %d %s\nexpected %s", yaml, status, status ? error.text : "", expected);
}

static void assert_set_refused(const char *assignment, const char *expected)
{
    struct valence_train_config config;
    struct valence_error error;
    train_config_defaults(&config);
    int status = valence_train_config_set(&config, assignment, &error);
    if (status != VALENCE_ERROR_CONFIG || !strstr(error.text, expected))
        fail_msg("%s\ngave %d %s\nexpected %s", assignment, status, status ? error.text : "",
                 expected);
}

/* ---- Reading ---- */

static void test_the_defaults_are_the_paper_s(void **state)
{
    (void)state;
    struct valence_train_config config;
    train_config_defaults(&config);
    assert_int_equal(config.batch_size, 96);
    assert_int_equal(config.model.d, 256);
    assert_int_equal(config.model.o, 128);
    assert_int_equal(config.model.n_flows, 2);
    assert_int_equal(config.model.flows[1], VALENCE_BIT(VALENCE_TEXT));
    assert_true(config.learning_rate == 1e-4 && config.weight_decay == 1e-5);
    assert_true(config.losses.cross == 0.7 && config.losses.rnc == 0.8);
    assert_int_equal(config.schedule.warm_up_epochs, 5);
    assert_int_equal(train_config_check(&config, NULL), 0);
}

static void test_keys_are_read_and_others_keep_their_defaults(void **state)
{
    (void)state;
    struct valence_train_config config;
    assert_int_equal(parse("# a comment\n"
                           "store: \"a 'b' c\"\n"
                           "streams:\n  audio: wavlm\n  simulated_text: \"\"\n"
                           "standardise: {text: false}\n"
                           "model: {d: 64, imagination: off, dropout: 1e-1}\n"
                           "flows:\n- complete\n- audio_missing\n"
                           "optimizer:\n  name: adamw\n"
                           "select: missing\n",
                           &config, NULL),
                     0);
    assert_string_equal(config.store, "a 'b' c");
    assert_string_equal(config.streams[VALENCE_STREAM_AUDIO], "wavlm");
    assert_string_equal(config.streams[VALENCE_STREAM_TEXT], "text");
    assert_string_equal(config.streams[VALENCE_STREAM_SIMULATED_TEXT], "");
    assert_false(config.standardise[VALENCE_STREAM_TEXT]);
    assert_true(config.standardise[VALENCE_STREAM_AUDIO]);
    assert_int_equal(config.model.d, 64);
    assert_int_equal(config.model.o, 128);
    assert_int_equal(config.model.imagination, VALENCE_IMAGINATION_OFF);
    assert_true(config.model.dropout == 0.1);
    assert_int_equal(config.model.n_flows, 2);
    assert_int_equal(config.model.flows[1], VALENCE_BIT(VALENCE_AUDIO));
    assert_int_equal(config.optimizer, TRAIN_ADAMW);
    assert_int_equal(config.select, TRAIN_MISSING);
}

static void test_an_empty_document_changes_nothing(void **state)
{
    (void)state;
    struct valence_train_config config, defaults;
    train_config_defaults(&defaults);
    assert_int_equal(parse("", &config, NULL), 0);
    assert_memory_equal(&config, &defaults, sizeof config);
    assert_int_equal(parse("# nothing\n", &config, NULL), 0);
    assert_memory_equal(&config, &defaults, sizeof config);
}

/* ---- Refusing ---- */

static void test_unknown_keys_are_errors_that_name_line_and_nearest_key(void **state)
{
    (void)state;
    assert_refused("epochs: 3\nbatchsize: 9\n", "c.yaml:2: unknown key 'batchsize'; did you mean "
                                                "'batch_size'?");
    assert_refused("model:\n  # d: 3\n\n  dd: 6\n", "c.yaml:4: unknown key 'model.dd'");
    assert_refused("dropout: 0.3\n", "did you mean 'model.dropout'?");
    assert_refused("modle: {d: 3}\n", "unknown key 'modle'");
    assert_refused("zzz: 1\n", "--print-config");
    assert_set_refused("optimizer.learning_rat=1", "did you mean 'optimizer.learning_rate'?");
}

static void test_unusable_values_are_errors_that_name_line_key_and_what_is_expected(void **state)
{
    (void)state;
    assert_refused("model:\n  d: 1.5\n", "c.yaml:2: model.d: '1.5' is not a whole number from 2");
    assert_refused("model:\n  d: 0x10\n", "model.d: '0x10'");
    assert_refused("epochs: 0\n", "from 1 to 1000000");
    assert_refused("epochs: 99999999999999999999\n", "epochs");
    assert_refused("epochs:\n", "epochs: '' is not");
    assert_refused("optimizer: {learning_rate: nan}\n", "'nan' is not a number");
    assert_refused("optimizer: {learning_rate: 1e-3x}\n", "'1e-3x' is not a number");
    assert_refused("optimizer: {learning_rate: 0}\n", "'0' is not a number from 1e-12 to 10");
    assert_refused("optimizer: {name: sgd}\n", "'sgd' is not adam or adamw");
    assert_refused("standardise: {audio: yess}\n", "is not true or false");
    assert_refused("flows: [complete, nothing]\n", "flows: 'nothing' is not a flow");
    assert_refused("flows: []\n", "flows");
    assert_refused("flows_per_step: 0\n", "'0' is not all or a whole number from 1 to 6");
    assert_refused("flows_per_step: some\n", "'some' is not all or a whole number");
    assert_refused("flows: complete\n", "flows");
    assert_refused("store: \"a\\nb\"\n", "UTF-8 text on one line");
    assert_set_refused("epochs=many", "epochs: 'many'");
    assert_set_refused("epochs", "not KEY=VALUE");
}

static void test_what_is_no_mapping_of_keys_is_an_error(void **state)
{
    (void)state;
    assert_refused("- 1\n", "c.yaml");
    assert_refused("model: 5\n", "c.yaml:1: model");
    assert_refused("store: [a\n", "c.yaml");
    assert_refused("store: a\nstore: b\n", "already seen");
    assert_refused("store: a\n---\nstore: b\n", "after first");
    assert_refused("store: &a b\noutput: *a\n", "alias");
    assert_refused("\tstore: b\n", "c.yaml");
    assert_refused("store: \xff\xfe\n", "c.yaml");
}

static void test_a_text_that_does_not_fit_is_an_error(void **state)
{
    (void)state;
    char yaml[3000];
    memset(yaml, 'x', sizeof yaml);
    memcpy(yaml, "store: ", 7);
    yaml[sizeof yaml - 1] = '\0';
    assert_refused(yaml, "store");
}

static void test_values_that_do_not_fit_together_are_errors(void **state)
{
    (void)state;
    static const char *const wrong[] = {"select=missing", "model.d=7", "flows=text_missing"};
    for (int i = 0; i < 3; i++) {
        struct valence_train_config config;
        struct valence_error error;
        train_config_defaults(&config);
        assert_int_equal(valence_train_config_set(&config, "flows=complete", &error), 0);
        assert_int_equal(valence_train_config_set(&config, wrong[i], &error), 0);
        assert_int_equal(train_config_check(&config, &error), VALENCE_ERROR_CONFIG);
    }
}

/* ---- Printing and comparing ---- */

static void test_what_is_printed_reads_back_as_the_same(void **state)
{
    (void)state;
    static const char *const changes[] = {"store=a \"b\" \\c#: é",
                                          "model.dropout=0.123456789012345",
                                          "flows=[complete,text_missing, audio_video_missing]",
                                          "flows_per_step=2",
                                          "optimizer.learning_rate=3e-4",
                                          "streams.simulated_text=",
                                          "standardise.video=false",
                                          "seed=9007199254740991"};
    struct valence_train_config config, again;
    memset(&again, 0, sizeof again);
    train_config_defaults(&config);
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++)
        assert_int_equal(valence_train_config_set(&config, changes[i], NULL), 0);
    for (int annotated = 0; annotated < 2; annotated++) {
        char *text = valence_train_config_text(&config, annotated);
        assert_non_null(text);
        assert_int_equal(parse(text, &again, NULL), 0);
        assert_memory_equal(&config, &again, sizeof config);
        free(text);
    }
}

static void test_every_key_is_printed(void **state)
{
    (void)state;
    struct valence_train_config config;
    train_config_defaults(&config);
    char *text = valence_train_config_text(&config, true);
    static const char *const keys[] = {
        "store:",           "output:", "simulated_text:",     "max_rows:",
        "  d: 256",         "flows:",  "flows_per_step: all", "rnc:",
        "epochs:",          "beta2:",  "clip_norm:",          "gamma:",
        "select:",          "seeds:",  "early_stopping:",     "threads:",
        "checkpoint_every:"};
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
        if (!strstr(text, keys[i]))
            fail_msg("%s is not printed", keys[i]);
    free(text);
}

static void test_a_run_resumes_only_with_what_does_not_change_its_past(void **state)
{
    (void)state;
    struct valence_train_config config;
    struct valence_error error;
    train_config_defaults(&config);
    json_t *begun = train_config_to_json(&config);
    assert_non_null(begun);
    static const char *const fine[] = {"epochs=99", "threads=1", "store=moved", "early_stopping=3",
                                       "output=elsewhere"};
    for (size_t i = 0; i < sizeof fine / sizeof fine[0]; i++)
        assert_int_equal(valence_train_config_set(&config, fine[i], NULL), 0);
    assert_int_equal(train_config_may_resume(&config, begun, &error), 0);
    assert_int_equal(valence_train_config_set(&config, "batch_size=32", NULL), 0);
    assert_int_equal(train_config_may_resume(&config, begun, &error), VALENCE_ERROR_CONFIG);
    assert_non_null(strstr(error.text, "batch_size is 32, but the run was begun with 96"));
    assert_int_equal(train_config_may_resume(&config, NULL, &error), VALENCE_ERROR_CONFIG);
    json_decref(begun);
}

static void test_a_younger_key_is_recorded_only_where_it_is_not_at_its_default(void **state)
{
    (void)state;
    struct valence_train_config config;
    struct valence_error error;
    train_config_defaults(&config);
    json_t *begun = train_config_to_json(&config);
    assert_null(json_object_get(begun, "flows_per_step"));
    assert_int_equal(train_config_may_resume(&config, begun, &error), 0);
    config.flows_per_step = 1;
    assert_int_equal(train_config_may_resume(&config, begun, &error), VALENCE_ERROR_CONFIG);
    assert_non_null(strstr(error.text, "flows_per_step is 1, but the run was begun with all"));
    json_t *drawing = train_config_to_json(&config);
    assert_string_equal(json_string_value(json_object_get(drawing, "flows_per_step")), "1");
    assert_int_equal(train_config_may_resume(&config, drawing, &error), 0);
    train_config_defaults(&config);
    assert_int_equal(train_config_may_resume(&config, drawing, &error), VALENCE_ERROR_CONFIG);
    json_decref(begun);
    json_decref(drawing);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_defaults_are_the_paper_s),
        cmocka_unit_test(test_keys_are_read_and_others_keep_their_defaults),
        cmocka_unit_test(test_an_empty_document_changes_nothing),
        cmocka_unit_test(test_unknown_keys_are_errors_that_name_line_and_nearest_key),
        cmocka_unit_test(test_unusable_values_are_errors_that_name_line_key_and_what_is_expected),
        cmocka_unit_test(test_what_is_no_mapping_of_keys_is_an_error),
        cmocka_unit_test(test_a_text_that_does_not_fit_is_an_error),
        cmocka_unit_test(test_values_that_do_not_fit_together_are_errors),
        cmocka_unit_test(test_what_is_printed_reads_back_as_the_same),
        cmocka_unit_test(test_every_key_is_printed),
        cmocka_unit_test(test_a_run_resumes_only_with_what_does_not_change_its_past),
        cmocka_unit_test(test_a_younger_key_is_recorded_only_where_it_is_not_at_its_default),
    };
    return cmocka_run_group_tests_name("train configuration", tests, NULL, NULL);
}
