/* The encoder interface on the fixtures' small models: what it refuses, and what must not change a
 * result. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/random.h"
#include "base/threads.h"
#include "valence/convert.h"
#include "valence/encoder.h"

#define GOLDEN VALENCE_TEST_DATA "/golden/"

static char folder[] = "/tmp/test-encoder-XXXXXX";
static char stable[64], base[64], faces[64];

static int convert_models(void **state)
{
    (void)state;
    struct valence_error error;
    if (!mkdtemp(folder))
        return -1;
    snprintf(stable, sizeof stable, "%s/stable.gguf", folder);
    snprintf(base, sizeof base, "%s/base.gguf", folder);
    snprintf(faces, sizeof faces, "%s/faces.gguf", folder);
    return valence_convert(VALENCE_CONVERT_WAVLM, GOLDEN "wavlm/stable", stable, NULL, NULL,
                           &error) ||
           valence_convert(VALENCE_CONVERT_WAVLM, GOLDEN "wavlm/base", base, NULL, NULL, &error) ||
           valence_convert(VALENCE_CONVERT_MANET, GOLDEN "manet/manet-tiny.pth", faces, NULL, NULL,
                           &error);
}

static int remove_models(void **state)
{
    (void)state;
    unlink(stable);
    unlink(base);
    unlink(faces);
    return rmdir(folder);
}

/* ---- Encoding at once ---- */

struct opened {
    struct valence_encoder *encoder;
    struct valence_encoder_state *state;
};

static struct opened open_encoder(const char *path, const struct valence_encoder_options *options)
{
    struct opened opened;
    struct valence_error error;
    assert_int_equal(valence_encoder_load(path, options, &opened.encoder, &error), 0);
    assert_int_equal(valence_encoder_state_create(opened.encoder, &opened.state, &error), 0);
    return opened;
}

static void close_encoder(struct opened *opened)
{
    valence_encoder_state_free(opened->state);
    valence_encoder_free(opened->encoder);
}

static float *draw_samples(int64_t n, uint64_t seed)
{
    struct random_source source = random_source(seed, 0);
    float *samples = malloc((size_t)n * sizeof *samples);
    assert_non_null(samples);
    for (int64_t i = 0; i < n; i++)
        samples[i] = 0.1f * (float)random_normal(&source) * sinf((float)i * 2e-4f);
    return samples;
}

static struct valence_features encode_sound(struct opened *opened, const float *samples, int64_t n)
{
    struct valence_error error;
    struct valence_features features;
    struct valence_encoder_input input = {.samples = samples, .n_samples = n};
    assert_int_equal(valence_encoder_encode(opened->state, &input, 1, NULL, &features, &error), 0);
    return features;
}

static int encode_status(struct opened *opened, struct valence_encoder_input input,
                         const struct valence_progress *progress, struct valence_error *error)
{
    struct valence_features features;
    int status = valence_encoder_encode(opened->state, &input, 1, progress, &features, error);
    if (status)
        assert_null(features.rows);
    valence_features_free(&features);
    return status;
}

/* RMS of the difference relative to the RMS of `want`. */
static double relative_error(int64_t n, const float *is, const float *want)
{
    double errors = 0, squares = 0;
    for (int64_t i = 0; i < n; i++) {
        errors += pow(is[i] - want[i], 2);
        squares += pow(want[i], 2);
    }
    return sqrt(errors / squares);
}

/* ---- WavLM ---- */

static void test_lengths_give_their_frames(void **state)
{
    (void)state;
    static const int64_t lengths[][2] = {{400, 1}, {719, 1}, {720, 2}, {16000, 49}, {20800, 64}};
    struct opened opened = open_encoder(stable, NULL);
    float *samples = draw_samples(20800, 1);
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        struct valence_features features = encode_sound(&opened, samples, lengths[i][0]);
        assert_int_equal(features.offsets[1], lengths[i][1]);
        assert_int_equal(features.width, 48);
        valence_features_free(&features);
    }
    free(samples);
    close_encoder(&opened);
}

static void test_bad_sound_is_refused(void **state)
{
    (void)state;
    const char *models[] = {stable, base};
    for (int m = 0; m < 2; m++) {
        struct valence_error error;
        struct opened opened = open_encoder(models[m], NULL);
        float *samples = draw_samples(1000, 1);
        struct valence_encoder_input input = {.samples = samples, .n_samples = 399};
        assert_int_equal(encode_status(&opened, input, NULL, &error), VALENCE_ERROR_DATA);
        assert_non_null(strstr(error.text, "399 samples are too few"));
        input.n_samples = 0;
        assert_int_equal(encode_status(&opened, input, NULL, &error), VALENCE_ERROR_DATA);
        input.n_samples = 1000;
        samples[500] = NAN;
        assert_int_equal(encode_status(&opened, input, NULL, &error), VALENCE_ERROR_DATA);
        samples[500] = -INFINITY;
        assert_int_equal(encode_status(&opened, input, NULL, &error), VALENCE_ERROR_DATA);
        assert_non_null(strstr(error.text, "sample 500 is infinite"));
        input = (struct valence_encoder_input){0};
        assert_int_equal(encode_status(&opened, input, NULL, &error), VALENCE_ERROR_DATA);
        free(samples);
        close_encoder(&opened);
    }
}

static void test_silence_and_loudness_give_finite_rows(void **state)
{
    (void)state;
    const char *models[] = {stable, base};
    for (int m = 0; m < 2; m++) {
        struct opened opened = open_encoder(models[m], NULL);
        float *samples = calloc(5000, sizeof *samples);
        assert_non_null(samples);
        for (int loud = 0; loud < 2; loud++) {
            for (int i = 0; i < 5000; i++)
                samples[i] = loud ? (i % 2 ? 1e6f : -1e6f) : 0;
            struct valence_features features = encode_sound(&opened, samples, 5000);
            for (int64_t i = 0; i < features.offsets[1] * features.width; i++)
                assert_true(isfinite(features.rows[i]));
            valence_features_free(&features);
        }
        free(samples);
        close_encoder(&opened);
    }
}

static void test_layers_stand_beside_each_other_and_sum(void **state)
{
    (void)state;
    float *samples = draw_samples(8000, 2);
    struct valence_features one[3], both, sum;
    const char *layers[] = {"-2", "4", "final", "3,4", "-2+-1"};
    for (int i = 0; i < 5; i++) {
        struct valence_encoder_options options = {.size = sizeof options, .layers = layers[i]};
        struct opened opened = open_encoder(stable, &options);
        struct valence_features features = encode_sound(&opened, samples, 8000);
        *(i < 3 ? &one[i] : i == 3 ? &both : &sum) = features;
        close_encoder(&opened);
    }
    assert_int_equal(both.width, 96);
    for (int64_t row = 0; row < one[0].offsets[1]; row++) {
        assert_memory_equal(both.rows + row * 96, one[0].rows + row * 48, 48 * sizeof(float));
        assert_memory_equal(both.rows + row * 96 + 48, one[1].rows + row * 48, 48 * sizeof(float));
        for (int64_t c = row * 48; c < row * 48 + 48; c++)
            assert_true(sum.rows[c] == one[0].rows[c] + one[1].rows[c]);
    }
    assert_true(relative_error(one[1].offsets[1] * 48, one[2].rows, one[1].rows) > 0.01);
    for (int i = 0; i < 3; i++)
        valence_features_free(&one[i]);
    valence_features_free(&both);
    valence_features_free(&sum);
    free(samples);
}

static void test_layers_that_are_not_there_are_refused(void **state)
{
    (void)state;
    static const char *const layers[] = {
        "5",
        "-6",
        "",
        "x",
        "1,",
        "1+conv",
        "1,,2",
        "99999999999999999999",
        "1;2",
        "finall",
        "1,2,3,4,1,2,3,4,1,2,3,4,1,2,3,4,1,2,3,4,1,2,3,4,1,2,3,4,1,2,3,4,1"};
    for (size_t i = 0; i < sizeof layers / sizeof *layers; i++) {
        struct valence_error error;
        struct valence_encoder *encoder;
        struct valence_encoder_options options = {.size = sizeof options, .layers = layers[i]};
        assert_int_equal(valence_encoder_load(stable, &options, &encoder, &error),
                         VALENCE_ERROR_ARGUMENT);
        assert_null(encoder);
    }
}

/* Attention sees the whole clip, a window only itself: the rows differ, but little.
 * docs/encoders.md states how little. */
static void test_windows_of_a_long_clip_agree_with_the_whole(void **state)
{
    (void)state;
    const char *models[] = {stable, base};
    for (int m = 0; m < 2; m++) {
        float *samples = draw_samples(30 * 16000, 3);
        struct valence_encoder_options whole = {.size = sizeof whole, .layers = "-1"},
                                       windows = {.size = sizeof windows,
                                                  .layers = "-1",
                                                  .window_seconds = 8};
        struct opened a = open_encoder(models[m], &whole), b = open_encoder(models[m], &windows);
        struct valence_features want = encode_sound(&a, samples, 30 * 16000);
        struct valence_features is = encode_sound(&b, samples, 30 * 16000);
        assert_int_equal(want.offsets[1], 1499);
        assert_int_equal(is.offsets[1], 1499);
        double error = relative_error(1499 * 48, is.rows, want.rows);
        print_message("windows of 8 s in 30 s: relative error %.4f\n", error);
        assert_true(error < 0.15);
        valence_features_free(&want);
        valence_features_free(&is);
        close_encoder(&a);
        close_encoder(&b);
        free(samples);
    }
}

static void test_conv_features_do_not_depend_on_windows(void **state)
{
    (void)state;
    float *samples = draw_samples(20 * 16000, 4);
    struct valence_encoder_options whole = {.size = sizeof whole, .layers = "conv"},
                                   windows = {.size = sizeof windows,
                                              .layers = "conv",
                                              .window_seconds = 3};
    struct opened a = open_encoder(base, &whole), b = open_encoder(base, &windows);
    struct valence_features want = encode_sound(&a, samples, 20 * 16000);
    struct valence_features is = encode_sound(&b, samples, 20 * 16000);
    assert_true(relative_error(want.offsets[1] * want.width, is.rows, want.rows) < 1e-6);
    valence_features_free(&want);
    valence_features_free(&is);
    close_encoder(&a);
    close_encoder(&b);
    free(samples);
}

static void test_threads_do_not_change_the_rows(void **state)
{
    (void)state;
    float *samples = draw_samples(32000, 5);
    struct valence_features features[2];
    threads_set(2);
    struct opened opened = open_encoder(stable, NULL);
    for (int i = 0; i < 2; i++) { /* each call computes with its caller's */
        threads_set(2 - i);
        features[i] = encode_sound(&opened, samples, 32000);
    }
    close_encoder(&opened);
    threads_set(0);
    assert_true(relative_error(features[0].offsets[1] * 48, features[1].rows, features[0].rows) <
                1e-6);
    valence_features_free(&features[0]);
    valence_features_free(&features[1]);
    free(samples);
}

struct job {
    struct valence_encoder *encoder;
    const float *samples;
    struct valence_features features;
};

static void *run_job(void *user)
{
    struct job *job = user;
    struct valence_error error;
    struct opened opened = {.encoder = job->encoder};
    if (valence_encoder_state_create(job->encoder, &opened.state, &error))
        return NULL;
    struct valence_encoder_input input = {.samples = job->samples, .n_samples = 16000};
    for (int i = 0; i < 3; i++) {
        valence_features_free(&job->features);
        if (valence_encoder_encode(opened.state, &input, 1, NULL, &job->features, &error))
            return NULL;
    }
    valence_encoder_state_free(opened.state);
    return job;
}

static void test_states_work_at_the_same_time(void **state)
{
    (void)state;
    float *samples = draw_samples(16000, 6);
    struct opened opened = open_encoder(stable, NULL);
    struct valence_features want = encode_sound(&opened, samples, 16000);
    struct job jobs[3] = {0};
    pthread_t threads[3];
    for (int i = 0; i < 3; i++) {
        jobs[i] = (struct job){.encoder = opened.encoder, .samples = samples};
        assert_int_equal(pthread_create(&threads[i], NULL, run_job, &jobs[i]), 0);
    }
    for (int i = 0; i < 3; i++) {
        void *result;
        pthread_join(threads[i], &result);
        assert_non_null(result);
        assert_true(relative_error(49 * 48, jobs[i].features.rows, want.rows) < 1e-6);
        valence_features_free(&jobs[i].features);
    }
    valence_features_free(&want);
    close_encoder(&opened);
    free(samples);
}

/* A thread that loads an encoder of its own. */
struct own_job {
    const char *path;
    struct valence_encoder_input input;
    struct valence_features features;
};

static void *run_own_job(void *user)
{
    struct own_job *job = user;
    struct valence_error error;
    struct opened opened = {0};
    int status = valence_encoder_load(job->path, NULL, &opened.encoder, &error);
    if (!status)
        status = valence_encoder_state_create(opened.encoder, &opened.state, &error);
    if (!status)
        status = valence_encoder_encode(opened.state, &job->input, 1, NULL, &job->features, &error);
    close_encoder(&opened);
    return status ? NULL : job;
}

static void test_threads_load_and_use_encoders_of_their_own(void **state)
{
    (void)state;
    enum { N = 6 };
    static uint8_t pixels[48 * 48 * 3];
    float *samples = draw_samples(8000, 9);
    struct own_job jobs[N];
    pthread_t threads[N];
    for (size_t i = 0; i < sizeof pixels; i++)
        pixels[i] = (uint8_t)(i * 7);
    for (int i = 0; i < N; i++) {
        jobs[i] = (struct own_job){.path = i % 2 ? faces : stable,
                                   .input = {.samples = samples,
                                             .n_samples = 8000,
                                             .pixels = pixels,
                                             .width = 48,
                                             .height = 48}};
        assert_int_equal(pthread_create(&threads[i], NULL, run_own_job, &jobs[i]), 0);
    }
    for (int i = 0; i < N; i++) {
        void *result;
        pthread_join(threads[i], &result);
        assert_non_null(result);
        const struct valence_features *is = &jobs[i].features, *want = &jobs[i % 2].features;
        assert_int_equal(is->offsets[1], want->offsets[1]);
        assert_true(relative_error(is->offsets[1] * is->width, is->rows, want->rows) < 1e-6);
    }
    for (int i = 0; i < N; i++)
        valence_features_free(&jobs[i].features);
    free(samples);
}

static int cancel_third(void *user, const struct valence_progress_event *event)
{
    int *calls = user;
    assert_true(event->done >= 0 && event->done <= event->total);
    return ++*calls == 3;
}

static void test_progress_can_cancel(void **state)
{
    (void)state;
    struct valence_error error;
    float *samples = draw_samples(16000, 7);
    int calls = 0;
    struct valence_progress progress = {cancel_third, &calls};
    struct valence_encoder_options options = {.size = sizeof options, .layers = "final"};
    struct opened opened = open_encoder(stable, &options);
    struct valence_encoder_input input = {.samples = samples, .n_samples = 16000};
    assert_int_equal(encode_status(&opened, input, &progress, &error), VALENCE_ERROR_CANCELLED);
    assert_int_equal(calls, 3);
    assert_int_equal(encode_status(&opened, input, NULL, &error), 0);
    close_encoder(&opened);
    free(samples);
}

/* ---- MANet ---- */

static uint8_t *draw_pixels(int64_t n)
{
    struct random_source source = random_source(8, 0);
    uint8_t *pixels = malloc((size_t)n);
    assert_non_null(pixels);
    for (int64_t i = 0; i < n; i++)
        pixels[i] = (uint8_t)(128 + 100 * sin((double)i * 0.01) + random_uniform(&source) * 20);
    return pixels;
}

static void test_a_picture_gives_its_row_alone_and_in_a_batch(void **state)
{
    (void)state;
    enum { N = 40 };
    struct valence_error error;
    struct valence_features all, one;
    struct opened opened = open_encoder(faces, NULL);
    uint8_t *pixels = draw_pixels(N * 100 + 3 * 97 * 83);
    struct valence_encoder_input inputs[N];
    for (int i = 0; i < N; i++)
        inputs[i] =
            (struct valence_encoder_input){.pixels = pixels + 100 * i, .width = 97, .height = 83};
    assert_int_equal(valence_encoder_encode(opened.state, inputs, N, NULL, &all, &error), 0);
    assert_int_equal(all.offsets[N], N);
    for (int i = 0; i < N; i += 13) {
        assert_int_equal(valence_encoder_encode(opened.state, inputs + i, 1, NULL, &one, &error),
                         0);
        assert_true(relative_error(one.width, one.rows, all.rows + i * one.width) < 2e-5);
        valence_features_free(&one);
    }
    valence_features_free(&all);
    free(pixels);
    close_encoder(&opened);
}

static void test_bad_pictures_are_refused(void **state)
{
    (void)state;
    struct valence_error error;
    struct opened opened = open_encoder(faces, NULL);
    uint8_t pixel[3] = {1, 2, 3};
    struct valence_encoder_input input = {.pixels = pixel, .width = 1, .height = 1};
    assert_int_equal(encode_status(&opened, input, NULL, &error), 0);
    input.width = input.height = 20000;
    assert_int_equal(encode_status(&opened, input, NULL, &error), VALENCE_ERROR_LIMIT);
    input.width = 0;
    assert_int_equal(encode_status(&opened, input, NULL, &error), VALENCE_ERROR_LIMIT);
    input.pixels = NULL;
    assert_int_equal(encode_status(&opened, input, NULL, &error), VALENCE_ERROR_ARGUMENT);
    close_encoder(&opened);
}

/* ---- Files ---- */

static void test_the_description_names_source_and_license(void **state)
{
    (void)state;
    struct opened opened = open_encoder(faces, NULL);
    const struct valence_encoder_description *description =
        valence_encoder_describe(opened.encoder);
    assert_string_equal(description->kind, "manet");
    assert_string_equal(description->source, "manet-tiny.pth");
    assert_int_equal(strlen(description->fingerprint), 64);
    assert_non_null(strstr(description->license, "MA-Net"));
    assert_string_equal(description->type, "f32");
    assert_int_equal(description->width, 128);
    assert_int_equal(description->side, 224);
    close_encoder(&opened);
}

static void test_no_cut_of_a_file_loads(void **state)
{
    (void)state;
    FILE *file = fopen(base, "rb");
    assert_non_null(file);
    static char bytes[1 << 21];
    size_t size = fread(bytes, 1, sizeof bytes, file);
    fclose(file);
    char path[64];
    snprintf(path, sizeof path, "%s/cut.gguf", folder);
    for (size_t cut = 0; cut + 40 < size;
         cut = cut < 200 ? cut + 1 : cut * 9 / 8) { /* the last bytes may be padding */
        struct valence_error error;
        struct valence_encoder *encoder;
        file = fopen(path, "wb");
        assert_non_null(file);
        fwrite(bytes, 1, cut, file);
        fclose(file);
        assert_int_not_equal(valence_encoder_load(path, NULL, &encoder, &error), 0);
        assert_null(encoder);
        assert_non_null(strstr(error.text, "cut.gguf"));
    }
    unlink(path);
}

/* A changed weight would change every row, and nothing else would tell. */
static void test_a_flipped_bit_of_the_weights_is_found(void **state)
{
    (void)state;
    static char bytes[1 << 21];
    FILE *file = fopen(base, "rb");
    assert_non_null(file);
    size_t size = fread(bytes, 1, sizeof bytes, file);
    fclose(file);
    char path[64];
    snprintf(path, sizeof path, "%s/flipped.gguf", folder);
    for (int i = 0; i < 20; i++) {
        struct valence_error error;
        struct valence_encoder *encoder;
        struct valence_encoder_options options;
        size_t at = size / 2 + (size_t)i * (size / 2 - 1) / 20; /* the header is well before */
        bytes[at] ^= 1;
        file = fopen(path, "wb");
        assert_non_null(file);
        fwrite(bytes, 1, size, file);
        fclose(file);
        bytes[at] ^= 1;
        assert_int_equal(valence_encoder_load(path, NULL, &encoder, &error), VALENCE_ERROR_FORMAT);
        assert_non_null(strstr(error.text, "flipped.gguf: the weights are not those"));
        valence_encoder_options_default(&options);
        options.unverified = true;
        assert_int_equal(valence_encoder_load(path, &options, &encoder, &error), 0);
        valence_encoder_free(encoder);
    }
    unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lengths_give_their_frames),
        cmocka_unit_test(test_bad_sound_is_refused),
        cmocka_unit_test(test_silence_and_loudness_give_finite_rows),
        cmocka_unit_test(test_layers_stand_beside_each_other_and_sum),
        cmocka_unit_test(test_layers_that_are_not_there_are_refused),
        cmocka_unit_test(test_windows_of_a_long_clip_agree_with_the_whole),
        cmocka_unit_test(test_conv_features_do_not_depend_on_windows),
        cmocka_unit_test(test_threads_do_not_change_the_rows),
        cmocka_unit_test(test_states_work_at_the_same_time),
        cmocka_unit_test(test_threads_load_and_use_encoders_of_their_own),
        cmocka_unit_test(test_progress_can_cancel),
        cmocka_unit_test(test_a_picture_gives_its_row_alone_and_in_a_batch),
        cmocka_unit_test(test_bad_pictures_are_refused),
        cmocka_unit_test(test_the_description_names_source_and_license),
        cmocka_unit_test(test_no_cut_of_a_file_loads),
        cmocka_unit_test(test_a_flipped_bit_of_the_weights_is_found),
    };
    return cmocka_run_group_tests(tests, convert_models, remove_models);
}
