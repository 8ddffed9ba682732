/* Prosody against librosa (make_prosody_fixtures.py), and pitch against what was synthesised. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/threads.h"
#include "format/safetensors.h"
#include "valence/prosody.h"

enum { ENERGY = 80, PITCH, VOICING };

struct sound {
    int64_t n_samples, n_rows, n_voiced;
    float *samples, *mel, *energy, *f0, *rows;
};

static float *load(struct safetensors *file, const char *name, int64_t *count)
{
    const struct safetensor *tensor = safetensors_find(file, name);
    assert_non_null(tensor);
    float *values = malloc((size_t)tensor->count * sizeof *values);
    assert_non_null(values);
    assert_int_equal(safetensor_to_float(tensor, values, NULL), 0);
    *count = tensor->count;
    return values;
}

static int setup(void **state)
{
    struct sound *sound = calloc(1, sizeof *sound);
    struct safetensors *file;
    struct valence_error error;
    int64_t count;
    assert_int_equal(
        safetensors_open(VALENCE_TEST_DATA "/encode/fixtures/prosody.safetensors", &file, &error),
        0);
    sound->samples = load(file, "samples", &sound->n_samples);
    for (int64_t i = 0; i < sound->n_samples; i++)
        sound->samples[i] /= 32768;
    sound->mel = load(file, "mel", &count);
    sound->energy = load(file, "energy", &sound->n_rows);
    sound->f0 = load(file, "f0", &sound->n_voiced);
    safetensors_close(file);
    assert_int_equal(valence_prosody_n_rows(sound->n_samples), sound->n_rows);
    sound->rows = malloc((size_t)(sound->n_rows * VALENCE_PROSODY_COLUMNS) * sizeof(float));
    assert_non_null(sound->rows);
    assert_int_equal(valence_prosody_rows(sound->samples, sound->n_samples, sound->rows, &error),
                     0);
    *state = sound;
    return 0;
}

static int teardown(void **state)
{
    struct sound *sound = *state;
    free(sound->samples);
    free(sound->mel);
    free(sound->energy);
    free(sound->f0);
    free(sound->rows);
    free(sound);
    return 0;
}

static void test_mel_bands_and_energy_are_librosas(void **state)
{
    const struct sound *sound = *state;
    double largest = 0;
    for (int64_t i = 0; i < sound->n_rows; i++) {
        const float *row = sound->rows + i * VALENCE_PROSODY_COLUMNS;
        for (int j = 0; j < 80; j++)
            largest = fmax(largest, fabs(row[j] - sound->mel[i * 80 + j]));
        assert_true(fabs(row[ENERGY] - sound->energy[i]) < 1e-3);
    }
    if (!(largest < 1e-2)) /* of logarithms; bands near 1e-10 are rounding's */
        fail_msg("mel differs by %g", largest);
}

static void test_pitch_is_the_one_synthesised(void **state)
{
    const struct sound *sound = *state;
    for (int64_t i = 2; i < sound->n_voiced - 2; i++) {
        const float *row = sound->rows + i * VALENCE_PROSODY_COLUMNS;
        assert_true(row[VOICING] > 0.9f);
        assert_true(fabs(exp(row[PITCH]) / sound->f0[i] - 1) < 0.01);
    }
}

static void test_noise_and_silence_are_not_voiced(void **state)
{
    const struct sound *sound = *state;
    for (int64_t i = sound->n_voiced + 2; i < sound->n_rows; i++) {
        const float *row = sound->rows + i * VALENCE_PROSODY_COLUMNS;
        assert_true(row[VOICING] < 0.8f);
        assert_true(row[PITCH] == 0);
    }
}

static void test_threads_do_not_change_a_bit(void **state)
{
    const struct sound *sound = *state;
    size_t bytes = (size_t)(sound->n_rows * VALENCE_PROSODY_COLUMNS) * sizeof(float);
    float *rows = malloc(bytes);
    struct valence_error error;
    threads_set(1);
    assert_int_equal(valence_prosody_rows(sound->samples, sound->n_samples, rows, &error), 0);
    assert_memory_equal(rows, sound->rows, bytes);
    threads_set(3);
    assert_int_equal(valence_prosody_rows(sound->samples, sound->n_samples, rows, &error), 0);
    assert_memory_equal(rows, sound->rows, bytes);
    free(rows);
}

static void test_short_and_unusable_sounds(void **state)
{
    (void)state;
    float rows[VALENCE_PROSODY_COLUMNS], sample = NAN;
    struct valence_error error;
    assert_int_equal(valence_prosody_n_rows(0), 0);
    assert_int_equal(valence_prosody_n_rows(-1), 0);
    assert_int_equal(valence_prosody_n_rows(1), 1);
    assert_int_equal(valence_prosody_n_rows(320), 1);
    assert_int_equal(valence_prosody_n_rows(321), 2);
    assert_int_equal(valence_prosody_rows(NULL, 0, rows, &error), 0);
    assert_int_equal(valence_prosody_rows(NULL, 1, rows, &error), VALENCE_ERROR_ARGUMENT);
    assert_int_equal(valence_prosody_rows(&sample, 1, rows, &error), VALENCE_ERROR_DATA);
    sample = 0.5f;
    assert_int_equal(valence_prosody_rows(&sample, 1, rows, &error), 0);
    for (int i = 0; i < VALENCE_PROSODY_COLUMNS; i++)
        assert_true(isfinite(rows[i]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_mel_bands_and_energy_are_librosas),
                                       cmocka_unit_test(test_pitch_is_the_one_synthesised),
                                       cmocka_unit_test(test_noise_and_silence_are_not_voiced),
                                       cmocka_unit_test(test_threads_do_not_change_a_bit),
                                       cmocka_unit_test(test_short_and_unusable_sounds)};
    return cmocka_run_group_tests(tests, setup, teardown);
}
