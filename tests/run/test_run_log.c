/* Reading a run's logs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "run/run_log.h"

static int parse(const char *text, const char *timing, struct run_log *log,
                 struct valence_error *error)
{
    static char texts[2][1 << 16];
    snprintf(texts[0], sizeof texts[0], "%s", text);
    snprintf(texts[1], sizeof texts[1], "%s", timing ? timing : "");
    return run_log_parse(texts[0], timing ? texts[1] : NULL, "log.jsonl", log, error);
}

struct looked_for {
    const char *name;
    double value;
    int n;
};

static void look_for(void *user, const char *name, double value)
{
    struct looked_for *looked = user;
    if (strcmp(name, looked->name) == 0) {
        looked->value = value;
        looked->n++;
    }
}

/* NaN where an epoch has no such scalar. */
static double value_of(const struct run_log *log, int64_t epoch, const char *name)
{
    struct looked_for looked = {name, NAN, 0};
    run_log_visit(log, epoch, look_for, &looked);
    assert_true(looked.n <= 1);
    return looked.value;
}

static void test_scalars_are_named_by_where_they_stand(void **state)
{
    struct run_log log;
    (void)state;
    assert_int_equal(
        parse("{\"epoch\":1,\"step\":7,\"learning_rate\":0.25,\"loss\":{\"total\":1.5},"
              "\"validation\":{\"complete\":{\"mae\":0.5}},\"mean\":0.75,\"best\":true}\n"
              "{\"epoch\":2,\"step\":14,\"loss\":{\"rnc\":2}}\n",
              NULL, &log, NULL),
        VALENCE_OK);
    assert_int_equal(log.n_epochs, 2);
    assert_int_equal(log.epochs[1].step, 14);
    assert_true(value_of(&log, 0, "learning_rate") == 0.25);
    assert_true(value_of(&log, 0, "loss/total") == 1.5);
    assert_true(value_of(&log, 0, "validation/complete/mae") == 0.5);
    assert_true(value_of(&log, 0, "selected/mean") == 0.75);
    assert_true(value_of(&log, 1, "loss/rnc") == 2);
    assert_true(isnan(value_of(&log, 1, "loss/total")));
    assert_true(isnan(value_of(&log, 0, "epoch")));
    assert_true(isnan(log.epochs[0].ended));
    run_log_free(&log);
}

static void test_times_are_of_the_last_training_of_an_epoch(void **state)
{
    static const char text[] = "{\"epoch\":1,\"step\":7}\n{\"epoch\":2,\"step\":14}\n";
    /* epoch 2 was trained, lost with its process in the middle of a line, and trained again */
    static const char timing[] = "{\"epoch\":1,\"seconds\":1,\"unix_milliseconds\":1000500}\n"
                                 "{\"epoch\":2,\"seconds\":2}\n"
                                 "{\"epoch\":3,\"sec{\"epoch\":1,\"seconds\":9}\n"
                                 "{\"epoch\":2,\"seconds\":3,\"clips_per_second\":4}\n"
                                 "{\"epoch\":3,\"seconds\":5}\n[]\n"
                                 "{\"epoch\":1,\"seconds\":8}";
    struct run_log log;
    (void)state;
    assert_int_equal(parse(text, timing, &log, NULL), VALENCE_OK);
    assert_true(log.epochs[0].ended == 1000.5);
    assert_true(value_of(&log, 0, "time/seconds") == 1);
    assert_true(isnan(log.epochs[1].ended));
    assert_true(value_of(&log, 1, "time/seconds") == 3);
    assert_true(value_of(&log, 1, "time/clips_per_second") == 4);
    assert_true(isnan(value_of(&log, 1, "time/training_seconds")));
    run_log_free(&log);
}

static void test_damaged_logs_are_refused_with_their_line(void **state)
{
    static const struct {
        const char *text, *message;
        int status;
    } cases[] = {
        {"{\"epoch\":1}\nnonsense\n", "log.jsonl: line 2: not JSON", VALENCE_ERROR_FORMAT},
        {"[1]\n", "line 1: not the record of epoch 1", VALENCE_ERROR_FORMAT},
        {"{\"epoch\":1}\n{\"epoch\":3}\n", "line 2: not the record of epoch 2",
         VALENCE_ERROR_FORMAT},
        {"{\"epoch\":1}\n\n", "line 2: not JSON", VALENCE_ERROR_FORMAT},
        {"{\"epoch\":1,\"step\":-1}\n", "line 1: a negative step", VALENCE_ERROR_FORMAT},
        {"{\"epoch\":1,\"step\":1,\"step\":2}\n", "line 1: not JSON", VALENCE_ERROR_FORMAT},
        {"{\"epoch\":1,\"a\":{\"a\":{\"a\":{\"a\":{\"a\":1}}}}}\n", "too deep",
         VALENCE_ERROR_FORMAT},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct valence_error error = {0};
        struct run_log log;
        assert_int_equal(parse(cases[i].text, NULL, &log, &error), cases[i].status);
        if (!strstr(error.text, cases[i].message))
            fail_msg("'%s' does not say '%s'", error.text, cases[i].message);
        run_log_free(&log);
    }
}

static void test_names_have_limits(void **state)
{
    char line[20000] = "{\"epoch\":1,\"";
    struct valence_error error;
    struct run_log log;
    size_t length = strlen(line);
    (void)state;
    memset(line + length, 'x', RUN_LOG_NAME_BYTES);
    snprintf(line + length + RUN_LOG_NAME_BYTES, sizeof line - length - RUN_LOG_NAME_BYTES,
             "\":1}\n");
    assert_int_equal(parse(line, NULL, &log, &error), VALENCE_ERROR_FORMAT);
    assert_non_null(strstr(error.text, "too long"));
    run_log_free(&log);
    length = (size_t)snprintf(line, sizeof line, "{\"epoch\":1");
    for (int i = 0; i <= RUN_LOG_MAX_SCALARS; i++)
        length += (size_t)snprintf(line + length, sizeof line - length, ",\"s%d\":%d", i, i);
    snprintf(line + length, sizeof line - length, "}\n");
    assert_int_equal(parse(line, NULL, &log, &error), VALENCE_ERROR_LIMIT);
    run_log_free(&log);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_scalars_are_named_by_where_they_stand),
        cmocka_unit_test(test_times_are_of_the_last_training_of_an_epoch),
        cmocka_unit_test(test_damaged_logs_are_refused_with_their_line),
        cmocka_unit_test(test_names_have_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
