/* Tables, plain text, how formats are found, and what is said in a range. */
#include "transcript_case.h"
#include "valence/text.h"

#include <unistd.h>

static void test_a_table_has_segments_with_confidence(void **state)
{
    (void)state;
    struct valence_transcript *transcript = read_text(
        "file,start,end,text,confidence,language\n"
        "a.wav,2.5,3,second,,\na.wav,0.000,1.500,\"Hello, there\",0.9,en\na.wav,4,5, ,,\n",
        "a.csv");
    assert_int_equal(transcript->n_segments, 2);
    check_segment(transcript, 0, 0, 1.5, "Hello, there");
    check_segment(transcript, 1, 2.5, 3, "second");
    assert_true(fabs(transcript->segments[0].confidence - 0.9) < 1e-9);
    assert_true(isnan(transcript->segments[1].confidence));
    assert_string_equal(transcript->language, "en");
    valence_transcript_free(transcript);
}

static void test_rows_of_words_form_segments(void **state)
{
    (void)state;
    struct valence_transcript *transcript =
        read_text("start_ms\tend_ms\tword\tconfidence\n0\t200\tone\t0.5\n300\t400\ttwo\t0."
                  "7\n2000\t2100\tthree\t\n",
                  "a.tsv");
    assert_int_equal(transcript->n_segments, 2);
    check_segment(transcript, 0, 0, 0.4, "one two");
    check_word(&transcript->segments[0], 1, 0.3, 0.4, "two");
    assert_true(fabs(transcript->segments[0].confidence - 0.6) < 1e-9);
    check_segment(transcript, 1, 2, 2.1, "three");
    valence_transcript_free(transcript);
    transcript = read_text("Start;End;Text\n00:00:01,500;01:02.500;x\n", "a.csv");
    check_segment(transcript, 0, 1.5, 62.5, "x");
    valence_transcript_free(transcript);
}

static void test_malformed_tables_name_their_line(void **state)
{
    (void)state;
    check_refused("start,end,text\n1,2,x\n-1,2,x\n", "a.csv:3:", "negative");
    check_refused("start,end,text\n1,2,x\n3,2,x\n", "a.csv:3:", "ends before");
    check_refused("start,end,text\n1,inf,x\n", "a.csv:2:", "'end': not a finite time");
    check_refused("start,end,text\nsoon,2,x\n", "a.csv:2:", "'start': no time");
    check_refused("start,end,text\n1,2\n", "a.csv:2:", "2 fields where the header has 3");
    static const char no_text[] = "start,end,words\n1,2,x\n";
    check_refused_bytes(no_text, sizeof no_text - 1, "a.csv", VALENCE_ERROR_NOT_FOUND, "a.csv",
                        "no column 'text'");
}

static void test_plain_text_has_lines_without_times(void **state)
{
    (void)state;
    struct valence_transcript *transcript =
        read_text("\xEF\xBB\xBF one  two \r\n\r\nthree", "a.txt");
    struct valence_error error;
    char *text;
    assert_int_equal(transcript->n_segments, 2);
    assert_string_equal(transcript->segments[0].text, "one  two");
    assert_true(isnan(transcript->segments[0].start) && isnan(transcript->segments[0].end));
    assert_true(transcript->duration == 0);
    assert_int_equal(valence_transcript_text(transcript, 0, INFINITY, &text, &error), 0);
    assert_string_equal(text, "one two three");
    valence_text_free(text);
    assert_int_equal(valence_transcript_text(transcript, 0, 5, &text, &error), VALENCE_ERROR_DATA);
    assert_null(text);
    valence_transcript_free(transcript);
}

static void test_the_content_counts_before_the_ending(void **state)
{
    (void)state;
    struct valence_transcript *transcript =
        read_text("WEBVTT\n\n00:01.000 --> 00:02.000\nx", "a.txt");
    check_segment(transcript, 0, 1, 2, "x");
    valence_transcript_free(transcript);
    check_refused_bytes("x", 1, "a.doc", VALENCE_ERROR_UNSUPPORTED, "a.doc:", ".TextGrid");
}

static void check_range(const struct valence_transcript *transcript, double start, double end,
                        const char *expected)
{
    struct valence_error error;
    char *text;
    if (valence_transcript_text(transcript, start, end, &text, &error))
        fail_msg("%s", error.text);
    assert_string_equal(text, expected);
    valence_text_free(text);
}

static void test_a_word_belongs_to_the_range_of_its_middle(void **state)
{
    (void)state;
    struct valence_transcript *transcript =
        read_text("WEBVTT\n\n00:00.000 --> 00:03.000\none<00:01.000> two<00:02.000> three\n\n"
                  "00:04.000 --> 00:06.000\nfour  five",
                  "a.vtt");
    struct valence_error error;
    char *text;
    check_range(transcript, 0, INFINITY, "one two three four five");
    check_range(transcript, 0, 1.5, "one");
    check_range(transcript, 1.5, 5, "two three");
    check_range(transcript, 5, 5.5, "four five");
    check_range(transcript, 7, 9, "");
    assert_int_equal(valence_transcript_text(transcript, 2, 2, &text, &error),
                     VALENCE_ERROR_ARGUMENT);
    valence_transcript_free(transcript);
}

static void test_files_and_options_are_checked(void **state)
{
    (void)state;
    struct valence_transcript *transcript;
    struct valence_error error;
    char path[] = "/tmp/valence-transcript-XXXXXX";
    int file = mkstemp(path);
    assert_true(file >= 0);
    assert_int_equal(write(file, "one\n", 4), 4);
    close(file);
    struct valence_transcript_read_options options;
    valence_transcript_read_options_default(&options);
    options.format = VALENCE_TRANSCRIPT_TEXT;
    assert_int_equal(valence_transcript_read(path, &options, &transcript, &error), 0);
    assert_string_equal(transcript->segments[0].text, "one");
    valence_transcript_free(transcript);
    assert_int_equal(valence_transcript_read(path, NULL, &transcript, &error),
                     VALENCE_ERROR_UNSUPPORTED);
    assert_string_equal(error.key, "format");
    options.format = VALENCE_N_TRANSCRIPT_FORMATS;
    assert_int_equal(valence_transcript_read(path, &options, &transcript, &error),
                     VALENCE_ERROR_ARGUMENT);
    unlink(path);
    assert_int_equal(valence_transcript_read(path, NULL, &transcript, NULL),
                     VALENCE_ERROR_NOT_FOUND);
    assert_null(transcript);
    valence_transcript_free(NULL);
    for (int i = 0; i < VALENCE_N_TRANSCRIPT_FORMATS; i++)
        assert_non_null(valence_transcript_format_names[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_table_has_segments_with_confidence),
        cmocka_unit_test(test_rows_of_words_form_segments),
        cmocka_unit_test(test_malformed_tables_name_their_line),
        cmocka_unit_test(test_plain_text_has_lines_without_times),
        cmocka_unit_test(test_the_content_counts_before_the_ending),
        cmocka_unit_test(test_a_word_belongs_to_the_range_of_its_middle),
        cmocka_unit_test(test_files_and_options_are_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
