/* Transcripts as files: numbers in every locale, texts whatever they hold. */
#include <jansson.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "comma_locale.h"
#include "valence/transcript_formats.h"

static const struct valence_word words[] = {
    {.text = "So", .start = 0, .end = 0.4, .confidence = 0.9},
    {.text = "\"good\"", .start = 0.4, .end = 1, .confidence = NAN}};
static const int32_t tokens[] = {407, 665};
static const struct valence_speech_segment segments[] = {
    {.text = " So \"good\"",
     .start = 0,
     .end = 1,
     .confidence = 0.8,
     .avg_logprob = -0.25,
     .no_speech_prob = 0.5,
     .n_tokens = 2,
     .tokens = tokens,
     .n_words = 2,
     .words = words},
    {.text = " bad \xff", .start = 3661.5, .end = 3662, .confidence = 0.5, .avg_logprob = NAN}};
static const struct valence_transcript transcript = {
    .language = "en", .duration = 3662.5, .n_segments = 2, .segments = segments};

static char written[4096];

static void end(FILE *stream)
{
    rewind(stream);
    written[fread(written, 1, sizeof written - 1, stream)] = '\0';
    fclose(stream);
}

static FILE *begin(void)
{
    FILE *stream = tmpfile();
    assert_non_null(stream);
    return stream;
}

static void test_subtitles_and_text(void **state)
{
    (void)state;
    FILE *stream = begin();
    valence_transcript_write_cues(stream, &transcript, false);
    end(stream);
    assert_string_equal(written, "1\n00:00:00,000 --> 00:00:01,000\nSo \"good\"\n\n"
                                 "2\n01:01:01,500 --> 01:01:02,000\nbad \xff\n\n");
    stream = begin();
    valence_transcript_write_cues(stream, &transcript, true);
    end(stream);
    assert_true(strncmp(written, "WEBVTT\n\n00:00:00.000 --> 00:00:01.000\n", 38) == 0);
    stream = begin();
    valence_transcript_write_text(stream, &transcript);
    end(stream);
    assert_string_equal(written, "So \"good\"\nbad \xff\n");
}

static void test_csv_has_a_point_in_every_locale(void **state)
{
    (void)state;
    bool has_comma = comma_locale_begin();
    FILE *stream = begin();
    valence_transcript_write_csv_head(stream);
    valence_transcript_write_csv(stream, "a \"b\".wav", &transcript);
    end(stream);
    comma_locale_end();
    (void)has_comma; /* without such a locale, the text is the same */
    assert_string_equal(written, "file,start,end,text,confidence,language\n"
                                 "\"a \"\"b\"\".wav\",0.000,0.400,\"So\",0.9000,en\n"
                                 "\"a \"\"b\"\".wav\",0.400,1.000,\"\"\"good\"\"\",,en\n"
                                 "\"a \"\"b\"\".wav\",3661.500,3662.000,\"bad \xff\",0.5000,en\n");
}

static void test_json_holds_everything(void **state)
{
    struct valence_error error;
    (void)state;
    FILE *stream = begin();
    assert_int_equal(valence_transcript_write_json(stream, "\xff.wav", true, &transcript, &error),
                     VALENCE_OK);
    end(stream);
    json_t *root = json_loads(written, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(root);
    assert_string_equal(json_string_value(json_object_get(root, "file")), "\xef\xbf\xbd.wav");
    assert_string_equal(json_string_value(json_object_get(root, "task")), "translate");
    assert_string_equal(json_string_value(json_object_get(root, "text")),
                        " So \"good\" bad \xef\xbf\xbd");
    const json_t *list = json_object_get(root, "segments");
    const json_t *first = json_array_get(list, 0), *second = json_array_get(list, 1);
    assert_int_equal(json_array_size(json_object_get(first, "tokens")), 2);
    assert_int_equal(json_array_size(json_object_get(first, "words")), 2);
    assert_true(json_is_null(
        json_object_get(json_array_get(json_object_get(first, "words"), 1), "probability")));
    assert_true(json_is_null(json_object_get(second, "avg_logprob")));
    assert_null(json_object_get(second, "words"));
    assert_true(fabs(json_number_value(json_object_get(second, "start")) - 3661.5) < 1e-9);
    json_decref(root);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_subtitles_and_text),
        cmocka_unit_test(test_csv_has_a_point_in_every_locale),
        cmocka_unit_test(test_json_holds_everything),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
