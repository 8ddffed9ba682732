/* The parts of a sound in which there is speech. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "encode/compute/backend.h"
#include "encode/whisper/speech_parts.h"
#include "valence/media.h"

enum { RATE = 16000, SECONDS = 12, PAUSE = 3 };

static struct whisper_vad_context *load(void)
{
    struct valence_error error;
    assert_int_equal(backends_load(&error), 0);
    struct whisper_vad_context_params params = whisper_vad_default_context_params();
    params.n_threads = 1;
    struct whisper_vad_context *vad =
        whisper_vad_init_from_file_with_params(VALENCE_TEST_VAD, params);
    assert_non_null(vad);
    return vad;
}

static float *make_noise(void)
{
    float *samples = calloc((size_t)SECONDS * RATE, sizeof *samples);
    uint32_t state = 7;
    assert_non_null(samples);
    for (int i = 0; i < SECONDS * RATE; i++) {
        state = state * 1664525u + 1013904223u;
        samples[i] = ((float)(state >> 16) / 32768 - 1) * 1e-3f;
    }
    return samples;
}

static void test_noise_has_no_speech(void **state)
{
    (void)state;
    struct valence_error error;
    struct speech_parts parts;
    struct whisper_vad_context *vad = load();
    float *noise = make_noise();
    for (int64_t n = 1; n <= SECONDS * RATE; n = n < RATE ? 7 * n : n + 3 * RATE) {
        assert_int_equal(speech_parts_find(vad, noise, n, &parts, &error), 0);
        assert_int_equal(parts.n_samples, 0);
        assert_int_equal(parts.n_points, 0);
        assert_int_equal(speech_parts_time(&parts, 123), 123);
        speech_parts_free(&parts);
    }
    free(noise);
    whisper_vad_free(vad);
}

static int add_sentence(void *user, const struct valence_media_samples *piece,
                        struct valence_error *error)
{
    float *to = user;
    (void)error;
    for (int64_t i = 0; i < piece->n_samples; i++) {
        int64_t at = piece->first + i, again = at + 6 * RATE;
        assert_true(again < (int64_t)SECONDS * RATE);
        to[PAUSE * RATE + at - RATE] = piece->samples[i];
        to[again] = piece->samples[i];
    }
    return 0;
}

/* The sentence of the fixtures twice, at 2 and at 6 seconds, in silence. */
static float *make_speech(void)
{
    struct valence_error error;
    struct valence_media *media;
    const char *shared = getenv("VALENCE_SHARED");
    char path[512];
    if (!shared || !*shared)
        skip();
    snprintf(path, sizeof path, "%s/golden/whisper/base/speech.wav", shared);
    float *samples = make_noise();
    const struct valence_media_sink sink = {add_sentence, NULL, samples};
    assert_int_equal(valence_media_open(path, NULL, &media, &error), 0);
    assert_true(valence_media_get_info(media)->duration < 6);
    assert_int_equal(valence_media_decode(media, NULL, 0, &sink, NULL, &error), 0);
    valence_media_close(media);
    return samples;
}

static void test_speech_is_cut_out_and_keeps_its_time(void **state)
{
    (void)state;
    struct valence_error error;
    struct speech_parts parts;
    float *samples = make_speech();
    struct whisper_vad_context *vad = load();
    assert_int_equal(speech_parts_find(vad, samples, (int64_t)SECONDS * RATE, &parts, &error), 0);
    assert_true(parts.n_samples > 3 * RATE && parts.n_samples < (SECONDS - 2) * RATE);
    assert_true(parts.n_points >= 2);
    /* the first word begins near 2 s, the last one ends before the end */
    assert_in_range(speech_parts_time(&parts, 0), 180, 230);
    assert_true(parts.points[parts.n_points - 1].whole < SECONDS * 100);
    int64_t last = 0;
    for (int64_t t = 0; t < parts.n_samples / 160; t++) {
        int64_t time = speech_parts_time(&parts, t);
        assert_true(time >= last);
        last = time;
    }
    /* What stands at the beginning is what stood there in the whole. */
    int64_t first = parts.points[0].whole * RATE / 100;
    assert_memory_equal(parts.samples, samples + first, RATE * sizeof *samples);
    /* A second time gives the same: nothing is left of the sound before. */
    struct speech_parts again;
    assert_int_equal(speech_parts_find(vad, samples, (int64_t)SECONDS * RATE, &again, &error), 0);
    assert_int_equal(again.n_samples, parts.n_samples);
    assert_memory_equal(again.samples, parts.samples, (size_t)parts.n_samples * sizeof(float));
    speech_parts_free(&again);
    speech_parts_free(&parts);
    free(samples);
    whisper_vad_free(vad);
}

static void test_times_between_points_are_interpolated(void **state)
{
    (void)state;
    struct speech_point points[] = {{0, 100}, {50, 150}, {60, 400}, {160, 500}};
    const struct speech_parts parts = {.points = points, .n_points = 4};
    assert_int_equal(speech_parts_time(&parts, -5), 100);
    assert_int_equal(speech_parts_time(&parts, 0), 100);
    assert_int_equal(speech_parts_time(&parts, 20), 120);
    assert_int_equal(speech_parts_time(&parts, 50), 150);
    assert_int_equal(speech_parts_time(&parts, 55), 275);
    assert_int_equal(speech_parts_time(&parts, 60), 400);
    assert_int_equal(speech_parts_time(&parts, 159), 499);
    assert_int_equal(speech_parts_time(&parts, 1000), 500);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_noise_has_no_speech),
        cmocka_unit_test(test_speech_is_cut_out_and_keeps_its_time),
        cmocka_unit_test(test_times_between_points_are_interpolated),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
