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
#include <unistd.h>

#include <cmocka.h>

#include "base/file_writer.h"
#include "format/safetensors.h"
#include "valence/encoder.h"
#include "valence/transcribe.h"

#define WIDTH      32
#define VOCABULARY 51865

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

struct tensor {
    char name[160];
    int n_dims;
    int64_t shape[3];
};

static struct tensor tensors[64];
static int n_tensors;

static void add(const char *name, int64_t a, int64_t b, int64_t c)
{
    struct tensor *tensor = &tensors[n_tensors++];
    snprintf(tensor->name, sizeof tensor->name, "%s", name);
    tensor->n_dims = c ? 3 : b ? 2 : 1;
    memcpy(tensor->shape, (int64_t[]){a, b, c}, sizeof tensor->shape);
}

static void add_linear(const char *stem, int64_t out, int64_t in, bool has_bias)
{
    char name[128];
    snprintf(name, sizeof name, "%s.weight", stem);
    add(name, out, in, 0);
    snprintf(name, sizeof name, "%s.bias", stem);
    if (has_bias)
        add(name, out, 0, 0);
}

static void add_attention(const char *layer, const char *kind)
{
    static const char *const parts[] = {"q_proj", "k_proj", "v_proj", "out_proj"};
    char stem[96];
    for (int i = 0; i < 4; i++) {
        snprintf(stem, sizeof stem, "%s.%s.%s", layer, kind, parts[i]);
        add_linear(stem, WIDTH, WIDTH, i != 1);
    }
    snprintf(stem, sizeof stem, "%s.%s_layer_norm", layer, kind);
    add_linear(stem, WIDTH, 0, true);
}

static void list_tensors(void)
{
    static const char *const layers[] = {"model.encoder.layers.0", "model.decoder.layers.0"};
    char stem[96];
    add("model.encoder.conv1.weight", WIDTH, 80, 3);
    add("model.encoder.conv1.bias", WIDTH, 0, 0);
    add("model.encoder.conv2.weight", WIDTH, WIDTH, 3);
    add("model.encoder.conv2.bias", WIDTH, 0, 0);
    add("model.encoder.embed_positions.weight", 1500, WIDTH, 0);
    add_linear("model.encoder.layer_norm", WIDTH, 0, true);
    add("model.decoder.embed_tokens.weight", VOCABULARY, WIDTH, 0);
    add("model.decoder.embed_positions.weight", 448, WIDTH, 0);
    add_linear("model.decoder.layer_norm", WIDTH, 0, true);
    for (int i = 0; i < 2; i++) {
        add_attention(layers[i], "self_attn");
        if (i == 1)
            add_attention(layers[i], "encoder_attn");
        snprintf(stem, sizeof stem, "%s.fc1", layers[i]);
        add_linear(stem, 4 * WIDTH, WIDTH, true);
        snprintf(stem, sizeof stem, "%s.fc2", layers[i]);
        add_linear(stem, WIDTH, 4 * WIDTH, true);
        snprintf(stem, sizeof stem, "%s.final_layer_norm", layers[i]);
        add_linear(stem, WIDTH, 0, true);
    }
}

static int64_t count_of(const struct tensor *tensor)
{
    int64_t count = 1;
    for (int i = 0; i < tensor->n_dims; i++)
        count *= tensor->shape[i];
    return count;
}

static void write_model(void)
{
    struct valence_error error;
    struct safetensors_writer *writer;
    uint32_t state = 1;
    assert_int_equal(safetensors_write_begin(in_folder("model.safetensors"), 0, &writer, &error),
                     0);
    for (int i = 0; i < n_tensors; i++)
        assert_int_equal(safetensors_declare(writer, tensors[i].name, ELEMENT_F32,
                                             tensors[i].n_dims, tensors[i].shape, &error),
                         0);
    for (int i = 0; i < n_tensors; i++) {
        int64_t n = count_of(&tensors[i]);
        float *values = malloc((size_t)n * sizeof *values);
        assert_non_null(values);
        for (int64_t j = 0; j < n; j++) {
            state = state * 1664525u + 1013904223u;
            values[j] = ((float)(state >> 8) / 16777216.0f - 0.5f) * 0.5f;
        }
        assert_int_equal(safetensors_write(writer, values, (size_t)n * sizeof *values, &error), 0);
        free(values);
    }
    assert_int_equal(safetensors_write_commit(writer, &error), 0);
}

/* Tokens "Ġw0", "w1", "Ġw2", ...: every other one begins a word. */
static void write_vocabulary(bool has_blank)
{
    FILE *file = fopen(in_folder("vocabulary.txt"), "w");
    assert_non_null(file);
    for (int i = 0; i < VOCABULARY; i++)
        if (i == 220 && has_blank)
            fputs("\xC4\xA0\n", file);
        else
            fprintf(file, "%sw%d\n", i % 2 ? "" : "\xC4\xA0", i);
    fclose(file);
}

static int make_models(void **state)
{
    struct valence_error error;
    (void)state;
    assert_non_null(mkdtemp(folder));
    list_tensors();
    write_model();
    FILE *config = fopen(in_folder("config.json"), "w");
    assert_non_null(config);
    fputs("{\"encoder_attention_heads\": 2, \"decoder_attention_heads\": 2}", config);
    fclose(config);
    struct valence_convert_options options = {.type = "f16"};
    assert_int_equal(
        valence_encoder_convert("whisper", folder, in_folder("mute.gguf"), &options, &error), 0);
    write_vocabulary(false);
    assert_int_equal(
        valence_encoder_convert("whisper", folder, in_folder("blank.gguf"), &options, &error), 0);
    write_vocabulary(true);
    assert_int_equal(
        valence_encoder_convert("whisper", folder, in_folder("model.gguf"), &options, &error), 0);
    options.type = "q8_0";
    assert_int_equal(
        valence_encoder_convert("whisper", folder, in_folder("q8.gguf"), &options, &error), 0);
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

static int cancel(void *user, const struct valence_progress_event *event)
{
    (void)user, (void)event;
    return 1;
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
static void test_the_same_file_encodes(void **state)
{
    (void)state;
    struct valence_error error;
    struct valence_encoder *encoder;
    assert_int_equal(valence_encoder_load(in_folder("q8.gguf"), NULL, &encoder, &error), 0);
    assert_string_equal(valence_encoder_describe(encoder)->kind, "whisper");
    assert_int_equal(valence_encoder_describe(encoder)->width, WIDTH);
    valence_encoder_free(encoder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_segments_and_words_are_within_the_sound),
        cmocka_unit_test(test_what_cannot_be_transcribed_is_an_error),
        cmocka_unit_test(test_the_same_file_encodes),
    };
    return cmocka_run_group_tests(tests, make_models, remove_models);
}
