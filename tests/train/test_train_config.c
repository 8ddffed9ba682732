/* The configuration: what is read, what is refused and how, and that printing gives it back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "config_assign.h"
#include "train/train_config.h"
#include "valence/text.h"

static int parse(const char *yaml, struct valence_train_config *config, struct valence_error *error)
{
    train_config_defaults(config);
    return valence_train_config_parse(config, yaml, strlen(yaml), "c.yaml", error);
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
    int status = config_assign(&config, assignment, &error);
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
    assert_refused("# d\nmodel: {d: 16,\n  o: 8,\n  d2: 4}\n", "c.yaml:4: unknown key 'model.d2'");
    assert_refused("streams:\n  text: d\nmodel:\n  o: 8\n  e: 9\n", "c.yaml:5: unknown key");
    assert_refused("d: 64\n", "unknown key 'd'; did you mean 'model.d'?");
    assert_refused("modle.d: 64\n", "did you mean 'model.d'?");
    assert_refused("model: {model.d: 64}\n", "did you mean 'model.d'?");
    assert_refused("zzz: 1\n", "c.yaml:1: unknown key 'zzz'");
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
    assert_refused("epochs: [1]\n", "c.yaml:1: epochs takes a single value");
    assert_refused("epochs:\n  n: 1\n", "c.yaml:2: epochs takes a single value");
    assert_refused("flows: {a: b}\n", "flows is a list, as in [complete, text_missing]");
    assert_refused("flows: [complete, [text_missing]]\n", "flows is a list of names");
    assert_refused("flows: [complete, text_missing, audio_missing, video_missing,\n"
                   "  audio_text_missing, audio_video_missing, text_video_missing, complete]\n",
                   "more than 7 flows");
    assert_refused("store: \"a\\0b\"\n", "takes a single value");
    assert_refused("store: \"a\\nb\"\n", "UTF-8 text on one line");
    assert_set_refused("epochs=many", "epochs: 'many'");
}

static void test_what_is_no_mapping_of_keys_is_an_error(void **state)
{
    (void)state;
    assert_refused("- 1\n", "c.yaml:1: a configuration consists of lines");
    assert_refused("text\n", "c.yaml:1: a configuration consists of lines");
    assert_refused("? [a, b]\n: c\n", "c.yaml:1: a key must be a plain word");
    assert_refused("model: 5\n", "c.yaml:1: model is a section");
    assert_refused("\nmodel: [d]\n", "c.yaml:2: model is a section");
    assert_refused("epochs: 1\nflows: [a\n", "c.yaml:3: column 1: not YAML");
    assert_refused("epochs: 1\n\tstore: b\n", "tabs");
    assert_refused("epochs: 1\nstore: \xff\xfe\n", "c.yaml:2: byte 17");
    assert_refused("epochs: 1\n\nstore: \x01\n", "c.yaml:3: byte");
}

static void test_what_yaml_has_beyond_that_is_refused_with_its_line(void **state)
{
    (void)state;
    assert_refused("store: a\n\nstore: b\n",
                   "c.yaml:3: store is set twice; the first time on line 1");
    assert_refused("model: {d: 4}\nepochs: 2\nmodel: {o: 4}\n",
                   "c.yaml:3: model is set twice; the first time on line 1");
    assert_refused("model.d: 4\nmodel:\n  d: 8\n", "c.yaml:3: model.d is set twice");
    assert_refused("store: a\n---\nstore: b\n", "c.yaml:2: a second document");
    assert_refused("store: &a b\noutput: *a\n", "c.yaml:1: anchors");
    assert_refused("epochs: 1\noutput: *a\n", "c.yaml:2: aliases");
    assert_refused("model: &m {d: 4}\n", "c.yaml:1: anchors");
    assert_refused("epochs: !!int 3\n", "c.yaml:1: tags");
}

static void test_depth_and_size_are_bounded(void **state)
{
    (void)state;
    struct valence_train_config config;
    struct valence_error error;
    size_t size = (1 << 20) + 1;
    char *large = malloc(size + 1);
    assert_non_null(large);
    memset(large, '[', size);
    large[size] = '\0';
    large[100000] = '\0';
    assert_refused(large, "a configuration consists of lines");
    memset(large, '#', size);
    train_config_defaults(&config);
    assert_int_equal(valence_train_config_parse(&config, large, size, "c.yaml", &error),
                     VALENCE_ERROR_LIMIT);
    assert_int_equal(valence_train_config_parse(&config, large, size - 1, "c.yaml", &error), 0);
    free(large);
}

static void test_a_key_can_stand_in_its_section_or_with_a_dot(void **state)
{
    (void)state;
    struct valence_train_config config;
    assert_int_equal(parse("model.d: 64\nmodel: {o: 32}\nlosses:\nstreams.audio: ~\n"
                           "flows: complete\n",
                           &config, NULL),
                     0);
    assert_int_equal(config.model.d, 64);
    assert_int_equal(config.model.o, 32);
    assert_int_equal(config.model.n_flows, 1);
    assert_string_equal(config.streams[VALENCE_STREAM_AUDIO], "");
    static const char bom[] = "\xEF\xBB\xBFmodel.d: 128\r\n";
    assert_int_equal(parse(bom, &config, NULL), 0);
    assert_int_equal(config.model.d, 128);
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
        assert_int_equal(config_assign(&config, "flows=complete", &error), 0);
        assert_int_equal(config_assign(&config, wrong[i], &error), 0);
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
        assert_int_equal(config_assign(&config, changes[i], NULL), 0);
    for (int annotated = 0; annotated < 2; annotated++) {
        char *text = valence_train_config_text(&config, annotated);
        assert_non_null(text);
        assert_int_equal(parse(text, &again, NULL), 0);
        assert_memory_equal(&config, &again, sizeof config);
        valence_text_free(text);
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
    valence_text_free(text);
}

/* ---- Keys one by one ---- */

static void test_every_key_can_be_read_and_set_to_what_was_read(void **state)
{
    (void)state;
    struct valence_train_config config, again;
    char value[VALENCE_CONFIG_VALUE_BYTES];
    memset(&again, 0, sizeof again);
    train_config_defaults(&config);
    assert_true(valence_train_n_keys() > 35);
    assert_null(valence_train_get_key(-1));
    assert_null(valence_train_get_key(valence_train_n_keys()));
    assert_null(valence_train_key_find("nothing"));
    for (int i = 0; i < valence_train_n_keys(); i++) {
        const struct valence_config_key *key = valence_train_get_key(i);
        assert_ptr_equal(valence_train_key_find(key->name), key);
        assert_true(key->help[0] && key->help[strlen(key->help) - 1] == '.');
        assert_true((key->type == VALENCE_CONFIG_CHOICE || key->type == VALENCE_CONFIG_LIST) ==
                    (key->choices != NULL));
        assert_int_equal(valence_train_config_get(&config, key->name, value, sizeof value, NULL),
                         0);
        assert_true(key->standard[0] != '\0');
        assert_int_equal(valence_train_config_set(&again, key->name, value, NULL), 0);
    }
    assert_memory_equal(&config, &again, sizeof config);
}

static void test_reading_a_key_checks_its_name_and_the_room(void **state)
{
    (void)state;
    struct valence_train_config config;
    struct valence_error error;
    char value[10] = "before";
    train_config_defaults(&config);
    assert_int_equal(valence_train_config_get(&config, "flows", value, sizeof value, &error),
                     VALENCE_ERROR_LIMIT);
    assert_string_equal(value, "");
    assert_int_equal(valence_train_config_get(&config, "epoch", value, sizeof value, &error),
                     VALENCE_ERROR_CONFIG);
    assert_string_equal(error.key, "epochs");
    assert_int_equal(valence_train_config_set(&config, "zzz", "1", &error), VALENCE_ERROR_CONFIG);
    assert_string_equal(error.key, "config");
    assert_int_equal(valence_train_config_set(&config, "model.d", "x", &error),
                     VALENCE_ERROR_CONFIG);
    assert_string_equal(error.key, "model.d");
    assert_int_equal(config.model.d, 256);
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
        assert_int_equal(config_assign(&config, fine[i], NULL), 0);
    assert_int_equal(train_config_may_resume(&config, begun, &error), 0);
    assert_int_equal(config_assign(&config, "batch_size=32", NULL), 0);
    assert_int_equal(train_config_may_resume(&config, begun, &error), VALENCE_ERROR_CONFIG);
    assert_non_null(strstr(error.text, "batch_size is 32, but the run was begun with 96"));
    assert_int_equal(train_config_may_resume(&config, NULL, &error), VALENCE_ERROR_CONFIG);
    json_decref(begun);
}

static void test_numbers_are_printed_as_people_write_them(void **state)
{
    (void)state;
    static const char *const numbers[] = {"10",        "300",  "1500",   "0.1", "12.5",
                                          "999999999", "1e-5", "0.0001", "0",   "1"};
    static const char *const written[] = {"10",        "300",   "1500",   "0.1", "12.5",
                                          "999999999", "1e-05", "0.0001", "0",   "1"};
    struct valence_train_config config;
    char value[VALENCE_CONFIG_VALUE_BYTES];
    train_config_defaults(&config);
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        assert_int_equal(valence_train_config_set(&config, "optimizer.clip_norm", numbers[i], NULL),
                         0);
        assert_int_equal(
            valence_train_config_get(&config, "optimizer.clip_norm", value, sizeof value, NULL), 0);
        assert_string_equal(value, written[i]);
    }
}

/* Earlier versions recorded 10 as 1e+01. */
static void test_a_number_may_be_recorded_in_another_way(void **state)
{
    (void)state;
    struct valence_train_config config;
    struct valence_error error;
    train_config_defaults(&config);
    assert_int_equal(config_assign(&config, "optimizer.clip_norm=10", NULL), 0);
    json_t *begun = train_config_to_json(&config);
    assert_string_equal(json_string_value(json_object_get(begun, "optimizer.clip_norm")), "10");
    json_object_set_new(begun, "optimizer.clip_norm", json_string("1e+01"));
    assert_int_equal(train_config_may_resume(&config, begun, &error), 0);
    json_object_set_new(begun, "optimizer.clip_norm", json_string("1.1e+01"));
    assert_int_equal(train_config_may_resume(&config, begun, &error), VALENCE_ERROR_CONFIG);
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

/* A run or experiment from before a key that changed what is done goes on as it was begun. */
static void test_what_was_done_before_a_key_is_what_its_absence_means(void **state)
{
    (void)state;
    struct valence_train_config config, before;
    struct valence_error error;
    train_config_defaults(&config);
    train_config_defaults(&before);
    assert_true(config.standardise_labels && config.weights_start == TRAIN_START_MEAN);
    train_config_set_before(&before);
    assert_true(!before.standardise_labels && before.weights_start == TRAIN_START_RANDOM);
    json_t *now = train_config_to_json(&config), *begun = train_config_to_json(&before);
    assert_string_equal(json_string_value(json_object_get(now, "model.weights_start")), "mean");
    assert_string_equal(json_string_value(json_object_get(now, "standardise.labels")), "true");
    assert_null(json_object_get(begun, "model.weights_start"));
    assert_null(json_object_get(begun, "standardise.labels"));
    assert_int_equal(train_config_may_resume(&before, begun, &error), 0);
    assert_int_equal(train_config_may_resume(&config, now, &error), 0);
    assert_int_equal(train_config_may_resume(&config, begun, &error), VALENCE_ERROR_CONFIG);
    assert_non_null(strstr(error.text, "is true, but the run was begun with false"));
    config.standardise_labels = false;
    config.weights_start = TRAIN_START_RANDOM;
    assert_memory_equal(&config, &before, sizeof config);
    json_decref(begun);
    json_decref(now);
}

static void test_the_published_model_sets_what_was_done_before(void **state)
{
    (void)state;
    struct valence_train_config config, before;
    train_config_defaults(&config);
    train_config_defaults(&before);
    train_config_set_before(&before);
    assert_int_equal(valence_train_config_set_model(&config, "published", NULL), 0);
    assert_memory_equal(&config, &before, sizeof config);
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
        cmocka_unit_test(test_what_yaml_has_beyond_that_is_refused_with_its_line),
        cmocka_unit_test(test_depth_and_size_are_bounded),
        cmocka_unit_test(test_a_key_can_stand_in_its_section_or_with_a_dot),
        cmocka_unit_test(test_a_text_that_does_not_fit_is_an_error),
        cmocka_unit_test(test_values_that_do_not_fit_together_are_errors),
        cmocka_unit_test(test_what_is_printed_reads_back_as_the_same),
        cmocka_unit_test(test_every_key_is_printed),
        cmocka_unit_test(test_every_key_can_be_read_and_set_to_what_was_read),
        cmocka_unit_test(test_reading_a_key_checks_its_name_and_the_room),
        cmocka_unit_test(test_a_run_resumes_only_with_what_does_not_change_its_past),
        cmocka_unit_test(test_numbers_are_printed_as_people_write_them),
        cmocka_unit_test(test_a_number_may_be_recorded_in_another_way),
        cmocka_unit_test(test_a_younger_key_is_recorded_only_where_it_is_not_at_its_default),
        cmocka_unit_test(test_what_was_done_before_a_key_is_what_its_absence_means),
        cmocka_unit_test(test_the_published_model_sets_what_was_done_before),
    };
    return cmocka_run_group_tests_name("train configuration", tests, NULL, NULL);
}
