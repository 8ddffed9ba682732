/* Scores as JSON: one document, whatever the texts hold. */
#include <jansson.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "comma_locale.h"
#include "scored.h"
#include "valence/score_json.h"

/* ---- The document ---- */

static json_t *write_document(const struct valence_recording_score *score, const char *id)
{
    char *text = NULL;
    size_t n_bytes = 0;
    struct valence_error error;
    struct valence_score_json *json;
    struct valence_scorer *scorer = scored_open_scorer();
    FILE *stream = open_memstream(&text, &n_bytes);
    assert_non_null(stream);
    assert_int_equal(valence_score_json_open(stream, scorer, "a run", &json, &error), VALENCE_OK);
    if (score)
        assert_int_equal(valence_score_json_add(json, id, score, &error), VALENCE_OK);
    if (score)
        assert_int_equal(valence_score_json_add_failure(json, id, "no sound", &error), VALENCE_OK);
    valence_score_json_close(json);
    fclose(stream);
    json_error_t where;
    json_t *root = json_loadb(text, n_bytes, JSON_REJECT_DUPLICATES, &where);
    if (!root)
        fail_msg("%s: %s", where.text, text);
    free(text);
    valence_scorer_close(scorer);
    return root;
}

static const char *text_at(const json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

static void test_an_empty_document_is_whole(void **state)
{
    (void)state;
    json_t *root = write_document(NULL, NULL);
    assert_string_equal(text_at(root, "schema"), "valence/score");
    assert_string_equal(text_at(root, "run"), "a run");
    assert_int_equal(json_array_size(json_object_get(root, "recordings")), 0);
    assert_int_equal(json_integer_value(json_object_get(root, "n")), 0);
    assert_true(json_number_value(json_array_get(json_object_get(root, "range"), 0)) < 0);
    json_decref(root);
}

static void test_bytes_that_are_not_utf8_are_replaced(void **state)
{
    (void)state;
    static const char id[] = "caf\xe9 \"quoted\" \xe2\x82 \xf0\x9f\x98\x80 </script>";
    json_t *root = write_document(scored_recording("bad \xff word"), id);
    const json_t *entry = json_array_get(json_object_get(root, "recordings"), 0);
    assert_string_equal(text_at(entry, "id"),
                        "caf\xef\xbf\xbd \"quoted\" \xef\xbf\xbd\xef\xbf\xbd \xf0\x9f\x98\x80 "
                        "</script>");
    const json_t *segment = json_array_get(json_object_get(entry, "segments"), 0);
    assert_string_equal(text_at(segment, "text"), "bad \xef\xbf\xbd word");
    assert_true(json_is_null(json_object_get(segment, "expected_error"))); /* NaN */
    entry = json_array_get(json_object_get(root, "recordings"), 1);
    assert_string_equal(text_at(entry, "error"), "no sound");
    assert_int_equal(json_object_size(entry), 2);
    json_decref(root);
}

static void test_numbers_have_a_point_in_every_locale(void **state)
{
    (void)state;
    bool has_comma = comma_locale_begin();
    json_t *root = write_document(scored_recording("a text"), "id");
    comma_locale_end();
    if (!has_comma)
        skip();
    const json_t *entry = json_array_get(json_object_get(root, "recordings"), 0);
    assert_true(fabs(json_number_value(json_object_get(entry, "score")) - 0.5) < 1e-9);
    json_decref(root);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_empty_document_is_whole),
        cmocka_unit_test(test_bytes_that_are_not_utf8_are_replaced),
        cmocka_unit_test(test_numbers_have_a_point_in_every_locale),
    };
    return cmocka_run_group_tests(tests, scored_set_up, scored_tear_down);
}
