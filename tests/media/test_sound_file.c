#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "media/sound_file.h"

/* A WAV file of `n` frames of 16-bit sine; free() it. */
static unsigned char *make_wav(int rate, int channels, int n, double hertz, size_t *size)
{
    *size = 44 + (size_t)(n * channels) * 2;
    unsigned char *wav = calloc(1, *size);
    assert_non_null(wav);
    uint32_t data = (uint32_t)(n * channels * 2), riff = 36 + data, format = 16,
             per_second = (uint32_t)(rate * channels * 2);
    uint32_t rate32 = (uint32_t)rate;
    uint16_t pcm = 1, channels16 = (uint16_t)channels, frame = (uint16_t)(channels * 2), bits = 16;
    memcpy(wav, "RIFF", 4), memcpy(wav + 4, &riff, 4), memcpy(wav + 8, "WAVEfmt ", 8),
        memcpy(wav + 16, &format, 4);
    memcpy(wav + 20, &pcm, 2), memcpy(wav + 22, &channels16, 2), memcpy(wav + 24, &rate32, 4);
    memcpy(wav + 28, &per_second, 4), memcpy(wav + 32, &frame, 2), memcpy(wav + 34, &bits, 2);
    memcpy(wav + 36, "data", 4), memcpy(wav + 40, &data, 4);
    for (int i = 0; i < n; i++)
        for (int c = 0; c < channels; c++) {
            double value = c == 0 ? sin(2 * M_PI * hertz * i / rate) : 0.0;
            int16_t sample = (int16_t)lrint(16384 * value);
            memcpy(wav + 44 + (i * channels + c) * 2, &sample, 2);
        }
    return wav;
}

static void test_samples_of_the_asked_rate_are_as_in_the_file(void **state)
{
    (void)state;
    size_t size;
    struct sound sound;
    struct valence_error error;
    unsigned char *wav = make_wav(16000, 1, 1000, 440, &size);
    assert_int_equal(sound_read_memory(wav, size, "x.wav", 16000, &sound, &error), 0);
    assert_int_equal(sound.n_samples, 1000);
    for (int i = 0; i < 1000; i++) {
        int16_t stored;
        memcpy(&stored, wav + 44 + 2 * i, 2);
        assert_true(sound.samples[i] == (float)stored / 32768.0f);
    }
    sound_free(&sound);
    free(wav);
}

static void test_channels_are_averaged(void **state)
{
    (void)state;
    size_t size;
    struct sound sound;
    struct valence_error error;
    unsigned char *wav = make_wav(16000, 2, 1000, 440, &size);
    assert_int_equal(sound_read_memory(wav, size, "x.wav", 16000, &sound, &error), 0);
    assert_int_equal(sound.n_channels, 2);
    assert_int_equal(sound.n_samples, 1000);
    for (int i = 0; i < 1000; i++)
        assert_true(fabs(sound.samples[i] - 0.25 * sin(2 * M_PI * 440 * i / 16000.0)) < 1e-4);
    sound_free(&sound);
    free(wav);
}

static void test_another_rate_is_converted(void **state)
{
    (void)state;
    static const int rates[] = {8000, 22050, 44100, 48000, 96000};
    for (size_t r = 0; r < sizeof rates / sizeof *rates; r++) {
        size_t size;
        struct sound sound;
        struct valence_error error;
        unsigned char *wav = make_wav(rates[r], 1, rates[r], 440, &size);
        assert_int_equal(sound_read_memory(wav, size, "x.wav", 16000, &sound, &error), 0);
        assert_int_equal(sound.original_rate_hz, rates[r]);
        assert_true(llabs(sound.n_samples - 16000) <= 1);
        for (int i = 2000; i < 14000; i++)
            assert_true(fabs(sound.samples[i] - 0.5 * sin(2 * M_PI * 440 * i / 16000.0)) < 2e-3);
        sound_free(&sound);
        free(wav);
    }
}

static void test_damaged_and_foreign_files_are_errors(void **state)
{
    (void)state;
    size_t size;
    struct sound sound;
    struct valence_error error;
    unsigned char *wav = make_wav(16000, 1, 100, 440, &size);
    assert_int_equal(sound_read_memory(wav, 0, "x.wav", 16000, &sound, &error),
                     VALENCE_ERROR_UNSUPPORTED);
    assert_int_equal(sound_read_memory("OggS and more", 13, "x.ogg", 16000, &sound, &error),
                     VALENCE_ERROR_UNSUPPORTED);
    for (size_t cut = 4; cut < 44; cut += 5) {
        assert_int_not_equal(sound_read_memory(wav, cut, "x.wav", 16000, &sound, &error), 0);
        assert_null(sound.samples);
        assert_non_null(strstr(error.text, "x.wav"));
    }
    assert_int_equal(sound_read_memory(wav, 44, "x.wav", 16000, &sound, &error),
                     VALENCE_ERROR_DATA);
    assert_int_equal(sound_read("/nowhere/x.wav", 16000, &sound, &error), VALENCE_ERROR_NOT_FOUND);
    free(wav);
}

static void test_samples_that_are_not_finite_are_an_error(void **state)
{
    (void)state;
    size_t size;
    struct sound sound;
    struct valence_error error;
    unsigned char *wav = make_wav(16000, 2, 100, 440, &size); /* the same bytes as 100 floats */
    uint16_t ieee = 3, one = 1, bits = 32;
    uint32_t infinity = 0x7F800000u, zero = 0;
    memcpy(wav + 20, &ieee, 2), memcpy(wav + 22, &one, 2), memcpy(wav + 34, &bits, 2);
    for (int i = 0; i < 100; i++)
        memcpy(wav + 44 + 4 * i, i == 50 ? &infinity : &zero, 4);
    assert_int_equal(sound_read_memory(wav, size, "x.wav", 16000, &sound, &error),
                     VALENCE_ERROR_DATA);
    assert_non_null(strstr(error.text, "sample 50"));
    free(wav);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_samples_of_the_asked_rate_are_as_in_the_file),
        cmocka_unit_test(test_channels_are_averaged),
        cmocka_unit_test(test_another_rate_is_converted),
        cmocka_unit_test(test_damaged_and_foreign_files_are_errors),
        cmocka_unit_test(test_samples_that_are_not_finite_are_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
