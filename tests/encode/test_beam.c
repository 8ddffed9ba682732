/* The rules of beam search, on made-up scores: who runs on, who has finished, when it is over. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "encode/llm/beam.h"
#include "encode/simulated/simulation_flags.h"

#define VOCABULARY 12
#define END        2

static struct beam_search begin(int64_t n_beams, int64_t max_tokens)
{
    struct valence_error error;
    struct beam_search search;
    assert_int_equal(
        beam_create(&search, VOCABULARY, n_beams, max_tokens, 1, (int32_t[]){END}, &error), 0);
    return search;
}

/* Scores of all tokens -20 but those given. */
static void set(float *scores, int beam, int token, float score)
{
    scores[beam * VOCABULARY + token] = score;
}

static float *all(float value)
{
    static float scores[BEAM_MAX_BEAMS * VOCABULARY];
    for (int i = 0; i < BEAM_MAX_BEAMS * VOCABULARY; i++)
        scores[i] = value;
    return scores;
}

static void test_first_candidates_come_from_one_beam(void **state)
{
    (void)state;
    struct beam_search search = begin(4, 10);
    float *scores = all(-20);
    for (int token = 3; token < 12; token++)
        set(scores, 0, token, -(float)token);
    beam_step(&search, scores);
    assert_int_equal(search.n_running, 4);
    assert_int_equal(search.n_candidates, 8);
    for (int b = 0; b < 4; b++) {
        assert_int_equal(search.running[b].tokens[0], 3 + b);
        assert_int_equal(search.running[b].parents[0], 0);
    }
    beam_free(&search);
}

static void test_equal_scores_go_by_beam_then_token(void **state)
{
    (void)state;
    struct beam_search search = begin(2, 10);
    beam_step(&search, all(-1)); /* tokens 0, 1; the end is third and lost */
    assert_int_equal(search.running[0].tokens[0], 0);
    assert_int_equal(search.running[1].tokens[0], 1);
    assert_int_equal(search.n_finished, 0);
    beam_step(&search, all(-1));
    assert_int_equal(search.running[0].parents[1], 0);
    assert_int_equal(search.running[0].tokens[1], 0);
    assert_int_equal(search.running[1].parents[1], 0);
    assert_int_equal(search.running[1].tokens[1], 1);
    beam_free(&search);
}

static void test_an_end_among_the_later_candidates_is_lost(void **state)
{
    (void)state;
    struct beam_search search = begin(2, 10);
    float *scores = all(-20);
    set(scores, 0, 5, -1);
    set(scores, 0, 6, -2);
    set(scores, 0, END, -3);
    beam_step(&search, scores);
    assert_int_equal(search.n_finished, 0);
    beam_free(&search);

    search = begin(2, 10);
    scores = all(-20);
    set(scores, 0, 5, -1);
    set(scores, 0, END, -2);
    set(scores, 0, 6, -3);
    beam_step(&search, scores);
    assert_int_equal(search.n_finished, 1);
    assert_int_equal(search.running[1].tokens[0], 6); /* the place goes to the next */
    beam_free(&search);
}

static void test_scores_are_divided_by_length_with_the_end(void **state)
{
    (void)state;
    struct beam_search search = begin(2, 10);
    float *scores = all(-20);
    set(scores, 0, 5, -1);
    set(scores, 0, 6, -1.5f);
    beam_step(&search, scores);
    scores = all(-20);
    set(scores, 0, END, -2);
    beam_step(&search, scores);
    assert_int_equal(search.finished[0].length, 2);
    assert_float_equal(search.finished[0].score, -1.5f, 1e-6);
    assert_float_equal(search.finished[0].log_probabilities[0], -1, 1e-6);
    assert_float_equal(search.finished[0].log_probabilities[1], -2, 1e-6);
    beam_free(&search);
}

static void test_search_goes_on_while_a_running_one_may_win(void **state)
{
    (void)state;
    struct beam_search search = begin(2, 10);
    float *scores = all(-20);
    set(scores, 0, END, -4);
    set(scores, 0, 5, -1);
    beam_step(&search, scores); /* finished: -4; running: [5] at -1 and another */
    assert_false(search.over);
    scores = all(-20);
    set(scores, 0, END, -9);
    set(scores, 0, 6, -0.5f);
    beam_step(&search, scores); /* finished: -4, -5; running: -1.5 / 2 is better than both */
    assert_int_equal(search.n_finished, 2);
    assert_false(search.over);
    scores = all(-20);
    beam_step(&search, scores); /* running: -21.5 / 3 is worse */
    assert_true(search.over);
    assert_int_equal(search.n_steps, 3);
    assert_int_equal(search.finished[0].length, 1);
    beam_free(&search);
}

static void test_all_first_candidates_finish_at_the_limit(void **state)
{
    (void)state;
    struct beam_search search = begin(3, 2);
    float *scores = all(-20);
    for (int token = 3; token < 9; token++)
        set(scores, 0, token, -(float)token);
    beam_step(&search, scores);
    beam_step(&search, all(-1));
    assert_true(search.over);
    assert_int_equal(search.n_finished, 3);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(search.finished[i].length, 2);
        assert_int_equal(search.finished[i].tokens[0], 3);
        assert_int_equal(search.finished[i].tokens[1], i);
    }
    beam_free(&search);
}

static void test_one_beam_is_greedy(void **state)
{
    (void)state;
    struct beam_search search = begin(1, 10);
    static const int best[] = {7, 4, 7, END};
    for (int i = 0; i < 4; i++) {
        float *scores = all(-5);
        assert_false(search.over);
        set(scores, 0, best[i], -1);
        beam_step(&search, scores);
    }
    assert_true(search.over);
    assert_int_equal(search.finished[0].length, 4);
    for (int i = 0; i < 4; i++)
        assert_int_equal(search.finished[0].tokens[i], best[i]);
    beam_free(&search);
}

static void test_several_ends_widen_the_candidates(void **state)
{
    (void)state;
    struct valence_error error;
    struct beam_search search;
    assert_int_equal(beam_create(&search, VOCABULARY, 2, 5, 3, (int32_t[]){END, 3, 4}, &error), 0);
    float *scores = all(-20);
    set(scores, 0, END, -1);
    set(scores, 0, 3, -2);
    set(scores, 0, 4, -3);
    set(scores, 0, 8, -4);
    set(scores, 0, 9, -5);
    beam_step(&search, scores);
    assert_int_equal(search.n_candidates, 8);
    assert_int_equal(search.n_finished, 2);
    assert_int_equal(search.running[0].tokens[0], 8);
    assert_int_equal(search.running[1].tokens[0], 9);
    beam_free(&search);
}

/* The best hypotheses of a short search by trying all: with as many beams as there are prefixes,
 * nothing is lost. */
static void test_wide_search_finds_the_best_of_all(void **state)
{
    (void)state;
    struct valence_error error;
    struct random_source source = random_source(5, 0);
    enum { TOKENS = 4 };
    for (int trial = 0; trial < 50; trial++) {
        float first[TOKENS], second[TOKENS][TOKENS], scores[BEAM_MAX_BEAMS * TOKENS];
        struct beam_search search;
        double best = -1e30;
        for (int i = 0; i < TOKENS; i++) {
            first[i] = -(float)random_uniform(&source);
            for (int j = 0; j < TOKENS; j++)
                second[i][j] = -(float)random_uniform(&source);
        }
        for (int i = 0; i < TOKENS; i++)
            for (int j = 0; j < TOKENS; j++)
                best = fmax(best, i == 0 ? (double)first[i] : (first[i] + second[i][j]) / 2.0);
        assert_int_equal(beam_create(&search, TOKENS, 16, 2, 1, (int32_t[]){0}, &error), 0);
        beam_step(&search, first);
        assert_int_equal(search.n_running, 3);
        for (int b = 0; b < search.n_running; b++)
            memcpy(scores + b * TOKENS, second[search.running[b].tokens[0]], sizeof second[0]);
        beam_step(&search, scores);
        assert_true(search.over);
        assert_float_equal(search.finished[0].score, best, 1e-5);
        beam_free(&search);
    }
}

static void test_log_softmax_equals_its_formula(void **state)
{
    (void)state;
    struct random_source source = random_source(6, 0);
    static const int64_t lengths[] = {1, 15, 16, 1000, 1024, 49153};
    for (size_t k = 0; k < sizeof lengths / sizeof *lengths; k++) {
        int64_t n = lengths[k];
        float *x = malloc((size_t)n * sizeof *x);
        double *want = malloc((size_t)n * sizeof *want), sum = 0;
        assert_true(x && want);
        for (int64_t i = 0; i < n; i++) {
            x[i] = 8 * (float)random_normal(&source);
            want[i] = x[i];
            sum += exp(want[i]);
        }
        log_softmax(n, x);
        for (int64_t i = 0; i < n; i++)
            assert_float_equal(x[i], want[i] - log(sum), 5e-6);
        free(x);
        free(want);
    }
}

/* ---- What looks wrong ---- */

static bool repeats(const char *letters)
{
    int32_t tokens[64];
    int64_t n = (int64_t)strlen(letters);
    for (int64_t i = 0; i < n; i++)
        tokens[i] = letters[i];
    return tokens_repeat(n, tokens);
}

static void test_loops_are_found_and_emphasis_is_not(void **state)
{
    (void)state;
    assert_true(repeats("aaaaaaaaaaaa"));
    assert_true(repeats("abcabcabcabc"));
    assert_true(repeats("xyzabcdabcdabcdabcdend"));
    assert_false(repeats("aaaaaaaaaaa"));   /* 11 tokens: "very very very ..." */
    assert_false(repeats("abcdabcdabcdx")); /* three times */
    assert_false(repeats("the quick brown fox"));
    assert_false(repeats(""));
}

static void test_refusals_are_told_from_speech(void **state)
{
    (void)state;
    assert_true(text_is_refusal("I'm sorry, but I cannot transcribe audio."));
    assert_true(text_is_refusal("\"I\xE2\x80\x99m sorry, I can't assist with that"));
    assert_true(text_is_refusal("  As an AI language model, I do not have ears"));
    assert_false(text_is_refusal("i can't believe how bad this movie was"));
    assert_false(text_is_refusal("I'm sorry, but the ending was awful"));
    assert_false(text_is_refusal("the audio was fine"));
    assert_false(text_is_refusal(""));
}

static void test_texts_without_words_are_empty(void **state)
{
    (void)state;
    assert_true(text_is_empty(""));
    assert_true(text_is_empty(" ... !\n"));
    assert_true(text_is_empty("\xEF\xBF\xBD\xEF\xBF\xBD."));
    assert_false(text_is_empty("ok"));
    assert_false(text_is_empty("\xE4\xBB\x8A"));
    assert_false(text_is_empty("7"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_first_candidates_come_from_one_beam),
        cmocka_unit_test(test_equal_scores_go_by_beam_then_token),
        cmocka_unit_test(test_an_end_among_the_later_candidates_is_lost),
        cmocka_unit_test(test_scores_are_divided_by_length_with_the_end),
        cmocka_unit_test(test_search_goes_on_while_a_running_one_may_win),
        cmocka_unit_test(test_all_first_candidates_finish_at_the_limit),
        cmocka_unit_test(test_one_beam_is_greedy),
        cmocka_unit_test(test_several_ends_widen_the_candidates),
        cmocka_unit_test(test_wide_search_finds_the_best_of_all),
        cmocka_unit_test(test_log_softmax_equals_its_formula),
        cmocka_unit_test(test_loops_are_found_and_emphasis_is_not),
        cmocka_unit_test(test_refusals_are_told_from_speech),
        cmocka_unit_test(test_texts_without_words_are_empty),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
