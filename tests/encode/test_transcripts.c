/* How transcripts are spelt and reduced before they are features. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "valence/transcripts.h"
#include "valence/text.h"

#define MODEL VALENCE_TEST_DATA "/golden/llm/tiny-llama-f32.gguf"

static struct valence_error error;

static void assert_spelt(enum valence_spelling spelling, const char *transcript, const char *wanted)
{
    char *spelt = valence_spell(transcript, spelling);
    assert_string_equal(spelt, wanted);
    valence_text_free(spelt);
}

static void test_a_sentence_has_a_capital_and_an_end(void **state)
{
    (void)state;
    assert_spelt(VALENCE_SPELLING_SENTENCE, "IT COULDVE BEEN BETTER", "It couldve been better.");
    assert_spelt(VALENCE_SPELLING_SENTENCE, " \t i think I'M, and i\n", "I think I'm, and I.");
    assert_spelt(VALENCE_SPELLING_SENTENCE, "Really?!", "Really?!");
    assert_spelt(VALENCE_SPELLING_SENTENCE, "so, i mean,", "So, I mean.");
    assert_spelt(VALENCE_SPELLING_SENTENCE, "(UHH) OKAY", "(Uhh) okay.");
    assert_spelt(VALENCE_SPELLING_SENTENCE, "3 stars", "3 stars.");
    assert_spelt(VALENCE_SPELLING_SENTENCE, "it is in ski's hi-fi", "It is in ski's hi-fi.");
    assert_spelt(VALENCE_SPELLING_SENTENCE, "\xc3\x84RGER", "\xc3\x84rger.");
    assert_spelt(VALENCE_SPELLING_SENTENCE, "  ", "");
    assert_spelt(VALENCE_SPELLING_SENTENCE, "...", "...");
    assert_spelt(VALENCE_SPELLING_SENTENCE, ",", ".");
}

static void test_other_spellings_change_no_more_than_they_say(void **state)
{
    (void)state;
    assert_spelt(VALENCE_SPELLING_LOWER, " OK, I Know ", " ok, i know ");
    assert_spelt(VALENCE_SPELLING_AS_IS, " OK, I Know ", " OK, I Know ");
    assert_spelt(VALENCE_SPELLING_SENTENCE, "WORST MOVIE EVER!!!", "Worst movie ever!!!");
    assert_spelt(VALENCE_SPELLING_PLAIN, "WORST MOVIE EVER!!!", "Worst movie ever.");
    assert_spelt(VALENCE_SPELLING_PLAIN, "What?! No! Why??", "What? no. why?");
    assert_null(valence_spell("a", (enum valence_spelling)9));
}

static void test_emoji_become_words(void **state)
{
    (void)state;
    const enum valence_spelling words = VALENCE_SPELLING_WORDS;
    assert_spelt(words, "My train is LATE 😡", "My train is late, angry.");
    assert_spelt(words, "😡😡 again", "Angry, angry again.");
    assert_spelt(words, "Great! 😊", "Great! smiling.");
    assert_spelt(words, "👍🏽yes", "Thumbs up yes.");             /* a skin tone */
    assert_spelt(words, "🤦‍♀️ (❤️)", "Facepalm (love)"); /* a sex, a selector */
    assert_spelt(words, "at night 🌃", "At night 🌃.");                 /* not in the table */
    assert_spelt(words, "NO EMOJI!!!", "No emoji!!!");
    assert_spelt(words, " ", "");
    assert_spelt(VALENCE_SPELLING_SENTENCE, "late 😡", "Late 😡.");
    /* As many as the spelling lets a text grow, and bytes that are not UTF-8. */
    char many[4 * 1000 + 1] = "", *spelt;
    for (int i = 0; i < 1000; i++)
        strcat(many, "🖕");
    spelt = valence_spell(many, words);
    assert_non_null(spelt);
    assert_int_equal(strlen(spelt), 1000 * strlen("fuck you, ") - 1);
    valence_text_free(spelt);
    assert_spelt(words, "a\xF0\x9F\x98", "A\xF0\x9F\x98.");
}

static struct valence_transcript_encoder *open_encoder(struct valence_transcript_options settings)
{
    struct valence_transcript_encoder *encoder;
    settings.size = sizeof settings;
    settings.layers = "2";
    if (valence_transcript_encoder_open(MODEL, &settings, &encoder, &error))
        fail_msg("%s", error.text);
    return encoder;
}

static const char *const texts[] = {"the rest", "", "one two three", NULL};

static struct valence_features encode(struct valence_transcript_options settings)
{
    struct valence_transcript_encoder *encoder = open_encoder(settings);
    struct valence_features features;
    if (valence_transcript_encoder_encode(encoder, texts, 4, NULL, &features, &error))
        fail_msg("%s", error.text);
    valence_transcript_encoder_close(encoder);
    return features;
}

static void test_rows_are_those_asked_for(void **state)
{
    (void)state;
    struct valence_features all = encode((struct valence_transcript_options){0});
    struct valence_features fewer =
        encode((struct valence_transcript_options){.drop_special = true, .drop_first = true});
    struct valence_features mean = encode(
        (struct valence_transcript_options){.rows = VALENCE_ROWS_MEAN, .drop_special = true});
    struct valence_features last =
        encode((struct valence_transcript_options){.rows = VALENCE_ROWS_LAST});
    for (int i = 0; i < 4; i++) {
        bool has = i % 2 == 0;
        int64_t n = all.offsets[i + 1] - all.offsets[i];
        assert_int_equal(n > 0, has);
        assert_int_equal(fewer.offsets[i + 1] - fewer.offsets[i], has ? n - 2 : 0);
        assert_int_equal(mean.offsets[i + 1] - mean.offsets[i], has);
        assert_int_equal(last.offsets[i + 1] - last.offsets[i], has);
        if (!has)
            continue;
        const float *rows = all.rows + all.offsets[i] * all.width;
        for (int64_t c = 0; c < all.width; c++) {
            double sum = 0;
            for (int64_t r = 1; r < n; r++)
                sum += (double)rows[r * all.width + c];
            assert_true(fabs((double)mean.rows[mean.offsets[i] * all.width + c] -
                             sum / (double)(n - 1)) < 1e-4);
            assert_true(fabsf(last.rows[last.offsets[i] * all.width + c] -
                              rows[(n - 1) * all.width + c]) < 1e-4f);
            assert_true(fabsf(fewer.rows[fewer.offsets[i] * all.width + c] -
                              rows[2 * all.width + c]) < 1e-4f);
        }
    }
    valence_features_free(&all);
    valence_features_free(&fewer);
    valence_features_free(&mean);
    valence_features_free(&last);
}

/* ---- Words ---- */

static int64_t count_rows(struct valence_transcript_encoder *encoder, const char *text)
{
    struct valence_features features;
    assert_int_equal(valence_transcript_encoder_encode(encoder, &text, 1, NULL, &features, &error),
                     VALENCE_OK);
    int64_t n = features.offsets[1];
    valence_features_free(&features);
    return n;
}

/* A word has as many rows as the text up to it has more than the text before it. */
static void check_words(struct valence_transcript_options settings, const char *const *beginnings,
                        int n_words)
{
    struct valence_transcript_encoder *encoder = open_encoder(settings);
    const char *text = beginnings[n_words];
    int64_t n = count_rows(encoder, text), counts[8] = {0}, before = 0, none = 0;
    int64_t *words = malloc((size_t)n * sizeof *words);
    assert_non_null(words);
    assert_int_equal(valence_transcript_encoder_find_words(encoder, text, n, words, &error),
                     VALENCE_OK);
    for (int64_t i = 0; i < n; i++) {
        assert_in_range(words[i] + 1, 0, n_words);
        if (words[i] < 0)
            none++;
        else
            counts[words[i]]++;
    }
    int64_t n_around = count_rows(encoder, "a") - (settings.suffix ? 1 : 0);
    assert_int_equal(none, settings.suffix ? n_around : settings.drop_special ? 0 : 1); /* BOS */
    for (int64_t i = n - 1; settings.suffix && i >= n - none; i--)
        assert_int_equal(words[i], -1);
    for (int i = 0; i < n_words; i++) {
        int64_t rows = count_rows(encoder, beginnings[i + 1]) - none + settings.drop_first;
        assert_int_equal(counts[i] + (settings.drop_first && i == 0), rows - before);
        before = rows;
    }
    free(words);
    valence_transcript_encoder_close(encoder);
}

static void test_rows_know_their_words(void **state)
{
    (void)state;
    static const char *const beginnings[] = {"", "  un", "  un \xC3\xA9t\xC3\xA9",
                                             "  un \xC3\xA9t\xC3\xA9\t\nrested ",
                                             "  un \xC3\xA9t\xC3\xA9\t\nrested ! "};
    check_words((struct valence_transcript_options){.prefix = ""}, beginnings, 4);
    check_words((struct valence_transcript_options){.prefix = "", .drop_special = true}, beginnings,
                4);
    check_words((struct valence_transcript_options){.drop_special = true, .drop_first = true},
                beginnings, 4);
    check_words((struct valence_transcript_options){.drop_special = true, .prefix = "one two:\n"},
                beginnings, 4);
    check_words(
        (struct valence_transcript_options){.drop_special = true, .suffix = " the rest of it is"},
        beginnings, 4);
}

static void test_one_row_of_all_words_is_of_none(void **state)
{
    (void)state;
    struct valence_transcript_encoder *encoder =
        open_encoder((struct valence_transcript_options){.rows = VALENCE_ROWS_MEAN});
    int64_t words[3] = {7, 7, 7};
    assert_int_equal(valence_transcript_encoder_find_words(encoder, "one two", 3, words, &error),
                     VALENCE_OK);
    for (int i = 0; i < 3; i++)
        assert_int_equal(words[i], -1);
    assert_int_equal(valence_transcript_encoder_find_words(encoder, "\xFF", 3, words, &error),
                     VALENCE_ERROR_DATA);
    valence_transcript_encoder_close(encoder);
}

static void test_a_transcript_of_the_dropped_tokens_alone_has_no_rows(void **state)
{
    (void)state;
    static const char *const letter[] = {"a"}; /* BOS and one token */
    struct valence_features some, none;
    struct valence_transcript_encoder *encoder =
        open_encoder((struct valence_transcript_options){.drop_first = true});
    assert_int_equal(valence_transcript_encoder_encode(encoder, letter, 1, NULL, &some, &error), 0);
    valence_transcript_encoder_close(encoder);
    encoder =
        open_encoder((struct valence_transcript_options){.drop_special = true, .drop_first = true});
    assert_int_equal(valence_transcript_encoder_encode(encoder, letter, 1, NULL, &none, &error), 0);
    valence_transcript_encoder_close(encoder);
    assert_true(some.offsets[1] > 0);
    assert_int_equal(none.offsets[1], some.offsets[1] - 1);
    valence_features_free(&some);
    valence_features_free(&none);
}

static struct valence_features encode_one(struct valence_transcript_encoder *encoder,
                                          const char *text)
{
    struct valence_features features;
    if (valence_transcript_encoder_encode(encoder, &text, 1, NULL, &features, &error))
        fail_msg("%s", error.text);
    return features;
}

/* The rows of "x y" behind a prefix are those of the whole text, without the prefix's. */
static void test_a_prefix_is_read_and_has_no_rows(void **state)
{
    (void)state;
    static const struct {
        const char *prefix, *whole;
    } cases[] = {{"<bos>", "the rest of it"},
                 {"one two", "one two the rest of it"},
                 {"one two ", "one two the rest of it"},
                 {"<bos>one two ", "one two the rest of it"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct valence_transcript_encoder *with =
            open_encoder((struct valence_transcript_options){.prefix = cases[i].prefix});
        struct valence_transcript_encoder *without =
            open_encoder((struct valence_transcript_options){0});
        bool blank = i != 1;
        struct valence_features rows =
            encode_one(with, blank ? "the rest of it" : " the rest of it");
        struct valence_features all =
            encode_one(without, blank ? cases[i].whole : "one twothe rest of it");
        int64_t n = rows.offsets[1], m = all.offsets[1];
        assert_in_range(n, 1, m - 1);
        for (int64_t c = 0; c < n * rows.width; c++)
            assert_true(fabsf(rows.rows[c] - all.rows[(m - n) * all.width + c]) < 1e-4f);
        valence_features_free(&rows);
        valence_features_free(&all);
        valence_transcript_encoder_close(with);
        valence_transcript_encoder_close(without);
    }
}

/* The rows of a transcript are those that it has without a suffix, then the suffix's, which are
 * those of the whole text's end. */
static void test_a_suffix_adds_rows_behind_the_transcript(void **state)
{
    (void)state;
    static const char *const transcripts[] = {"one two", "", "the rest of it", " \t"};
    struct valence_transcript_encoder *with =
        open_encoder((struct valence_transcript_options){.suffix = " the rest"});
    struct valence_transcript_encoder *without =
        open_encoder((struct valence_transcript_options){0});
    struct valence_features rows, bare;
    assert_int_equal(valence_transcript_encoder_encode(with, transcripts, 4, NULL, &rows, &error),
                     0);
    assert_int_equal(
        valence_transcript_encoder_encode(without, transcripts, 4, NULL, &bare, &error), 0);
    for (int i = 0; i < 4; i++) {
        char whole[100];
        snprintf(whole, sizeof whole, "%s the rest", transcripts[i]);
        struct valence_features all = encode_one(without, whole);
        int64_t n = rows.offsets[i + 1] - rows.offsets[i];
        if (i % 2) {
            assert_int_equal(n, 0); /* an empty transcript stays empty */
        } else {
            assert_int_equal(n, all.offsets[1]);
            assert_true(n > bare.offsets[i + 1] - bare.offsets[i]);
        }
        for (int64_t c = 0; c < n * rows.width; c++)
            assert_true(fabsf(rows.rows[rows.offsets[i] * rows.width + c] - all.rows[c]) < 1e-4f);
        valence_features_free(&all);
    }
    valence_features_free(&rows);
    valence_features_free(&bare);
    valence_transcript_encoder_close(with);
    valence_transcript_encoder_close(without);
}

/* In windows, too: the last window ends with the suffix. */
static void test_a_suffix_stands_behind_a_long_transcript(void **state)
{
    (void)state;
    char text[400 * 4 + 1] = "";
    for (int i = 0; i < 400; i++)
        strcat(text, "one ");
    struct valence_encoder_options options;
    valence_encoder_options_default(&options);
    options.layers = "2";
    options.window_tokens = 16;
    options.batch_tokens = 8;
    int64_t n[2];
    for (int i = 0; i < 2; i++) {
        struct valence_encoder *encoder;
        struct valence_encoder_state *encoding;
        struct valence_features features;
        const struct valence_encoder_input input = {.text = text};
        options.suffix = i ? " it is" : NULL;
        if (valence_encoder_load(MODEL, &options, &encoder, &error) ||
            valence_encoder_state_create(encoder, &encoding, &error) ||
            valence_encoder_encode(encoding, &input, 1, NULL, &features, &error))
            fail_msg("%s", error.text);
        n[i] = features.offsets[1];
        double last = 0;
        for (int64_t c = 0; c < features.width; c++)
            last += fabs((double)features.rows[(n[i] - 1) * features.width + c]);
        assert_true(last > 0);
        valence_features_free(&features);
        valence_encoder_state_free(encoding);
        valence_encoder_free(encoder);
    }
    assert_in_range(n[1] - n[0], 1, 4); /* windows of 16 tokens take a suffix of 4 */
}

/* Neither may be longer than there is room for. */
static void test_prefix_and_suffix_must_fit(void **state)
{
    (void)state;
    char text[400];
    memset(text, 'a', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    for (int i = 0; i < 2; i++) {
        struct valence_transcript_encoder *encoder;
        struct valence_transcript_options options;
        valence_transcript_options_default(&options);
        *(i ? &options.suffix : &options.prefix) = text;
        assert_int_equal(valence_transcript_encoder_open(MODEL, &options, &encoder, &error),
                         VALENCE_ERROR_ARGUMENT);
        assert_string_equal(error.key, i ? "suffix" : "prefix");
        assert_null(encoder);
    }
    struct valence_encoder *encoder;
    struct valence_encoder_options options;
    valence_encoder_options_default(&options);
    options.window_tokens = 16;
    options.suffix = " one two three the rest of it one two three the rest of it";
    assert_int_equal(valence_encoder_load(MODEL, &options, &encoder, &error),
                     VALENCE_ERROR_ARGUMENT);
    assert_string_equal(error.key, "suffix");
}

static void test_a_byte_order_mark_is_no_text(void **state)
{
    (void)state;
    struct valence_transcript_encoder *encoder =
        open_encoder((struct valence_transcript_options){0});
    struct valence_features plain = encode_one(encoder, "one two");
    struct valence_features marked = encode_one(encoder, "\xEF\xBB\xBFone two");
    struct valence_features mark = encode_one(encoder, "\xEF\xBB\xBF");
    assert_int_equal(mark.offsets[1], 0);
    assert_int_equal(marked.offsets[1], plain.offsets[1]);
    assert_memory_equal(marked.rows, plain.rows,
                        (size_t)(plain.offsets[1] * plain.width) * sizeof(float));
    valence_features_free(&plain);
    valence_features_free(&marked);
    valence_features_free(&mark);
    valence_transcript_encoder_close(encoder);
}

static struct valence_transcript_encoder *open_recorded(const char *recorded)
{
    struct valence_transcript_encoder *encoder;
    if (valence_transcript_encoder_open_recorded(MODEL, recorded, NULL, &encoder, &error))
        fail_msg("%s", error.text);
    return encoder;
}

static void test_settings_survive_their_record(void **state)
{
    (void)state;
    struct valence_transcript_encoder *encoder =
        open_encoder((struct valence_transcript_options){.prefix = "one ",
                                                         .suffix = " two",
                                                         .spelling = VALENCE_SPELLING_PLAIN,
                                                         .rows = VALENCE_ROWS_LAST,
                                                         .drop_first = true});
    char *recorded = strdup(valence_transcript_encoder_settings(encoder));
    struct valence_transcript_encoder *again = open_recorded(recorded);
    assert_string_equal(valence_transcript_encoder_settings(again), recorded);
    assert_non_null(strstr(recorded, "\"prefix\":\"one \""));
    assert_non_null(strstr(recorded, "\"suffix\":\" two\""));
    valence_transcript_encoder_close(again);
    valence_transcript_encoder_close(encoder);
    free(recorded);
}

/* Stores and models of before know no prefix and no suffix; theirs stay empty. */
static void test_what_was_recorded_without_a_prefix_has_none(void **state)
{
    (void)state;
    struct valence_transcript_encoder *encoder =
        open_recorded("{\"kind\":\"llm\",\"layers\":\"2\",\"spelling\":\"lower\",\"rows\":"
                      "\"last\",\"drop_special\":false,\"drop_first\":true}");
    assert_non_null(strstr(valence_transcript_encoder_settings(encoder), "\"prefix\":\"\""));
    assert_null(strstr(valence_transcript_encoder_settings(encoder), "suffix"));
    valence_transcript_encoder_close(encoder);
}

static void test_what_is_not_a_record_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *recorded;
        int status;
    } cases[] = {{"", VALENCE_ERROR_FORMAT},
                 {"{}", VALENCE_ERROR_FORMAT},
                 {"{\"kind\":\"llm\",\"layers\":\"2\",\"spelling\":\"loud\",\"rows\":\"last\"}",
                  VALENCE_ERROR_FORMAT},
                 {"{\"kind\":\"llm\",\"layers\":\"2\",\"spelling\":\"lower\",\"rows\":\"last\","
                  "\"prefix\":1}",
                  VALENCE_ERROR_FORMAT},
                 {"{\"kind\":\"llm\",\"layers\":\"2\",\"spelling\":\"lower\",\"rows\":\"last\","
                  "\"suffix\":1}",
                  VALENCE_ERROR_FORMAT},
                 {"{\"kind\":\"llm\",\"layers\":\"2\",\"spelling\":\"lower\",\"rows\":\"last\","
                  "\"fingerprint\":\"00\"}",
                  VALENCE_ERROR_DATA}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct valence_transcript_encoder *encoder;
        assert_int_equal(valence_transcript_encoder_open_recorded(MODEL, cases[i].recorded, NULL,
                                                                  &encoder, &error),
                         cases[i].status);
        assert_null(encoder);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_sentence_has_a_capital_and_an_end),
        cmocka_unit_test(test_other_spellings_change_no_more_than_they_say),
        cmocka_unit_test(test_emoji_become_words),
        cmocka_unit_test(test_rows_are_those_asked_for),
        cmocka_unit_test(test_rows_know_their_words),
        cmocka_unit_test(test_one_row_of_all_words_is_of_none),
        cmocka_unit_test(test_a_transcript_of_the_dropped_tokens_alone_has_no_rows),
        cmocka_unit_test(test_a_prefix_is_read_and_has_no_rows),
        cmocka_unit_test(test_a_suffix_adds_rows_behind_the_transcript),
        cmocka_unit_test(test_a_suffix_stands_behind_a_long_transcript),
        cmocka_unit_test(test_prefix_and_suffix_must_fit),
        cmocka_unit_test(test_a_byte_order_mark_is_no_text),
        cmocka_unit_test(test_settings_survive_their_record),
        cmocka_unit_test(test_what_was_recorded_without_a_prefix_has_none),
        cmocka_unit_test(test_what_is_not_a_record_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
