/* Where words and segments lie when what is not speech was left out of what was transcribed. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "encode/compute/backend.h"
#include "encode/whisper/transcript.h"
#include "made_speech.h"

#define RATE 16000

static bool is_near(double a, double b)
{
    return fabs(a - b) < 1e-6;
}

/* Speech at 2 to 5 s, 5.4 to 7 s and 45 to 48 s of a sound, which was transcribed as 0 to 3.1,
 * 3.2 to 4.9 and 5 to 8 s. */
static struct speech_span spans[] = {
    {2 * RATE, 3 * RATE, 3 * RATE + RATE / 10, 0},
    {RATE * 54 / 10, RATE * 16 / 10, RATE * 17 / 10, RATE * 32 / 10},
    {45 * RATE, 3 * RATE, 3 * RATE, 5 * RATE},
};
static const struct speech three = {spans, 3, NULL, 8 * RATE};

static void test_times_are_those_of_the_sound(void **state)
{
    (void)state;
    assert_int_equal(speech_span_at(&three, 0), 0);
    assert_int_equal(speech_span_at(&three, 3.14), 0);
    assert_int_equal(speech_span_at(&three, 3.16), 1);
    assert_int_equal(speech_span_at(&three, 4.94), 1);
    assert_int_equal(speech_span_at(&three, 4.96), 2);
    assert_int_equal(speech_span_at(&three, 99), 2);
    assert_true(is_near(speech_time(&three, 0, 0), 2));
    assert_true(is_near(speech_time(&three, 0, 2.5), 4.5));
    assert_true(is_near(speech_time(&three, 0, 3.15), 5)); /* what follows is no speech */
    assert_true(is_near(speech_time(&three, 1, 3), 5.4));
    assert_true(is_near(speech_time(&three, 1, 4.2), 6.4));
    assert_true(is_near(speech_time(&three, 2, 6), 46));
    assert_true(is_near(speech_time(&three, 2, 30), 48));
}

/* ---- Finding ---- */

static struct whisper_vad_context *load(void)
{
    struct valence_error error;
    struct whisper_vad_context *detector;
    assert_int_equal(backends_load(&error), 0);
    assert_int_equal(speech_detector_open(VALENCE_TEST_VAD, &detector, &error), 0);
    return detector;
}

static float *make_noise(int64_t n)
{
    float *samples = calloc((size_t)n, sizeof *samples);
    uint32_t state = 7;
    assert_non_null(samples);
    for (int64_t i = 0; i < n; i++) {
        state = state * 1664525u + 1013904223u;
        samples[i] = ((float)(state >> 16) / 32768 - 1) * 1e-3f;
    }
    return samples;
}

static void test_noise_has_no_speech(void **state)
{
    (void)state;
    enum { N = 12 * RATE };
    struct valence_error error;
    struct speech speech;
    struct whisper_vad_context *detector = load();
    float *noise = make_noise(N);
    for (int64_t n = 1; n <= N; n = n < RATE ? 7 * n : n + 3 * RATE) {
        assert_int_equal(speech_find(detector, noise, n, &speech, &error), 0);
        assert_int_equal(speech.n_spans, 0);
        assert_int_equal(speech.n_samples, 0);
        speech_free(&speech);
    }
    free(noise);
    whisper_vad_free(detector);
}

/* Speech at 2 to 5 s and 7 to 10 s. */
static void test_speech_is_cut_out(void **state)
{
    (void)state;
    enum { N = 12 * RATE };
    struct valence_error error;
    struct speech speech, again;
    struct whisper_vad_context *detector = load();
    float *samples = make_noise(N);
    made_speech(samples + 2 * RATE, 3 * RATE);
    made_speech(samples + 7 * RATE, 3 * RATE);
    assert_int_equal(speech_find(detector, samples, N, &speech, &error), 0);
    assert_int_equal(speech.n_spans, 2);
    for (int i = 0; i < 2; i++) {
        const struct speech_span *span = &speech.spans[i];
        assert_true(fabs((double)span->first / RATE - (i ? 7 : 2)) < 0.1);
        assert_true(fabs((double)span->n / RATE - 3) < 0.3);
        assert_int_equal(span->n_copied, i ? span->n : span->n + RATE / 10);
        assert_memory_equal(speech.samples + span->place, samples + span->first,
                            (size_t)span->n_copied * sizeof *samples);
    }
    for (int64_t i = speech.spans[0].n_copied; i < speech.spans[1].place; i++)
        assert_true(speech.samples[i] == 0);
    assert_int_equal(speech.spans[1].place - speech.spans[0].n_copied, RATE / 10);
    assert_int_equal(speech.n_samples, speech.spans[1].place + speech.spans[1].n);
    /* A second time gives the same: nothing is left of the sound before. */
    assert_int_equal(speech_find(detector, samples, N, &again, &error), 0);
    assert_int_equal(again.n_samples, speech.n_samples);
    assert_memory_equal(again.samples, speech.samples, (size_t)speech.n_samples * sizeof(float));
    speech_free(&again);
    speech_free(&speech);
    free(samples);
    whisper_vad_free(detector);
}

/* ---- Times ---- */

/* The first two spans belong together; the third is 38 s behind them. */
static void test_a_long_pause_parts_the_speech(void **state)
{
    (void)state;
    static float samples[8 * RATE];
    struct speech_span copies[3];
    memcpy(copies, spans, sizeof copies);
    const struct speech whole = {copies, 3, samples, 8 * RATE};
    int end;
    struct speech part = speech_part(&whole, 0, &end);
    assert_int_equal(end, 2);
    assert_int_equal(part.n_spans, 2);
    assert_ptr_equal(part.samples, samples);
    assert_int_equal(part.n_samples, RATE * 49 / 10);
    part = speech_part(&whole, 2, &end);
    assert_int_equal(end, 3);
    assert_int_equal(part.n_spans, 1);
    assert_ptr_equal(part.samples, samples + 5 * RATE);
    assert_int_equal(part.n_samples, 3 * RATE);
    assert_true(is_near(speech_time(&part, 0, 1), 46));
    assert_true(is_near(speech_pause(&three, 0, 1), 0.4));
}

/* Times are hundredths of a second. */
static struct heard_token said(const char *text, int64_t from, int64_t to)
{
    struct heard_token token = {.text = text, .is_spoken = true};
    token.data.id = 7;
    token.data.p = 0.5f;
    token.data.plog = -0.7f;
    token.data.t0 = from;
    token.data.t1 = to;
    return token;
}

static struct heard_token mark(int64_t at)
{
    struct heard_token token = said("[_TT_]", at, at);
    token.is_spoken = false;
    return token;
}

static void add(const struct heard_segment *heard, const struct speech *speech,
                struct transcript_list *list)
{
    struct valence_error error;
    const struct heard_sound sound = {100, speech};
    *list = (struct transcript_list){0};
    assert_int_equal(transcript_add_heard(list, heard, &sound, true, &error), 0);
}

static void test_a_long_pause_parts_a_segment(void **state)
{
    (void)state;
    const struct heard_token tokens[] = {mark(10),
                                         said(" It", 10, 90),
                                         said(" was", 90, 300),
                                         said(" lo", 330, 400),
                                         said("ng", 400, 500), /* until the silence after it */
                                         said(",", 500, 501),
                                         said(" but", 499, 600),
                                         said(" good", 600, 790),
                                         mark(790)};
    struct transcript_list list;
    add(&(struct heard_segment){tokens, 9, 0.1, 7.9, 0.25}, &three, &list);
    assert_int_equal(list.n_segments, 2);
    const struct valence_speech_segment *first = &list.segments[0], *second = &list.segments[1];
    assert_string_equal(first->text, " It was long,"); /* the short pause parts nothing */
    assert_true(is_near(first->start, 102.1) && is_near(first->end, 107));
    assert_int_equal(first->n_words, 3);
    assert_true(is_near(first->words[2].start, 105.5) && is_near(first->words[2].end, 107));
    assert_string_equal(first->words[2].text, "long,");
    assert_string_equal(second->text, " but good");
    assert_true(is_near(second->start, 145) && is_near(second->end, 147.9));
    assert_true(is_near(second->words[0].start, 145) && is_near(second->words[0].end, 146));
    assert_int_equal(first->n_tokens + second->n_tokens, 9);
    assert_true(is_near(first->confidence, 0.5) && is_near(second->confidence, 0.5));
    assert_true(is_near(first->no_speech_prob, 0.25) && is_near(second->no_speech_prob, 0.25));
    transcript_list_free(&list);
}

/* A segment that begins at the end of the speech before the one that its words are in. */
static void test_a_segment_lies_where_its_words_are(void **state)
{
    (void)state;
    const struct heard_token tokens[] = {mark(480), said(" Now", 500, 550), mark(900)};
    struct transcript_list list;
    add(&(struct heard_segment){tokens, 3, 4.8, 9, 0}, &three, &list);
    assert_int_equal(list.n_segments, 1);
    assert_true(is_near(list.segments[0].start, 145) && is_near(list.segments[0].end, 148));
    transcript_list_free(&list);
    const struct heard_token silent[] = {mark(480), mark(900)};
    add(&(struct heard_segment){silent, 2, 4.8, 9, 0}, &three, &list);
    assert_int_equal(list.n_segments, 1);
    assert_string_equal(list.segments[0].text, "");
    assert_true(list.segments[0].start <= list.segments[0].end);
    transcript_list_free(&list);
    add(&(struct heard_segment){NULL, 0, 4.8, 9, 0}, &three, &list);
    assert_int_equal(list.n_segments, 1);
    transcript_list_free(&list);
}

/* A word that goes on behind the pause stays whole, and so does a character of Chinese whose bytes
 * are several tokens. */
static void test_words_and_characters_stay_whole(void **state)
{
    (void)state;
    const struct heard_token word[] = {said(" in", 450, 480), said("ter", 510, 520),
                                       said("est", 520, 600)};
    struct transcript_list list;
    add(&(struct heard_segment){word, 3, 4.5, 6, 0}, &three, &list);
    assert_int_equal(list.n_segments, 1);
    assert_string_equal(list.segments[0].text, " interest");
    transcript_list_free(&list);
    const struct heard_token characters[] = {said("\xE5\xA5\xBD", 100, 200),
                                             said("\xE7\x94", 510, 530), said("\xB5", 530, 550),
                                             said("\xE5\xBD\xB1", 550, 600)};
    add(&(struct heard_segment){characters, 4, 1, 6, 0}, &three, &list);
    assert_int_equal(list.n_segments, 2);
    assert_string_equal(list.segments[0].text, "\xE5\xA5\xBD");
    assert_string_equal(list.segments[1].text, "\xE7\x94\xB5\xE5\xBD\xB1");
    transcript_list_free(&list);
}

static void test_without_detection_times_stay(void **state)
{
    (void)state;
    const struct heard_token tokens[] = {said(" It", 10, 90), said(" was", 700, 790)};
    struct transcript_list list;
    add(&(struct heard_segment){tokens, 2, 0.1, 30, 0}, NULL, &list);
    assert_int_equal(list.n_segments, 1);
    assert_true(is_near(list.segments[0].start, 100.1) && is_near(list.segments[0].end, 130));
    assert_true(is_near(list.segments[0].words[1].start, 107));
    transcript_list_free(&list);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_noise_has_no_speech),
        cmocka_unit_test(test_speech_is_cut_out),
        cmocka_unit_test(test_times_are_those_of_the_sound),
        cmocka_unit_test(test_a_long_pause_parts_the_speech),
        cmocka_unit_test(test_a_long_pause_parts_a_segment),
        cmocka_unit_test(test_a_segment_lies_where_its_words_are),
        cmocka_unit_test(test_words_and_characters_stay_whole),
        cmocka_unit_test(test_without_detection_times_stay),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
