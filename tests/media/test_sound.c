/* Sound in memory: rates, channels, values, damage. */
#include "media_fixture.h"

static int read_memory(const void *data, size_t size, const char *name,
                       const struct valence_media_options *options, struct valence_sound **sound,
                       struct valence_error *error)
{
    struct valence_media *media;
    *sound = NULL;
    int status = valence_media_open_memory(data, size, name, options, &media, error);
    if (!status)
        status = valence_media_read_sound(media, NULL, sound, error);
    valence_media_close(media);
    return status;
}

static void test_samples_of_the_asked_rate_are_as_in_the_file(void **state)
{
    (void)state;
    size_t size;
    struct valence_sound *sound;
    struct valence_error error;
    unsigned char *wav = make_wav(16000, 1, 1000, 440, &size);
    assert_int_equal(read_memory(wav, size, "x.wav", NULL, &sound, &error), 0);
    assert_int_equal(sound->n_samples, 1000);
    assert_int_equal(sound->rate_hz, 16000);
    for (int i = 0; i < 1000; i++)
        assert_true(sound->samples[i] == (float)sample_of(wav, i) / 32768.0f);
    valence_sound_free(sound);
    free(wav);
}

static void test_channels_are_averaged(void **state)
{
    (void)state;
    static const int channels[] = {2, 3, 6, 11, 64}; /* 11 and 64 have no usual order */
    for (size_t c = 0; c < sizeof channels / sizeof *channels; c++) {
        size_t size;
        struct valence_sound *sound;
        struct valence_error error;
        unsigned char *wav = make_wav(16000, channels[c], 1000, 440, &size);
        assert_int_equal(read_memory(wav, size, "x.wav", NULL, &sound, &error), 0);
        assert_int_equal(sound->n_samples, 1000);
        double share = sound->samples[9] / (0.5 * sin(2 * M_PI * 440 * 9 / 16000.0));
        if (channels[c] == 2 || channels[c] > 8)
            assert_true(fabs(share - 1.0 / channels[c]) < 1e-3);
        for (int i = 0; i < 1000; i++)
            assert_true(fabs(sound->samples[i] - share * 0.5 * sin(2 * M_PI * 440 * i / 16000.0)) <
                        1e-4);
        valence_sound_free(sound);
        free(wav);
    }
}

static void test_another_rate_is_converted(void **state)
{
    (void)state;
    static const int rates[] = {8000, 22050, 44100, 48000, 96000};
    for (size_t r = 0; r < sizeof rates / sizeof *rates; r++) {
        size_t size;
        struct valence_sound *sound;
        struct valence_error error;
        unsigned char *wav = make_wav(rates[r], 1, rates[r], 440, &size);
        assert_int_equal(read_memory(wav, size, "x.wav", NULL, &sound, &error), 0);
        assert_true(llabs(sound->n_samples - 16000) <= 1);
        for (int i = 2000; i < 14000; i++)
            assert_true(fabs(sound->samples[i] - 0.5 * sin(2 * M_PI * 440 * i / 16000.0)) < 2e-3);
        valence_sound_free(sound);
        free(wav);
    }
}

static void test_foreign_files_are_errors(void **state)
{
    (void)state;
    size_t size;
    struct valence_sound *sound;
    struct valence_error error;
    unsigned char *wav = make_wav(16000, 1, 100, 440, &size);
    assert_int_equal(read_memory(wav, 0, "x.wav", NULL, &sound, &error), VALENCE_ERROR_FORMAT);
    assert_non_null(strstr(error.text, "x.wav: is empty"));
    assert_int_equal(read_memory("only text\n", 10, "x.mp4", NULL, &sound, &error),
                     VALENCE_ERROR_UNSUPPORTED);
    assert_int_equal(
        read_memory("#EXTM3U\n#EXTINF:10,\n/tmp/a.wav\n", 31, "x.mp4", NULL, &sound, &error),
        VALENCE_ERROR_UNSUPPORTED);
    static const char list[] = "ffconcat version 1.0\nfile /tmp/a.wav\n";
    assert_int_equal(read_memory(list, sizeof list - 1, "x.wav", NULL, &sound, &error),
                     VALENCE_ERROR_UNSUPPORTED);
    assert_non_null(strstr(error.text, "list of other files"));
    static const char subtitle[] = "1\n00:00:01,000 --> 00:00:02,000\nHello\n\n";
    assert_int_equal(read_memory(subtitle, sizeof subtitle - 1, "x.srt", NULL, &sound, &error),
                     VALENCE_ERROR_DATA);
    assert_non_null(strstr(error.text, "neither sound nor pictures"));
    for (size_t cut = 4; cut < 44; cut += 5) {
        assert_int_not_equal(read_memory(wav, cut, "x.wav", NULL, &sound, &error), 0);
        assert_null(sound);
        assert_non_null(strstr(error.text, "x.wav"));
    }
    struct valence_media *media;
    assert_int_equal(valence_media_open("/nowhere/x.wav", NULL, &media, &error),
                     VALENCE_ERROR_NOT_FOUND);
    assert_int_equal(valence_media_open("/tmp", NULL, &media, &error), VALENCE_ERROR_IO);
    free(wav);
}

static void test_a_rate_of_zero_is_named(void **state)
{
    (void)state;
    size_t size;
    struct valence_sound *sound;
    struct valence_error error;
    unsigned char *wav = make_wav(16000, 1, 100, 440, &size);
    put32(wav + 24, 0);
    assert_int_equal(read_memory(wav, size, "x.wav", NULL, &sound, &error), VALENCE_ERROR_FORMAT);
    assert_non_null(strstr(error.text, "sample rate: 0"));
    free(wav);
}

static void test_a_cut_wav_is_an_error_or_a_warning(void **state)
{
    (void)state;
    size_t size;
    struct valence_media *media;
    struct valence_sound *sound;
    struct valence_error error;
    struct valence_media_options options;
    unsigned char *wav = make_wav(16000, 1, 8000, 440, &size);
    assert_int_equal(read_memory(wav, size - 5000, "x.wav", NULL, &sound, &error),
                     VALENCE_ERROR_FORMAT);
    assert_string_equal(error.key, "accept_damaged");
    assert_string_equal(error.text, "x.wav: the file is cut off: 5000 bytes are missing");
    valence_media_options_default(&options);
    options.accept_damaged = true;
    assert_int_equal(valence_media_open_memory(wav, size - 5000, "x.wav", &options, &media, &error),
                     0);
    assert_int_equal(valence_media_read_sound(media, NULL, &sound, &error), 0);
    assert_int_equal(sound->n_samples, 5500);
    assert_string_equal(valence_media_warning(media),
                        "the file is cut off: 5000 bytes are missing");
    valence_sound_free(sound);
    valence_media_close(media);
    free(wav);
}

static void test_a_wav_written_into_a_pipe_is_read_to_its_end(void **state)
{
    (void)state;
    static const unsigned sizes[] = {0, 0xFFFFFFFFu, 0x7FFFFFFFu, 0x7FFFF000u};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        size_t size;
        struct valence_sound *sound;
        struct valence_error error;
        unsigned char *wav = make_wav(16000, 1, 8000, 440, &size);
        put32(wav + 4, sizes[i]);
        put32(wav + 40, sizes[i]);
        assert_int_equal(read_memory(wav, size, "x.wav", NULL, &sound, &error), 0);
        assert_int_equal(sound->n_samples, 8000);
        valence_sound_free(sound);
        assert_int_equal(read_memory(wav, 44, "x.wav", NULL, &sound, &error), VALENCE_ERROR_DATA);
        free(wav);
    }
}

static void test_samples_that_are_not_finite_are_an_error(void **state)
{
    (void)state;
    size_t size;
    struct valence_sound *sound;
    struct valence_error error;
    unsigned char *wav = make_wav(16000, 2, 100, 440, &size); /* the same bytes as 100 floats */
    put16(wav + 20, 3), put16(wav + 22, 1), put16(wav + 34, 32);
    for (int i = 0; i < 100; i++)
        put32(wav + 44 + 4 * i, i == 50 ? 0x7F800000u : 0);
    assert_int_equal(read_memory(wav, size, "x.wav", NULL, &sound, &error), VALENCE_ERROR_DATA);
    assert_non_null(strstr(error.text, "sample 50"));
    free(wav);
}

static void test_limits_name_their_option(void **state)
{
    (void)state;
    size_t size;
    struct valence_sound *sound;
    struct valence_error error;
    struct valence_media_options options;
    unsigned char *wav = make_wav(16000, 1, 32000, 440, &size);
    valence_media_options_default(&options);
    options.max_seconds = 1.5;
    assert_int_equal(read_memory(wav, size, "x.wav", &options, &sound, &error),
                     VALENCE_ERROR_LIMIT);
    assert_string_equal(error.key, "max_seconds");
    put32(wav + 40, 0); /* now the header does not tell */
    assert_int_equal(read_memory(wav, size, "x.wav", &options, &sound, &error),
                     VALENCE_ERROR_LIMIT);
    assert_string_equal(error.key, "max_seconds");
    valence_media_options_default(&options);
    options.max_bytes = 100000;
    assert_int_equal(read_memory(wav, size, "x.wav", &options, &sound, &error),
                     VALENCE_ERROR_LIMIT);
    assert_string_equal(error.key, "max_bytes");
    options.max_bytes = 0;
    assert_int_equal(read_memory(wav, size, "x.wav", &options, &sound, &error),
                     VALENCE_ERROR_ARGUMENT);
    assert_string_equal(error.key, "max_bytes");
    valence_media_options_default(&options);
    options.audio_stream = 1;
    assert_int_equal(read_memory(wav, size, "x.wav", &options, &sound, &error),
                     VALENCE_ERROR_ARGUMENT);
    assert_string_equal(error.key, "audio_stream");
    free(wav);
}

static void test_a_pipe_is_read(void **state)
{
    (void)state;
    size_t size;
    int ends[2];
    struct valence_media *media;
    struct valence_sound *sound;
    struct valence_error error;
    unsigned char *wav = make_wav(16000, 1, 8000, 440, &size); /* fits into a pipe */
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(write(ends[1], wav, size), size);
    close(ends[1]);
    assert_int_equal(valence_media_open_descriptor(ends[0], "pipe", NULL, &media, &error), 0);
    assert_int_equal(valence_media_get_info(media)->n_bytes, -1);
    assert_int_equal(valence_media_read_sound(media, NULL, &sound, &error), 0);
    assert_int_equal(sound->n_samples, 8000);
    valence_sound_free(sound);
    assert_int_equal(valence_media_read_sound(media, NULL, &sound, &error),
                     VALENCE_ERROR_UNSUPPORTED);
    valence_media_close(media);
    close(ends[0]);
    free(wav);
}

static void test_options_of_an_older_caller_are_taken(void **state)
{
    (void)state;
    size_t size;
    struct valence_sound *sound;
    struct valence_error error;
    struct valence_media_options options;
    unsigned char *wav = make_wav(8000, 1, 800, 440, &size);
    valence_media_options_default(&options);
    options.rate_hz = 8000;
    options.fps = -1; /* beyond what that caller knew */
    options.size = offsetof(struct valence_media_options, fps);
    assert_int_equal(read_memory(wav, size, "x.wav", &options, &sound, &error), 0);
    assert_int_equal(sound->n_samples, 800);
    valence_sound_free(sound);
    options.size = sizeof options + 8;
    assert_int_equal(read_memory(wav, size, "x.wav", &options, &sound, &error),
                     VALENCE_ERROR_ARGUMENT);
    free(wav);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_samples_of_the_asked_rate_are_as_in_the_file),
        cmocka_unit_test(test_channels_are_averaged),
        cmocka_unit_test(test_another_rate_is_converted),
        cmocka_unit_test(test_foreign_files_are_errors),
        cmocka_unit_test(test_a_rate_of_zero_is_named),
        cmocka_unit_test(test_a_cut_wav_is_an_error_or_a_warning),
        cmocka_unit_test(test_a_wav_written_into_a_pipe_is_read_to_its_end),
        cmocka_unit_test(test_samples_that_are_not_finite_are_an_error),
        cmocka_unit_test(test_limits_name_their_option),
        cmocka_unit_test(test_a_pipe_is_read),
        cmocka_unit_test(test_options_of_an_older_caller_are_taken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
