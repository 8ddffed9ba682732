/* Transcribing with a small random model of the published vocabulary's size: what it hears is
 * noise, but times, words, languages and errors are those of any model. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "made_speech.h"
#include "tiny_whisper.h"
#include "valence/convert.h"
#include "valence/encoder.h"
#include "valence/runtime.h"
#include "valence/transcribe.h"

static char folder[] = "/tmp/test-transcribe-XXXXXX";

static const char *in_folder(const char *name)
{
    static char paths[4][128];
    static int next;
    char *path = paths[next++ % 4];
    snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    return path;
}

/* ---- The model ---- */

static int make_models(void **state)
{
    struct valence_error error;
    (void)state;
    assert_non_null(mkdtemp(folder));
    tiny_whisper_weights(folder);
    struct valence_convert_options options = {.size = sizeof options, .type = "f16"};
    assert_int_equal(valence_convert(VALENCE_CONVERT_WHISPER, folder, in_folder("mute.gguf"),
                                     &options, NULL, &error),
                     0);
    tiny_whisper_vocabulary(folder, false);
    assert_int_equal(valence_convert(VALENCE_CONVERT_WHISPER, folder, in_folder("blank.gguf"),
                                     &options, NULL, &error),
                     0);
    tiny_whisper_vocabulary(folder, true);
    assert_int_equal(valence_convert(VALENCE_CONVERT_WHISPER, folder, in_folder("model.gguf"),
                                     &options, NULL, &error),
                     0);
    options.type = "q8_0";
    assert_int_equal(valence_convert(VALENCE_CONVERT_WHISPER, folder, in_folder("q8.gguf"),
                                     &options, NULL, &error),
                     0);
    return 0;
}

static int remove_models(void **state)
{
    char command[64];
    (void)state;
    snprintf(command, sizeof command, "rm -rf %s", folder);
    return system(command);
}

/* ---- Transcribing ---- */

/* Three seconds of noise, as a WAV file in memory. */
static struct valence_media *open_noise(void)
{
    enum { N = 48000 };
    static unsigned char wav[44 + 2 * N] =
        "RIFF\x24\x77\x01\0WAVEfmt \x10\0\0\0\1\0\1\0\x80\x3E\0\0"
        "\0\x7D\0\0\2\0\x10\0data\0\x77\x01";
    uint32_t state = 7;
    for (int i = 44; i < 44 + 2 * N; i++) {
        state = state * 1664525u + 1013904223u;
        wav[i] = i % 2 ? (unsigned char)((int)(state >> 28) - 8) : (unsigned char)(state >> 24);
    }
    struct valence_media *media;
    struct valence_error error;
    assert_int_equal(valence_media_open_memory(wav, sizeof wav, "noise", NULL, &media, &error), 0);
    return media;
}

static void test_segments_and_words_are_within_the_sound(void **state)
{
    (void)state;
    struct valence_error error;
    struct valence_transcriber *transcriber;
    struct valence_transcript *transcript;
    struct valence_transcribe_options options;
    valence_transcribe_options_default(&options);
    options.language = "de";
    options.words = true;
    options.beams = 1;
    assert_int_equal(valence_transcriber_load(in_folder("model.gguf"), &transcriber, &error), 0);
    struct valence_media *media = open_noise();
    assert_int_equal(
        valence_transcribe(transcriber, media, NULL, &options, NULL, &transcript, &error), 0);
    assert_string_equal(transcript->language, "de");
    assert_true(fabs(transcript->duration - 3) < 1e-9);
    for (int64_t i = 0; i < transcript->n_segments; i++) {
        const struct valence_speech_segment *segment = &transcript->segments[i];
        assert_true(segment->start >= 0 && segment->start <= segment->end);
        assert_true(segment->confidence >= 0 && segment->confidence <= 1);
        assert_true(segment->avg_logprob <= 0);
        for (int64_t j = 0; j < segment->n_words; j++) {
            assert_null(strchr(segment->words[j].text, ' '));
            assert_true(segment->words[j].start <= segment->words[j].end);
        }
    }
    valence_transcript_free(transcript);
    valence_media_close(media);
    valence_transcriber_free(transcriber);
}

static struct valence_transcript *transcribe_noise(struct valence_transcriber *transcriber,
                                                   const char *language, const char *vad)
{
    struct valence_error error;
    struct valence_transcript *transcript;
    struct valence_transcribe_options options;
    valence_transcribe_options_default(&options);
    options.language = language;
    options.vad = vad;
    options.beams = 1;
    struct valence_media *media = open_noise();
    assert_int_equal(
        valence_transcribe(transcriber, media, NULL, &options, NULL, &transcript, &error), 0);
    valence_media_close(media);
    return transcript;
}

/* The encoder's pass that found the language is the one that is transcribed. */
static void test_a_found_language_gives_what_the_given_one_does(void **state)
{
    (void)state;
    struct valence_error error;
    struct valence_transcriber *transcriber;
    assert_int_equal(valence_transcriber_load(in_folder("model.gguf"), &transcriber, &error), 0);
    struct valence_transcript *found = transcribe_noise(transcriber, NULL, NULL);
    assert_true(found->n_segments > 0);
    struct valence_transcript *given = transcribe_noise(transcriber, found->language, NULL);
    assert_string_equal(found->language, given->language);
    assert_int_equal(found->n_segments, given->n_segments);
    for (int64_t i = 0; i < found->n_segments; i++) {
        const struct valence_speech_segment *a = &found->segments[i], *b = &given->segments[i];
        assert_string_equal(a->text, b->text);
        assert_int_equal(a->n_tokens, b->n_tokens);
        assert_memory_equal(a->tokens, b->tokens, (size_t)a->n_tokens * sizeof *a->tokens);
        assert_true(a->start == b->start && a->end == b->end);
        assert_true(a->confidence == b->confidence);
    }
    valence_transcript_free(found);
    valence_transcript_free(given);
    valence_transcriber_free(transcriber);
}

static void test_without_speech_nothing_is_transcribed(void **state)
{
    (void)state;
    struct valence_error error;
    struct valence_transcriber *transcriber;
    assert_int_equal(valence_transcriber_load(in_folder("model.gguf"), &transcriber, &error), 0);
    struct valence_transcript *heard = transcribe_noise(transcriber, "de", NULL);
    assert_true(heard->n_segments > 0);
    valence_transcript_free(heard);
    for (int i = 0; i < 2; i++) {
        const char *language = i ? "de" : NULL;
        heard = transcribe_noise(transcriber, language, VALENCE_TEST_VAD);
        assert_int_equal(heard->n_segments, 0);
        assert_string_equal(heard->language, language ? language : "");
        assert_true(fabs(heard->duration - 3) < 1e-9);
        valence_transcript_free(heard);
    }
    valence_transcriber_free(transcriber);
}

/* ---- Voice activity detection ---- */

enum { PAUSE_SECONDS = 40, SPEECH_SECONDS = 3, LONG_SECONDS = 2 + 3 + 40 + 3 + 2 };

/* Two seconds of silence, three of speech, a long pause, three of speech, and silence. */
static float *make_long_pause(void)
{
    float *samples = calloc(LONG_SECONDS * MADE_SPEECH_HZ, sizeof *samples);
    assert_non_null(samples);
    made_speech(samples + 2 * MADE_SPEECH_HZ, SPEECH_SECONDS * MADE_SPEECH_HZ);
    made_speech(samples + (5 + PAUSE_SECONDS) * MADE_SPEECH_HZ, SPEECH_SECONDS * MADE_SPEECH_HZ);
    return samples;
}

/* Whether a range lies within one span of speech. */
static bool is_in_speech(const struct valence_transcript *transcript, double start, double end)
{
    for (int64_t i = 0; i < transcript->n_speech; i++)
        if (start >= transcript->speech[i].start - 1e-6 && end <= transcript->speech[i].end + 1e-6)
            return true;
    return false;
}

static struct valence_transcript *listen(const float *samples, int64_t n, double start,
                                         const char *vad)
{
    struct valence_error error;
    struct valence_transcriber *transcriber;
    struct valence_transcript *transcript;
    struct valence_transcribe_options options;
    valence_transcribe_options_default(&options);
    options.language = "de";
    options.words = true;
    options.beams = 1;
    options.vad = vad;
    assert_int_equal(valence_transcriber_load(in_folder("model.gguf"), &transcriber, &error), 0);
    assert_int_equal(valence_transcribe_samples(transcriber, samples, n, start, &options, NULL,
                                                &transcript, &error),
                     0);
    valence_transcriber_free(transcriber);
    return transcript;
}

/* The model says something about any sound. */
static void test_words_lie_where_speech_is(void **state)
{
    (void)state;
    const double start = 100;
    float *samples = make_long_pause();
    struct valence_transcript *transcript =
        listen(samples, LONG_SECONDS * MADE_SPEECH_HZ, start, VALENCE_TEST_VAD);
    assert_int_equal(transcript->n_speech, 2);
    for (int i = 0; i < 2; i++) {
        double begin = start + (i ? 5 + PAUSE_SECONDS : 2);
        assert_true(fabs(transcript->speech[i].start - begin) < 0.1);
        assert_true(fabs(transcript->speech[i].end - begin - SPEECH_SECONDS) < 0.1);
    }
    assert_true(transcript->n_segments >= 2);
    assert_true(transcript->segments[0].end < start + 6);
    assert_true(transcript->segments[transcript->n_segments - 1].start > start + 44);
    for (int64_t i = 0; i < transcript->n_segments; i++) {
        const struct valence_speech_segment *segment = &transcript->segments[i];
        assert_true(is_in_speech(transcript, segment->start, segment->end));
        assert_true(i == 0 || segment->start >= segment[-1].start);
        assert_true(segment->n_tokens > 0);
        for (int64_t j = 0; j < segment->n_words; j++)
            assert_true(is_in_speech(transcript, segment->words[j].start, segment->words[j].end));
    }
    assert_true(fabs(transcript->duration - LONG_SECONDS) < 1e-9);
    valence_transcript_free(transcript);
    free(samples);
}

/* ---- Errors ---- */

static int cancel(void *user, const struct valence_progress_event *event)
{
    (void)user, (void)event;
    return 1;
}

/* So slow that the transcriber asks again after its next step. */
static int cancel_the_fifth_time(void *user, const struct valence_progress_event *event)
{
    int *n = user;
    assert_true(event->done >= 0 && event->done <= event->total && event->total == 3);
    nanosleep(&(struct timespec){.tv_nsec = 150000000}, NULL);
    return ++*n == 5;
}

static void refuse_log(void *user, enum valence_log_level level, const char *text)
{
    (void)user, (void)level;
    fail_msg("logged: %s", text);
}

/* Whisper reports its progress once in 30 seconds of sound. It calls this a failure, which nobody
 * is told. */
static void test_transcribing_can_be_cancelled_within_a_window(void **state)
{
    (void)state;
    struct valence_error error;
    struct valence_transcriber *transcriber;
    struct valence_transcript *transcript;
    struct valence_transcribe_options options;
    int n = 0;
    const struct valence_progress progress = {cancel_the_fifth_time, &n};
    assert_int_equal(valence_transcriber_load(in_folder("model.gguf"), &transcriber, &error), 0);
    valence_transcribe_options_default(&options);
    options.language = "de";
    struct valence_media *media = open_noise();
    valence_set_log(refuse_log, NULL);
    assert_int_equal(
        valence_transcribe(transcriber, media, NULL, &options, &progress, &transcript, &error),
        VALENCE_ERROR_CANCELLED);
    valence_set_log(NULL, NULL);
    assert_int_equal(n, 5);
    assert_null(transcript);
    valence_media_close(media);
    valence_transcriber_free(transcriber);
}

static void test_what_cannot_be_transcribed_is_an_error(void **state)
{
    (void)state;
    struct valence_error error;
    struct valence_transcriber *transcriber;
    struct valence_transcript *transcript;
    struct valence_transcribe_options options;
    assert_int_equal(valence_transcriber_load(in_folder("mute.gguf"), &transcriber, &error),
                     VALENCE_ERROR_UNSUPPORTED);
    assert_non_null(strstr(error.text, "has no vocabulary"));
    assert_int_equal(valence_transcriber_load(in_folder("blank.gguf"), &transcriber, &error),
                     VALENCE_ERROR_FORMAT);
    assert_int_equal(valence_transcriber_load(in_folder("q8.gguf"), &transcriber, &error),
                     VALENCE_ERROR_UNSUPPORTED);
    assert_string_equal(error.key, "type");
    assert_null(transcriber);
    assert_int_equal(valence_transcriber_load("/nowhere.gguf", &transcriber, &error),
                     VALENCE_ERROR_NOT_FOUND);
    assert_int_equal(valence_transcriber_load(in_folder("model.gguf"), &transcriber, &error), 0);
    struct valence_media *media = open_noise();
    valence_transcribe_options_default(&options);
    options.language = "xx";
    assert_int_equal(
        valence_transcribe(transcriber, media, NULL, &options, NULL, &transcript, &error),
        VALENCE_ERROR_ARGUMENT);
    assert_string_equal(error.key, "language");
    assert_null(transcript);
    valence_transcribe_options_default(&options);
    options.vad = "/nowhere.bin";
    assert_int_equal(
        valence_transcribe(transcriber, media, NULL, &options, NULL, &transcript, &error),
        VALENCE_ERROR_NOT_FOUND);
    options.vad = in_folder("config.json");
    assert_int_equal(
        valence_transcribe(transcriber, media, NULL, &options, NULL, &transcript, &error),
        VALENCE_ERROR_UNSUPPORTED);
    assert_string_equal(error.key, "vad");
    valence_transcribe_options_default(&options);
    options.beams = 9;
    assert_int_equal(
        valence_transcribe(transcriber, media, NULL, &options, NULL, &transcript, &error),
        VALENCE_ERROR_ARGUMENT);
    options.beams = 1;
    const struct valence_progress progress = {cancel, NULL};
    assert_int_equal(
        valence_transcribe(transcriber, media, NULL, &options, &progress, &transcript, &error),
        VALENCE_ERROR_CANCELLED);
    valence_media_close(media);
    valence_transcriber_free(transcriber);
    valence_transcriber_free(NULL);
    valence_transcript_free(NULL);
}

/* The file for transcripts is the one for rows. */
/* ---- Going on ---- */

/* More than a block of noise that is loud and quiet in turn. */
#define LONG_SAMPLES ((int64_t)3 * 16000)

static float *make_long_noise(void)
{
    float *samples = malloc((size_t)LONG_SAMPLES * sizeof *samples);
    uint32_t random = 1;
    assert_non_null(samples);
    for (int64_t i = 0; i < LONG_SAMPLES; i++) {
        random = random * 1664525u + 1013904223u;
        samples[i] = ((float)(random >> 8) / 8388608.0f - 1) * (i / 4000 % 3 ? 0.3f : 0.01f);
    }
    return samples;
}

/* Keeps what block number `wanted` handed out, as an interrupted caller would have it. */
struct keeping {
    int n, wanted;
    struct valence_transcript kept;
    struct valence_speech_segment *segments;
};

static int keep_block(void *user, const struct valence_transcript *so_far)
{
    struct keeping *keeping = user;
    if (++keeping->n != keeping->wanted)
        return 0;
    keeping->kept = *so_far;
    keeping->segments = malloc((size_t)so_far->n_segments * sizeof *so_far->segments);
    assert_non_null(keeping->segments);
    for (int64_t i = 0; i < so_far->n_segments; i++) {
        struct valence_speech_segment *to = &keeping->segments[i];
        *to = so_far->segments[i];
        to->text = strdup(to->text);
        int32_t *tokens = malloc((size_t)to->n_tokens * sizeof *tokens + 1);
        assert_true(to->text && tokens);
        memcpy(tokens, to->tokens, (size_t)to->n_tokens * sizeof *tokens);
        to->tokens = tokens;
        to->n_words = 0;
        to->words = NULL;
    }
    keeping->kept.segments = keeping->segments;
    return 1; /* stops */
}

static void forget(struct keeping *keeping)
{
    for (int64_t i = 0; i < keeping->kept.n_segments; i++) {
        free((void *)(uintptr_t)keeping->segments[i].text);
        free((void *)(uintptr_t)keeping->segments[i].tokens);
    }
    free(keeping->segments);
}

static int count_block(void *user, const struct valence_transcript *so_far)
{
    assert_true(so_far->duration > 1 * (*(int *)user + 1));
    ++*(int *)user;
    return 0;
}

static void assert_same_transcript(const struct valence_transcript *a,
                                   const struct valence_transcript *b)
{
    assert_string_equal(a->language, b->language);
    assert_true(a->duration == b->duration);
    assert_int_equal(a->n_segments, b->n_segments);
    for (int64_t i = 0; i < a->n_segments; i++) {
        const struct valence_speech_segment *x = &a->segments[i], *y = &b->segments[i];
        assert_string_equal(x->text, y->text);
        assert_true(x->start == y->start && x->end == y->end && x->confidence == y->confidence);
        assert_int_equal(x->n_tokens, y->n_tokens);
        assert_memory_equal(x->tokens, y->tokens, (size_t)x->n_tokens * sizeof *x->tokens);
    }
}

static void test_an_interrupted_transcription_goes_on_to_the_same_transcript(void **state)
{
    (void)state;
    struct valence_transcriber *transcriber;
    struct valence_transcribe_options options;
    struct valence_transcript *whole, *rest;
    struct valence_error error;
    float *samples = make_long_noise();
    int n_blocks = 0;
    valence_transcribe_options_default(&options);
    options.beams = 1;
    options.block_seconds = 2;
    options.receive = count_block;
    options.user = &n_blocks;
    assert_int_equal(valence_transcriber_load(in_folder("model.gguf"), &transcriber, &error), 0);
    assert_int_equal(valence_transcribe_samples(transcriber, samples, LONG_SAMPLES, 0, &options,
                                                NULL, &whole, &error),
                     0);
    assert_int_equal(n_blocks, 1); /* the last is not handed out */
    assert_true(whole->n_segments > 0);
    struct keeping keeping = {.wanted = 1};
    options.receive = keep_block;
    options.user = &keeping;
    options.so_far = NULL;
    assert_int_equal(valence_transcribe_samples(transcriber, samples, LONG_SAMPLES, 0, &options,
                                                NULL, &rest, &error),
                     VALENCE_ERROR_CANCELLED);
    assert_null(rest);
    options.receive = NULL;
    options.so_far = &keeping.kept;
    assert_int_equal(valence_transcribe_samples(transcriber, samples, LONG_SAMPLES, 0, &options,
                                                NULL, &rest, &error),
                     0);
    assert_same_transcript(rest, whole);
    valence_transcript_free(rest);
    forget(&keeping);
    valence_transcript_free(whole);
    valence_transcriber_free(transcriber);
    free(samples);
}

static void test_what_was_not_heard_by_this_model_is_refused(void **state)
{
    (void)state;
    static const int32_t tokens[] = {1 << 20};
    const struct valence_speech_segment segment = {.text = "", .n_tokens = 1, .tokens = tokens};
    struct valence_transcript so_far = {.language = "en", .n_segments = 1, .segments = &segment};
    static const float samples[16000];
    struct valence_transcriber *transcriber;
    struct valence_transcribe_options options;
    struct valence_transcript *rest;
    struct valence_error error;
    valence_transcribe_options_default(&options);
    options.so_far = &so_far;
    assert_int_equal(valence_transcriber_load(in_folder("model.gguf"), &transcriber, &error), 0);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(valence_transcribe_samples(transcriber, samples, 16000, 0, &options, NULL,
                                                    &rest, &error),
                         VALENCE_ERROR_ARGUMENT);
        assert_non_null(strstr(error.text, i ? "handed out" : "token 1048576"));
        so_far.language = i ? "en" : "xx";
        so_far.duration = i ? NAN : 0;
    }
    valence_transcriber_free(transcriber);
}

static void test_the_same_file_encodes(void **state)
{
    (void)state;
    struct valence_error error;
    struct valence_encoder *encoder;
    assert_int_equal(valence_encoder_load(in_folder("q8.gguf"), NULL, &encoder, &error), 0);
    assert_string_equal(valence_encoder_describe(encoder)->kind, "whisper");
    assert_int_equal(valence_encoder_describe(encoder)->width, TINY_WHISPER_WIDTH);
    valence_encoder_free(encoder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_segments_and_words_are_within_the_sound),
        cmocka_unit_test(test_a_found_language_gives_what_the_given_one_does),
        cmocka_unit_test(test_without_speech_nothing_is_transcribed),
        cmocka_unit_test(test_words_lie_where_speech_is),
        cmocka_unit_test(test_transcribing_can_be_cancelled_within_a_window),
        cmocka_unit_test(test_what_cannot_be_transcribed_is_an_error),
        cmocka_unit_test(test_an_interrupted_transcription_goes_on_to_the_same_transcript),
        cmocka_unit_test(test_what_was_not_heard_by_this_model_is_refused),
        cmocka_unit_test(test_the_same_file_encodes),
    };
    return cmocka_run_group_tests(tests, make_models, remove_models);
}
