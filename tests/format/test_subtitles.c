#include "transcript_case.h"

#define CUES                                                                                       \
    "1\n00:00:01,000 --> 00:00:02,500\nHello <i>there</i>,\n{\\an8}said   he.\n\n"                 \
    "2\n01:00:02,000 --> 01:00:03,500  X1:40 Y1:20\na < b and c > d\n"

static void check_cues(const struct valence_transcript *transcript)
{
    assert_int_equal(transcript->n_segments, 2);
    check_segment(transcript, 0, 1, 2.5, "Hello there, said he.");
    check_segment(transcript, 1, 3602, 3603.5, "a < b and c > d");
    assert_true(isnan(transcript->segments[0].confidence));
    assert_int_equal(transcript->segments[0].n_words, 0);
    assert_string_equal(transcript->language, "");
    assert_true(fabs(transcript->duration - 3603.5) < 1e-9);
}

static void test_subrip_is_read_without_its_markup(void **state)
{
    (void)state;
    struct valence_transcript *transcript = read_text(CUES, "a.srt");
    check_cues(transcript);
    valence_transcript_free(transcript);
}

/* A copy with every line feed replaced; free() it. */
static char *with_line_ends(const char *text, const char *end)
{
    char *copy = calloc(2, strlen(text) + 1), *to = copy;
    assert_non_null(copy);
    for (; *text; text++)
        if (*text == '\n')
            to = stpcpy(to, end);
        else
            *to++ = *text;
    return copy;
}

static void test_line_ends_and_byte_order_marks_change_nothing(void **state)
{
    static const char *const ends[] = {"\n", "\r\n", "\r"};
    (void)state;
    for (int i = 0; i < 3; i++) {
        char *text = with_line_ends("\xEF\xBB\xBF" CUES, ends[i]);
        struct valence_transcript *transcript = read_text(text, "a.SRT");
        check_cues(transcript);
        valence_transcript_free(transcript);
        free(text);
    }
    for (int is_big = 0; is_big < 2; is_big++) {
        size_t size;
        unsigned char *bytes = as_utf16(CUES, is_big, &size);
        struct valence_transcript *transcript;
        struct valence_error error;
        if (read_bytes(bytes, size, "a.srt", NULL, &transcript, &error))
            fail_msg("%s", error.text);
        check_cues(transcript);
        valence_transcript_free(transcript);
        check_refused_bytes(bytes, size - 1, "a.srt", VALENCE_ERROR_FORMAT, "a.srt: ", "UTF-16");
        free(bytes);
    }
}

static void test_characters_beyond_the_first_plane_survive_utf_16(void **state)
{
    (void)state;
    static const unsigned char bytes[] = {0xFF, 0xFE, 0x3D, 0xD8, 0x00, 0xDE, 'x', 0};
    static const unsigned char broken[] = {0xFF, 0xFE, '\n', 0, 0x3D, 0xD8, 'x', 0};
    struct valence_transcript *transcript;
    struct valence_error error;
    assert_int_equal(read_bytes(bytes, sizeof bytes, "a.txt", NULL, &transcript, &error), 0);
    assert_string_equal(transcript->segments[0].text, "\xF0\x9F\x98\x80x");
    valence_transcript_free(transcript);
    check_refused_bytes(broken, sizeof broken, "a.txt", VALENCE_ERROR_FORMAT, "a.txt:2:", "UTF-16");
}

static void test_overlapping_cues_stay_and_are_sorted(void **state)
{
    (void)state;
    struct valence_transcript *transcript = read_text("00:00:05,000 --> 00:00:06,000\nthird\n\n"
                                                      "00:00:01,000 --> 00:00:04,000\nfirst\n\n"
                                                      "00:00:01,000 --> 00:00:02,000\nsecond\n\n"
                                                      "00:00:07,000 --> 00:00:08,000\n<b> </b>\n\n"
                                                      "00:00:09,000 --> 00:00:09,000\n\n",
                                                      "a.srt");
    assert_int_equal(transcript->n_segments, 3);
    check_segment(transcript, 0, 1, 4, "first");
    check_segment(transcript, 1, 1, 2, "second");
    check_segment(transcript, 2, 5, 6, "third");
    valence_transcript_free(transcript);
}

static void test_webvtt_has_notes_voices_references_and_times_of_words(void **state)
{
    (void)state;
    struct valence_transcript *transcript =
        read_text("WEBVTT - a title\nKind: captions\n\nNOTE\nnot said\n\nSTYLE\n::cue {}\n\n"
                  "greeting\n00:01.000 --> 00:03.500 align:start\n"
                  "<v Ann>Good<00:01.500><c> day</c><00:02.000> to&nbsp;you &amp; &#x41;&lt;b\n\n"
                  "100:00:00.500 --> 100:00:01.000\nlate",
                  "a.vtt");
    assert_int_equal(transcript->n_segments, 2);
    check_segment(transcript, 0, 1, 3.5, "Good day to you & A<b");
    assert_int_equal(transcript->segments[0].n_words, 3);
    check_word(&transcript->segments[0], 0, 1, 1.5, "Good");
    check_word(&transcript->segments[0], 1, 1.5, 2, "day");
    check_word(&transcript->segments[0], 2, 2, 3.5, "to you & A<b");
    check_segment(transcript, 1, 360000.5, 360001, "late");
    assert_int_equal(transcript->segments[1].n_words, 0);
    valence_transcript_free(transcript);
}

static void test_malformed_subtitles_name_their_line(void **state)
{
    (void)state;
    check_refused("1\n-00:00:01,000 --> 00:00:02,500\nx\n", "a.srt:2:", "negative time");
    check_refused("1\n00:00:03,000 --> 00:00:02,500\nx\n", "a.srt:2:", "ends before it starts");
    check_refused("1\n00:00:03,000 -> 00:00:02,500\nx\n", "a.srt:1:", "text outside a cue");
    check_refused("1\n00:00:03,000 --> \nx\n", "a.srt:2:", "no time");
    check_refused("1\n00:00:61,000 --> 00:00:62,000\nx\n", "a.srt:2:", "more than 59");
    check_refused("1\n00:00:01,5 --> 00:00:02,000\nx\n", "a.srt:2:", "milliseconds");
    check_refused("1\n00:00:01,000 --> 00:00:02,000x\nx\n", "a.srt:2:", "behind a time");
    check_refused("1\n99999999999:00:01,000 --> 00:00:02,000\nx\n", "a.srt:2:", "no time");
    check_refused("\n\n00:00:01,000 --> 00:00:02,000\nx\n\ny\n", "a.srt:6:", "outside a cue: 'y'");
    check_refused("00:00:01,000 --> 00:00:02,000\nx\n2\n00:00:03,000 --> 00:00:04,000\ny\n",
                  "a.srt:4:", "a blank line is missing");
    check_refused("00:00:01,000 --> 00:00:02,000\nsch\xF6n\n", "a.srt:2:", "looks like Latin-1");
    check_refused("00:01.000 --> 00:02.000\nx\n", "a.vtt:1:", "WEBVTT");
    check_refused("WEBVTT\n00:01.000 --> 00:02.000\nx\n", "a.vtt:2:", "no blank line");
    check_refused("WEBVTT\n\n00:01.000 --> 00:02.000\n\nx\n\ny", "a.vtt:5:", "outside a cue");
    check_refused("WEBVTT\n\n00:01.000 --> 00:02.000\nx\ny<00:03.000>z",
                  "a.vtt:5:", "outside its cue");
    check_refused("WEBVTT\n\n00:01.000 --> 00:02.000\n<00:01.500>x<00:01.400>z",
                  "a.vtt:4:", "outside its cue");
    check_refused_bytes("x\0y", 3, "a.srt", VALENCE_ERROR_FORMAT, "a.srt:1:", "NUL");
}

static void test_an_empty_file_says_nothing(void **state)
{
    static const char *const names[] = {"a.srt", "a.txt"};
    (void)state;
    for (int i = 0; i < 2; i++) {
        struct valence_transcript *transcript = read_text("", names[i]);
        assert_int_equal(transcript->n_segments, 0);
        assert_true(transcript->duration == 0);
        valence_transcript_free(transcript);
    }
    struct valence_transcript *transcript = read_text("WEBVTT", "a.vtt");
    assert_int_equal(transcript->n_segments, 0);
    valence_transcript_free(transcript);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_subrip_is_read_without_its_markup),
        cmocka_unit_test(test_line_ends_and_byte_order_marks_change_nothing),
        cmocka_unit_test(test_characters_beyond_the_first_plane_survive_utf_16),
        cmocka_unit_test(test_overlapping_cues_stay_and_are_sorted),
        cmocka_unit_test(test_webvtt_has_notes_voices_references_and_times_of_words),
        cmocka_unit_test(test_malformed_subtitles_name_their_line),
        cmocka_unit_test(test_an_empty_file_says_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
