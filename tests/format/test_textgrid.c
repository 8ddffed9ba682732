#include "transcript_case.h"

/* The long form, with a tier of words and one of points. */
#define LONG_HEAD                                                                                  \
    "File type = \"ooTextFile\"\nObject class = \"TextGrid\"\n\nxmin = 0 \nxmax = 4 \n"            \
    "tiers? <exists> \nsize = 2 \nitem []: \n    item [1]:\n"
#define LONG_WORDS                                                                                 \
    "        class = \"IntervalTier\" \n        name = \"Ann - Words\" \n        xmin = 0 \n"      \
    "        xmax = 4 \n        intervals: size = 5 \n"                                            \
    "        intervals [1]:\n            xmin = 0 \n            xmax = 0.5 \n"                     \
    "            text = \"he\" \n"                                                                 \
    "        intervals [2]:\n            xmin = 0.5 \n            xmax = 0.75 \n"                  \
    "            text = \"\" \n"                                                                   \
    "        intervals [3]:\n            xmin = 0.75 \n            xmax = 1 \n"                    \
    "            text = \"\"\"said\"\"\" \n"                                                       \
    "        intervals [4]:\n            xmin = 1 \n            xmax = 3 \n"                       \
    "            text = \"sil\" \n"                                                                \
    "        intervals [5]:\n            xmin = 3 \n            xmax = 4 \n"                       \
    "            text = \"so\" \n"
#define LONG_POINTS                                                                                \
    "    item [2]:\n        class = \"TextTier\" \n        name = \"clicks\" \n"                   \
    "        xmin = 0 \n        xmax = 4 \n        points: size = 1 \n        points [1]:\n"       \
    "            number = 1 \n            mark = \"x\" \n"
#define LONG LONG_HEAD LONG_WORDS LONG_POINTS

#define SHORT_HEAD(n)                                                                              \
    "File type = \"ooTextFile\"\nObject class = \"TextGrid\"\n\n0\n4\n<exists>\n" #n "\n"
#define SHORT_TIER(name, text)                                                                     \
    "\"IntervalTier\"\n\"" name "\"\n0\n4\n2\n0\n1\n\"" text "\"\n1\n4\n\"two\nlines\"\n"

static void check_long(const struct valence_transcript *transcript)
{
    assert_int_equal(transcript->n_segments, 2);
    check_segment(transcript, 0, 0, 1, "he \"said\"");
    assert_int_equal(transcript->segments[0].n_words, 2);
    check_word(&transcript->segments[0], 0, 0, 0.5, "he");
    check_word(&transcript->segments[0], 1, 0.75, 1, "\"said\"");
    check_segment(transcript, 1, 3, 4, "so");
    assert_true(fabs(transcript->duration - 4) < 1e-9);
}

static void test_words_form_segments_between_pauses(void **state)
{
    (void)state;
    struct valence_transcript *transcript = read_text(LONG, "a.TextGrid");
    check_long(transcript);
    valence_transcript_free(transcript);
}

static void test_utf_16_and_another_ending_are_read(void **state)
{
    (void)state;
    struct valence_transcript *transcript;
    struct valence_error error;
    for (int is_big = 0; is_big < 2; is_big++) {
        size_t size;
        unsigned char *bytes = as_utf16(LONG, is_big, &size);
        if (read_bytes(bytes, size, "a.txt", NULL, &transcript, &error))
            fail_msg("%s", error.text);
        check_long(transcript);
        valence_transcript_free(transcript);
        free(bytes);
    }
}

static void test_the_short_form_is_the_same(void **state)
{
    (void)state;
    struct valence_transcript *transcript =
        read_text(SHORT_HEAD(1) SHORT_TIER("utterances", "one ! not a comment") "! a comment\n",
                  "a.textgrid");
    assert_int_equal(transcript->n_segments, 2);
    check_segment(transcript, 0, 0, 1, "one ! not a comment");
    check_segment(transcript, 1, 1, 4, "two lines");
    assert_int_equal(transcript->segments[0].n_words, 0);
    valence_transcript_free(transcript);
}

static void test_a_tier_is_chosen_by_its_name(void **state)
{
    static const char text[] =
        SHORT_HEAD(2) SHORT_TIER("Ann", "hello there") SHORT_TIER("Bob", "good day");
    (void)state;
    struct valence_transcript *transcript;
    struct valence_error error;
    assert_int_equal(read_bytes(text, sizeof text - 1, "a.TextGrid", "Bob", &transcript, &error),
                     0);
    check_segment(transcript, 0, 0, 1, "good day");
    valence_transcript_free(transcript);
    assert_int_equal(read_bytes(text, sizeof text - 1, "a.TextGrid", NULL, &transcript, &error),
                     VALENCE_ERROR_DATA);
    assert_string_equal(error.key, "tier");
    assert_non_null(strstr(error.text, "'Ann', 'Bob'"));
    assert_int_equal(read_bytes(text, sizeof text - 1, "a.TextGrid", "Eve", &transcript, &error),
                     VALENCE_ERROR_NOT_FOUND);
    assert_string_equal(error.key, "tier");
    assert_non_null(strstr(error.text, "'Eve'"));
    assert_null(transcript);
    static const char twice[] = SHORT_HEAD(2) SHORT_TIER("Ann", "x") SHORT_TIER("Ann", "y");
    assert_int_equal(read_bytes(twice, sizeof twice - 1, "a.TextGrid", "Ann", &transcript, &error),
                     VALENCE_ERROR_DATA);
    assert_non_null(strstr(error.text, "several tiers"));
}

static void test_malformed_grids_name_their_line(void **state)
{
#define GRID(rest) "File type = \"ooTextFile\"\nObject class = \"TextGrid\"\n\n" rest
    (void)state;
    check_refused("", "a.TextGrid:1:", "the file ends");
    check_refused("\"ooTextFile\" \"Pitch\" 0 1", "a.TextGrid:1:", "another object");
    check_refused("\"text\" \"TextGrid\" 0 1", "a.TextGrid:1:", "no text file of Praat");
    check_refused(GRID("0\n4\n<exists>\n1\n\"Tier\""), "a.TextGrid:8:", "neither IntervalTier");
    check_refused(GRID("0\n4\n\"x\""), "a.TextGrid:6:", "a quoted text does");
    check_refused(GRID("0\n4\n<exists>\n1.5"), "a.TextGrid:7:", "no whole number");
    check_refused(GRID("0\n4\n<exists>\n1\n\"IntervalTier\"\n\"a\"\n0\n4\n1\n-1\n4\n\"x\""),
                  "a.TextGrid:13:", "negative time");
    check_refused(GRID("0\n4\n<exists>\n1\n\"IntervalTier\"\n\"a\"\n0\n4\n1\n3\n2\n\"x\""),
                  "a.TextGrid:14:", "ends before it starts");
    check_refused(GRID("0\n4\n<exists>\n1\n\"IntervalTier\"\n\"a\"\n0\n4\n2\n0\n2\n\"x\""),
                  "a.TextGrid:15:", "cut off");
    check_refused(GRID("0\n4\n<exists>\n1\n\"IntervalTier\"\n\"a\"\n0\n4\n1\n0\n2\n\"x\n"),
                  "a.TextGrid:16:", "never closed");
    check_refused_bytes("ooBinaryFile\x08TextGrid", 21, "a.TextGrid", VALENCE_ERROR_UNSUPPORTED,
                        "a.TextGrid:", "save it as a text file");
    static const char many[] = GRID("0\n4\n<exists>\n2000\n");
    check_refused_bytes(many, sizeof many - 1, "a.TextGrid", VALENCE_ERROR_LIMIT,
                        "a.TextGrid:7:", "limit");
}

static int open_part(const void *data, size_t size, struct valence_error *error)
{
    struct valence_transcript *transcript;
    int status = read_bytes(data, size, "a.TextGrid", NULL, &transcript, error);
    valence_transcript_free(transcript);
    return status;
}

/* Up to the closing quote of the last mark. */
static void test_every_beginning_is_refused(void **state)
{
    (void)state;
    struct valence_error error;
    for (size_t size = 0; size < sizeof LONG - 4; size++)
        if (open_part(LONG, size, &error) == VALENCE_OK)
            fail_msg("its first %zu bytes are accepted", size);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_words_form_segments_between_pauses),
        cmocka_unit_test(test_utf_16_and_another_ending_are_read),
        cmocka_unit_test(test_the_short_form_is_the_same),
        cmocka_unit_test(test_a_tier_is_chosen_by_its_name),
        cmocka_unit_test(test_malformed_grids_name_their_line),
        cmocka_unit_test(test_every_beginning_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
