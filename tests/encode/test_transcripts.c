/* How transcripts are spelt and reduced before they are features. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "encode/llm/transcripts.h"

static struct valence_error error;

static void assert_spelt(enum transcript_spelling spelling, const char *transcript,
                         const char *wanted)
{
    char *spelt = transcript_spell(transcript, spelling);
    assert_string_equal(spelt, wanted);
    free(spelt);
}

static void test_a_sentence_has_a_capital_and_an_end(void **state)
{
    (void)state;
    assert_spelt(TRANSCRIPT_SENTENCE, "IT COULDVE BEEN BETTER", "It couldve been better.");
    assert_spelt(TRANSCRIPT_SENTENCE, " \t i think I'M, and i\n", "I think I'm, and I.");
    assert_spelt(TRANSCRIPT_SENTENCE, "Really?!", "Really?!");
    assert_spelt(TRANSCRIPT_SENTENCE, "so, i mean,", "So, I mean.");
    assert_spelt(TRANSCRIPT_SENTENCE, "(UHH) OKAY", "(Uhh) okay.");
    assert_spelt(TRANSCRIPT_SENTENCE, "3 stars", "3 stars.");
    assert_spelt(TRANSCRIPT_SENTENCE, "it is in ski's hi-fi", "It is in ski's hi-fi.");
    assert_spelt(TRANSCRIPT_SENTENCE, "\xc3\x84RGER", "\xc3\x84rger.");
    assert_spelt(TRANSCRIPT_SENTENCE, "  ", "");
    assert_spelt(TRANSCRIPT_SENTENCE, "...", "...");
    assert_spelt(TRANSCRIPT_SENTENCE, ",", ".");
}

static void test_other_spellings_change_no_more_than_they_say(void **state)
{
    (void)state;
    assert_spelt(TRANSCRIPT_LOWER, " OK, I Know ", " ok, i know ");
    assert_spelt(TRANSCRIPT_AS_IS, " OK, I Know ", " OK, I Know ");
}

static struct transcript_encoder *open_encoder(struct transcript_settings settings)
{
    struct transcript_encoder *encoder;
    settings.layers = "2";
    if (transcript_encoder_open(VALENCE_TEST_DATA "/golden/llm/tiny-llama-f32.gguf", &settings,
                                NULL, &encoder, &error))
        fail_msg("%s", error.text);
    return encoder;
}

static const char *const texts[] = {"the rest", "", "one two three", NULL};

static struct valence_features encode(struct transcript_settings settings)
{
    struct transcript_encoder *encoder = open_encoder(settings);
    struct valence_features features;
    if (transcript_encoder_encode(encoder, texts, 4, NULL, &features, &error))
        fail_msg("%s", error.text);
    transcript_encoder_close(encoder);
    return features;
}

static void test_rows_are_those_asked_for(void **state)
{
    (void)state;
    struct valence_features all = encode((struct transcript_settings){0});
    struct valence_features fewer =
        encode((struct transcript_settings){.drop_special = true, .drop_first = true});
    struct valence_features mean =
        encode((struct transcript_settings){.rows = TRANSCRIPT_MEAN, .drop_special = true});
    struct valence_features last = encode((struct transcript_settings){.rows = TRANSCRIPT_LAST});
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

static void test_a_transcript_of_the_dropped_tokens_alone_has_no_rows(void **state)
{
    (void)state;
    static const char *const letter[] = {"a"}; /* BOS and one token */
    struct valence_features some, none;
    struct transcript_encoder *encoder =
        open_encoder((struct transcript_settings){.drop_first = true});
    assert_int_equal(transcript_encoder_encode(encoder, letter, 1, NULL, &some, &error), 0);
    transcript_encoder_close(encoder);
    encoder = open_encoder((struct transcript_settings){.drop_special = true, .drop_first = true});
    assert_int_equal(transcript_encoder_encode(encoder, letter, 1, NULL, &none, &error), 0);
    transcript_encoder_close(encoder);
    assert_true(some.offsets[1] > 0);
    assert_int_equal(none.offsets[1], some.offsets[1] - 1);
    valence_features_free(&some);
    valence_features_free(&none);
}

static void test_settings_survive_their_description(void **state)
{
    (void)state;
    struct transcript_settings settings = {.spelling = TRANSCRIPT_LOWER,
                                           .rows = TRANSCRIPT_LAST,
                                           .drop_first = true},
                               back;
    struct transcript_encoder *encoder = open_encoder(settings);
    json_t *description = transcript_encoder_describe(encoder);
    assert_int_equal(transcript_settings_from_json(description, &back, &error), 0);
    assert_string_equal(back.layers, "2");
    assert_int_equal(back.spelling, TRANSCRIPT_LOWER);
    assert_int_equal(back.rows, TRANSCRIPT_LAST);
    assert_true(back.drop_first);
    assert_false(back.drop_special);
    json_object_set_new(description, "rows", json_string("all"));
    assert_int_equal(transcript_settings_from_json(description, &back, &error),
                     VALENCE_ERROR_FORMAT);
    assert_int_equal(transcript_settings_from_json(NULL, &back, &error), VALENCE_ERROR_FORMAT);
    json_decref(description);
    transcript_encoder_close(encoder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_sentence_has_a_capital_and_an_end),
        cmocka_unit_test(test_other_spellings_change_no_more_than_they_say),
        cmocka_unit_test(test_rows_are_those_asked_for),
        cmocka_unit_test(test_a_transcript_of_the_dropped_tokens_alone_has_no_rows),
        cmocka_unit_test(test_settings_survive_their_description),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
